// A class without a server: codes out of one page, into another.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { bothPredict, numberWhen, suite } from './harness/page.mjs';

const onPage = suite();

/** The code of this page's run, once its agreement is known. */
async function code(page, name) {
  await bothPredict(page);
  await numberWhen(page, 'agreement', 'a share', (share) => share >= 0);
  await page.getByTestId('share-link').click();
  await page.getByTestId('result-name').fill(name);
  const text = await page.getByTestId('result-code').inputValue();
  await page.keyboard.press('Escape');
  return text;
}

test('two runs meet in a chart, a table and a file; wrong lines are named and stay', onPage({ path: '/#live?v=1&m=everyday-60&r=fp16' }, async (page) => {
  const first = await code(page, 'Zoë');
  await page.getByTestId('preset').selectOption('fp32');
  await page.waitForFunction(() => location.hash.includes('r=fp32'));
  const second = await code(page, '');
  assert.match(first, /^TL1(-[0-9A-Z]{1,5})+$/);
  assert.notEqual(first, second);
  await page.getByTestId('share-link').click();
  await page.getByTestId('view-class').click();
  const wrong = first.replace(/.$/, (last) => (last === '0' ? '1' : '0')).replace(/-(.)/, (_, it) => `-${it === '7' ? '8' : '7'}`);
  await page.getByTestId('codes').fill(`Zoë ${first.toLowerCase()}\n${wrong}\n${second}\nhello`);
  await page.getByTestId('codes-add').click();
  await page.locator('[data-testid="class-runs"][data-n="2"]').waitFor();
  const complaints = await page.getByTestId('codes-wrong').locator('li').allInnerTexts();
  assert.match(complaints.join('\n'), /Line 1: .*wrong, swapped or missing\.\nLine 2: .*no code/);
  assert.equal(await page.getByTestId('codes').inputValue(), `${wrong}\nhello`);
  assert.equal(await page.getByTestId('class-chart').getAttribute('data-n'), '2');
  assert.match(await page.getByTestId('class-runs').innerText(), /Zoë[^]*FP16[^]*FP32/);
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId('class-csv').click()]);
  const lines = readFileSync(await download.path(), 'utf8').trim().split('\n');
  assert.equal(lines.length, 3);
  assert.match(lines[1], /^"Zoë","everyday-60","fp16",\d+,\d+,/);
  await page.reload();
  await page.locator('[data-testid="class-runs"][data-n="2"]').waitFor();
}));

test('a browser that reads no codes says so', onPage({ path: '/#class', prepare: (_, page) => page.addInitScript(() => { delete globalThis.BarcodeDetector; }), permissions: [], expected: [] }, async (page) => {
  await page.getByTestId('codes-scan').click();
  await page.getByTestId('codes-status').getByText('cannot read codes').waitFor();
  assert.equal(await page.getByTestId('codes-scan').isDisabled(), true);
}));

test('a browser that reads codes adds what its camera sees', onPage({
  path: '/#live?v=1&m=everyday-60&r=fp16',
  // The reader is the browser's own; here it is played, and sees whatever `seen` holds.
  prepare: (_, page) => page.addInitScript(() => {
    globalThis.seen = '';
    globalThis.BarcodeDetector = class { async detect() { return globalThis.seen ? [{ rawValue: globalThis.seen }] : []; } };
  }),
}, async (page) => {
  const text = await code(page, 'Kim');
  await page.evaluate(() => { location.hash = '#class'; });
  await page.getByTestId('codes-scan').click();
  await page.evaluate((text) => { globalThis.seen = text; }, text);
  await page.locator('[data-testid="class-runs"][data-n="1"]').waitFor();
  await page.getByTestId('codes-scan').click();
}));
