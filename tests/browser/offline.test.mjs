// Without a network: what the service worker keeps, adds and replaces. Each test has a server of its own to stop.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { launch } from './harness/browser.mjs';
import { PATIENCE, bothPredict, numberWhen, watch } from './harness/page.mjs';
import { DIST, serve } from './harness/server.mjs';

/** What a browser says of a server that is gone, also of its own look for a newer service worker. */
const GONE = [/ERR_CONNECTION_REFUSED/, /ERR_FAILED/, /Failed to fetch/, /unknown error occurred when fetching the script/];

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

/** A test with a server and a context in which service workers are allowed; `open` opens a tab. */
function online(body, expected = GONE) {
  return async () => {
    const server = await serve();
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-GB' });
    const trouble = [];
    const open = async (path = '/') => {
      const page = await context.newPage();
      page.setDefaultTimeout(PATIENCE);
      trouble.push(watch(page, server.url, expected));
      await page.goto(server.url + path);
      return page;
    };
    try {
      await body(open, server);
      assert.deepEqual(trouble.flat(), [], 'the page made trouble');
    } finally {
      await context.close();
      await server.close();
    }
  };
}

async function openStorage(page) {
  await page.locator('.model-chip').click();
  await numberWhen(page, 'stored-page', 'the bytes of the page', (bytes) => bytes > 100_000);
}

/** Makes everything available, and waits until it is. */
async function keepAll(page) {
  const done = page.locator('[data-testid="offline"][data-value="all"]');
  await page.locator('[data-testid="offline"]:enabled').or(done).waitFor();
  // What was used is kept by itself, and may be all that there is by the time of a click.
  await page.evaluate(() => document.querySelector('[data-testid="offline"]:enabled')?.click());
  await done.waitFor();
}

test('runs without a server: over a reload, in a second tab, and in the course', online(async (open, server) => {
  const page = await open('/#live?v=1&r=fp16');
  await bothPredict(page);
  await openStorage(page);
  await keepAll(page);
  await server.close();
  await page.reload();
  assert.equal(await page.evaluate(() => crossOriginIsolated), true);
  await bothPredict(page);
  const other = await open('/#course/1/2');
  await other.locator('[data-testid="step"][data-value="l1.2"]').waitFor();
  await numberWhen(other, 'latency-compressed', 'above 0 ms', (millis) => millis > 0);
  await page.getByTestId('model-choice').selectOption('everyday-60');
  await numberWhen(page, 'bytes-original', 'of Everyday 60', (bytes) => bytes > 0 && bytes < 3e6);
}));

test('a reload in the middle of keeping loses nothing, and what is kept can be deleted', online(async (open, server) => {
  server.spoil({ silent: '/models/everyday-60.safetensors' });
  const page = await open('/#live?v=1&r=fp16');
  // Where the small model is the only one, none loads while its file is silent.
  const others = JSON.parse(readFileSync(join(DIST, 'models/index.json'), 'utf8')).filter(({ id }) => id !== 'everyday-60');
  if (!others.length) server.spoil({});
  await page.reload();
  await bothPredict(page);
  await openStorage(page);
  if (others.length) {
    await page.getByTestId('offline').click();
    await page.getByTestId('offline-cancel').waitFor();
    await page.reload();
    await bothPredict(page);
    await openStorage(page);
    server.spoil({});
  }
  await keepAll(page);
  const stored = () => numberWhen(page, 'stored-everyday-60', 'its bytes', (bytes) => bytes >= 0);
  assert.ok(await stored() > 1e6);
  await page.getByTestId('stored-everyday-60').getByRole('button').click();
  await numberWhen(page, 'stored-everyday-60', 'nothing', (bytes) => bytes === 0);
  await page.locator('[data-testid="offline"][data-value="part"]').waitFor();
}));

test('a host without headers: the service worker isolates the page after one reload', online(async (open, server) => {
  server.spoil({ bare: true });
  const page = await open('/#live?v=1&r=fp16');
  await page.waitForFunction(() => crossOriginIsolated && document.querySelector('.dock'));
  await bothPredict(page);
  const policy = await page.evaluate(async () => (await fetch('./')).headers.get('content-security-policy'));
  assert.match(policy, /default-src 'self'/);
  await page.reload();
  assert.equal(await page.evaluate(() => crossOriginIsolated), true, 'and without a further reload');
  assert.equal(await page.evaluate(() => performance.getEntriesByType('navigation')[0].type), 'reload');
}));

test('a host without headers and a service worker that cannot be had: one try, and the page runs', online(async (open, server) => {
  server.spoil({ bare: true, missing: '/sw.js' });
  const page = await open('/#live?v=1&r=fp16');
  await bothPredict(page);
  assert.equal(await page.evaluate(() => crossOriginIsolated), false);
}, [/status of 404/, /bad HTTP response code \(404\)/]));

test('a new version waits until it is taken, and other tabs say so', online(async (open, server) => {
  const [page, other] = [await open('/#live?v=1&r=fp16'), await open('/#course/1/1')];
  await bothPredict(page);
  await page.waitForFunction(() => navigator.serviceWorker.controller);
  await other.waitForFunction(() => navigator.serviceWorker.controller);
  const shells = () => page.evaluate(async () => (await caches.keys()).filter((name) => name.startsWith('tinylens-shell-')));
  const [first] = await shells();
  const script = readFileSync(join(DIST, 'sw.js'), 'utf8');
  server.spoil({ replaced: { '/sw.js': script.replace(/"version":"\w+"/, '"version":"later"') } });
  await page.reload();
  await page.getByTestId('update').waitFor();
  assert.ok((await shells()).includes(first), 'what is open stays as it is');
  await Promise.all([page.waitForEvent('load'), page.getByTestId('update').click()]);
  await page.getByTestId('view-live').waitFor();
  assert.deepEqual(await shells(), ['tinylens-shell-later']);
  await other.getByTestId('update-card').getByText('another tab').waitFor();
}));
