// Compression changes the numbers it should change.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bothPredict, number, numberWhen, suite } from './harness/page.mjs';

const onPage = suite();
const SIZES = ['size-dense', 'size-gzip', 'size-sparse', 'size-coded'];

/** Chooses a preset, whichever control the page offers for it. */
async function choose(page, preset) {
  const recipe = page.getByTestId('recipe');
  if (await recipe.evaluate((element) => element.tagName === 'SELECT')) return recipe.selectOption(preset);
  return recipe.locator(`[value="${preset}"], [data-preset="${preset}"]`).first().click({ force: true });
}

test('int8 is about four times smaller', onPage({}, async (page) => {
  await page.getByTestId('use-pictures').first().click();
  await bothPredict(page);
  await choose(page, 'int8');
  const original = await numberWhen(page, 'bytes-original', 'bytes', (bytes) => bytes > 0);
  const within = (bytes) => original / bytes >= 3.5 && original / bytes <= 4.5;
  await numberWhen(page, 'bytes-compressed', `a quarter of ${original}`, within);
  await bothPredict(page);
}));

test('pruning changes the four sizes: the dense file stays, the others shrink', onPage({}, async (page) => {
  await page.getByTestId('use-pictures').first().click();
  await bothPredict(page);
  await choose(page, 'int8');
  for (const size of SIZES) await numberWhen(page, size, 'bytes', (bytes) => bytes > 0);
  const none = await Promise.all(SIZES.map((size) => number(page, size)));
  const sizesAt = async (percent, before) => {
    await page.getByTestId('sparsity').fill(String(percent));
    await numberWhen(page, 'size-gzip', `other than ${before[1]}`, (bytes) => bytes > 0 && bytes !== before[1]);
    for (const size of SIZES) await numberWhen(page, size, 'bytes', (bytes) => bytes > 0);
    return Promise.all(SIZES.map((size) => number(page, size)));
  };
  const half = await sizesAt(50, none);
  assert.ok(half[1] < none[1], `gzipped, half of it zeros: ${half[1]} < ${none[1]}`);
  const most = await sizesAt(90, half);
  assert.ok(Math.abs(most[0] - half[0]) < 0.01 * half[0], `zeros are stored too: ${half[0]} and ${most[0]}`);
  assert.ok(most[1] < half[1], `gzipped: ${most[1]} < ${half[1]}`);
  assert.ok(most[2] < half[2], `sparse-coded: ${most[2]} < ${half[2]}`);
  for (const [at, sizes] of [['0 %', none], ['50 %', half], ['90 %', most]]) {
    assert.ok(sizes[3] < Math.min(...sizes.slice(0, 3)), `entropy-coded is the smallest at ${at}: ${sizes}`);
  }
  assert.ok(most[2] < most[0], `at 90 % coding zeros pays: ${most[2]} < ${most[0]}`);
}));
