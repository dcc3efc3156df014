// Measures what web/README.md states: sizes, and round trips in Chromium. Run by `cargo xtask web --figures`, which has
// built what is measured; it prints Markdown.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { BUILT, browse, open, site } from './tests/harness.js';

/** How many round trips a run has, and how many runs each way of it, one after the other in turn. */
const TRIPS = 20_000;
const RUNS = 11;

function sizes() {
  const of = (raw, optimised) => {
    const [before, after] = [raw, optimised].map((path) => readFileSync(join(BUILT, path)));
    return [before.length, after.length, gzipSync(after, { level: 9 }).length];
  };
  const empty = of('raw/empty_bg.wasm', 'empty/empty_bg.wasm');
  const bare = of('raw/bare.wasm', 'bare/bare.wasm');
  const page = of('raw/linkcheck_web_bg.wasm', 'site/pkg/linkcheck_web_bg.wasm');
  const less = (a, b) => a.map((size, at) => size - b[at]);
  const kb = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
  console.log('| module | after wasm-bindgen | after wasm-opt -Os | and gzip -9 |\n| --- | ---: | ---: | ---: |');
  for (const [name, size] of [
    ['the library alone: one request and a teardown behind two functions', bare],
    ['the same with the adapter: an empty core', empty],
    ['so the adapter, serde and the bindings', less(empty, bare)],
    ['the page', page],
    ['so linkcheck\'s core, its parsers and tables', less(page, empty)],
  ]) console.log(`| ${name} | ${size.map(kb).join(' | ')} |`);
}

async function trips() {
  const here = await site();
  const browser = await browse();
  const { page } = await open(browser, `${here.origin}/test/html/other.html`);
  const ways = await page.evaluate(async ({ trips, runs }) => {
    const lab = await import('/lab/lab.js');
    await lab.default();
    const handler = async ({ number }) => number + 1;
    const ways = {
      'stillpoint, an async handler': (n) => lab.round_trips(n, handler),
      'stillpoint, a handler that answers at once': (n) => lab.round_trips(n, ({ number }) => number + 1),
      'wasm-bindgen-futures, the same loop': (n) => lab.bindgen_round_trips(n, handler),
      'JavaScript alone, `await` of the same function': async (n) => {
        let number = 0;
        for (let i = 0; i < n; i += 1) number = await handler({ number });
        return number;
      },
    };
    const tookBy = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
    for (let run = -2; run < runs; run += 1) {
      for (const [name, way] of Object.entries(ways)) {
        // A page's clock has steps of 0.1 ms, which is long for the last.
        const more = name.startsWith('JavaScript') ? 50 : 1;
        const start = performance.now();
        const last = await way(trips * more);
        const took = (performance.now() - start) / more;
        if (last !== trips * more) throw new Error(`${name} came to ${last}`);
        // The first runs are the compiler's.
        if (run >= 0) tookBy[name].push(took);
      }
    }
    return tookBy;
  }, { trips: TRIPS, runs: RUNS });
  const version = browser.version();
  await browser.close();
  await here.close();

  const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
  const [first] = Object.values(ways);
  console.log(`\nRound trips in Chromium ${version}, one after the other; medians of ${RUNS} interleaved runs of ${TRIPS}:\n`);
  console.log('| way | round trips a second | ns each | time, to the first row\'s |\n| --- | ---: | ---: | ---: |');
  for (const [name, times] of Object.entries(ways)) {
    const each = median(times) / TRIPS;
    const ratio = median(times.map((took, at) => took / first[at]));
    console.log(`| ${name} | ${Math.round(1000 / each).toLocaleString('en')} | ${Math.round(each * 1e6)} | ${ratio.toPrecision(2)} |`);
  }
}

sizes();
await trips();
