// Helper threads: they run where they can, change no answer, and where they cannot, the page says why and works.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { suite } from './harness/page.mjs';

const onPage = suite();

const badge = (page) => page.getByTestId('runtime').first();

async function threadsInTable(page) {
  await badge(page).click();
  return page.getByTestId('runtime-threads').first().innerText();
}

async function answers(page) {
  await page.getByTestId('use-pictures').first().click();
  await page.getByTestId('predictions-original').first().waitFor();
}

test('two threads run an isolated page', onPage({ path: '/?threads=2' }, async (page) => {
  await badge(page).getByText('2 threads').waitFor();
  assert.match(await threadsInTable(page), /^2 of \d+$/);
  await page.keyboard.press('Escape');
  await answers(page);
}));

for (const flavour of ['relaxed', 'simd128']) {
  test(`one, two and three threads give the same outputs (${flavour})`, onPage({}, async (page) => {
    const [one, ...others] = await page.evaluate(outputs, { flavour, counts: [1, 2, 3] });
    assert.equal(one.runtime.threads, 1);
    assert.deepEqual(others.map(({ runtime }) => runtime.threads), [2, 3]);
    assert.ok(one.output.length > 1 && one.output.every(Number.isFinite));
    for (const { output } of others) assert.deepEqual(output, one.output);
    // The float network calibrates: the same quantization with any number of threads, and the same levels ever after.
    assert.ok([one, ...others].every(({ format }) => format === 'int8'));
    assert.ok(one.int8.length === one.output.length && one.int8.every(Number.isFinite));
    assert.notDeepEqual(one.int8, one.output);
    for (const { int8 } of others) assert.deepEqual(int8, one.int8);
  }));
}

test('one thread runs a page that asks for one', onPage({ path: '/?threads=1' }, async (page) => {
  await badge(page).getByText('1 thread').waitFor();
  assert.match(await threadsInTable(page), /^1 of \d+: the address asks for one$/);
}));

const spoilt = [
  [{ isolation: true }, 'page is not isolated'],
  [{ missing: '/helper.js' }, 'helper threads did not start'],
  [{ silent: '/helper.js' }, 'helper threads did not start'],
];
for (const [what, reason] of spoilt) {
  const options = { path: '/?threads=2', expected: [/status of 404/], prepare: (server) => server.spoil(what) };
  test(`one thread runs where ${JSON.stringify(what)} is spoilt, and the page says why`, onPage(options, async (page) => {
    await badge(page).getByText('1 thread').waitFor();
    assert.equal(await page.evaluate(() => crossOriginIsolated), !what.isolation);
    assert.match(await threadsInTable(page), new RegExp(`^1 of \\d+: ${reason}$`));
    await page.keyboard.press('Escape');
    await answers(page);
  }));
}

/** What the bundled model and its int8 form give for one picture of noise, by workers of so many threads each. Runs in the page. */
async function outputs({ flavour, counts }) {
  const model = await (await fetch('models/everyday-60.safetensors')).arrayBuffer();
  // A fixed sequence of numbers from 0 to 1 (the generator of Park and Miller).
  let seed = 1;
  const picture = Float32Array.from({ length: 96 * 96 * 3 }, () => (seed = (seed * 48271) % 2147483647) / 2147483647);
  const results = [];
  for (const threads of counts) {
    const worker = new Worker(`worker.js?flavour=${flavour}&threads=${threads}`, { type: 'module' });
    const answer = (name) => new Promise((resolve, reject) => {
      worker.addEventListener('error', (event) => reject(new Error(event.message)));
      // A request that the worker cannot read has no answer.
      setTimeout(() => reject(new Error(`no ${name} within a minute`)), 60_000);
      worker.addEventListener('message', ({ data }) => {
        if (data[name]) resolve(data[name]);
        if (data.Failed) reject(new Error(JSON.stringify(data.Failed)));
      });
    });
    const { runtime } = await answer('Ready');
    const ask = (request, bytes, name) => {
      worker.postMessage({ message: request, bytes }, bytes ? [bytes] : []);
      return answer(name);
    };
    const source = { File: { name: 'everyday-60.safetensors' } };
    await ask({ LoadModel: { id: 1, source } }, model.slice(), 'ModelLoaded');
    const { output } = await ask({ Measure: { id: 2, runs: 3 } }, picture.slice().buffer, 'Measured');
    const steps = [
      { pass: 'quantize-activations', ranges: 'min-max' },
      { pass: 'quantize-weights', bits: 8, granularity: 'per-channel', repair: 'off' },
    ];
    const recipe = { version: 2, steps, storage: 'plain' };
    const { facts } = await ask({ Compress: { id: 3, recipe: JSON.stringify(recipe) } }, undefined, 'Compressed');
    const measure = { Measure: { id: 4, side: 'Compressed', runs: 3 } };
    const { output: int8 } = await ask(measure, picture.slice().buffer, 'Measured');
    results.push({ runtime, output: [...output], format: facts.format, int8: [...int8] });
    worker.terminate();
  }
  return results;
}
