// How long a host lives, and what is said where it is lost.
import assert from "node:assert/strict";
import { test } from "node:test";

import { handlers, instance, pass, unheard } from "./support.mjs";

test("the README's way: start, be told, close", async () => {
    const { start } = instance();
    const said = [];
    const host = start({
        ...handlers,
        Ask: async what => what === "name" ? "Ada" : new Promise(() => {}),
        Say: text => said.push(text),
    });
    await pass();
    assert.deepEqual(said, ["hello, Ada"]);
    const report = host.close();
    assert.equal(report.isBaseline, true);
    assert.equal(report.cancelled, 1);
});

test("a missing handler is named", () => {
    const { start } = instance();
    assert.throws(() => start({ Ask() {}, Say: 7 }), {
        name: "TypeError",
        message: "no handler for `Count`, `Echo`, `Say`, `Swap`: each effect needs a function of its name",
    });
});

test("the host's functions need no `this`, and cannot be replaced", async () => {
    const { start } = instance();
    const { snapshot, close, ...host } = start(handlers);
    assert.deepEqual(Object.keys(host), []);
    await pass();
    assert.equal(snapshot().tasks[0].name, "greeter");
    close();
    assert.throws(close, /^Error: this host is closed$/);
    const other = start(handlers);
    assert.throws(() => { other.close = () => {} }, TypeError);
    other.close();
});

test("a host that is lost without being closed is warned about, and runs on", async () => {
    assert.ok(globalThis.gc, "run it with --expose-gc");
    const { start } = instance();
    let aborted = 0;
    const listening = {
        ...handlers,
        Ask: (_, { signal }) => new Promise(() => signal.addEventListener("abort", () => aborted++)),
    };
    const heard = await unheard(async () => {
        start(handlers).close();
        start(listening);
        await pass();
        for (let n = 0; n < 10; n++) {
            globalThis.gc();
            await pass();
        }
    });
    assert.deepEqual(heard, [
        "warn: stillpoint: a host was lost that was not closed; its core runs on. Keep it, and call `close()`",
    ]);
    assert.equal(aborted, 0);
});

test("many hosts come and go, and memory does not grow", async () => {
    const { start } = instance();
    const round = async () => {
        for (let n = 0; n < 200; n++) {
            const host = start({ ...handlers, Ask: async () => "Ada" });
            await null;
            await null;
            host.close();
        }
        for (let n = 0; n < 5; n++) {
            globalThis.gc();
            await pass();
        }
        return process.memoryUsage().heapUsed;
    };
    await round();
    const before = await round();
    const after = Math.min(await round(), await round());
    assert.ok(after < before + 200_000, `${before} bytes, then ${after}`);
});

test("a process ends where a host is idle, closed or not", async () => {
    const { spawnSync } = await import("node:child_process");
    const program = `
        const { start } = require(${JSON.stringify(process.env.WEB_TESTS + "/web_tests.js")});
        globalThis.host = start({ Ask: () => new Promise(() => {}), Count() {}, Echo() {}, Say() {}, Swap() {} });
    `;
    const ended = spawnSync(process.execPath, ["-e", program], { timeout: 20_000 });
    assert.equal(ended.status, 0, String(ended.stderr));
});
