// What TypeScript makes of the host, and of the handlers that are written from the effect. It is compiled beside the
// module, and never run.
import { start, type Handlers, type Host, type HostReport, type Value } from "./web_tests.js";

const handlers: Handlers = {
    Ask: async (what, { signal }) => (await fetch(what, { signal })).text(),
    Count: async function* ({ from }, { id }) {
        yield from + id;
    },
    Echo: (value): Value => ({ ...value, maybe: null, bytes: new Uint8Array(), large: 1n }),
    Say: text => console.log(text.toUpperCase()),
    Swap: map => map,
};

using host: Host = start(handlers);
const closed: boolean = host.isClosed;
for (const { id, kind, state } of host.snapshot().requests) {
    const known: "request" | "stream" = kind;
    console.log(id.toFixed(), known, state === "taken", closed);
}
const report: HostReport | undefined = host.close();
console.log(report?.leaks.length, report?.outstanding.joinHandles, report?.isBaseline);

const others: Pick<Handlers, "Ask" | "Count">[] = [
    { Ask: what => what, Count: ({ from }) => [from] },
    { Ask: () => Promise.resolve(""), Count: () => new ReadableStream<number>() },
];
start({ ...handlers, ...others[0] });

// @ts-expect-error: an effect has no handler
start({ Ask: handlers.Ask, Count: handlers.Count, Echo: handlers.Echo, Swap: handlers.Swap });
// @ts-expect-error: an answer of the wrong type
start({ ...handlers, Ask: async () => 7 });
// @ts-expect-error: an item of the wrong type
start({ ...handlers, Count: () => ["one"] });
// @ts-expect-error: an operation of the wrong type
start({ ...handlers, Say: (text: number) => console.log(text) });
// @ts-expect-error: it cannot be written
host.isClosed = true;
