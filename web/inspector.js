// The inspector: what a snapshot says, as a table; the counts over time, as a chart; and what a teardown left.

/** How many rows the table of what is pending has, at most. */
const ROWS = 100;
/** How many samples the chart keeps; beyond that every other one goes, so that the whole run is always seen. */
const SAMPLES = 400;
const SERIES = ['tasks', 'requests', 'fetches'];
const SVG = 'http://www.w3.org/2000/svg';
const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [400, 120, 26, 6, 8, 16];

export class Inspector {
  #samples = [];
  #since = new Map();
  #start = 0;
  #closedAt = null;

  constructor(root) {
    this.find = (id) => root.getElementById(id);
    this.chart = this.find('chart');
    this.body = root.querySelector('#pending tbody');
  }

  /** Begins anew, at a moment. */
  begin(now) {
    this.#samples = [];
    this.#since.clear();
    this.#start = now;
    this.#closedAt = null;
    this.find('report').hidden = true;
  }

  /** Notes the counts of a moment, for the chart. */
  note({ now, snapshot, underWay }) {
    const fetches = [...underWay.values()].filter((one) => one.operation === 'Probe').length;
    const counts = { tasks: snapshot.tasks.length, requests: snapshot.requests.length, fetches };
    this.#sample({ at: now - this.#start, ...counts });
    return counts;
  }

  /** Shows a moment: `{ now, snapshot, totals, underWay, memory }`. */
  show({ now, snapshot, totals, underWay, memory }) {
    const counts = this.note({ now, snapshot, underWay });
    for (const name of SERIES) this.find(`count-${name}`).textContent = counts[name];
    this.find('count-effects').textContent = totals.effects;
    this.find('count-cancelled').textContent = totals.cancelled;
    this.find('count-memory').textContent = `${(memory / 1048576).toFixed(1)} MiB`;
    this.#drawChart(counts);
    this.#drawPending(now, snapshot, underWay);
  }

  /** Shows what a teardown said; `before` and `after` it are what the page itself had under way. */
  closed({ now, report, before, after }) {
    this.#closedAt = now - this.#start;
    const left = report.leaks.length;
    this.find('report-text').textContent = report.text;
    this.find('report').classList.toggle('leaks', left > 0);
    const rows = [
      // A task is left where something still holds on to it. Requests and messages go with the executor.
      ['tasks', report.tasks, left],
      ['requests', report.requests, 0],
      ['messages', report.messages, 0],
      ['fetches under way', before.fetches, after.fetches],
      ['timers running', before.timers, after.timers],
    ];
    this.find('report-rows').replaceChildren(...rows.map((cells) => rowOf(cells.map((text) => ['', text]))));
    const { spawners, shells, joinHandles: handles, resolvers, feeds } = report.outstanding;
    this.find('report-out').textContent = `May be out, and can do no more than be refused: ${[
      counted(spawners, 'spawner'), counted(shells, 'shell'), counted(handles, 'join handle'),
      counted(resolvers, 'resolver'), counted(feeds, 'feed'),
    ].join(', ')}.`;
    this.find('report').hidden = false;
  }

