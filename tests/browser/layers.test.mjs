// The view of layers: a strip, a table, one layer from inside, measured times.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bothPredict, numberWhen, suite } from './harness/page.mjs';

const onPage = suite();

/** Both models run, and the view is open with its first layer looked into. */
async function open(page) {
  await page.getByTestId('use-pictures').first().click();
  await bothPredict(page);
  await page.getByTestId('view-layers').click();
  await looked(page, 0);
}

/** Waits until the worker has looked into the layer at this position. */
async function looked(page, layer) {
  await page.locator(`[data-testid="layer-detail"][data-layer="${layer}"][data-ready="true"]`).waitFor();
}

test('a layer opens by click and by key, and shows the arithmetic of a weight', onPage({}, async (page) => {
  await open(page);
  const n = await page.getByRole('listbox').getByRole('option').count();
  assert.ok(n > 20, `${n} layers`);
  assert.equal(await page.getByTestId('layer-table').locator('tbody tr').count(), n);
  await page.getByTestId('layer-3').click();
  await looked(page, 3);
  await page.getByRole('listbox').focus();
  await page.keyboard.press('ArrowRight');
  await looked(page, 4);
  await page.keyboard.press('End');
  await looked(page, n - 1);
  assert.equal(await page.getByTestId(`layer-${n - 1}`).getAttribute('aria-selected'), 'true');
  assert.match(await page.getByTestId('weight-arithmetic').innerText(), /\d/);
  const narrow = await numberWhen(page, 'narrow-channels', 'a count');
  const channels = Number(await page.getByTestId('narrow-channels').getAttribute('data-n'));
  assert.ok(narrow <= channels, `${narrow} of ${channels}`);
}));

test('times are measured on request and stand in strip and table', onPage({}, async (page) => {
  await open(page);
  await page.getByTestId('layers-measure').click();
  await page.getByTestId('layer-metric').selectOption('millis');
  await page.getByTestId('layer-readout').getByText(/\d\s*ms/).waitFor();
  assert.equal(await page.getByTestId('layers-measure').isEnabled(), true);

  // Weights and buffers of both models, then the memory that holds them all.
  const notes = await page.getByTestId('layers-notes').innerText();
  const megabytes = [...notes.matchAll(/([\d.]+)\s*MB/g)].map(([, number]) => Number(number));
  assert.equal(megabytes.length, 5, notes);
  const peak = megabytes.pop();
  assert.ok(megabytes.every((it) => it > 0) && megabytes.reduce((sum, it) => sum + it) < peak, notes);
}));

test('nothing scrolls sideways on a phone, in German', onPage({ locale: 'de-DE', viewport: { width: 360, height: 760 } }, async (page) => {
  await open(page);
  const [content, width] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(content <= width, `${content} of ${width} pixels`);
}));

test('sensitivity is measured layer by layer, can be cancelled, and becomes the bars', onPage({}, async (page) => {
  await page.getByTestId('use-pictures').first().click();
  await page.getByTestId('model-choice').selectOption('everyday-60');
  await bothPredict(page);
  await page.getByTestId('view-layers').click();
  await page.getByTestId('layer-metric').selectOption('sensitivity');
  const run = page.getByTestId('run-scan');
  await run.click();
  await page.getByTestId('cancel').click();
  await run.click();
  await page.locator('[data-testid="run-scan"][data-n]').waitFor();
  assert.match(await page.getByTestId('layer-readout').innerText(), /nats/);
  await page.getByTestId('layer-metric').selectOption('error');
  await run.click();
  await page.locator('[data-testid="run-scan"][data-n]').waitFor();
  assert.match(await page.getByTestId('layer-readout').innerText(), /%/);
}));

test('the open layer shows its channels on the frame, in both models', onPage({}, async (page) => {
  await open(page);
  await page.getByTestId('layer-2').click();
  await page.locator('[data-testid="feature-maps"]:not([data-n="0"])').waitFor();
  const maps = page.getByTestId('feature-maps');
  assert.equal(await maps.locator('canvas.map.a').count(), await maps.locator('canvas.map.b').count());
  const error = await numberWhen(page, 'activation-error', 'a share');
  assert.ok(error >= 0 && error < 2, `${error}`);
}));

test('the address opens a layer and follows the one that is open', onPage({ path: '/#layer=5?v=1&m=everyday-60&r=fp16' }, async (page) => {
  await looked(page, 5);
  await page.getByTestId('layer-3').click();
  await looked(page, 3);
  assert.match(new URL(page.url()).hash, /^#layer=3\?/);
  await page.getByTestId('view-live').click();
  await page.getByTestId('stage').waitFor();
  await page.goBack();
  await looked(page, 3);
}));

test('channels are shown as what differs between both models', onPage({ path: '/#layer=2?v=1&m=everyday-60' }, async (page) => {
  await looked(page, 2);
  await numberWhen(page, 'bytes-compressed', 'bytes');
  const maps = page.locator('[data-testid="feature-maps"]:not([data-n="0"])');
  await page.locator('[data-testid="maps-mode"] [data-value="difference"]').click();
  const channels = maps.locator('[data-channel]');
  await page.locator('[data-channel][data-value]').first().waitFor();
  const shares = await channels.evaluateAll((all) => all.map((it) => Number(it.dataset.value)));
  assert.ok(shares.every((share) => share >= 0) && shares.some((share) => share > 0), `int8 differs: ${shares}`);
  const marks = () => maps.locator('path').evaluateAll((all) => all.filter((it) => it.getAttribute('d')).length);
  assert.ok(await marks() > 0);
  await page.getByTestId('view-live').click();
  await page.locator('[data-testid="recipe"] [value="fp32"], [data-testid="recipe"] [data-value="fp32"]').first().click({ force: true });
  await numberWhen(page, 'bytes-compressed', 'bytes');
  await page.getByTestId('view-layers').click();
  await page.locator('[data-channel][data-value="0"]').first().waitFor();
  assert.equal(await marks(), 0, 'a model does not differ from itself');
}));
