// The page as its user meets it.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { join } from 'node:path';
import {
  became, browse, count, end, eventually, folder, open, openSite, rows, site, state, status,
} from './harness.js';

let browser;
let here;
let there;
before(async () => {
  browser = await browse();
  here = await site();
  there = await site();
});
after(() => end(browser, here, there));

let page;
let opened;
beforeEach(async () => {
  opened = await openSite(browser, here.origin);
  ({ page } = opened);
});
afterEach(async () => {
  await opened.context.close();
  assert.deepEqual(opened.complaints, []);
});

async function check(text) {
  await page.fill('#text', text);
  await page.click('#check');
}

describe('what is checked', () => {
  it('a folder with good and broken links', async () => {
    const given = await folder({
      'notes/README.md': `# Notes\n[a](guide/a.md#one) [b](guide/b.html) [gone](guide/c.md) [no heading](guide/a.md#two)
[folder](guide) [root](/README.md) [up](../elsewhere.md) [web](${here.origin}/test/status/200)
[404](${here.origin}/test/status/404) ![picture](picture.png)\n`,
      'notes/guide/a.md': '# One\n[back](../README.md#notes) [broken](../missing.md)\n',
      'notes/guide/b.html': '<a href="a.md">a</a><a href="#nowhere">n</a>',
      'notes/picture.png': 'not really',
      'notes/.hidden/x.md': '[never](read.md)',
      'notes/node_modules/x/y.md': '[never](read.md)',
    });
    await page.setInputFiles('#folder', join(given.path, 'notes'));
    assert.match(await page.locator('#given-text').textContent(), /of notes, 3 documents among them/);
    await page.click('#check');
    await became(page, 'done');
    assert.deepEqual((await rows(page)).filter((row) => row.startsWith('Broken')), [
      'Broken | guide/c.md | notes/README.md:2:39 | no such file: notes/guide/c.md',
      'Broken | guide/a.md#two | notes/README.md:2:58 | no anchor #two',
      `Broken | ${here.origin}/test/status/404 | notes/README.md:4:1 | 404 Not Found`,
      'Broken | ../missing.md | notes/guide/a.md:2:28 | no such file: notes/missing.md',
      'Broken | #nowhere | notes/guide/b.html:1:24 | no anchor #nowhere',
    ]);
    assert.deepEqual((await rows(page)).filter((row) => row.startsWith('Could')), [
      'Could not be checked | ../elsewhere.md | notes/README.md:3:36 | could not be checked from a page: elsewhere.md is not among what was given',
    ]);
    assert.match(await status(page), /^Done: 14 links in 3 documents, 5 broken, 1 could not be checked from a page/);
    await given.remove();
  });

  it('a page of this site, with its links and anchors', async () => {
    await page.fill('#page', '/test/html/start.html');
    await page.keyboard.press('Enter');
    await became(page, 'done');
    const broken = (await rows(page)).filter((row) => row.startsWith('Broken'));
    assert.deepEqual(broken.map((row) => row.split(' | ')[1] + ': ' + row.split(' | ')[3]), [
      '#gone: no anchor #gone',
      'other.html#missing: no anchor #missing',
      '/test/status/404: 404 Not Found',
    ]);
  });

  it('redirects are followed, and where they end counts', async () => {
    await check(`[good](${here.origin}/test/redirect?to=/test/status/200) [bad](${here.origin}/test/redirect?to=/test/status/410)
[loop](${here.origin}/test/loop)`);
    await became(page, 'done');
    const broken = (await rows(page)).filter((row) => row.startsWith('Broken'));
    assert.equal(broken.length, 2);
    assert.match(broken[0], /410 Gone/);
    assert.match(broken[1], /the connection failed, or its redirects lead nowhere/);
  });

  it('another origin says what it allows to be read, and no more is claimed', async () => {
    await check(`[open](${there.origin}/test/status/200?cors) [open 404](${there.origin}/test/status/404?cors)
[closed](${there.origin}/test/status/404)`);
    await became(page, 'done');
    const found = await rows(page);
    assert.equal(found.length, 3);
    assert.match(found[0], /^Broken \| .*cors \| pasted.md:1:.* \| 404 Not Found$/);
    assert.match(found[1], /^Could not be checked \| .*404 \| pasted.md:2:1 \| could not be checked from a page: .* answers, but/);
    assert.match(found[2], /^Answered/);
    assert.match(await status(page), /1 broken, 1 could not be checked from a page/);
  });

  it('a server that knows no HEAD is asked by GET', async () => {
    await check(`[a](${here.origin}/test/no-head)`);
    await became(page, 'done');
    assert.deepEqual(await rows(page), [`Answered | ${here.origin}/test/no-head |  | answered 200`]);
  });

  it('an address that answers too late has not answered', async () => {
    await page.locator('summary').click();
    await page.fill('#timeout', '1');
    await page.fill('#retries', '0');
    await check(`[slow](${here.origin}/test/slow/timeout)`);
    await became(page, 'done');
    assert.deepEqual(await rows(page), [`Broken | ${here.origin}/test/slow/timeout | pasted.md:1:1 | no answer in time`]);
    await eventually('the server sees it closed', () => here.seen.closed.includes('/test/slow/timeout'));
  });

  it('offline leaves web addresses alone', async () => {
    await page.locator('summary').click();
    await page.check('#offline');
    const asked = here.seen.asked.length;
    await check(`[web](${here.origin}/test/status/404) [here](#gone)`);
    await became(page, 'done');
    assert.deepEqual(await rows(page), ['Broken | #gone | pasted.md:1:49 | no anchor #gone'].map((row) =>
      row.replace(':49', `:${1 + `[web](${here.origin}/test/status/404) `.length}`)));
    assert.equal(here.seen.asked.length, asked);
  });
});

