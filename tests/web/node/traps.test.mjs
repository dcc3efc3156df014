// What a host says once its module has trapped.
import assert from "node:assert/strict";
import { test } from "node:test";

import { handlers, instance, pass, unheard } from "./support.mjs";

/** What each call of a host throws. */
function messages(host) {
    return ["close", "snapshot", "totals", Symbol.dispose].map(name => {
        try {
            host[name]();
            return "nothing";
        } catch (error) {
            assert.equal(error.constructor, Error);
            return error.message;
        }
    });
}

test("a panic of the core is what every call says from then on", async () => {
    const { start } = instance();
    let host, other;
    let late;
    const heard = await unheard(async () => {
        other = start({ ...handlers, Ask: () => new Promise(answer => { late = answer }) });
        await pass();
        host = start({ ...handlers, Ask: async () => "panic" });
        await pass();
        late("late");
        await pass();
    });
    for (const message of [...messages(host), ...messages(other)]) {
        assert.match(message, /^the core has panicked: panicked at tests\/web\/src\/lib\.rs:\d+:\d+:\n/);
        assert.match(message, /this is no name/);
    }
    assert.throws(() => start(handlers), /^Error: the core has panicked/);
    assert.equal(host.isClosed, false);
    assert.match(heard[0], /^error: the core has panicked: .*this is no name/s);
    assert.deepEqual(heard.slice(1), ["uncaught: unreachable"]);
});

for (const how of ["dig", "throw"]) {
    test(`so does what is no panic: ${how}`, async () => {
        globalThis.throwThrough = message => { throw new Error(message) };
        const { startAndTrap } = instance();
        let host;
        const heard = await unheard(async () => {
            host = startAndTrap(handlers, how);
            await pass();
        });
        assert.equal(heard.length, 1, heard);
        assert.match(heard[0], /^uncaught: /);
        for (const message of messages(host)) {
            assert.match(message, /^the core has trapped in the midst of a turn/);
        }
    });
}

test("a panic in a handler's own call of the module is one as well", async () => {
    const { start, panic } = instance();
    let host;
    const heard = await unheard(async () => {
        host = start({ ...handlers, Ask: () => panic() });
        await pass();
    });
    assert.match(heard.join(), /^error: the core has panicked: .*by request/s);
    for (const message of messages(host)) assert.match(message, /by request/);
});

test("so does a stack that an answer has exhausted", async () => {
    const { start } = instance();
    const endless = { get [Symbol.toStringTag]() { return this[Symbol.toStringTag] } };
    let host;
    const heard = await unheard(async () => {
        host = start({ ...handlers, Ask: async () => endless });
        await pass();
    });
    assert.deepEqual(heard, ["unhandled: Maximum call stack size exceeded"]);
    for (const message of messages(host)) {
        assert.match(message, /^the core has trapped in the midst of a turn: by too deep a recursion/);
    }
});
