// The small example: its page counts by its own clock, and says what examples/README.md says it does.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, it } from 'node:test';
import { browse, end, open, site } from './harness.js';

let browser;
let here;
before(async () => {
  browser = await browse();
  here = await site();
});
after(() => end(browser, here));

it('the small page counts, and its button tears the core down', { timeout: 30_000 }, async () => {
  const { page, context, complaints } = await open(browser);
  await page.clock.install({ time: 0 });
  await page.clock.pauseAt(1000);
  await page.goto(`${here.origin}/empty/`);
  const number = page.locator('#number');
  await number.filter({ hasText: /^0$/ }).waitFor();
  for (const next of [/^1$/, /^2$/, /^3$/]) {
    await page.clock.runFor(1000);
    await number.filter({ hasText: next }).waitFor();
  }
  await page.locator('#end').click();
  assert.equal(await number.textContent(), 'no more');
  const readme = await readFile(new URL('../../examples/README.md', import.meta.url), 'utf8');
  const [, expected] = /\n## web\n.*?\n```text\n(.*?)\n```\n/s.exec(readme);
  assert.equal(await page.locator('#report').textContent(), expected);
  await context.close();
  assert.deepEqual(complaints, []);
});