describe('bad input is told', () => {
  const trouble = () => page.locator('#trouble').textContent();

  it('nothing', async () => {
    await page.click('#check');
    assert.match(await trouble(), /^There is nothing to check yet/);
    assert.equal(await page.evaluate(() => document.activeElement.id), 'text');
    assert.equal(await state(page), 'ready');
  });

  it('no address', async () => {
    await page.fill('#page', 'http://');
    await page.click('#check');
    assert.match(await trouble(), /is no address/);
    await page.fill('#page', 'ftp://x/y');
    await page.click('#check');
    assert.match(await trouble(), /is not on the web/);
  });

  it('a number that is none', async () => {
    await check('[a](#b)');
    await became(page, 'done');
    await page.locator('summary').click();
    await page.fill('#timeout', '0');
    await page.locator('summary').click();
    await page.click('#check');
    assert.match(await trouble(), /is a whole number from 1 to 300/);
    assert.equal(await page.evaluate(() => document.activeElement.id), 'timeout');
  });

  it('a binary file, an unreadable one, and no document at all', async () => {
    const given = await folder({ 'x/a.md': Buffer.from([0x50, 0x4b, 3, 4, 0, 0, 0, 1]), 'x/b.md': '[ok](a.md)', 'x/c.png': '' });
    await page.setInputFiles('#files', [join(given.path, 'x/c.png')]);
    await page.click('#check');
    assert.match(await trouble(), /^There is no document among 1 file/);
    await page.click('#forget');
    await page.setInputFiles('#files', ['a.md', 'b.md'].map((name) => join(given.path, 'x', name)));
    // Gone between the choice and the check.
    await given.remove();
    await page.click('#check');
    await became(page, 'done');
    const found = await rows(page);
    assert.equal(found.length, 2, found.join('\n'));
    for (const row of found) assert.match(row, /^Not read \| .\.md \|  \| it has changed or gone/);

    const again = await folder({ 'x/a.md': Buffer.from([0x50, 0x4b, 3, 4, 0, 0, 0, 1]) });
    await page.click('#forget');
    await page.setInputFiles('#files', join(again.path, 'x/a.md'));
    await page.click('#check');
    await became(page, 'done');
    assert.deepEqual(await rows(page), ['Not read | a.md |  | binary, not a text']);
    await again.remove();
  });

  it('a page that is not there, and one that is no document', async () => {
    await page.fill('#page', '/test/status/404');
    await page.click('#check');
    await became(page, 'done');
    assert.deepEqual(await rows(page), [`Not read | ${here.origin}/test/status/404 |  | 404 Not Found`]);
    await page.fill('#page', '/icon.svg');
    await page.click('#check');
    await became(page, 'done');
    assert.match((await rows(page))[0], /^Not read \| .*icon.svg \|  \| neither Markdown nor HTML$/);
  });

  it('an answer that breaks off', async () => {
    await page.fill('#page', '/test/half');
    await page.click('#check');
    await became(page, 'done');
    assert.match((await rows(page))[0], /^Not read .* the connection closed before the answer was complete$/);
  });
});

