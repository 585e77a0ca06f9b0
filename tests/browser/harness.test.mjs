// The harness itself: whatever decides pass or fail is seen to fail here.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch } from './harness/browser.mjs';
import { cameraFile, i420FromRgba } from './harness/camera.mjs';
import { watch } from './harness/page.mjs';
import { readHeaders, serve } from './harness/server.mjs';

let server;
let browser;
before(async () => {
  server = await serve();
  browser = await launch({ camera: await cameraFile() });
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** A page of our server without the app on it. */
async function barePage(permissions = []) {
  const context = await browser.newContext({ permissions });
  const page = await context.newPage();
  await page.goto(`${server.url}/catalog.json`);
  return page;
}

test('a console error, an exception and a foreign request are trouble', async () => {
  const page = await barePage();
  const trouble = watch(page, server.url);
  await page.evaluate(() => console.error('told'));
  await page.evaluate(() => { setTimeout(() => { throw new Error('thrown'); }); });
  await page.evaluate(() => fetch('http://127.0.0.1:1/stranger').catch(() => {}));
  await page.waitForTimeout(300);
  for (const word of [/console: told/, /exception: thrown/, /console: .*violates .*connect-src/i]) {
    assert.ok(trouble.some((line) => word.test(line)), `${word} in ${JSON.stringify(trouble)}`);
  }
  await page.context().close();
});

test('a request that the policy allows is trouble all the same', async () => {
  const page = await barePage();
  const trouble = watch(page, 'http://elsewhere.example', [/status of 404/]);
  await page.evaluate(() => fetch('/nothing'));
  assert.deepEqual(trouble, [`request to another origin: ${server.url}/nothing`]);
  await page.context().close();
});

test('expected trouble is no trouble', async () => {
  const page = await barePage();
  const trouble = watch(page, server.url, [/on purpose/]);
  await page.evaluate(() => { console.error('on purpose'); console.log('chatter'); });
  assert.deepEqual(trouble, []);
  await page.context().close();
});

test('headers are read from _headers, and a strange file is refused', () => {
  const headers = readHeaders('/*\n  A: b: c\n');
  assert.deepEqual([...headers], [['a', 'b: c']]);
  assert.throws(() => readHeaders('/other\n  A: b\n'));
});

test('the hub does what it says', async () => {
  const bytes = Buffer.alloc(700_000, 7);
  const download = async () => Buffer.from(await (await fetch(`${server.url}/hub/model.onnx`)).arrayBuffer());
  server.offer('whole', bytes);
  assert.deepEqual(await download(), bytes);
  server.offer('slow', bytes);
  assert.deepEqual(await download(), bytes);
  server.offer('wrong', bytes);
  const wrong = await download();
  assert.equal(wrong.length, bytes.length);
  assert.notDeepEqual(wrong, bytes);
  server.offer('cut', bytes);
  await assert.rejects(download());
  server.offer('missing', bytes);
  assert.equal((await fetch(`${server.url}/hub/model.onnx`)).status, 404);
  const [entry] = await (await fetch(`${server.url}/catalog.json`)).json();
  assert.equal(entry.bytes, bytes.length);
  assert.ok(entry.url.startsWith(`${server.url}/hub/`));
  assert.throws(() => server.offer('sideways', bytes));
});

test('black, white and red in limited-range BT.601', () => {
  const square = (...rgba) => i420FromRgba(Buffer.from([rgba, rgba, rgba, rgba].flat()), 2, 2);
  assert.deepEqual([...square(0, 0, 0, 255)], [16, 16, 16, 16, 128, 128]);
  assert.deepEqual([...square(255, 255, 255, 255)], [235, 235, 235, 235, 128, 128]);
  assert.deepEqual([...square(255, 0, 0, 255)], [81, 81, 81, 81, 90, 240]);
});

test('the camera plays the built-in pictures', async () => {
  const page = await barePage(['camera']);
  const played = await page.evaluate(async () => {
    const video = document.createElement('video');
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: true });
    await video.play();
    const context = new OffscreenCanvas(16, 12).getContext('2d', { willReadFrequently: true });
    const looks = new Set();
    for (let count = 0; count < 8; count++) {
      await new Promise((frame) => { setTimeout(frame, 500); });
      context.drawImage(video, 0, 0, 16, 12);
      looks.add(context.getImageData(0, 0, 16, 12).data.map((value) => value >> 4).join());
    }
    return { width: video.videoWidth, height: video.videoHeight, looks: looks.size };
  });
  assert.deepEqual([played.width, played.height], [640, 480]);
  assert.ok(played.looks >= 2, 'the picture changes within four seconds');
  await page.context().close();
});
