// A machine without a camera.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bothPredict, suite } from './harness/page.mjs';

const onPage = suite();

test('no camera is a message, not a dead end', onPage({ permissions: ['camera'] }, async (page) => {
  await page.getByTestId('start-camera').first().click();
  const error = page.getByTestId('error').first();
  await error.waitFor();
  assert.match(await error.innerText(), /no camera/i);
  await page.getByTestId('use-pictures').first().click();
  await bothPredict(page);
}));
