// What the user gave: a text, files, a folder, the address of a page. The core sees it as a walk and a few paths.

/** How every answer begins that says no more than that a page cannot know. */
export const CANNOT = 'could not be checked from a page: ';

/** The longest document that is read, in bytes. */
export const LONGEST = 32 * 1024 * 1024;

/** The name under which a pasted text is checked. */
export const PASTED = 'pasted.md';

const DOCUMENT = /[^/]\.(md|markdown|html|htm|xhtml)$/i;
/** What a walk leaves out, as the terminal's does: hidden files, and what others have put there. */
const LEFT_OUT = /(^|\/)(\.[^/]+|node_modules)(\/|$)/;

export class Given {
  /** path -> File or Blob */
  #files = new Map();
  /** Every folder on the way to a file. */
  #folders = new Set(['.']);
  /** The folders that were given whole, so that what is not in them is missing. */
  #whole = new Set();
  #text = '';
  #page = null;
  /** Names that could not be read when they were given. */
  #unread = [];

  get isEmpty() {
    return !this.#files.size && !this.#text.trim() && !this.#page && !this.#unread.length;
  }

  get fileCount() {
    return this.#files.size;
  }

  /** The documents among the files, in the order of their names. */
  get documents() {
    return [...this.#files.keys()].filter((path) => DOCUMENT.test(path) && !LEFT_OUT.test(path)).sort();
  }

  get folders() {
    return [...this.#whole];
  }

  setText(text) {
    this.#text = text;
  }

  setPage(url) {
    this.#page = url;
  }

  forgetFiles() {
    this.#files.clear();
    this.#folders = new Set(['.']);
    this.#whole.clear();
    this.#unread = [];
  }

  /** Takes what an `<input type=file>` holds; those of a folder know their path in it. */
  addInput(files) {
    for (const file of files) {
      const path = file.webkitRelativePath || file.name;
      if (file.webkitRelativePath) this.#whole.add(path.slice(0, path.indexOf('/')));
      this.#add(path, file);
    }
  }

  /** Takes what was dropped. The transfer is only readable at once, so its entries are taken before anything waits. */
  async addDropped(transfer) {
    const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    if (!entries.length) return this.addInput(transfer.files);
    await Promise.all(entries.map((entry) => this.#enter(entry, entry.name)));
  }

  async #enter(entry, path) {
    try {
      if (entry.isFile) {
        return this.#add(path, await new Promise((resolve, reject) => entry.file(resolve, reject)));
      }
      if (!path.includes('/')) this.#whole.add(path);
      this.#folders.add(path);
      if (LEFT_OUT.test(path)) return;
      const reader = entry.createReader();
      for (;;) {
        // It gives a hundred at a time, and none at the end.
        const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
        if (!some.length) return;
        for (const child of some) await this.#enter(child, `${path}/${child.name}`);
      }
    } catch (error) {
      this.#unread.push({ document: path, reason: told(error) });
    }
  }

  #add(path, file) {
    this.#files.set(path, file);
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
      this.#folders.add(path.slice(0, at));
    }
  }

  /** The steps of the walk, as the core wants them. */
  *steps() {
    if (this.#text.trim()) yield local(PASTED, '.');
    for (const path of this.documents) {
      const top = path.includes('/') ? path.slice(0, path.indexOf('/')) : '.';
      yield local(path, top);
    }
    for (const unread of this.#unread) yield { Unread: unread };
    if (this.#page) yield { Document: { resource: { kind: 'web', name: this.#page }, root: '' } };
  }

  /** What stands at a path: `{ Ok: 'File' | 'Directory' }` or `{ Err: … }`. */
  look(path) {
    if (this.#files.has(path) || (path === PASTED && this.#text)) return { Ok: 'File' };
    if (this.#folders.has(path)) return { Ok: 'Directory' };
    return { Err: this.#absence(path) };
  }

  async read(path) {
    const found = this.look(path);
    if (found.Err) return found;
    if (found.Ok === 'Directory') return unreadable('is a directory');
    if (!this.#files.has(path)) return { Ok: new TextEncoder().encode(this.#text) };
    const file = this.#files.get(path);
    if (file.size > LONGEST) return unreadable(`longer than ${LONGEST >> 20} MiB`);
    let bytes;
    try {
      bytes = new Uint8Array(await file.arrayBuffer());
    } catch (error) {
      return unreadable(told(error));
    }
    return isBinary(bytes) ? unreadable('binary, not a text') : { Ok: bytes };
  }

  #absence(path) {
    const top = path.split('/', 1)[0];
    if (this.#whole.has(top)) return 'Missing';
    return { Unreadable: `${CANNOT}${path} is not among what was given` };
  }
}

/** A zero byte among the first says so, but for a text of two bytes a character, which begins with a mark. */
function isBinary(bytes) {
  const [a, b] = bytes;
  const marked = (a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff);
  return !marked && bytes.subarray(0, 8192).includes(0);
}

function local(path, root) {
  return { Document: { resource: { kind: 'local', name: path }, root } };
}

function unreadable(reason) {
  return { Err: { Unreadable: reason } };
}

function told(error) {
  switch (error?.name) {
    case 'NotFoundError':
    case 'NotReadableError':
      return 'it has changed or gone since it was chosen, or may not be read';
    case 'SecurityError':
      return 'the browser does not let a page read it';
    default:
      return `the browser could not read it: ${error?.message ?? error}`;
  }
}
