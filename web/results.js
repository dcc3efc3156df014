// The table of results: what is known of each target while it comes in, and the report once there is one.

import { CANNOT } from './given.js';

const WORDS = { broken: 'Broken', unsure: 'Could not be checked', unread: 'Not read', good: 'Answered' };
const ORDER = ['broken', 'unread', 'unsure', 'good'];
/** How many rows are shown before somebody asks for more. */
const SHOWN = 200;

export class Results {
  #targets = new Map();
  #rows = null;
  #kind = 'all';
  #needle = '';
  #limit = SHOWN;
  #drawn = '';

  constructor(root) {
    const find = (selector) => root.querySelector(selector);
    this.filters = find('#filters');
    this.table = find('#rows');
    this.body = find('#rows tbody');
    this.nothing = find('#nothing');
    this.more = find('#more');
    this.filters.addEventListener('change', (event) => {
      if (event.target.name === 'kind') this.#show(event.target.value);
    });
    find('#needle').addEventListener('input', (event) => {
      this.#needle = event.target.value.toLowerCase();
      this.#limit = SHOWN;
      this.draw();
    });
    this.more.addEventListener('click', () => {
      this.#limit *= 4;
      this.draw();
    });
  }

  clear() {
    this.#targets.clear();
    this.#rows = null;
    this.#limit = SHOWN;
    this.draw();
  }

  /** Takes what became of a target: the last word counts, since a target may be tried again. */
  target(one) {
    this.#targets.set(one.target, one);
  }

  /** Takes the report, which knows where each broken link stands. What it does not name stays as it came in. */
  report(report) {
    const rows = report.findings.map((finding) => {
      // The core puts what it makes of it before the shell's own words.
      const unsure = finding.reason.indexOf(CANNOT);
      return {
        verdict: unsure < 0 ? 'broken' : 'unsure',
        link: finding.link,
        where: `${finding.document}:${finding.line}:${finding.column}`,
        reason: finding.reason.slice(Math.max(0, unsure)),
        address: addressOf(finding.link, finding.document),
      };
    });
    const named = new Set(rows.flatMap((row) => [row.address, row.reason]).filter(Boolean));
    for (const unread of report.unread) {
      rows.push({
        verdict: unread.reason.includes(CANNOT) ? 'unsure' : 'unread',
        link: unread.document,
        where: '',
        reason: unread.reason,
      });
      named.add(unread.document);
    }
    for (const one of this.#targets.values()) {
      if (one.verdict === 'broken' || named.has(one.target) || named.has(one.reason)) continue;
      rows.push({ verdict: one.verdict, link: one.target, where: '', reason: one.reason });
    }
    this.#rows = rows;
    this.draw();
  }

  counts() {
    const counts = { all: 0, broken: 0, unsure: 0, unread: 0, good: 0 };
    for (const row of this.#all()) {
      counts.all += 1;
      counts[row.verdict] += 1;
    }
    return counts;
  }

  #all() {
    if (this.#rows) return this.#rows;
    return [...this.#targets.values()].map(({ target, verdict, reason }) => ({ verdict, link: target, where: '', reason }));
  }

  #show(kind) {
    this.#kind = kind;
    this.#limit = SHOWN;
    this.draw();
  }

  draw() {
    const counts = this.counts();
    for (const [kind, count] of Object.entries(counts)) {
      this.filters.querySelector(`[data-count="${kind}"]`).textContent = count;
    }
    const fits = (row) => (this.#kind === 'all' || row.verdict === this.#kind)
      && (!this.#needle || `${row.link}\n${row.where}\n${row.reason}`.toLowerCase().includes(this.#needle));
    const rows = this.#all().filter(fits)
      .sort((a, b) => ORDER.indexOf(a.verdict) - ORDER.indexOf(b.verdict));
    const shown = rows.slice(0, this.#limit);
    const key = JSON.stringify(shown);
    if (key !== this.#drawn) {
      this.#drawn = key;
      this.body.replaceChildren(...shown.map(drawRow));
    }
    this.filters.hidden = counts.all === 0;
    this.table.hidden = shown.length === 0;
    this.nothing.hidden = counts.all === 0 || rows.length > 0;
    this.nothing.textContent = 'No row fits what is shown above.';
    this.more.hidden = rows.length <= shown.length;
    this.more.textContent = `Show more (${rows.length - shown.length} hidden)`;
  }
}

function drawRow({ verdict, link, where, reason, address }) {
  const row = document.createElement('tr');
  const cells = [['', WORDS[verdict], `verdict ${verdict}`], ['Link', link], ['Where', where], ['Why', reason]];
  for (const [label, text, name] of cells) {
    const cell = document.createElement('td');
    if (label) cell.dataset.label = label;
    if (name) cell.className = name;
    cell.textContent = text;
    row.append(cell);
  }
  const target = address ?? addressOf(link);
  if (target) {
    const anchor = document.createElement('a');
    Object.assign(anchor, { href: target, textContent: link, target: '_blank', rel: 'noreferrer noopener' });
    row.children[1].replaceChildren(anchor);
  }
  return row;
}

/** The web address that a link means, where it means one. */
function addressOf(link, document) {
  try {
    const url = new URL(link, /^https?:/i.test(document ?? '') ? document : undefined);
    url.hash = '';
    return /^https?:$/.test(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}
