// The benchmark's arithmetic, and what its page does with engines that fail: without any peer installed.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ENGINES, contestants } from '../../bench/engines.mjs';
import { parse, parsePage } from '../../bench/options.mjs';
import { aims, difference, kernels, machineFeatures, quantile, table } from '../../bench/report.mjs';
import { RELAXED_DOT, maxAbsDiff, medianLayers, order } from '../../bench/web/measure.mjs';
import { launch } from './harness/browser.mjs';

test('quantiles lie between order statistics', () => {
  assert.equal(quantile([3, 1, 2], 0.5), 2);
  assert.equal(quantile([4, 1, 2, 3], 0.5), 2.5);
  assert.equal(quantile([5], 0.9), 5);
});

test('the ratio is to the best peer, not to ourselves', () => {
  const numbers = { flavour: 'relaxed', p90_ms: 9, best_ms: 1, peak_bytes: 2e6, max_abs_diff: 0 };
  const text = table([
    { engine: 'tinylens', median_ms: 2, ...numbers }, { engine: 'litert', median_ms: 4, ...numbers },
    { engine: 'ort', flavour: 'simd128', error: 'not today' },
  ]);
  const [, ours, peer, failed] = text.split('\n');
  assert.match(ours, /^tinylens .* 0\.50 /);
  assert.match(peer, /^litert .* 1\.00 /);
  assert.match(failed, /error: not today/);
});

test('an output of another length or with NaN is infinitely wrong', () => {
  assert.equal(maxAbsDiff([1, 2], [1, 4]), 2);
  assert.equal(maxAbsDiff([1], [1, 2]), Infinity);
  assert.equal(maxAbsDiff([NaN, 1], [1, 1]), Infinity);
});

test('every engine begins once', () => {
  assert.deepEqual([0, 1, 2].map((round) => order(3, round)), [[0, 1, 2], [1, 2, 0], [2, 0, 1]]);
});

test('LiteRT.js with threads exists with relaxed SIMD only, tfjs knows no int8', () => {
  const flavours = (query) => contestants(query).map((it) => `${it.engine.name} ${it.flavour}`);
  const int8 = flavours({ dtype: 'int8', threads: 2, names: ['litert', 'tfjs', 'rten'] });
  assert.deepEqual(int8, ['litert relaxed']);
  assert.equal(flavours({ dtype: 'f32', threads: 1, names: ENGINES.map((it) => it.name) }).length, 10);
});

test('options are understood, and what is wrong is refused by name', () => {
  const { engines, models, rounds, threads } = parse(['--only', 'litert,rten', '--rounds', '3', '--threads', '2']);
  assert.deepEqual([engines, rounds, threads], [['litert', 'rten'], 3, [2]]);
  assert.ok(models.includes('mobilenet_v2'));
  for (const [option, value] of [['only', 'nobody'], ['model', 'resnet'], ['rounds', '0'], ['rounds', ''],
    ['threads', '1,x'], ['dtype', 'f16'], ['round', '3']]) {
    assert.throws(() => parse([`--${option}`, value]), new RegExp(option), `--${option} ${value}`);
  }
  assert.throws(() => parse(['--rounds']));
  assert.throws(() => parse(['3']));
});

test("the page's benchmark takes models by id and by file, and refuses what it does not know", () => {
  const { models, presets, rounds } = parsePage(['--model', 'everyday-60,a/b.onnx', '--preset', 'int8', '--rounds', '2']);
  assert.deepEqual([models, presets, rounds], [['everyday-60', 'a/b.onnx'], ['int8'], 2]);
  assert.throws(() => parsePage(['--rounds', 'many']), /rounds/);
  assert.throws(() => parsePage(['--modle', 'x']));
});

test('aims are judged by what was measured, and by that only', () => {
  const row = { engine: 'tinylens', model: 'mobilenet_v2', dtype: 'f32', threads: 1, median_ms: 10, arena_bytes: 7e6 };
  const layers = [{ ceiling_millis: 3 }, { ceiling_millis: 4 }];
  const peer = { model: 'mobilenet_v2', dtype: 'f32', threads: 1 };
  const text = aims([
    { ...row, flavour: 'relaxed', layers, camera_median_ms: 0.3 },
    { ...row, flavour: 'relaxed', dtype: 'int8', median_ms: 5, layers },
    { ...row, flavour: 'relaxed', threads: 2, median_ms: 5.5, layers },
    { ...row, flavour: 'relaxed', model: 'everyday60', layers, camera_median_ms: 0.1 },
    { ...peer, engine: 'rten', flavour: 'relaxed', median_ms: 12 },
    { ...peer, engine: 'litert', flavour: 'relaxed', median_ms: 11 },
    { ...peer, engine: 'ort', flavour: 'simd128', error: 'not today' },
  ]);
  const verdict = (what) => text.split('\n').find((line) => line.includes(what))?.split(/\s{2,}/).slice(1).join(' ');
  assert.equal(verdict("f32, relaxed: time / best peer's (litert relaxed)"), '0.91 1 0.75 must');
  assert.equal(verdict('relaxed: share of the ceiling'), '0.70 0.6 0.8 must');
  assert.equal(verdict('relaxed: speed-up of two threads'), '1.82 1.6 1.85 must');
  assert.equal(verdict('relaxed: activations'), '7.00 12 6 must');
  assert.equal(verdict("relaxed: camera's 640x480"), '0.30 1 0.4 goal');
  assert.equal(verdict('relaxed: int8 / float32'), '0.50 0.45 0.35 missed');
  assert.equal(verdict('SIMD128'), undefined);
  assert.equal(verdict('everyday60'), undefined);
});

test('an engine that computes something else has an error instead of times', () => {
  assert.equal(difference('f32', 1e-5), null);
  assert.equal(difference('int8', 0.07), null);
  for (const far of [0.01, Infinity]) assert.match(difference('f32', far), /differs by/);
  assert.match(difference('int8', undefined), /no reference/);
});

test('layers add up by kernel, and their times are medians', () => {
  const layer = (kernel, millis) => ({ node: 'n', kernel, macs: 4e6, millis, ceiling_millis: 0.25 + millis / 1e6 });
  const runs = [1, 9, 2].map((millis) => [layer('conv', millis), layer('add', 1), layer('conv', 2)]);
  const layers = medianLayers(runs);
  assert.deepEqual(layers.map((it) => it.millis), [2, 1, 2]);
  const [, conv, add, all] = kernels({ layers, threads: 1 }).split('\n').map((line) => line.split(/\s{2,}/));
  assert.deepEqual(conv, ['conv', '2', '4.00', '80 %', '8.0', '2.0', '13 %']);
  assert.equal(add[0], 'add');
  assert.equal(all[2], '5.00');
  assert.equal(medianLayers([]), undefined);
});

test('the flags of a CPU are whole words', () => {
  const features = machineFeatures('flags\t\t: fpu avx2 avx512_vnni_not fma\n');
  assert.deepEqual(features, { avx2: true, fma: true, avx512_vnni: false, avx_vnni: false });
});

test('the probe for the relaxed dot product tells one of the three kinds', async () => {
  const browser = await launch();
  try {
    const page = await browser.newPage();
    const result = await page.evaluate(async (bytes) => {
      const { instance } = await WebAssembly.instantiate(Uint8Array.from(bytes));
      return instance.exports.f();
    }, [...RELAXED_DOT]);
    assert.ok([129540, 65534, -508].includes(result), `${result}`);
  } finally {
    await browser.close();
  }
});
