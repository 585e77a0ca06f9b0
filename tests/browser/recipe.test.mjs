// Editing a recipe: steps are added, moved by keys and by dragging, removed, and every change can be undone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bothPredict, numberWhen, suite } from './harness/page.mjs';

const onPage = suite();

async function start(page) {
  await page.getByTestId('use-pictures').first().click();
  await page.getByTestId('model-choice').selectOption('everyday-60');
  await bothPredict(page);
}

const order = (page) => page.getByTestId('steps').locator('> li').evaluateAll((rows) => rows.map((row) => row.dataset.testid));

test('steps are moved by keys and by dragging, and Z takes it back', onPage({}, async (page) => {
  await start(page);
  await page.getByTestId('recipe').locator('[data-value="int8"]').click();
  await numberWhen(page, 'bytes-compressed', 'bytes');
  const before = await order(page);
  const grip = page.getByTestId('grip').first();
  await grip.focus();
  await page.keyboard.press('Space');
  await page.keyboard.press('ArrowDown');
  assert.match(await page.getByTestId('step-moved').innerText(), /2/);
  await page.keyboard.press('Escape');
  assert.deepEqual(await order(page), before, 'Escape puts it back');
  await page.keyboard.press('Space');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Space');
  const moved = [before[1], before[0], ...before.slice(2)];
  assert.deepEqual(await order(page), moved);
  await page.keyboard.press('z');
  assert.deepEqual(await order(page), before);

  const [first, second] = await Promise.all([0, 1].map((idx) => page.getByTestId('grip').nth(idx).boundingBox()));
  await page.mouse.move(first.x + first.width / 2, first.y + first.height / 2);
  await page.mouse.down();
  await page.mouse.move(second.x + second.width / 2, second.y + second.height / 2, { steps: 5 });
  await page.mouse.up();
  assert.deepEqual(await order(page), moved);
  await page.getByTestId('undo').click();
  assert.deepEqual(await order(page), before);
}));

test('a step is added, runs, warns where it destroys a gain, and is removed', onPage({}, async (page) => {
  await start(page);
  await page.getByTestId('recipe').locator('[data-value="fp16"]').click();
  const fp16 = await numberWhen(page, 'bytes-compressed', 'bytes');
  await page.getByTestId('add-step').selectOption('cluster');
  await page.locator('[data-testid="error"], [data-testid="recipe-warning"]').first().waitFor();
  const cluster = page.getByTestId('step-cluster');
  await cluster.locator('[aria-expanded]').click();
  await cluster.getByTestId('step-remove').click();
  assert.equal(await cluster.count(), 0);
  await numberWhen(page, 'bytes-compressed', 'FP16 again', (bytes) => bytes === fp16);
  await page.getByTestId('run-recipe').click();
  await numberWhen(page, 'bytes-compressed', 'the same bytes', (bytes) => bytes === fp16);
}));
