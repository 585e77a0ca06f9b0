// The service worker: keeps the page for times without a network, and gives its answers the headers that isolate it
// where the host sends none. `cargo xtask assets` puts `const BUILD = …` before it (xtask/src/offline.rs): the version,
// the headers of Trunk.toml, and each file of the folder with its length and hash. `shell` is there from the first visit
// on, `later` (models, pictures, engines) from its first use, or when the page asks for all of it.
//
// A new version waits until the page says `take-over`: what is open is never changed below the visitor's hands.

const SHELL = `tinylens-shell-${BUILD.version}`;
const SHELLS = 'tinylens-shell-';
// Files of `later` stand under their hash, so that a new version keeps those that did not change.
const KEPT = 'tinylens-kept-v1';
// Models from the web, which the worker checks and keeps (src/worker/download.rs).
const WEB = 'tinylens-models-v1';

const root = new URL(self.registration.scope);

self.addEventListener('install', (event) => event.waitUntil(install()));
self.addEventListener('activate', (event) => event.waitUntil(activate()));
self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  const inside = url.origin === root.origin && url.pathname.startsWith(root.pathname);
  if (!inside || request.method !== 'GET' || request.headers.has('range')) return;
  event.respondWith(answer(event, url.pathname.slice(root.pathname.length) || 'index.html'));
});
self.addEventListener('message', (event) => {
  const [port] = event.ports;
  const { ask, paths } = event.data;
  if (ask === 'take-over') self.skipWaiting();
  else if (ask === 'list') event.waitUntil(list().then((files) => port.postMessage({ files })));
  else if (ask === 'keep') event.waitUntil(keep(paths, port));
  else if (ask === 'forget') event.waitUntil(forget(paths).then(() => port.postMessage({ done: true })));
});

async function install() {
  const shell = await caches.open(SHELL);
  await Promise.all(Object.keys(BUILD.shell).map(async (path) => {
    if (!await shell.match(path)) await shell.put(path, await fetchChecked(path, BUILD.shell[path]));
  }));
}

async function activate() {
  for (const name of await caches.keys()) {
    if (name.startsWith(SHELLS) && name !== SHELL) await caches.delete(name);
  }
  const wanted = new Set(Object.values(BUILD.later).map(({ sha256 }) => addressOf(sha256)));
  const kept = await caches.open(KEPT);
  for (const request of await kept.keys()) {
    if (!wanted.has(request.url)) await kept.delete(request);
  }
  // Not waited for: Firefox is done only once every worker of the page has answered, and helpers never do (helper.js).
  // Meanwhile all requests would wait for the end of `activate`.
  self.clients.claim().catch((error) => console.warn('open pages are not taken over', error));
}

async function answer(event, path) {
  const stored = await find(path);
  if (stored) return withHeaders(stored);
  const response = await fetch(event.request);
  if (response.ok && BUILD.later[path]) {
    const copy = response.clone();
    event.waitUntil(store(path, copy).catch((error) => console.warn(`${path} is not kept`, error)));
  }
  return withHeaders(response);
}

async function find(path) {
  if (BUILD.shell[path]) return (await caches.open(SHELL)).match(path);
  const later = BUILD.later[path];
  return later && (await caches.open(KEPT)).match(addressOf(later.sha256));
}

async function store(path, response) {
  const { sha256 } = BUILD.later[path];
  await (await caches.open(KEPT)).put(addressOf(sha256), await checked(path, BUILD.later[path], response));
}

/** The address under which a hash is kept; nothing is served there. */
function addressOf(sha256) {
  return new URL(`kept/${sha256}`, root).href;
}

async function fetchChecked(path, file, signal) {
  // A host may be half way through an upload: only what the list says is taken.
  const response = await fetch(new URL(path, root), { cache: 'no-cache', signal });
  if (!response.ok) throw new Error(`${path}: status ${response.status}`);
  return checked(path, file, response);
}

async function checked(path, { sha256 }, response) {
  const bytes = await response.arrayBuffer();
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  const actual = Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
  if (actual !== sha256) throw new Error(`${path} is not the file of this version`);
  const headers = new Headers(response.headers);
  // The bytes are decoded now.
  headers.delete('content-encoding');
  headers.set('content-length', bytes.byteLength);
  return new Response(bytes, { headers });
}

/** The same answer with the page's headers. Being made here, it has the address that was asked for, query and all. */
function withHeaders(response) {
  if (response.type === 'opaque' || response.type === 'opaqueredirect' || response.status === 304) return response;
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(BUILD.headers)) if (!headers.has(name)) headers.set(name, value);
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}

/** All files of this version and the models from the web: path, bytes, whether they are stored. */
async function list() {
  const [shell, kept] = [await caches.open(SHELL), await caches.open(KEPT)];
  const files = [];
  for (const [path, { bytes }] of Object.entries(BUILD.shell)) {
    files.push({ path, bytes, shell: true, stored: Boolean(await shell.match(path)) });
  }
  for (const [path, { bytes, sha256 }] of Object.entries(BUILD.later)) {
    files.push({ path, bytes, shell: false, stored: Boolean(await kept.match(addressOf(sha256))) });
  }
  if (await caches.has(WEB)) {
    const web = await caches.open(WEB);
    for (const request of await web.keys()) {
      const { size } = await (await web.match(request)).blob();
      files.push({ path: new URL(request.url).pathname.slice(root.pathname.length), bytes: size, shell: false, stored: true });
    }
  }
  return files;
}

/** Keeps files of `later`, one after the other, and tells how far it is. The page cancels by a message on the port. */
async function keep(paths, port) {
  const controller = new AbortController();
  port.onmessage = () => controller.abort();
  const missing = [];
  for (const path of paths) if (BUILD.later[path] && !await find(path)) missing.push(path);
  const total = missing.reduce((sum, path) => sum + BUILD.later[path].bytes, 0);
  let done = 0;
  try {
    for (const path of missing) {
      port.postMessage({ bytes: done, total });
      const response = await fetchChecked(path, BUILD.later[path], controller.signal);
      await (await caches.open(KEPT)).put(addressOf(BUILD.later[path].sha256), response);
      done += BUILD.later[path].bytes;
    }
    port.postMessage({ done: true });
  } catch (error) {
    port.postMessage({ failed: String(error.message ?? error), cancelled: controller.signal.aborted });
  }
}

/** Deletes files that are kept, and models from the web. The shell stays: without it a page could not say so. */
async function forget(paths) {
  const kept = await caches.open(KEPT);
  for (const path of paths) {
    if (BUILD.later[path]) await kept.delete(addressOf(BUILD.later[path].sha256));
    else if (await caches.has(WEB)) await (await caches.open(WEB)).delete(new URL(path, root).href);
  }
}
