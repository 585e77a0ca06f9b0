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

test('nothing scrolls sideways on a phone, in German', onPage({ locale: 'de-DE', viewport: { width: 360, height: 760 } }, async (page) => {
  await page.getByTestId('use-pictures').first().click();
  await bothPredict(page);
  await page.getByTestId('view-experiments').click();
  await page.getByTestId('experiment-0').waitFor();
  const [content, width] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(content <= width, `${content} of ${width} pixels`);
}));
