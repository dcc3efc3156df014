// What every test needs: the optimised site on a server that can misbehave, a browser, and pages whose complaints are kept.

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { chromium } from 'playwright-core';
import { serve } from '../server.js';

/** Where `cargo xtask web` has put what it built. */
export const BUILT = process.env.STILLPOINT_WEB ?? new URL('../../target/page', import.meta.url).pathname;

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--js-flags=--expose-gc',
];

/** A server of the site, of the laboratory, and of what a link may meet; `seen` is what it has noticed. */
export async function site() {
  const seen = { open: new Set(), closed: [], asked: [] };
  const server = await serve({
    folders: {
      '/lab/': join(BUILT, 'lab'),
      '/empty/pkg/': join(BUILT, 'empty'),
      '/empty/': new URL('../empty', import.meta.url).pathname,
      '/tests/': new URL('.', import.meta.url).pathname,
      '/': join(BUILT, 'site'),
    },
    answer: (url, request, response) => answer(seen, url, request, response),
  });
  return { ...server, seen };
}

function answer(seen, url, request, response) {
  const [, first, kind, value] = url.pathname.split('/');
  if (first !== 'test') return false;
  seen.asked.push(`${request.method} ${url.pathname}`);
  const headers = { 'cache-control': 'no-store' };
  if (url.searchParams.has('cors')) headers['access-control-allow-origin'] = '*';
  const end = (status, more = {}, body = '') => {
    response.writeHead(status, { ...headers, ...more });
    response.end(request.method === 'HEAD' ? undefined : body);
    return true;
  };
  switch (kind) {
    case 'status':
      return end(Number(value));
    case 'no-head':
      return end(request.method === 'HEAD' ? 405 : 200);
    case 'redirect':
      return end(302, { location: url.searchParams.get('to') });
    case 'loop':
      return end(302, { location: url.pathname });
    case 'html':
      return end(200, { 'content-type': 'text/html; charset=utf-8' }, PAGES[value] ?? '');
    case 'slow': {
      // Never answered: what ends it is the other side.
      seen.open.add(url.pathname);
      response.on('close', () => {
        seen.open.delete(url.pathname);
        seen.closed.push(url.pathname);
      });
      return true;
    }
    case 'late':
      setTimeout(() => end(200), Number(value));
      return true;
    case 'half':
      response.writeHead(200, { ...headers, 'content-type': 'text/html', 'content-length': 1000 });
      response.write('<p>half');
      setTimeout(() => response.destroy(), 20);
      return true;
    default:
      return false;
  }
}

const PAGES = {
  'start.html': '<h1 id="top">Start</h1><a href="#top">t</a><a href="#gone">g</a><a href="other.html#here">o</a>'
    + '<a href="other.html#missing">m</a><a href="/test/status/404">4</a>',
  'other.html': '<h1 id="here">Other</h1>',
};

export async function browse() {
  return chromium.launch({
    executablePath: process.env.STILLPOINT_BROWSER ?? '/usr/bin/chromium',
    headless: true,
    args: FLAGS,
  });
}

/** How long the end of a test file may take. */
const PATIENCE = 10_000;

/** Ends what a file has used. A page that hangs keeps its browser from closing, and must not keep the run. */
export async function end(browser, ...sites) {
  setTimeout(() => process.exit(1), PATIENCE).unref();
  for (const site of sites) await site?.close();
  await browser?.close();
}

/** What a browser itself writes on the console about a link that is broken: that is what the page is for. */
const OF_A_LINK = /^(Failed to load resource|Access to fetch at)/;

/** A page in a context of its own; `complaints` are the exceptions and errors that it must not have. */
export async function open(browser, address, options = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && !OF_A_LINK.test(message.text())) {
      complaints.push(`${message.type()}: ${message.text()}`);
    }
  });
  if (address) await page.goto(address);
  return { page, context, complaints };
}

/** The page, ready. */
export async function openSite(browser, origin, options) {
  const opened = await open(browser, `${origin}/`, options);
  await became(opened.page, 'ready');
  return opened;
}

export const state = (page) => page.evaluate(() => document.body.dataset.state);

export async function became(page, ...states) {
  await page.waitForFunction((states) => states.includes(document.body.dataset.state), states);
}

/** What the table shows: `verdict | link | where | why`. */
export const rows = (page) => page.locator('#rows tbody tr').evaluateAll((found) =>
  found.map((row) => [...row.cells].map((cell) => cell.textContent).join(' | ')));

export const status = (page) => page.locator('#status').textContent();

export const count = async (page, name) => Number(await page.locator(`#count-${name}`).textContent());

/** Waits until something holds. Node has no event for it, so it looks again. */
export async function eventually(what, holds, patience = 5000) {
  const end = Date.now() + patience;
  while (!(await holds())) {
    assert(Date.now() < end, `not in ${patience} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A folder with these files, and what removes it. */
export async function folder(files) {
  const parent = await mkdtemp(join(tmpdir(), 'linkcheck-'));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(parent, name)), { recursive: true });
    await writeFile(join(parent, name), content);
  }
  return { path: parent, remove: () => rm(parent, { recursive: true, force: true }) };
}
