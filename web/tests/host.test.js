// The host under handlers that misbehave, under a core that does, and over many lives; in the optimised modules.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, it } from 'node:test';
import { browse, end, open, site } from './harness.js';

/** A core that keeps the page from its turn would hold a test for ever. */
const LIMIT = { timeout: 30_000 };

let browser;
let here;
let page;
let opened;
before(async () => {
  browser = await browse();
  here = await site();
});
after(() => end(browser, here));
beforeEach(async () => {
  opened = await open(browser, `${here.origin}/test/html/other.html`);
  ({ page } = opened);
  await page.evaluate(async () => {
    const module = await import('/lab/lab.js');
    const { memory } = await module.default();
    window.memory = memory;
    window.lab = module;
    // A host's turns are microtasks: they are over when the next task begins.
    window.turn = (milliseconds = 0) => new Promise((resolve) => setTimeout(resolve, milliseconds));
    window.opened = (handlers) => {
      const lab = new module.Lab({ Ask() {}, Ticks() {}, Say() {}, ...handlers });
      return { lab, host: lab.host };
    };
  });
}, LIMIT);
afterEach(async () => {
  await opened.context.close();
  assert.deepEqual(opened.complaints, []);
}, LIMIT);

it('handlers that throw, reject and give what is no answer fail their request, and no other', LIMIT, async () => {
  const found = await page.evaluate(async () => {
    const { lab, host } = window.opened({
      Ask({ name }) {
        switch (name) {
          case 'throws': throw new Error('a throw');
          case 'throws a string': throw 'a string';
          case 'throws null': throw null;
          case 'rejects': return Promise.reject(new TypeError('a rejection'));
          case 'rejects with nothing': return Promise.reject();
          case 'gives a number': return 7;
          case 'throws in then': return { get then() { throw new Error('a getter'); } };
          default: return 'fine';
        }
      },
    });
    for (const name of ['throws', 'throws a string', 'throws null', 'rejects', 'rejects with nothing', 'gives a number',
      'throws in then', 'a good one']) lab.ask(name);
    await window.turn();
    const ends = Object.fromEntries(lab.log().map((line) => /^(.*?)(?:: | = )(.*)$/.exec(line).slice(1)));
    const report = host.close();
    return { ends, report };
  });
  const { ends, report } = found;
  const failed = (why) => new RegExp(`failed.*${why}`);
  assert.equal(Object.keys(ends).length, 8);
  assert.equal(ends['a good one'], 'fine');
  assert.match(ends.throws, failed('a throw'));
  assert.match(ends['throws a string'], failed('a string'));
  assert.match(ends['throws null'], failed('null'));
  assert.match(ends.rejects, failed('a rejection'));
  assert.match(ends['rejects with nothing'], failed('undefined'));
  assert.match(ends['gives a number'], failed('.*does not decode'));
  assert.match(ends['throws in then'], failed('a getter'));
  assert.deepEqual([report.tasks, report.requests, report.leaks.length], [0, 0, 0]);
});

it('a handler that never answers is held by nobody once the host is closed', LIMIT, async () => {
  const found = await page.evaluate(async () => {
    let aborted = 0;
    const { lab, host } = window.opened({
      Ask: (_, { signal }) => new Promise(() => { signal.addEventListener('abort', () => { aborted += 1; }); }),
    });
    for (let i = 0; i < 5; i += 1) lab.ask(`never ${i}`);
    await window.turn();
    const pending = host.snapshot();
    const report = host.close();
    return { pending, report, aborted, log: lab.log() };
  });
  assert.equal(found.pending.tasks.length, 5);
  assert.equal(found.pending.requests.length, 5);
  assert(found.pending.requests.every((request) => request.taken && /lab\/src\/lib.rs:\d+/.test(request.place)));
  assert.deepEqual([found.report.tasks, found.report.requests, found.report.leaks.length], [5, 5, 0]);
  assert.equal(found.aborted, 5);
  assert.deepEqual(found.log, []);
});

it('the first of two answers counts', LIMIT, async () => {
  const log = await page.evaluate(async () => {
    const { lab, host } = window.opened({
      Ask: ({ name }) => (name === 'twice'
        ? { then(answer, fail) { answer('first'); answer('second'); fail(new Error('third')); } }
        : 'another'),
    });
    lab.ask('twice');
    await window.turn();
    lab.ask('once');
    await window.turn();
    host.close();
    return lab.log();
  });
  assert.deepEqual(log, ['twice = first', 'once = another']);
});

it('an answer after its cancel is nobody\'s, nor is one after the host has closed', LIMIT, async () => {
  const found = await page.evaluate(async () => {
    const answers = new Map();
    const aborted = [];
    const { lab, host } = window.opened({
      Ask: ({ name }, { signal }) => new Promise((answer) => {
        answers.set(name, answer);
        signal.addEventListener('abort', () => aborted.push(name));
      }),
    });
    const job = lab.ask('cancelled');
    await window.turn();
    lab.abort(job);
    await window.turn();
    const early = [...aborted];
    answers.get('cancelled')('late');
    // In the slot that is free again now.
    lab.ask('next');
    await window.turn();
    answers.get('cancelled')('later');
    answers.get('next')('its own');
    lab.ask('open');
    await window.turn();
    host.close();
    answers.get('open')('too late');
    await window.turn();
    return { early, aborted, log: lab.log() };
  });
  assert.deepEqual(found.early, ['cancelled']);
  assert.deepEqual(found.aborted, ['cancelled', 'open']);
  assert.deepEqual(found.log, ['next = its own']);
});

