// Compression changes the numbers it should change.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
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

/** Waits for the dock's bytes, which are there only while the wanted recipe answers. */
const shipped = (page, accept = (bytes) => bytes > 0) => numberWhen(page, 'bytes-compressed', 'bytes', accept);

test('every preset is offered, says what it does, and runs', onPage({}, async (page) => {
  await page.getByTestId('use-pictures').first().click();
  await page.getByTestId('model-choice').selectOption('everyday-60');
  await bothPredict(page);
  const preset = page.getByTestId('preset');
  const names = await preset.locator('option').evaluateAll((options) => options.map((option) => option.value));
  assert.deepEqual(names, ['fp32', 'fp16', 'bf16', 'int8', 'int8-per-tensor', 'int8-per-tensor-cle', 'int4', 'int4-groups',
    'prune30', 'prune50', 'prune70-obs', 'cluster32', 'cluster16', 'smallest-1pt', 'fastest-1pt']);
  const original = await number(page, 'bytes-original');
  for (const name of names) {
    await preset.selectOption(name);
    assert.equal(await preset.inputValue(), name);
    const bytes = await shipped(page);
    assert.ok(name === 'fp32' ? bytes === original : bytes < original, `${name}: ${bytes} of ${original}`);
  }
}));

test('steps can be switched off, repairs too, and what comes of it is another recipe', onPage({}, async (page) => {
  await page.getByTestId('use-pictures').first().click();
  await page.getByTestId('model-choice').selectOption('everyday-60');
  await bothPredict(page);
  await page.getByTestId('preset').selectOption('int4');
  const small = await shipped(page);
  const weights = page.getByTestId('step-quantize-weights');
  await weights.locator('[aria-expanded]').click();
  await weights.getByRole('radio', { name: 'Off' }).click();
  assert.equal(await page.getByTestId('preset').inputValue(), 'own');
  assert.match(await weights.textContent(), /not repaired/);
  await shipped(page);
  await weights.getByRole('switch').focus();
  await page.keyboard.press('Space');
  assert.equal(await weights.getAttribute('data-value'), 'off');
  await shipped(page, (bytes) => bytes > 2 * small);
  await page.getByTestId('ship').locator('select').selectOption({ label: 'Entropy-coded' });
  await shipped(page);
  assert.equal(await page.getByTestId('error').count(), 0);
}));

test('a recipe that makes no sense says why, and works again when the step is off', onPage({}, async (page) => {
  await page.getByTestId('use-pictures').first().click();
  await bothPredict(page);
  await choose(page, 'int8');
  await shipped(page);
  await page.getByTestId('add-step').selectOption('float16');
  const error = page.getByTestId('error');
  await error.waitFor();
  assert.match(await error.textContent(), /Step 3, “Round to FP16”, would undo “Quantise weights”/);
  assert.ok(Number.isNaN(await number(page, 'bytes-compressed')), 'no older number poses as current');
  await page.getByTestId('step-float16').getByRole('switch').click();
  await error.waitFor({ state: 'detached' });
  await shipped(page);
}));

test('a repair can be cancelled at once', onPage({}, async (page) => {
  await page.getByTestId('use-pictures').first().click();
  await bothPredict(page);
  await choose(page, 'int8');
  await shipped(page);
  await page.getByTestId('preset').selectOption('int4');
  const cancel = page.getByTestId('cancel');
  await page.getByText(/is repaired/).waitFor();
  await cancel.click();
  await shipped(page);
  assert.equal(await page.getByTestId('preset').inputValue(), 'int8', 'the finished recipe is shown again');
}));

test('a recipe is saved, opened again, and refused with the place of what is wrong', onPage({}, async (page) => {
  await page.getByTestId('use-pictures').first().click();
  await bothPredict(page);
  await page.getByTestId('preset').selectOption('fp16');
  await shipped(page);
  await page.getByTestId('sparsity').fill('30');
  const saving = page.waitForEvent('download');
  await page.getByTestId('save-recipe').click();
  const json = readFileSync(await (await saving).path(), 'utf8');
  assert.deepEqual(JSON.parse(json).steps.map((step) => step.pass), ['prune', 'float16']);
  await choose(page, 'int8');
  const open = (text) => page.getByTestId('any-file')
    .setInputFiles({ name: 'recipe.json', mimeType: 'application/json', buffer: Buffer.from(text) });
  await open(json);
  await page.getByTestId('step-float16').waitFor();
  assert.equal(await page.getByTestId('sparsity').inputValue(), '30');
  await shipped(page);
  await open(json.replace('0.3', '"much"'));
  await page.getByTestId('error').waitFor();
  assert.match(await page.getByTestId('error').textContent(), /steps\[0\]/);
  assert.equal(await page.getByTestId('sparsity').inputValue(), '30', 'what was there stays');
}));