  #sample(sample) {
    const last = this.#samples.at(-1);
    const same = last && SERIES.every((name) => last[name] === sample[name]);
    const beforeLast = this.#samples.at(-2);
    // A level stretch is its two ends.
    if (same && beforeLast && SERIES.every((name) => beforeLast[name] === sample[name])) {
      last.at = sample.at;
      return;
    }
    this.#samples.push(sample);
    if (this.#samples.length > SAMPLES) {
      this.#samples = this.#samples.filter((_, index) => index % 2 === 0 || index === this.#samples.length - 1);
    }
  }

  #drawChart(counts) {
    const samples = this.#samples;
    const end = Math.max(200, samples.at(-1).at);
    const top = niceTop(Math.max(4, ...samples.flatMap((sample) => SERIES.map((name) => sample[name]))));
    const x = (at) => LEFT + (at / end) * (WIDTH - LEFT - RIGHT);
    const y = (count) => HEIGHT - BOTTOM - (count / top) * (HEIGHT - TOP - BOTTOM);
    const parts = [0, top / 2, top].flatMap((count) => [
      element('line', { class: 'grid', x1: LEFT, x2: WIDTH - RIGHT, y1: y(count), y2: y(count) }),
      element('text', { x: LEFT - 4, y: y(count) + 3, 'text-anchor': 'end' }, count),
    ]);
    parts.push(element('text', { x: LEFT, y: HEIGHT - 3 }, '0 s'));
    parts.push(element('text', { x: WIDTH - RIGHT, y: HEIGHT - 3, 'text-anchor': 'end' }, `${(end / 1000).toFixed(1)} s`));
    if (this.#closedAt !== null) {
      const at = x(Math.min(this.#closedAt, end));
      parts.push(element('line', { class: 'mark', x1: at, x2: at, y1: TOP, y2: HEIGHT - BOTTOM }));
      parts.push(element('text', {
        x: at > WIDTH / 2 ? at - 4 : at + 4, y: TOP + 8, 'text-anchor': at > WIDTH / 2 ? 'end' : 'start',
      }, 'torn down'));
    }
    for (const name of SERIES) {
      const points = [];
      let level = null;
      for (const sample of samples) {
        // Counts hold until they change, so the line goes in steps.
        if (level !== null) points.push(`${x(sample.at).toFixed(1)},${y(level).toFixed(1)}`);
        level = sample[name];
        points.push(`${x(sample.at).toFixed(1)},${y(level).toFixed(1)}`);
      }
      parts.push(element('polyline', { class: name, points: points.join(' ') }));
    }
    this.chart.replaceChildren(...parts);
    const peak = (name) => Math.max(...samples.map((sample) => sample[name]));
    this.chart.setAttribute('aria-label', `Counts over ${(end / 1000).toFixed(0)} seconds: ${
      SERIES.map((name) => `${counts[name]} ${name} now, ${peak(name)} at most`).join('; ')}`);
  }

  #drawPending(now, snapshot, underWay) {
    const names = new Map(snapshot.tasks.map((task) => [task.id, task.name]));
    const seen = new Set();
    const age = (key, since) => {
      seen.add(key);
      if (!this.#since.has(key)) this.#since.set(key, since ?? now);
      return `${((now - this.#since.get(key)) / 1000).toFixed(1)} s`;
    };
    const rows = [];
    const requests = byTask(snapshot.requests);
    for (const task of snapshot.tasks) {
      const waits = requests.get(task.id) ?? [];
      requests.delete(task.id);
      rows.push(['task', [
        ['Id', task.id], ['', 'task'], ['Age', age(`t${task.id}`), 'number'], ['Name', task.name ?? ''],
        ['Place', fileOf(task.place), 'place', task.place],
        ['State', taskState(task), 'state', `polled ${counted(task.polls, 'time')}, ${counted(task.age, 'turn')} old`],
      ]]);
      for (const request of waits) rows.push(this.#request(request, names, age, underWay));
    }
    for (const request of [...requests.values()].flat()) rows.push(this.#request(request, names, age, underWay));
    for (const key of this.#since.keys()) if (!seen.has(key)) this.#since.delete(key);

    this.body.replaceChildren(...rows.slice(0, ROWS).map(([kind, cells]) => rowOf(cells, kind)));
    this.find('pending').hidden = rows.length === 0;
    this.find('pending-none').hidden = rows.length > 0;
    this.find('pending-more').hidden = rows.length <= ROWS;
    this.find('pending-more').textContent = `and ${rows.length - ROWS} more`;
  }

  #request(request, names, age, underWay) {
    const here = underWay.get(request.id);
    const operation = request.effect ?? request.operation.split('::').at(-1);
    return ['request', [
      ['Id', request.id],
      ['', here?.about ? `${operation} ${here.about}` : operation],
      ['Age', age(`r${request.id}`, here?.since), 'number'],
      ['Name', names.get(request.task) ?? ''],
      ['Place', fileOf(request.place), 'place', request.place],
      ['State', STATES[request.state]],
    ]];
  }
}

const STATES = { waiting: 'waiting for a place', untaken: 'not yet taken', taken: 'with the page', answered: 'answered, unread' };

function taskState(task) {
  if (task.state === 'ready') return 'ready';
  return task.awaits.length ? `awaits ${task.awaits.length}` : 'awaits others';
}

/** `check.rs:41:9` of a longer path. */
function fileOf(place) {
  return place.split('/').at(-1);
}

function byTask(requests) {
  const groups = new Map();
  for (const request of requests) {
    const group = groups.get(request.task);
    if (group) group.push(request);
    else groups.set(request.task, [request]);
  }
  return groups;
}

function rowOf(cells, kind) {
  const row = document.createElement('tr');
  if (kind) row.className = kind;
  for (const [label, text, name, whole] of cells) {
    const cell = document.createElement('td');
    cell.textContent = text;
    if (label) cell.dataset.label = label;
    if (name) cell.className = name;
    if (whole) cell.title = whole;
    row.append(cell);
  }
  return row;
}

function element(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

/** The next of 4, 6, 10, 20, 40, 60, 100, … */
function niceTop(count) {
  for (let scale = 1; ; scale *= 10) {
    for (const step of [2, 4, 6, 10]) if (step * scale >= count) return step * scale;
  }
}

function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
