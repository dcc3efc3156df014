// Serves a folder on loopback; for the tests also what no real site does on demand: answers that never come, statuses by
// the number, another origin. `node server.js FOLDER [--port N]`

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.md': 'text/markdown; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.ts': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
};

/** Starts one. `folders` maps a beginning of paths to a folder, the longest first; `answer` may take a request itself. */
export async function serve({ folders, port = 0, answer }) {
  const server = createServer(async (request, response) => {
    try {
      const url = new URL(request.url, 'http://localhost');
      if (await answer?.(url, request, response)) return;
      await file(folders, url, request, response);
    } catch (error) {
      if (!response.headersSent) response.writeHead(error instanceof URIError || error.code === 'ERR_INVALID_URL' ? 400 : 500);
      response.end();
    }
  });
  await new Promise((listening, failed) => {
    server.once('error', failed);
    server.listen(port, '127.0.0.1', listening);
  });
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    close: () => new Promise((closed) => {
      server.close(closed);
      server.closeAllConnections();
    }),
  };
}

async function file(folders, url, request, response) {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' });
    return response.end();
  }
  const path = decodeURIComponent(url.pathname);
  const [prefix, folder] = Object.entries(folders).find(([prefix]) => path.startsWith(prefix)) ?? [];
  const home = folder && resolve(folder);
  let name = home && resolve(home, `.${sep}${path.slice(prefix.length)}`);
  let found = null;
  // Nothing above the folder, whatever the path says.
  if (name && !path.includes('\0') && (name === home || name.startsWith(home + sep))) {
    found = await stat(name).catch(() => null);
    if (found?.isDirectory() && path.endsWith('/')) {
      name = join(name, 'index.html');
      found = await stat(name).catch(() => null);
    }
  }
  if (!found?.isFile()) {
    response.writeHead(404, { 'content-type': 'text/plain' });
    return response.end('not found\n');
  }
  response.writeHead(200, {
    'content-type': TYPES[extname(name)] ?? 'application/octet-stream',
    'content-length': found.size,
    'cache-control': 'no-cache',
    'x-content-type-options': 'nosniff',
  });
  if (request.method === 'HEAD') return response.end();
  createReadStream(name).on('error', () => response.destroy()).pipe(response);
}

if (process.argv[1] && fileURLToPath(import.meta.url) === resolve(process.argv[1])) {
  const [folder, ...rest] = process.argv.slice(2);
  const port = rest[0] === '--port' ? Number(rest[1]) : 8080;
  try {
    const { origin } = await serve({ folders: { '/': folder }, port });
    console.log(`linkcheck is at ${origin}/ until Ctrl-C`);
  } catch (error) {
    console.error(`error: cannot serve on port ${port}: ${error.message}; name another by --port`);
    process.exit(1);
  }
}
