// The page: what the user does, in which state that leaves it, and the run that is under way.
//
//   loading ─▶ ready ─▶ checking ─▶ done | cancelled ─▶ checking …
//                          └────────────┴──▶ torn-down ─▶ checking …

import init, { start } from './pkg/linkcheck_web.js';
import { Given } from './given.js';
import { Inspector } from './inspector.js';
import { Results } from './results.js';
import { Shell } from './shell.js';

const find = (id) => document.getElementById(id);
const results = new Results(document);
const inspector = new Inspector(document);
const given = new Given();
/** How often the counts are looked at, in milliseconds. */
const EVERY = matchMedia('(prefers-reduced-motion: reduce)').matches ? 1000 : 100;

/** How long it is at least until the counts are noted again, in milliseconds. */
const BETWEEN = 10;

/** The wasm module's memory, once it is there. */
let memory = null;
/** The run whose executor is alive: `{ host, shell, stop, … }`. */
let run = null;

/** A button that cannot be used says so, and keeps the focus: who works by the keyboard stays where they are. */
function enable(id, can) {
  find(id).setAttribute('aria-disabled', can ? 'false' : 'true');
}

function become(state, text) {
  document.body.dataset.state = state;
  const busy = state === 'checking';
  enable('check', memory && !busy && state !== 'broken');
  enable('cancel', busy);
  enable('tear-down', run);
  find('progress').hidden = !busy;
  find('results').setAttribute('aria-busy', String(busy));
  if (text !== undefined) say(text, true);
}

/** When a screen reader was told something last. */
let saidAt = -Infinity;
/** How long it is spared what is no news, in milliseconds. */
const SPARED = 5000;

/** Shows it, and has it read out: at once where it is news, now and then where it is progress. */
function say(text, news = false) {
  find('status').textContent = text;
  const now = performance.now();
  if (!news && now - saidAt < SPARED) return;
  saidAt = now;
  find('said').textContent = text;
}

function trouble(text) {
  find('trouble').textContent = text;
  find('trouble').hidden = !text;
}

function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

// ---- what was given

function showGiven() {
  const { fileCount, documents, folders } = given;
  find('given').hidden = fileCount === 0;
  const of = folders.length ? ` of ${folders.join(', ')}` : '';
  find('given-text').textContent = `${counted(fileCount, 'file')}${of}, ${counted(documents.length, 'document')} among them`;
}

function take(files) {
  trouble('');
  given.addInput(files);
  showGiven();
}

for (const id of ['files', 'folder']) {
  find(id).addEventListener('change', (event) => {
    take(event.target.files);
    // So that the same choice is a change again.
    event.target.value = '';
  });
}
find('forget').addEventListener('click', () => {
  given.forgetFiles();
  showGiven();
  find('files').focus();
});

let dragged = 0;
const carriesFiles = (event) => event.dataTransfer?.types.includes('Files');
addEventListener('dragenter', (event) => {
  if (!carriesFiles(event)) return;
  dragged += 1;
  find('over').hidden = false;
});
addEventListener('dragleave', (event) => {
  if (!carriesFiles(event)) return;
  dragged = Math.max(0, dragged - 1);
  find('over').hidden = dragged === 0;
});
addEventListener('dragover', (event) => { if (carriesFiles(event)) event.preventDefault(); });
addEventListener('drop', async (event) => {
  if (!carriesFiles(event)) return;
  // Otherwise the browser leaves this page for the file.
  event.preventDefault();
  dragged = 0;
  find('over').hidden = true;
  trouble('');
  await given.addDropped(event.dataTransfer);
  showGiven();
});

find('sample').addEventListener('click', () => {
  find('text').value = `# A sample

This page [is here](${location.href}), and [this one](${new URL('not-here.html', location.href)}) is not.
A page may not read [what others answer](https://example.com/).
Links go to [headings](#a-sample) too, and to [ones that are missing](#nowhere).
`;
  find('text').focus();
});

/** The address of a page that the user has named, or null for none; what is no address is an error. */
function pageNamed(text) {
  if (!text.trim()) return null;
  let url;
  try {
    url = new URL(text.trim(), location.href);
  } catch {
    throw new Error(`“${text}” is no address`);
  }
  if (!/^https?:$/.test(url.protocol)) throw new Error(`“${text}” is not on the web`);
  url.hash = '';
  return url.href;
}

function numberIn(id) {
  const input = find(id);
  if (!input.value || !input.checkValidity()) {
    input.closest('details').open = true;
    input.focus();
    throw new Error(`“${document.querySelector(`label[for=${id}]`).textContent}” is a whole number from ${input.min} to ${input.max}`);
  }
  return input.valueAsNumber;
}

function settings() {
  return {
    concurrency: numberIn('concurrency'),
    timeout_ms: numberIn('timeout') * 1000,
    retries: numberIn('retries'),
    offline: find('offline').checked,
  };
}

// ---- a run

find('ask').addEventListener('submit', (event) => {
  event.preventDefault();
  check();
});
find('text').addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) find('ask').requestSubmit();
});

function check() {
  if (find('check').ariaDisabled === 'true') return;
  trouble('');
  let wanted;
  try {
    given.setText(find('text').value);
    given.setPage(pageNamed(find('page').value));
    wanted = settings();
  } catch (error) {
    return trouble(error.message);
  }
  if (given.isEmpty) {
    find('text').focus();
    return trouble('There is nothing to check yet: paste a text, choose files or a folder, or name a page.');
  }
  if ([...given.steps()].length === 0) {
    return trouble(`There is no document among ${counted(given.fileCount, 'file')}: Markdown and HTML are read.`);
  }
  if (run && !tearDown()) return;
  begin(wanted);
}

