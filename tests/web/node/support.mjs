// The core of these tests, compiled for node: the folder that wasm-bindgen wrote it to is in WEB_TESTS.
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(import.meta.url);
const file = require.resolve(join(process.env.WEB_TESTS, "web_tests.js"));

/** An instance of its own, whose traps are nobody else's. */
export function instance() {
    delete require.cache[file];
    return require(file);
}

export const handlers = {
    Ask: () => new Promise(() => {}),
    Count: () => [],
    Echo: value => value,
    Say: () => {},
    Swap: map => map,
};

/** Lets everything be done that has to be. */
export async function pass() {
    for (let n = 0; n < 6; n++) await new Promise(done => setTimeout(done, 0));
}

/** Runs `act`, and gives what was meant for nobody: what it wrote to the console, and errors that nothing caught. */
export async function unheard(act) {
    const heard = [];
    const { error, warn } = console;
    console.error = text => heard.push(`error: ${text}`);
    console.warn = text => heard.push(`warn: ${text}`);
    // The test runner listens as well.
    const listeners = { uncaughtException: "uncaught", unhandledRejection: "unhandled" };
    const restore = Object.entries(listeners).map(([event, name]) => {
        const others = process.rawListeners(event);
        const hear = error => heard.push(`${name}: ${error?.message}`);
        process.removeAllListeners(event);
        process.on(event, hear);
        return () => {
            process.off(event, hear);
            others.forEach(other => process.on(event, other));
        };
    });
    try {
        await act();
    } finally {
        restore.forEach(act => act());
        Object.assign(console, { error, warn });
    }
    return heard;
}
