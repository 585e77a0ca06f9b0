// Two models on one picture, live: built-in pictures, a camera, and cameras that are not to be had.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bothPredict, number, numberWhen, suite } from './harness/page.mjs';

const onPage = suite({ camera: true });

test('built-in pictures: both sides predict and are timed, and the virtual camera moves', onPage({}, async (page) => {
  await page.getByTestId('use-pictures').first().click();
  await bothPredict(page);
  const looks = new Set();
  for (let count = 0; count < 4; count++) {
    looks.add(await page.locator('canvas').first().evaluate((canvas) => canvas.toDataURL('image/png')));
    await page.waitForTimeout(1000);
  }
  assert.ok(looks.size >= 3, `${looks.size} different pictures in four seconds`);
}));

test('camera: both sides predict, and their agreement is counted', onPage({ permissions: ['camera'] }, async (page) => {
  await page.getByTestId('start-camera').first().click();
  await bothPredict(page);
  const agreement = await numberWhen(page, 'agreement', 'a share', (share) => share >= 0 && share <= 1);
  assert.ok(agreement > 0.3, `int8 agrees with its original on ${agreement} of the frames`);
}));

test('camera: the answers follow the picture', onPage({ permissions: ['camera'] }, async (page) => {
  await page.getByTestId('start-camera').first().click();
  await bothPredict(page);
  const answers = new Set();
  for (let count = 0; count < 60 && answers.size < 2; count++) {
    answers.add((await page.getByTestId('predictions-original').innerText()).split('\n')[0]);
    await page.waitForTimeout(250);
  }
  assert.ok(answers.size >= 2, `always "${[...answers]}", although the camera shows six pictures`);
}));

test('camera: frames in their own planes and drawn ones get the same answers', onPage({ permissions: ['camera'] }, async (page, server) => {
  const inPlanes = await firstAnswers(page);
  assert.equal(await page.locator('[data-testid="stage"] canvas').getAttribute('data-pixels'), 'I420');
  assert.ok(inPlanes.some((name) => /\b(cat|mau)\b/i.test(name)), `one of the pictures is a cat; the answers are ${inPlanes}`);

  await page.addInitScript(() => { delete globalThis.VideoFrame; });
  await page.goto('about:blank');
  await page.goto(server.url);
  const drawn = await firstAnswers(page);
  assert.equal(await page.locator('[data-testid="stage"] canvas').getAttribute('data-pixels'), 'canvas');
  assert.deepEqual(inPlanes, drawn);
}));

test('a denied camera is explained, and pictures still work', onPage({ permissions: [] }, async (page) => {
  await page.getByTestId('start-camera').first().click();
  const error = page.getByTestId('error').first();
  await error.waitFor();
  assert.match(await error.innerText(), /blocked|closed/i);
  await page.getByTestId('use-pictures').first().click();
  await bothPredict(page);
  assert.ok(Number.isFinite(await number(page, 'latency-original')));
}));

/** Starts the camera; the original's first answers while it shows all six pictures once, sorted. */
async function firstAnswers(page) {
  await page.getByTestId('start-camera').first().click();
  await bothPredict(page);
  return page.getByTestId('predictions-original').evaluate(async (list) => {
    const answers = new Set();
    // Twelve seconds for the six, and one more for a machine that is slow.
    for (const end = performance.now() + 13_000; performance.now() < end;) {
      answers.add(list.innerText.split('\n')[0]);
      await new Promise((later) => { setTimeout(later, 100); });
    }
    return [...answers].sort();
  });
}
