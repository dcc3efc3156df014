// Takes a picture of the page in each of its states: `node tests/screens.js FOLDER`. For people to look at.

import { join } from 'node:path';
import { became, browse, count, eventually, openSite, site } from './harness.js';

const [into] = process.argv.slice(2);
const here = await site();
const there = await site();
const browser = await browse();

const text = `# Notes

Good: [one](${here.origin}/test/status/200), [two](${here.origin}/icon.svg), [here](#notes).
Broken: [gone](${here.origin}/test/status/404), [failing](${here.origin}/test/status/410), [no heading](#nowhere).
Of others: [closed](${there.origin}/test/status/200).
`;
const slow = Array.from({ length: 6 }, (_, i) => `[slow ${i}](${here.origin}/test/slow/${i})`).join('\n');

async function take(name, { colorScheme = 'light', width = 1280, height = 900, whole = true } = {}, act = async () => {}) {
  const { page, context, complaints } = await openSite(browser, here.origin, { colorScheme, viewport: { width, height } });
  await act(page);
  await page.evaluate(() => window.scrollTo(0, 0));
  await page.screenshot({ path: join(into, `${name}.png`), fullPage: whole });
  await context.close();
  console.log(name, ...complaints);
}

const ask = async (page, what) => {
  await page.fill('#text', what);
  await page.click('#check');
};
const done = async (page) => {
  await ask(page, text);
  await became(page, 'done');
};
const checking = async (page) => {
  await ask(page, text + slow);
  await eventually('they are pending', async () => (await count(page, 'fetches')) >= 6);
  await page.waitForTimeout(1500);
};
const torn = async (page) => {
  await checking(page);
  await page.click('#tear-down');
  await page.waitForTimeout(800);
};

await take('empty');
await take('trouble', {}, (page) => page.click('#check'));
await take('checking', {}, checking);
await take('done', {}, done);
await take('filtered', {}, async (page) => {
  await done(page);
  await page.check('input[value=broken]', { force: true });
  await page.fill('#needle', 'status');
});
await take('cancelled', {}, async (page) => {
  await checking(page);
  await page.click('#cancel');
  await became(page, 'cancelled');
});
await take('torn-down', {}, torn);
await take('narrow', { width: 320, height: 640 }, checking);
await take('narrow-torn-down', { width: 320, height: 640 }, torn);
await take('dark', { colorScheme: 'dark' }, checking);
await take('dark-torn-down', { colorScheme: 'dark' }, torn);
await take('readme', { width: 1040, height: 860, whole: false }, torn);

await browser.close();
await here.close();
await there.close();
