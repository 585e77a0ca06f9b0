// Links, keys and the projector: what a teacher sends, and what stands on the wall.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bothPredict, numberWhen, suite } from './harness/page.mjs';

const onPage = suite();

const hash = (page) => page.evaluate(() => location.hash);
const withCopy = { permissions: ['clipboard-read', 'clipboard-write'] };

test('a link opens a lesson with a model, a recipe, a language and fewer controls', onPage({ ...withCopy, path: '/#live?v=1&m=everyday-60&r=fp16' }, async (page) => {
  await bothPredict(page);
  await page.getByTestId('share-link').click();
  await page.getByTestId('share-lesson').selectOption('2');
  await page.getByTestId('share-preset').selectOption('fp32');
  await page.getByTestId('share-s').uncheck();
  await page.getByTestId('share-e').uncheck();
  const link = await page.getByTestId('share-url').inputValue();
  assert.match(link, /#course\/2\/1\?v=1&m=everyday-60&r=fp32&l=en&h=se$/);
  assert.ok(await page.getByTestId('qr').first().isVisible());
  assert.ok(await page.getByTestId('share-loopback').isVisible(), 'the link of an own server leads nobody else here');
  await page.getByTestId('share-url-copy').click();
  await page.getByRole('status').getByText('Copied').waitFor({ state: 'attached' });
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), link);
  await page.goto('about:blank');
  await page.goto(link.replace('l=en', 'l=de'));
  await page.locator('[data-testid="step"][data-value="l2.1"]').waitFor();
  assert.equal(await page.locator('html').getAttribute('lang'), 'de');
  assert.equal(await page.getByTestId('view-experiments').isVisible(), false);
  await page.keyboard.press('e');
  await page.getByTestId('view-live').click();
  await bothPredict(page);
  assert.equal(await page.getByTestId('model-choice').inputValue(), 'everyday-60');
  assert.equal(await page.getByTestId('preset').inputValue(), 'fp32');
  assert.equal(await page.getByTestId('steps').isVisible(), false);
  assert.equal(await hash(page), '#live?v=1&m=everyday-60&r=fp32&l=de&h=se', 'a view takes along what the link said');
}));

test('the address follows an own recipe, and a reload brings it back', onPage({ path: '/#live?v=1&m=everyday-60&r=fp16' }, async (page) => {
  await bothPredict(page);
  await page.getByTestId('sparsity').fill('30');
  await page.waitForFunction(() => location.hash.includes('r=~'));
  await page.reload();
  await bothPredict(page);
  assert.equal(await page.getByTestId('sparsity').inputValue(), '30');
}));

test('what a link says and the page does not know is named, and the rest counts', onPage({ path: '/#live?v=1&m=nobody&r=fp16&h=Q&x=1' }, async (page) => {
  const error = page.getByTestId('error').first();
  await error.getByText(/m=nobody|h=Q, x=1/).waitFor();
  await page.getByTestId('close-error').click();
  await bothPredict(page);
  assert.equal(await page.getByTestId('preset').inputValue(), 'fp16');
}));

test('a place that the page does not have is named', onPage({ path: '/#nonsense=9' }, async (page) => {
  await page.getByTestId('error').first().getByText('#nonsense=9').waitFor();
  await page.getByTestId('close-error').click();
  await page.goto(`${new URL(page.url()).origin}/#main`);
  await page.getByTestId('use-pictures').first().waitFor();
  assert.equal(await page.getByTestId('error').count(), 0, 'an anchor of the page is no place');
}));

test('keys: the map opens, letters do nothing while typing, P projects and Escape leaves', onPage({ path: '/#live?v=1&m=everyday-60&r=fp16' }, async (page) => {
  await bothPredict(page);
  await page.keyboard.press('?');
  const map = page.getByTestId('keys');
  await map.getByText('projector layout').waitFor();
  await page.keyboard.press('p');
  assert.equal(await page.getByTestId('projector').count(), 0, 'a dialog takes the keys');
  await page.keyboard.press('Escape');
  await map.waitFor({ state: 'hidden' });
  await page.getByTestId('model-choice').focus();
  await page.keyboard.press('p');
  assert.equal(await page.getByTestId('projector').count(), 0, 'a list takes the keys');
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press('p');
  await page.getByTestId('projector').waitFor();
  await bothPredict(page);
  await page.keyboard.press('Escape');
  await page.getByTestId('projector').waitFor({ state: 'detached' });
  await page.getByTestId('model-choice').waitFor();
}));

for (const [width, height] of [[1920, 1080], [1280, 720], [3840, 2160]]) {
  const wall = { viewport: { width, height }, locale: 'de-DE', path: '/#course/3/2?v=1&m=everyday-60&r=fp16' };
  test(`the projector fills ${width} × ${height} and scrolls nowhere`, onPage(wall, async (page) => {
    await numberWhen(page, 'latency-compressed', 'above 0 ms', (millis) => millis > 0);
    await page.keyboard.press('p');
    await page.getByTestId('projector').waitFor();
    await bothPredict(page);
    const [content, inner, number] = await page.evaluate(() => [
      [document.documentElement.scrollWidth, document.documentElement.scrollHeight], [innerWidth, innerHeight],
      document.querySelector('[data-testid="agreement"]').getBoundingClientRect().height / innerHeight,
    ]);
    assert.ok(content[0] <= inner[0] && content[1] <= inner[1] + 1, `${content} of ${inner}`);
    assert.ok(number > 0.03, `the number is ${number} of the height`);
    await page.keyboard.press('ArrowRight');
    await page.waitForFunction(() => location.hash.startsWith('#course/3/3'));
  }));
}
