// A static server for dist/ that answers as a static host would, with the headers that the build wrote, and that
// also plays the model hub on the same origin: see HUB for the ways in which a download can go.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import sirv from 'sirv';

export const DIST = fileURLToPath(new URL('../../../dist/', import.meta.url));

const CHUNK = 256 * 1024;

/** What the hub can do with a download: each writes the answer for `bytes`. */
const HUB = {
  /** All of it at once. */
  whole: async (response, bytes) => void response.writeHead(200, lengthOf(bytes)).end(bytes),
  /** All of it, in pieces, slowly enough to be cancelled. */
  slow: async (response, bytes) => {
    response.writeHead(200, lengthOf(bytes));
    for (let start = 0; start < bytes.length && !response.destroyed; start += CHUNK) {
      response.write(bytes.subarray(start, start + CHUNK));
      await sleep(100);
    }
    response.end();
  },
  /** The connection breaks in the middle. */
  cut: async (response, bytes) => {
    response.writeHead(200, lengthOf(bytes));
    response.write(bytes.subarray(0, bytes.length / 2));
    await sleep(300);
    response.destroy();
  },
  /** The right number of bytes, one of them wrong. */
  wrong: async (response, bytes) => {
    const changed = Buffer.from(bytes);
    changed[changed.length >> 1] ^= 1;
    response.writeHead(200, lengthOf(bytes)).end(changed);
  },
  /** Nothing there. */
  missing: async (response) => void response.writeHead(404, { 'Content-Type': 'text/plain' }).end('not here'),
};

const lengthOf = (bytes) => ({ 'Content-Type': 'application/octet-stream', 'Content-Length': bytes.length });

/** Serves dist/ on a free port of 127.0.0.1. */
export async function serve() {
  if (!existsSync(join(DIST, 'index.html'))) {
    throw new Error('dist/ is not built; run `cargo xtask build` first');
  }
  const headers = readHeaders();
  let spoilt = {};
  const setHeaders = (response) => {
    response.setHeaders(headers);
    if (spoilt.isolation) response.removeHeader('Cross-Origin-Embedder-Policy');
    if (spoilt.bare) for (const name of headers.keys()) response.removeHeader(name);
  };
  const files = sirv(DIST, { etag: true, setHeaders });
  const offer = { mode: 'missing', bytes: Buffer.alloc(0) };
  let catalog = null;

  const server = createServer((request, response) => {
    const path = new URL(request.url, 'http://localhost').pathname;
    if (path.startsWith('/hub/')) {
      response.setHeaders(headers);
      HUB[offer.mode](response, offer.bytes);
    } else if (path === '/catalog.json' && catalog) {
      response.setHeaders(headers);
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(catalog));
    } else if (spoilt.replaced?.[path]) {
      response.setHeaders(headers);
      response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(spoilt.replaced[path]);
    } else if (path !== spoilt.silent) {
      const missing = () => response.writeHead(404, { 'Content-Type': 'text/plain' }).end('not found');
      if (path === spoilt.missing) missing();
      else files(request, response, missing);
    }
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  const url = `http://127.0.0.1:${server.address().port}`;

  return {
    url,
    /**
     * Makes every entry of the catalogue a download of `bytes` from here that goes as `mode` says. The entry keeps
     * its id and name, so the page shows it as ever.
     */
    offer(mode, bytes, changes = {}) {
      if (!HUB[mode]) throw new Error(`the hub cannot do "${mode}"; it can do ${Object.keys(HUB).join(', ')}`);
      Object.assign(offer, { mode, bytes });
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const real = JSON.parse(readFileSync(join(DIST, 'catalog.json'), 'utf8'));
      catalog = real.map((entry) => ({
        ...entry, url: `${url}/hub/${entry.id}.onnx`, bytes: bytes.length, sha256, ...changes,
      }));
    },
    /**
     * From now on the path `missing` is not there, `silent` is never answered, `isolation` keeps pages from being
     * isolated, `bare` leaves out all headers of the page, and `replaced` holds other scripts by their path.
     */
    spoil({ missing, silent, isolation = false, bare = false, replaced }) {
      spoilt = { missing, silent, isolation, bare, replaced };
    },
    close() {
      server.closeAllConnections();
      return new Promise((closed) => server.close(closed));
    },
  };
}

/** The headers of `/*` in dist/_headers. */
export function readHeaders(text = readFileSync(join(DIST, '_headers'), 'utf8')) {
  const [pattern, ...lines] = text.trimEnd().split('\n');
  if (pattern !== '/*') throw new Error(`dist/_headers begins with "${pattern}" instead of "/*"`);
  return new Headers(lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
  }));
}
