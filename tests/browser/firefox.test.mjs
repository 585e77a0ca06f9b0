// The main flow in Firefox: a model, a camera, a recipe, the layers, a lesson.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firefox, launchFirefox } from './harness/firefox.mjs';
import { serve } from './harness/server.mjs';

const executable = firefox();
const skip = !executable && 'no Firefox found; install it or name it with FIREFOX=/path/to/firefox';
const PATIENCE_MILLIS = 30_000;

test('camera, recipe, layers and a lesson', { skip, timeout: 90_000 }, async () => {
  const server = await serve();
  const browser = await launchFirefox(executable);
  try {
    const page = await browser.newPage();
    // A tab that opens behind another one gets no animation frames, and with them no frames of the camera.
    await page.bringToFront();
    await page.setViewport({ width: 1280, height: 800 });
    const trouble = watch(page, server.url);
    // The small model, and a recipe that is done at once.
    await page.goto(`${server.url}/#live?v=1&m=everyday-60&r=fp16`);
    await when(page, 'source', 'there', () => true);
    await page.select(handle('source'), 'camera');
    // Its own planes, not a drawing of them.
    await when(page, 'stage', 'a frame of the camera', (it) => it.pixels === 'I420');
    await when(page, 'latency-original', 'a time', (it) => it.value > 0);
    const half = await when(page, 'bytes-compressed', 'bytes', (it) => it.value > 0);
    await when(page, 'predictions-compressed', 'answers', (it) => /\d/.test(it.text));

    await page.select(handle('preset'), 'int8');
    const int8 = await when(page, 'bytes-compressed', 'fewer bytes', (it) => it.value > 0 && it.value < 0.7 * half.value);
    const original = await when(page, 'bytes-original', 'bytes', (it) => it.value > 0);
    assert.ok(original.value / int8.value > 3, `${original.value} / ${int8.value}`);
    await when(page, 'latency-compressed', 'a time', (it) => it.value > 0);

    await click(page, 'view-layers');
    await click(page, 'layer-3');
    await when(page, 'layer-detail', 'layer 3', (it) => it.layer === '3' && it.ready === 'true');
    await when(page, 'feature-maps', 'channels', (it) => it.n > 0);

    await click(page, 'view-course');
    await when(page, 'step', 'the first one', (it) => it.step === 'l1.1');
    await click(page, 'step-next');
    await when(page, 'step', 'the second one', (it) => it.step === 'l1.2');
    await click(page, 'option-3');
    await when(page, 'option-3', 'chosen', (it) => it.pressed === 'true');
    assert.deepEqual(trouble, [], 'the page made trouble');
  } finally {
    await browser.close();
    await server.close();
  }
});

const handle = (id) => `[data-testid="${id}"]`;

/** A list that fills with errors on the console, exceptions, and requests to another origin. */
function watch(page, origin) {
  const trouble = [];
  page.on('console', (message) => message.type() === 'error' && trouble.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => trouble.push(`exception: ${error.message}`));
  page.on('request', (request) => {
    const { protocol, origin: to } = new URL(request.url());
    if (!['blob:', 'data:'].includes(protocol) && to !== origin) trouble.push(`request to another origin: ${request.url()}`);
  });
  return trouble;
}

/** What stands on the page, to find out why something did not come. */
function textOf(page) {
  return page.evaluate(() => document.body.innerText.replace(/\s+/g, ' ').slice(0, 3000));
}

async function click(page, id) {
  await when(page, id, 'there', () => true);
  await page.click(handle(id));
}

/** Waits until the element with this test id is there and `accept` is true of what it says; returns that. */
async function when(page, id, what, accept) {
  const end = Date.now() + PATIENCE_MILLIS;
  for (;;) {
    const found = await page.evaluate((selector) => {
      const element = document.querySelector(selector);
      if (!element) return null;
      const { value, n, layer, ready } = element.dataset;
      return {
        value: value ? Number(value) : NaN, step: value, n: Number(n), layer, ready,
        pixels: element.querySelector('canvas')?.dataset.pixels, pressed: element.getAttribute('aria-pressed'), text: element.innerText,
      };
    }, handle(id));
    if (found && accept(found)) return found;
    if (Date.now() > end) assert.fail(`${id} is ${JSON.stringify(found)}, not ${what}; the page says: ${await textOf(page)}`);
    await new Promise((later) => { setTimeout(later, 100); });
  }
}