describe('cancel and tear down', () => {
  const slow = (name, many = 4) =>
    Array.from({ length: many }, (_, i) => `[s${i}](${here.origin}/test/slow/${name}${i})`).join(' ');
  const openOf = (name) => [...here.seen.open].filter((path) => path.startsWith(`/test/slow/${name}`)).length;
  const closedOf = (name) => here.seen.closed.filter((path) => path.startsWith(`/test/slow/${name}`)).length;

  it('cancel half way aborts each fetch: the server sees the connections close', async () => {
    await check(`[good](${here.origin}/test/status/200) ${slow('cancel')} [here](#gone)`);
    await eventually('all are asked', () => openOf('cancel') === 4);
    assert.equal(await state(page), 'checking');
    await page.click('#cancel');
    await became(page, 'cancelled');
    await eventually('the server sees them closed', () => openOf('cancel') === 0 && closedOf('cancel') === 4);
    assert.match(await status(page), /^Cancelled: 6 links in 1 document, 1 broken, 4 not asked for/);
    assert.equal(await count(page, 'fetches'), 0);
    assert.equal(await page.evaluate(() => document.activeElement.id), 'cancel', 'the focus stays');
  });

  it('tear down half way: every count falls to its baseline, and the report says so', async () => {
    await check(slow('tear'));
    await eventually('all are asked', () => openOf('tear') === 4);
    await eventually('the inspector shows them', async () => (await count(page, 'fetches')) === 4);
    assert((await count(page, 'tasks')) >= 5 && (await count(page, 'requests')) >= 9);
    await page.click('#tear-down');
    await became(page, 'torn-down');
    await eventually('the server sees them closed', () => closedOf('tear') === 4);
    for (const name of ['tasks', 'requests', 'fetches']) assert.equal(await count(page, name), 0, name);
    assert.match(await page.locator('#report-text').textContent(), /every count is back at its baseline/);
    const ledger = await page.locator('#report-rows tr').evaluateAll((found) =>
      found.map((row) => [...row.cells].map((cell) => cell.textContent)));
    for (const [name, , left] of ledger) assert.equal(left, '0', name);
    assert.deepEqual(ledger.find(([name]) => name === 'fetches under way'), ['fetches under way', '4', '0']);
    assert.equal(await page.evaluate(() => document.activeElement.id), 'report');
    assert.equal(await page.locator('#tear-down').isDisabled(), true);
  });

  it('the next check tears the last one down, and works', async () => {
    await check('[a](#b)');
    await became(page, 'done');
    await check('# B\n[a](#b)');
    await became(page, 'done');
    assert.match(await status(page), /none broken/);
  });

  it('navigating away ends what is under way, and coming back finds a page that works', async () => {
    await check(slow('away'));
    await eventually('all are asked', () => openOf('away') === 4);
    await page.goto(`${here.origin}/test/html/other.html`);
    await eventually('the server sees them closed', () => closedOf('away') === 4);
    await page.goBack();
    await became(page, 'ready', 'torn-down');
    await check('# B\n[a](#b)');
    await became(page, 'done');
    assert.match(await status(page), /none broken/);
  });
});