it('a stream of an async generator ends with it, and the generator with the task', LIMIT, async () => {
  const found = await page.evaluate(async () => {
    let ended = 0;
    let tick = 0;
    const { lab, host } = window.opened({
      async* Ticks(_, { signal }) {
        try {
          for (let i = 0; i < 3; i += 1) yield (tick += 1);
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
        } finally {
          ended += 1;
        }
      },
    });
    const job = lab.subscribe();
    await window.turn(20);
    const before = [...lab.log()];
    lab.abort(job);
    await window.turn(20);
    const result = { before, ended };
    host.close();
    return result;
  });
  assert.deepEqual(found, { before: ['tick 1', 'tick 2', 'tick 3'], ended: 1 });
});

it('a task that wakes itself for ever leaves the page its 60 frames a second', LIMIT, async () => {
  const found = await page.evaluate(async () => {
    const frames = (milliseconds) => new Promise((resolve) => {
      let count = 0;
      const end = performance.now() + milliseconds;
      const frame = (now) => {
        count += 1;
        if (now < end) requestAnimationFrame(frame);
        else resolve(count / (milliseconds / 1000));
      };
      requestAnimationFrame(frame);
    });
    await frames(300);
    const idle = await frames(1000);
    const { lab, host } = window.opened({ Ask: () => 'answered' });
    lab.spin();
    const spinning = await frames(2000);
    lab.ask('beside it');
    await window.turn(50);
    const log = lab.log();
    const { tasks } = host.close();
    return { idle, spinning, log, tasks };
  });
  // Of a display of 60 Hz, but for what a machine under load loses by itself.
  assert(found.idle > 50, `${found.idle} frames a second without it`);
  assert(found.spinning > 0.9 * found.idle, `${found.spinning} of ${found.idle} frames a second`);
  assert.deepEqual(found.log, ['beside it = answered']);
  assert.equal(found.tasks, 1);
});

it('two hundred hosts, one after the other, take no more memory than the first few', LIMIT, async () => {
  const found = await page.evaluate(async () => {
    const { default: init, start } = await import('/pkg/linkcheck_web.js');
    const { memory } = await init();
    const text = new TextEncoder().encode(`# A\n${'[b](b.md) [c](#a) <https://example.org/x>\n'.repeat(200)}`);
    const sizes = [];
    for (let life = 0; life < 200; life += 1) {
      let walked = false;
      const started = start({
        NextDocument: () => {
          const found = walked ? null : { Document: { resource: { kind: 'local', name: 'a.md' }, root: '.' } };
          walked = true;
          return found;
        },
        Read: async () => ({ Ok: text }),
        Look: () => ({ Err: 'Missing' }),
        Probe: () => new Promise(() => {}),
        Sleep: () => new Promise(() => {}),
        Interrupt: () => new Promise(() => {}),
        Progress() {},
      }, { concurrency: 4, timeout_ms: 1000, retries: 0, offline: life % 2 === 0 });
      const host = started.host;
      // Every other one is cut off while its probes are pending; the rest come to their end.
      if (life % 2 === 0) await started.report;
      else await window.turn(1);
      const report = host.close();
      if (report.leaks.length) throw new Error(report.text);
      if (life % 2 === 1 && report.requests === 0) throw new Error('nothing was pending');
      started.free();
      sizes.push(memory.buffer.byteLength);
    }
    return sizes;
  });
  assert.equal(found.length, 200);
  assert.equal(found[199], found[9], `${found[9]} bytes after ten lives, ${found[199]} after two hundred`);
});

it('what says no more than that it leaks is seen: a module that is never closed grows', LIMIT, async () => {
  const found = await page.evaluate(async () => {
    const { default: init, start } = await import('/pkg/linkcheck_web.js');
    const { memory } = await init();
    const kept = [];
    const before = memory.buffer.byteLength;
    const text = new TextEncoder().encode('[b](https://example.org/b)\n'.repeat(20_000));
    for (let life = 0; life < 40; life += 1) {
      let walked = false;
      kept.push(start({
        NextDocument: () => {
          const found = walked ? null : { Document: { resource: { kind: 'local', name: 'a.md' }, root: '.' } };
          walked = true;
          return found;
        },
        Read: async () => ({ Ok: text }),
        Look: () => ({ Err: 'Missing' }),
        Probe: () => new Promise(() => {}),
        Sleep: () => new Promise(() => {}),
        Interrupt: () => new Promise(() => {}),
        Progress() {},
      }, { concurrency: 4, timeout_ms: 1000, retries: 0, offline: false }).host);
      await window.turn(1);
    }
    const after = memory.buffer.byteLength;
    for (const host of kept) host.close();
    return { before, after };
  });
  assert(found.after > found.before, 'so the test above looks at what grows');
});
