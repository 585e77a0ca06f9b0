// The visitor's own files: ones that work, and ones that are broken and must not break the page.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { bothPredict, goesOnPredicting, numberWhen, suite } from './harness/page.mjs';
import { shared } from './harness/shared.mjs';

const onPage = suite();
const MODEL = 'models/mobilenet_v2_1.0_224_float.onnx';

const give = (page, name, buffer) =>
  page.getByTestId('model-file').setInputFiles({ name, mimeType: 'application/octet-stream', buffer });

/** Gives the page a broken model while it predicts, and sees that it says so and goes on. */
async function refuses(page, name, buffer) {
  await page.getByTestId('use-pictures').first().click();
  await bothPredict(page);
  const before = await numberWhen(page, 'bytes-original', 'bytes', (bytes) => bytes > 0);
  await give(page, name, buffer);
  const error = page.getByTestId('error').first();
  await error.waitFor();
  const text = await error.innerText();
  assert.ok(text.includes(name) || /model/i.test(text), `says what is wrong with which file: "${text}"`);
  assert.doesNotMatch(text, /panicked|unwrap|undefined|\[object/i);
  await goesOnPredicting(page);
  assert.equal(await numberWhen(page, 'bytes-original', 'bytes'), before, 'the former model stays');
}

test('noise that calls itself ONNX', onPage({}, async (page) => {
  let state = 1;
  const noise = Buffer.from(Array.from({ length: 50_000 }, () => (state = (state * 48271) % 0x7fffffff) & 255));
  await refuses(page, 'noise.onnx', noise);
}));

test('a real model that ends too early', onPage({}, async (page, server, t) => {
  const file = shared(t, MODEL);
  if (file) await refuses(page, 'short.onnx', readFileSync(file).subarray(0, 9_437_184));
}));

test('an empty file', onPage({}, (page) => refuses(page, 'empty.onnx', Buffer.alloc(0))));

test('one’s own ONNX model takes over', onPage({}, async (page, server, t) => {
  const file = shared(t, MODEL);
  if (!file) return;
  await page.getByTestId('use-pictures').first().click();
  await bothPredict(page);
  await page.getByTestId('model-file').setInputFiles(file);
  const like = (bytes) => bytes > 13e6 && bytes < 15e6;
  await numberWhen(page, 'bytes-original', 'the 14 MB of MobileNetV2', like);
  await bothPredict(page);
}));