describe('the page itself', () => {
  it('is used by the keyboard alone', async () => {
    const at = () => page.evaluate(() => document.activeElement.id || document.activeElement.value || document.activeElement.localName);
    const tab = async (id) => {
      for (let i = 0; i < 30; i += 1) {
        if ((await at()) === id) return;
        await page.keyboard.press('Tab');
      }
      assert.fail(`Tab does not lead to ${id}`);
    };
    await tab('text');
    await page.keyboard.type('[a](#b) [c](#d)\n# D');
    for (const id of ['files', 'folder', 'page']) await tab(id);
    await tab('check');
    await page.keyboard.press('Enter');
    await became(page, 'done');
    assert.equal(await at(), 'check');
    await tab('all');
    await page.keyboard.press('ArrowRight');
    assert.equal((await rows(page)).length, 1);
    await tab('needle');
    await page.keyboard.type('nothing like it');
    assert.equal(await page.locator('#nothing').isVisible(), true);
    await tab('tear-down');
    await page.keyboard.press('Space');
    await became(page, 'done', 'torn-down');
    assert.equal(await at(), 'report');
  });

  it('filters by verdict and by text, and shows a part of many rows', async () => {
    const many = Array.from({ length: 450 }, (_, i) => `[x](#gone-${i})`).join('\n');
    await check(`${many}\n[good](${here.origin}/test/status/200)`);
    await became(page, 'done');
    assert.equal((await rows(page)).length, 200);
    assert.match(await page.locator('#more').textContent(), /251 hidden/);
    await page.click('#more');
    assert.equal((await rows(page)).length, 451);
    await page.check('input[value=good]', { force: true });
    assert.equal((await rows(page)).length, 1);
    await page.check('input[value=broken]', { force: true });
    await page.fill('#needle', 'GONE-44');
    assert.deepEqual((await rows(page)).map((row) => row.split(' | ')[1]),
      ['44', '440', '441', '442', '443', '444', '445', '446', '447', '448', '449'].map((n) => `#gone-${n}`));
  });

  it('shows markup in a document as text', async () => {
    await check('[a](<x"><img src=y onerror=alert(1)>) [b](#<b>)');
    await became(page, 'done');
    assert.equal(await page.locator('#rows img, #rows td b').count(), 0);
  });

  it('fits 320 pixels, in every state', async () => {
    await page.setViewportSize({ width: 320, height: 640 });
    const wide = () => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(await wide(), 0);
    await check(`[a](${here.origin}/test/slow/narrow-${'x'.repeat(100)}) [b](#gone)`);
    await eventually('it is pending', async () => (await count(page, 'fetches')) === 1);
    assert.equal(await wide(), 0);
    await page.click('#tear-down');
    assert.equal(await wide(), 0);
  });

  /** Drops files from outside of the browser, as a file manager does. */
  async function drop(paths) {
    const session = await opened.context.newCDPSession(page);
    const data = { items: [], files: paths, dragOperationsMask: 1 };
    for (const type of ['dragEnter', 'dragOver', 'drop']) {
      await session.send('Input.dispatchDragEvent', { type, x: 200, y: 200, data });
      if (type === 'dragOver') assert.equal(await page.locator('#over').isVisible(), true);
    }
    assert.equal(await page.locator('#over').isVisible(), false);
    await page.locator('#given').waitFor();
  }

  it('takes files that are dropped anywhere on it', async () => {
    const given = await folder({ 'a.md': '# A\n[b](b.md) [c](c.md)', 'b.md': '# B' });
    await drop(['a.md', 'b.md'].map((name) => join(given.path, name)));
    await page.click('#check');
    await became(page, 'done');
    assert.deepEqual((await rows(page)).map((row) => row.split(' | ').slice(0, 2)),
      [['Could not be checked', 'c.md']]);
    await given.remove();
  });

  it('takes a folder that is dropped, and knows that it is whole', async () => {
    const files = Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`site/many/${i}.md`, `[n](${i + 1}.md)`]));
    const given = await folder({ ...files, 'site/empty/.keep': '', 'site/index.md': '[many](many) [empty](empty)' });
    await drop([join(given.path, 'site')]);
    assert.match(await page.locator('#given-text').textContent(), /of site, 151 documents among them/);
    await page.click('#check');
    await became(page, 'done');
    assert.deepEqual((await rows(page)).filter((row) => row.startsWith('Broken')),
      ['Broken | 150.md | site/many/149.md:1:1 | no such file: site/many/150.md']);
    await given.remove();
  });
});

