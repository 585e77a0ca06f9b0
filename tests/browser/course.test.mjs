// The course: both languages, questions, guesses, and figures that are measured where they stand.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { suite } from './harness/page.mjs';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const onPage = suite();

/** Opens a step, as its address does, and waits for its text. */
async function open(page, place) {
  await page.goto(new URL(`/#course/${place}`, page.url()).href);
  const id = `l${place.replace('/', '.')}`;
  await page.locator(`[data-testid="step"][data-value="${id}"]`).waitFor();
}

async function assertNoViolations(page, what) {
  // The policy of the page allows no script but its own; the driver's way in is not the page's.
  await page.evaluate(await readFile(AXE, 'utf8'));
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
  assert.deepEqual(found, [], what);
}

for (const [locale, title] of [['en-GB', 'Where the bytes and the multiply-adds are'], ['de-DE', 'Wo die Bytes stecken und wo die Arbeit']]) {
  test(`lesson 1 asks and answers (${locale})`, onPage({ locale, path: '/#course' }, async (page) => {
    await page.getByTestId('lesson-1').waitFor();
    assert.equal(await page.getByRole('heading', { level: 1 }).innerText(), title);
    await page.getByTestId('step-next').click();
    const option = page.getByTestId('option-3');
    await option.click();
    assert.equal(await option.getAttribute('aria-pressed'), 'true');
    assert.match(await page.locator('.option.right .feedback').innerText(), /^(Right|Genau)/);
    const weights = page.locator('[data-figure="model.weights"]');
    assert.ok(Number(await weights.getAttribute('data-value')) > 1e6);
    await assertNoViolations(page, locale);
    await page.reload();
    assert.equal(await page.getByTestId('option-3').getAttribute('aria-pressed'), 'true', 'answers are kept');
    await page.keyboard.press('ArrowRight');
    await page.locator('[data-testid="step"][data-value="l1.3"]').waitFor();
    await page.keyboard.press('ArrowLeft');
    await page.locator('[data-testid="step"][data-value="l1.2"]').waitFor();
  }));
}

test('a figure is a button until its recipe has run, and a guess comes first', onPage({ path: '/#live' }, async (page) => {
  await page.getByTestId('model-choice').selectOption('everyday-60');
  await open(page, '2/2');
  await page.getByTestId('guess').fill('90');
  await page.getByTestId('make-guess').click();
  await page.getByTestId('run-guess').click();
  const truth = page.getByTestId('truth');
  await truth.waitFor();
  assert.ok(Number(await truth.getAttribute('data-value')) > 90, 'fp16 changes little');
  await open(page, '2/3');
  const figure = page.locator('.prose [data-figure="agreement.fixed @ fp16"]').first();
  assert.match(await figure.innerText(), /n = 60/);
  await open(page, '2/5');
  assert.equal(await page.getByTestId('masked').count(), 1, 'the text goes on behind the question');
  await page.getByTestId('option-2').click();
  await page.locator('.revealed [data-figure="ms.compressed @ fp16"]').first().waitFor();
}));

test('every step of every lesson opens, without violations where most is on screen', onPage({ locale: 'de-DE', path: '/#course/1/1' }, async (page) => {
  const missing = [];
  for (let lesson = 1; lesson <= 8; lesson += 1) {
    await open(page, `${lesson}/1`);
    const steps = await page.locator('.stairs a').count();
    for (let step = 1; step <= steps; step += 1) {
      await open(page, `${lesson}/${step}`);
      if (await page.getByTestId('view-missing').count()) missing.push(`${lesson}/${step}`);
    }
    await assertNoViolations(page, `lesson ${lesson}, last step`);
  }
  // Training.
  assert.deepEqual(missing, ['8/3']);
}));

const phone = { viewport: { width: 360, height: 760 }, locale: 'de-DE', path: '/#course/1/1' };
test('fits 360 px without scrolling sideways', onPage(phone, async (page) => {
  for (const place of ['1/1', '1/2', '1/5', '2/2', '3/6', '4/6', '5/7', '6/2', '6/6', '8/4', '8/5']) {
    await open(page, place);
    const [inside, outside] = await page.evaluate(() => (
      [document.documentElement.scrollWidth, document.documentElement.clientWidth]
    ));
    assert.ok(inside <= outside, `${place} is ${inside} px wide on a screen of ${outside} px`);
  }
}));

test('views look into a layer of the loaded model, and a lesson gives its recipe to take home', onPage({ path: '/#live' }, async (page) => {
  await page.getByTestId('model-choice').selectOption('everyday-60');
  await open(page, '4/1');
  const layer = page.locator('[data-testid="course-layer"][data-ready="true"]');
  await layer.waitFor();
  const first = await layer.getAttribute('data-layer');
  assert.match(await page.getByTestId('course-layer-choice').locator('option:checked').innerText(), /depthwise/, 'the layer whose channels differ most');
  const ratio = page.locator('.prose [data-figure="layer.range.ratio"]').first();
  assert.ok(Number(await ratio.getAttribute('data-value')) > 1);
  await page.getByTestId('course-layer-choice').selectOption('0');
  await page.locator('[data-testid="course-layer"][data-layer="0"][data-ready="true"]').waitFor();
  assert.notEqual(first, '0');
  await open(page, '4/3');
  const output = () => page.getByTestId('equalize-pair').getAttribute('data-value').then(Number);
  const before = await output();
  await page.getByTestId('s').fill('0.5');
  assert.ok(Math.abs(await output() - before) < 1e-9, 'what one layer divides, the next multiplies');
  await open(page, '3/6');
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId('keep').first().click()]);
  assert.equal(download.suggestedFilename(), 'tinylens-int8-per-tensor.json');
}));