function begin(wanted) {
  results.clear();
  const stop = new AbortController();
  const shell = new Shell({
    given,
    stop: stop.signal,
    tell: {
      target: (one) => results.target(one),
      progress: (progress) => {
        if (run?.shell !== shell) return;
        run.progress = progress;
        note();
      },
    },
  });
  let started;
  try {
    started = start(shell.handlers, wanted);
  } catch (error) {
    return become('ready', `The checker did not start: ${error.message ?? error}`);
  }
  run = { host: started.host, shell, stop, progress: null, notedAt: 0, timer: setInterval(look, EVERY) };
  inspector.begin(performance.now());
  become('checking', 'Checking…');
  look();
  const mine = run;
  started.report.then((report) => {
    // Torn down meanwhile, or the next one has begun.
    if (run === mine) finished(report && JSON.parse(report));
  });
}

/** Notes the counts between two looks at them, so that the chart shows what is soon over. */
function note() {
  const now = performance.now();
  if (now - run.notedAt < BETWEEN) return;
  run.notedAt = now;
  inspector.note({ now, snapshot: run.host.snapshot(), underWay: run.shell.underWay });
}

/** Looks at the counts, and shows them. */
function look() {
  if (!run) return;
  let snapshot;
  let totals;
  try {
    snapshot = run.host.snapshot();
    totals = run.host.totals();
  } catch (error) {
    return broke(error);
  }
  inspector.show({ now: performance.now(), snapshot, totals, underWay: run.shell.underWay, memory: memory.buffer.byteLength });
  if (document.body.dataset.state !== 'checking') return;
  results.draw();
  const { progress } = run;
  if (!progress) return;
  find('progress').max = Math.max(1, progress.known);
  find('progress').value = progress.done;
  const { unsure } = results.counts();
  say(`${run.stop.signal.aborted ? 'Stopping' : 'Checking'}: ${progress.done} of ${counted(progress.known, 'target')}, ${
    counted(progress.documents, 'document')} read, ${Math.max(0, results.counts().broken)} broken${
    unsure ? `, ${unsure} could not be checked` : ''}`);
}

function finished(report) {
  if (!report) return broke(new Error('the check ended without a report'));
  run.stop.abort();
  results.report(report);
  const counts = results.counts();
  const { summary } = report;
  const parts = [
    `${counted(summary.links, 'link')} in ${counted(summary.documents, 'document')}`,
    counts.broken ? `${counts.broken} broken` : 'none broken',
  ];
  if (counts.unsure) parts.push(`${counts.unsure} could not be checked from a page`);
  if (counts.unread) parts.push(`${counted(counts.unread, 'document')} not read`);
  if (summary.unchecked) parts.push(`${summary.unchecked} not asked for`);
  become(summary.interrupted ? 'cancelled' : 'done', `${summary.interrupted ? 'Cancelled' : 'Done'}: ${parts.join(', ')}.`);
  look();
  clearInterval(run.timer);
}

/** The module is not usable any more: a panic in wasm is a trap. */
function broke(error) {
  clearInterval(run?.timer);
  run = null;
  become('broken', `The checker has stopped: ${error.message ?? error}. Load the page again.`);
}

function cancel() {
  if (document.body.dataset.state !== 'checking') return;
  run.stop.abort();
  say('Stopping…', true);
}

find('cancel').addEventListener('click', cancel);
addEventListener('keydown', (event) => { if (event.key === 'Escape') cancel(); });

// ---- the end of a run

/** Tears the executor down, and shows what it says of that. Gives whether it could: what has trapped cannot. */
function tearDown() {
  look();
  if (!run) return false;
  const { host, shell, timer } = run;
  clearInterval(timer);
  const held = () => ({ fetches: shell.count('Probe'), timers: shell.count('Sleep') });
  const before = held();
  // What it says last is of no run that is looked at.
  run = null;
  let report;
  try {
    report = host.close();
  } catch (error) {
    broke(error);
    return false;
  }
  const after = held();
  const show = () => inspector.show({
    now: performance.now(), snapshot: { tasks: [], requests: [] }, totals: report.totals,
    underWay: shell.underWay, memory: memory.buffer.byteLength,
  });
  inspector.closed({ now: performance.now(), report, before, after });
  show();
  // The chart goes on for a moment, so that one sees where the counts have come to rest.
  setTimeout(() => { if (!run) show(); }, 600);
  results.draw();
  return true;
}

find('tear-down').addEventListener('click', () => {
  if (!run) return;
  const cut = document.body.dataset.state === 'checking';
  if (!tearDown()) return;
  become('torn-down', cut ? 'Torn down before the check was over: what came in until then is shown.' : undefined);
  find('report').focus();
});

// Who leaves takes nothing along: fetches end, and the page can be kept by the browser to come back to.
addEventListener('pagehide', () => {
  if (!run) return;
  const cut = document.body.dataset.state === 'checking';
  if (!tearDown()) return;
  become('torn-down', cut ? 'Torn down as you left the page: what came in until then is shown.' : undefined);
});

try {
  ({ memory } = await init());
  become('ready', 'Nothing checked yet.');
} catch (error) {
  become('broken', `The checker could not be loaded: ${error.message ?? error}`);
}
