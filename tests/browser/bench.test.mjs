// The benchmark's arithmetic, and what its page does with engines that fail: without any peer installed.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { contestants } from '../../bench/engines.mjs';
import { machineFeatures, quantile, table } from '../../bench/report.mjs';
import { RELAXED_DOT, maxAbsDiff, order } from '../../bench/web/measure.mjs';

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
  const int8 = flavours({ dtype: 'int8', threads: 2, only: ['litert', 'tfjs', 'rten'] });
  assert.deepEqual(int8, ['litert relaxed']);
  assert.equal(flavours({ dtype: 'f32', threads: 1 }).length, 10);
});

test('the flags of a CPU are whole words', () => {
  const features = machineFeatures('flags\t\t: fpu avx2 avx512_vnni_not fma\n');
  assert.deepEqual(features, { avx2: true, fma: true, avx512_vnni: false, avx_vnni: false });
});

test('the probe for the relaxed dot product is a module', () => {
  // Node may lack relaxed SIMD; sizes of sections are then all that can be checked.
  assert.equal(RELAXED_DOT[27] + 28, RELAXED_DOT.length);
});
