// One test, one fresh page: opens it, watches it, and fails the test on anything that should not happen there.
//
// What is watched: errors on the console, exceptions, crashes, and requests to another origin. A test that
// provokes an error names it in `expected`.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { launch } from './browser.mjs';
import { cameraFile } from './camera.mjs';
import { serve } from './server.mjs';

/** Machines that run the tests may be slow and busy; nothing here waits this long when all is well. */
export const PATIENCE = 90_000;

/** Without a service worker each test sees what the server sends now; offline.test.mjs allows it. */
const DEFAULTS = { viewport: { width: 1280, height: 800 }, locale: 'en-GB', serviceWorkers: 'block' };

/**
 * A server and a browser for the tests of one file. Returns `onPage`, which makes a test body of
 * `async (page, server, t) => …`:
 *
 *     const onPage = suite({ camera: true });
 *     test('plays', onPage({ locale: 'de-DE' }, async (page) => { … }));
 */
export function suite({ camera = false } = {}) {
  const running = {};
  before(async () => {
    running.server = await serve();
    running.browser = await launch({ camera: camera && await cameraFile() });
  });
  after(async () => {
    await running.browser?.close();
    await running.server?.close();
  });

  return ({ expected = [], path = '/', prepare, ...options }, body) => async (t) => {
    const { browser, server } = running;
    const context = await browser.newContext({ ...DEFAULTS, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE);
    const trouble = watch(page, server.url, expected);
    try {
      await prepare?.(server, page);
      await page.goto(server.url + path);
      await body(page, server, t);
      assert.deepEqual(trouble, [], 'the page made trouble');
    } catch (error) {
      if (trouble.length) error.message += `\nThe page reported:\n  ${trouble.join('\n  ')}`;
      throw error;
    } finally {
      await context.close();
    }
  };
}

/** A list that fills with whatever should not happen on `page`. */
export function watch(page, origin, expected = []) {
  const trouble = [];
  const report = (text) => expected.some((pattern) => pattern.test(text)) || trouble.push(text);
  page.on('console', (message) => {
    if (message.type() === 'error') report(`console: ${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => report(`exception: ${error.message}`));
  page.on('crash', () => report('the page crashed'));
  page.on('request', (request) => {
    const { protocol, origin: to } = new URL(request.url());
    if (!['blob:', 'data:'].includes(protocol) && to !== origin) report(`request to another origin: ${request.url()}`);
  });
  return trouble;
}

/** The number in `data-value` of the element with this test id, or NaN while there is none. */
export function number(page, id) {
  return page.evaluate((id) => {
    const value = document.querySelector(`[data-testid="${id}"]`)?.dataset.value;
    return value ? Number(value) : NaN;
  }, id);
}

/** Waits until that number is one for which `accept` is true, and returns it. */
export async function numberWhen(page, id, what, accept = Number.isFinite, patience = PATIENCE) {
  const end = Date.now() + patience;
  for (;;) {
    const found = await number(page, id);
    if (accept(found)) return found;
    if (Date.now() > end) {
      const error = await page.getByTestId('error').allInnerTexts();
      assert.fail(`${id} is ${found}, not ${what}, after ${patience / 1000} s; error shown: "${error.join(' ')}"`);
    }
    await page.waitForTimeout(100);
  }
}

/** Waits until both sides have predicted at least once. */
export async function bothPredict(page) {
  for (const side of ['original', 'compressed']) {
    await numberWhen(page, `latency-${side}`, 'above 0 ms', (millis) => millis > 0);
    await page.getByTestId(`predictions-${side}`).getByText(/\d/).first().waitFor();
  }
}

/** Waits until the answers of both sides change once more: the page goes on. */
export async function goesOnPredicting(page) {
  for (const side of ['original', 'compressed']) {
    await page.getByTestId(`predictions-${side}`).first().evaluate((list, [side, patience]) => (
      new Promise((changed, failed) => {
        const what = { subtree: true, childList: true, characterData: true, attributes: true };
        new MutationObserver(changed).observe(list, what);
        setTimeout(() => failed(new Error(`the ${side} answers stand still`)), patience);
      })
    ), [side, PATIENCE]);
  }
}
