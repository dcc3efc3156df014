// What performs the core's effects in a page: `fetch`, timers, and what the user gave.

import { CANNOT } from './given.js';

/** How much of a page is read, in bytes. */
const PAGE = 8 * 1024 * 1024;

/** Where a server may know GET and fumble HEAD. */
const FUMBLED = new Set([400, 403, 404, 405, 406, 501]);

const DOCUMENT = /^\s*(text\/html|application\/xhtml\+xml|text\/markdown)\s*(;|$)/i;

/**
 * The handlers of one run. `tell` gets what becomes of each target, and each progress; `stop` is an AbortSignal by which
 * the user says that it is enough.
 */
export class Shell {
  /** What is under way: id -> { operation, about, since }. */
  underWay = new Map();

  constructor({ given, tell, stop, now = () => performance.now() }) {
    const steps = given.steps();
    this.handlers = {
      NextDocument: () => steps.next().value ?? null,

      Read: this.#timed('Read', (path) => given.read(path)),

      Look: (path) => {
        const found = given.look(path);
        tell.target(ofLook(path, found));
        return found;
      },

      Probe: this.#timed('Probe', async ({ address, wants_page: wantsPage }, signal) => {
        const found = await probe(address, wantsPage, signal);
        if (!signal.aborted) tell.target(ofProbe(address, found));
        return found;
      }),

      Sleep: this.#timed('Sleep', ({ secs, nanos }, signal) => sleep(Number(secs) * 1000 + nanos / 1e6, signal)),

      Interrupt: this.#timed('Interrupt', (_, signal) => new Promise((resolve) => {
        const answer = () => resolve();
        if (stop.aborted) return answer();
        stop.addEventListener('abort', answer, { once: true });
        signal.addEventListener('abort', () => stop.removeEventListener('abort', answer), { once: true });
      })),

      Progress: (progress) => tell.progress(progress),
    };
    this.now = now;
  }

  /** How many of an operation are under way. */
  count(operation) {
    let count = 0;
    for (const one of this.underWay.values()) count += one.operation === operation;
    return count;
  }

  /** Notes when each begins and ends, for the inspector. What is aborted has ended at once. */
  #timed(operation, perform) {
    return async (asked, { id, signal }) => {
      const note = { operation, about: about(operation, asked), since: this.now() };
      this.underWay.set(id, note);
      const end = () => this.underWay.get(id) === note && this.underWay.delete(id);
      signal.addEventListener('abort', end, { once: true });
      try {
        return await perform(asked, signal);
      } finally {
        end();
      }
    };
  }
}

function about(operation, asked) {
  switch (operation) {
    case 'Probe': return asked.address;
    case 'Read': return asked;
    case 'Sleep': return `${(Number(asked.secs) + asked.nanos / 1e9).toFixed(1)} s`;
    default: return '';
  }
}

/** A timer that goes with its signal. It gives nothing either way: who is aborted is not listened to. */
export function sleep(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, Math.min(milliseconds, 0x7fffffff));
    signal.addEventListener('abort', () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}

/**
 * Asks a web address, as well as a page can.
 *
 * A page may read an answer of its own origin, and of a server that allows it. Of any other it learns by an opaque
 * request that something answered, and not what: that is no verdict, and is said so.
 */
export async function probe(address, wantsPage, signal) {
  const ask = (method, mode) => fetch(address, {
    method, mode, signal,
    cache: 'no-store', credentials: 'same-origin', redirect: 'follow', referrerPolicy: 'no-referrer',
  });
  let response;
  try {
    response = await ask(wantsPage ? 'GET' : 'HEAD', 'cors');
    if (!wantsPage && FUMBLED.has(response.status)) response = await ask('GET', 'cors');
    return { Ok: await answerOf(response, address, wantsPage) };
  } catch (error) {
    if (signal.aborted) return failed('cancelled');
    if (response) return failed('the connection closed before the answer was complete');
  }
  let reached = false;
  try {
    const opaque = await ask('GET', 'no-cors');
    opaque.body?.cancel().catch(() => {});
    reached = true;
  } catch {
    if (signal.aborted) return failed('cancelled');
  }
  if (reached) return failed(`${CANNOT}${hostOf(address)} answers, but does not let other sites' pages read its answers`);
  if (isOwn(address)) return failed('the connection failed, or its redirects lead nowhere');
  if (navigator.onLine === false) return failed(`${CANNOT}the browser is offline`);
  return failed(`${CANNOT}no answer from ${hostOf(address)}: no such host, refused, or blocked by the browser`);
}

async function answerOf(response, address, wantsPage) {
  const contentType = response.headers.get('content-type') ?? '';
  let page = null;
  if (wantsPage && response.ok && DOCUMENT.test(contentType)) {
    const { bytes, truncated } = await firstOf(response);
    page = { content_type: contentType, bytes, truncated };
  } else {
    // What is not read must not hold the connection.
    response.body?.cancel().catch(() => {});
  }
  const final = new URL(response.url || address);
  final.hash = '';
  return {
    status: response.status,
    final_url: final.href,
    retry_after: retryAfter(response.headers),
    page,
  };
}

async function firstOf(response) {
  const reader = response.body.getReader();
  const chunks = [];
  let length = 0;
  let truncated = false;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const room = PAGE - length;
    chunks.push(value.length > room ? value.subarray(0, room) : value);
    length += Math.min(value.length, room);
    if (value.length > room) {
      truncated = true;
      reader.cancel().catch(() => {});
      break;
    }
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return { bytes, truncated };
}

/** A duration as the core reads it, from seconds or a date. */
export function retryAfter(headers) {
  const value = headers.get('retry-after')?.trim();
  if (!value) return null;
  if (/^\d{1,9}$/.test(value)) return { secs: Number(value), nanos: 0 };
  const wait = Date.parse(value) - Date.parse(headers.get('date') ?? '');
  return Number.isNaN(wait) ? null : { secs: Math.max(0, Math.round(wait / 1000)), nanos: 0 };
}

function failed(detail) {
  return { Err: { failure: 'other', detail } };
}

function hostOf(address) {
  return new URL(address).host;
}

function isOwn(address) {
  return new URL(address).origin === location.origin;
}

/** What the table of results says of a target, until the report says it better. */
function ofProbe(address, found) {
  if (found.Err) return row(address, found.Err.detail);
  const { status } = found.Ok;
  return status >= 200 && status < 300
    ? { target: address, verdict: 'good', reason: `answered ${status}` }
    : row(address, `answered ${status}`);
}

function ofLook(path, found) {
  if (found.Ok) return { target: path, verdict: 'good', reason: found.Ok === 'File' ? 'is there' : 'is a folder' };
  return row(path, found.Err.Unreadable ?? `no such file: ${path}`);
}

function row(target, reason) {
  return { target, verdict: reason.includes(CANNOT) ? 'unsure' : 'broken', reason };
}
