// The page before anything is pressed: it loads alone, quietly, in the visitor's language, at every width.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { suite } from './harness/page.mjs';

const onPage = suite();
const BUTTONS = ['start-camera', 'use-pictures', 'open-file'];

test('opens isolated, with three ways to begin', onPage({}, async (page) => {
  for (const button of BUTTONS) await page.getByTestId(button).first().waitFor();
  assert.equal(await page.evaluate(() => crossOriginIsolated), true);
  assert.match(await page.getByTestId('runtime').first().innerText(), /SIMD128/i);
}));

test('asks nobody else for anything, before and after the start', onPage({}, async (page, server) => {
  const origins = new Set();
  page.on('request', (request) => origins.add(new URL(request.url()).origin));
  await page.reload();
  await page.getByTestId('use-pictures').first().click();
  await page.waitForTimeout(3000);
  assert.deepEqual([...origins].filter((origin) => origin !== server.url && origin !== 'null'), []);
}));

for (const [locale, lang, word] of [['en-GB', 'en', /camera/i], ['de-DE', 'de', /Kamera/]]) {
  test(`speaks ${lang} to a browser set to ${locale}`, onPage({ locale }, async (page) => {
    const button = page.getByTestId('start-camera').first();
    await button.waitFor();
    assert.equal(await page.locator('html').getAttribute('lang'), lang);
    assert.match(await button.innerText(), word);
  }));
}

for (const locale of ['en-GB', 'de-DE']) {
  const phone = { viewport: { width: 360, height: 760 }, locale };
  test(`fits 360 px without scrolling sideways (${locale})`, onPage(phone, async (page) => {
    await page.getByTestId('use-pictures').first().waitFor();
    await assertNoSidewaysScroll(page, 'start');
    await page.getByTestId('use-pictures').first().click();
    await page.getByTestId('predictions-original').first().waitFor();
    await assertNoSidewaysScroll(page, 'live');
  }));
}

async function assertNoSidewaysScroll(page, view) {
  const { inside, outside } = await page.evaluate(() => ({
    inside: document.documentElement.scrollWidth, outside: document.documentElement.clientWidth,
  }));
  assert.ok(inside <= outside, `${view} is ${inside} px wide on a screen of ${outside} px`);
}
