// A model from the web, on a click: the hub is played by the test server, on the page's own origin.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { bothPredict, goesOnPredicting, numberWhen, suite } from './harness/page.mjs';
import { shared } from './harness/shared.mjs';

const onPage = suite();
const ID = 'mobilenetv2-12';
const SOME_BYTES = Buffer.alloc(3_000_000, 'not a model, and long enough to be cut off ');

async function choose(page) {
  await page.getByTestId('use-pictures').first().click();
  await bothPredict(page);
  const choice = page.getByTestId('model-choice');
  if (await choice.evaluate((element) => element.tagName === 'SELECT')) return choice.selectOption(ID);
  return page.locator(`[data-model="${ID}"], [value="${ID}"]`).first().click({ force: true });
}

/** The download fails in this way: the page says so and keeps the former model. */
const fails = (mode, words) => onPage(
  { prepare: (server) => server.offer(mode, SOME_BYTES), expected: [/status of 404/, /ERR_/] },
  async (page) => {
    await choose(page);
    const error = page.getByTestId('error').first();
    await error.waitFor();
    assert.match(await error.innerText(), words);
    await goesOnPredicting(page);
  },
);

test('not there', fails('missing', /404|not found|not there/i));
test('cut off in the middle', fails('cut', /interrupt|broke|cut|ends|connection|incomplete/i));
test('other bytes than the catalogue promises', fails('wrong', /hash|SHA|differ|not the (file|model)/i));

test('cancelled', onPage({ prepare: (server) => server.offer('slow', Buffer.alloc(20e6)) }, async (page) => {
  await choose(page);
  await page.getByTestId('cancel').first().click();
  await page.getByTestId('cancel').first().waitFor({ state: 'hidden' });
  await goesOnPredicting(page);
}));

test('complete and right: it runs, and the second time it comes from the cache', onPage({}, async (page, server, t) => {
  const file = shared(t, 'models/mobilenet_v2_1.0_224_float.onnx');
  if (!file) return;
  const bytes = readFileSync(file);
  let downloads = 0;
  page.on('request', (request) => { downloads += request.url().includes('/hub/'); });
  server.offer('whole', bytes);
  for (let visit = 1; visit <= 2; visit++) {
    await page.goto('about:blank');
    await page.goto(server.url);
    await choose(page);
    await numberWhen(page, 'bytes-original', 'about 14 MB', (size) => size > 13e6 && size < 15e6);
    await bothPredict(page);
    assert.equal(downloads, 1, `downloads after visit ${visit}`);
  }
}));
