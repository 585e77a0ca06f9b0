// The view Live: the divider, the picture twice, maps of where answers come from, and any recipe on the left side.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bothPredict, goesOnPredicting, number, numberWhen, suite } from './harness/page.mjs';

const onPage = suite({ camera: true });
const camera = { permissions: ['camera'] };

async function start(page) {
  await page.getByTestId('start-camera').first().click();
  await bothPredict(page);
}

const stands = (page) => page.getByTestId('divider').getAttribute('aria-valuenow').then(Number);

test('the divider is moved by keys and by a pointer', onPage(camera, async (page) => {
  await start(page);
  const divider = page.getByTestId('divider');
  assert.equal(await divider.getAttribute('role'), 'slider');
  assert.equal(await stands(page), 50);
  await divider.focus();
  for (const [key, to] of [['ArrowRight', 52], ['PageDown', 42], ['Home', 0], ['End', 100], ['PageDown', 90]]) {
    await page.keyboard.press(key);
    assert.equal(await stands(page), to, key);
  }
  const { x, y, width, height } = await page.getByTestId('stage').boundingBox();
  const knob = await divider.boundingBox();
  await page.mouse.move(knob.x + knob.width / 2, y + height / 2);
  await page.mouse.down();
  await page.mouse.move(x + width / 4, y + height / 3, { steps: 4 });
  assert.ok(Math.abs(await stands(page) - 25) <= 1, `dragged to ${await stands(page)}`);
  await page.mouse.up();
  await page.mouse.move(x + width / 2, y + height / 2);
  assert.ok(Math.abs(await stands(page) - 25) <= 1, 'it stays where it was let go');
  await divider.dblclick();
  assert.equal(await stands(page), 50);
}));

test('side by side shows the picture twice, and maps say where answers come from', onPage(camera, async (page) => {
  await start(page);
  await page.keyboard.press('d');
  const twin = page.getByTestId('stage-twin').locator('canvas');
  await twin.waitFor();
  const equal = () => page.evaluate(() => {
    const [one, two] = ['stage', 'stage-twin'].map((id) => document.querySelector(`[data-testid="${id}"] canvas`));
    return one.width === two.width && one.toDataURL() === two.toDataURL();
  });
  await page.getByTestId('pause').click();
  await page.waitForTimeout(300);
  assert.ok(await equal(), 'both show the same picture');
  await page.getByTestId('pause').click();
  await page.getByTestId('heat-switch').click();
  const marks = page.locator('[data-testid="heat"] path[d^="M"]');
  await marks.first().waitFor({ state: 'attached' });
  await goesOnPredicting(page);
}));

test('any recipe of the history can stand on the left, and agreement says between which two', onPage({}, async (page) => {
  await page.getByTestId('use-pictures').first().click();
  await page.getByTestId('model-choice').selectOption('everyday-60');
  await bothPredict(page);
  const original = await numberWhen(page, 'bytes-original', 'bytes');
  await page.getByTestId('recipe').locator('[data-value="fp16"]').click();
  const fp16 = await numberWhen(page, 'bytes-compressed', 'half', (bytes) => bytes > 0 && bytes < 0.6 * original);
  const left = page.getByTestId('left-choice');
  const value = await left.locator('option', { hasText: 'FP16' }).getAttribute('value');
  await left.selectOption(value);
  await numberWhen(page, 'bytes-original', 'those of FP16', (bytes) => bytes === fp16);
  assert.equal(await page.getByTestId('between').innerText(), 'FP16 and FP16');
  const same = await numberWhen(page, 'agreement', 'known');
  assert.equal(same, 1, 'a model agrees with itself');
  await left.selectOption('original');
  await numberWhen(page, 'bytes-original', 'the original again', (bytes) => bytes === original);
  assert.match(await page.getByTestId('between').innerText(), /^Original/);
}));

const phone = { viewport: { width: 360, height: 760 }, locale: 'de-DE', hasTouch: true };
test('fits 360 px in both modes', onPage(phone, async (page) => {
  await page.getByTestId('use-pictures').first().click();
  await bothPredict(page);
  for (const mode of ['divider', 'side-by-side']) {
    await page.getByTestId('compare-mode').locator(`[data-value="${mode}"]`).click();
    const [content, width] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(content <= width, `${mode}: ${content} of ${width} pixels`);
  }
  assert.ok((await number(page, 'latency-original')) > 0);
}));
