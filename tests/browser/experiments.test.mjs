// The view of experiments: a history that outlives a reload, a chart, and the way back to a recipe.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { bothPredict, numberWhen, suite } from './harness/page.mjs';

const onPage = suite();

/** Runs the built-in pictures and one more recipe. */
async function two(page) {
  await page.getByTestId('use-pictures').first().click();
  await bothPredict(page);
  const before = await numberWhen(page, 'bytes-compressed', 'bytes', (bytes) => bytes > 0);
  await page.getByTestId('recipe').locator('[data-value="fp16"]').first().click({ force: true });
  await numberWhen(page, 'bytes-compressed', `other than ${before}`, (bytes) => bytes > 0 && bytes !== before);
  return before;
}

test('every recipe is kept over a reload and can be run again', onPage({}, async (page) => {
  const first = await two(page);
  await page.getByTestId('view-experiments').click();
  const all = page.locator('[data-testid^="experiment-"]');
  assert.equal(await all.count(), 2);
  await page.getByTestId('experiment-0').click();
  await numberWhen(page, 'bytes-compressed', `${first} bytes again`, (bytes) => bytes === first);
  assert.equal(await page.getByTestId('experiment-0').getAttribute('aria-current'), 'true');
  await page.reload();
  await page.getByTestId('experiment-1').waitFor();
  assert.equal(await all.count(), 2);
}));

test('the table and the chart can be taken home', onPage({}, async (page) => {
  await two(page);
  await page.getByTestId('view-experiments').click();
  await page.getByTestId('experiment-1').waitFor();
  const saved = async (handle) => {
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId(handle).click()]);
    return readFileSync(await download.path(), 'utf8');
  };
  const lines = (await saved('experiments-csv')).trim().split('\n');
  assert.equal(lines.length, 3);
  assert.match(lines[0], /^id,model,bytes,/);
  assert.match(await saved('pareto-svg'), /^<svg[^]*<\/svg>$/);
}));

test('the report holds the chart and every recipe, and the chart is a picture too', onPage({}, async (page) => {
  await two(page);
  await page.getByTestId('view-experiments').click();
  await page.getByTestId('experiment-1').waitFor();
  const saved = async (handle) => {
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId(handle).click()]);
    return readFileSync(await download.path());
  };
  const report = (await saved('experiments-report')).toString();
  assert.match(report, /!\[[^\]]+\]\(data:image\/svg\+xml[^)]+\)/);
  assert.equal(report.match(/```json/g).length, 2);
  const png = await saved('pareto-png');
  assert.deepEqual([...png.subarray(1, 4)].map((code) => String.fromCharCode(code)).join(''), 'PNG');
}));

test('changed answers show their picture and both scores; any two stand side by side', onPage({}, async (page) => {
  await page.getByTestId('use-pictures').first().click();
  await page.getByTestId('model-choice').selectOption('everyday-60');
  await bothPredict(page);
  const before = await numberWhen(page, 'bytes-compressed', 'bytes', (bytes) => bytes > 0);
  await page.getByTestId('recipe').locator('[data-value="fp32"]').click();
  await page.getByTestId('sparsity').fill('80');
  await numberWhen(page, 'bytes-compressed', `other than ${before}`, (bytes) => bytes > 0 && bytes !== before);
  await page.getByTestId('view-experiments').click();
  await page.locator('[data-testid^="experiment-"][aria-current="true"]').waitFor();
  await page.locator('[data-testid="flips-run"]:not([disabled])').click();
  await page.locator('[data-testid="flips"][data-n]').waitFor();
  const n = Number(await page.getByTestId('flips').getAttribute('data-n'));
  assert.ok(n > 0, 'eighty per cent of zeros change answers');
  const flips = page.getByTestId('flips').locator('li');
  assert.equal(await flips.count(), n);
  assert.equal(await flips.first().locator('canvas').count(), 1);
  assert.equal(await flips.first().locator('.flip-bar').count(), 4);
  const pair = page.getByTestId('pair');
  assert.match(await pair.innerText(), /MB/);
  await page.getByTestId('pair-live').click();
  await page.getByTestId('divider').waitFor();
}));

test('what earlier visits kept elsewhere moves into the database once', onPage({}, async (page) => {
  await two(page);
  await page.getByTestId('view-experiments').click();
  await page.getByTestId('experiment-1').waitFor();
  await page.waitForTimeout(500);
  const kept = await page.evaluate(async () => {
    const open = () => new Promise((done, failed) => {
      const request = indexedDB.open('tinylens', 1);
      request.onsuccess = () => done(request.result);
      request.onerror = failed;
    });
    const ended = (request) => new Promise((done, failed) => {
      request.onsuccess = () => done(request.result);
      request.onerror = failed;
    });
    const database = await open();
    const store = database.transaction('kept', 'readwrite').objectStore('kept');
    const text = await ended(store.get('tinylens-experiments'));
    await ended(store.delete('tinylens-experiments'));
    database.close();
    localStorage.setItem('tinylens-experiments', text);
    return JSON.parse(text).nodes.length;
  });
  assert.equal(kept, 2);
  await page.reload();
  await page.getByTestId('experiment-1').waitFor();
  assert.equal(await page.evaluate(() => localStorage.getItem('tinylens-experiments')), null);
}));

test('nothing scrolls sideways on a phone, in German', onPage({ locale: 'de-DE', viewport: { width: 360, height: 760 } }, async (page) => {
  await page.getByTestId('use-pictures').first().click();
  await bothPredict(page);
  await page.getByTestId('view-experiments').click();
  await page.getByTestId('experiment-0').waitFor();
  const [content, width] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(content <= width, `${content} of ${width} pixels`);
}));