it('a browser without the module is told so', async () => {
  const blocked = await open(browser);
  await blocked.page.route('**/*.wasm', (route) => route.fulfill({ status: 404 }));
  await blocked.page.goto(`${here.origin}/`);
  await became(blocked.page, 'broken');
  assert.match(await status(blocked.page), /^The checker could not be loaded/);
  await blocked.context.close();
});

describe('a module that is not itself', () => {
  /** A page whose core does what a test wants, and its complaints. */
  async function stubbed(test) {
    const instead = await open(browser);
    const body = `
      export default async () => ({ memory: new WebAssembly.Memory({ initial: 1 }) });
      const totals = { tasks: 1, requests: 0, cancelled: 0, effects: 0, peakTasks: 1, peakRequests: 0 };
      const outstanding = { spawners: 0, shells: 0, joinHandles: 0, resolvers: 0, feeds: 0 };
      export function start(handlers) {
        let trouble = null;
        const may = () => { if (trouble) throw new Error(trouble); };
        window.core = { handlers, fail: (why) => { trouble = why; }, last: () => {} };
        const host = {
          snapshot() { may(); return { tasks: [], requests: [] }; },
          totals() { may(); return totals; },
          close() {
            may();
            trouble = 'this host is closed';
            core.last();
            return { tasks: 1, requests: 0, messages: 0, leaks: [], outstanding, totals, text: 'at rest' };
          },
        };
        return { host, report: new Promise(() => {}) };
      }`;
    await instead.page.route('**/pkg/linkcheck_web.js', (route) =>
      route.fulfill({ contentType: 'text/javascript', body }));
    await instead.page.goto(`${here.origin}/`);
    await became(instead.page, 'ready');
    await instead.page.fill('#text', '# A');
    await instead.page.click('#check');
    await became(instead.page, 'checking');
    await test(instead.page);
    await instead.context.close();
    assert.deepEqual(instead.complaints, []);
  }

  it('has trapped, and who tears it down before it was looked at is told so', () => stubbed(async (broken) => {
    await broken.evaluate(() => {
      window.core.fail('the core has panicked');
      document.getElementById('tear-down').click();
    });
    assert.equal(await state(broken), 'broken');
    assert.match(await status(broken), /^The checker has stopped: the core has panicked/);
    assert.equal(await broken.locator('#check').getAttribute('aria-disabled'), 'true');
  }));

  it('traps as it is torn down, and says so', () => stubbed(async (broken) => {
    await broken.evaluate(() => {
      window.core.last = () => { throw new Error('a destructor has panicked'); };
      document.getElementById('tear-down').click();
    });
    assert.equal(await state(broken), 'broken');
    assert.match(await status(broken), /^The checker has stopped: a destructor has panicked/);
  }));

  it('has a last word of progress as it is torn down, and the page does not look at it any more', () => stubbed(async (ends) => {
    await ends.evaluate(() => {
      // A host says on the console what a handler throws.
      window.core.last = () => {
        try {
          window.core.handlers.Progress({ known: 1, done: 1, documents: 1 });
        } catch (error) {
          console.error(error.message);
        }
      };
      document.getElementById('tear-down').click();
    });
    assert.equal(await state(ends), 'torn-down');
    assert.equal(await ends.locator('#report-text').textContent(), 'at rest');
  }));
});
