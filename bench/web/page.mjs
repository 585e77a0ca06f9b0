// All engines of one model, number format and thread count, side by side in one page, one running at a time.
//
// run.mjs calls `bench`. An engine that fails, is missing or does not answer in time becomes an error and the
// others go on.

import { RELAXED_DOT, maxAbsDiff, medianLayers, order, relaxedDotProbe } from './measure.mjs';

const LOAD_MILLIS = 120_000;
const MEASURE_MILLIS = 120_000;
/** Frames of a camera that are prepared. */
const CAMERA_FRAMES = 100;
/** Lets the threads of the engine before fall asleep. */
const PAUSE_MILLIS = 60;

/**
 * Runs `engines` round-robin and returns one result for each, in their order.
 *
 * - `engines`: `[{ adapter, ...options for its load }]`.
 * - `warmUpMillis`: least time that each engine runs before anything counts.
 * - `rounds`, `runs`: what counts; the order of engines moves by one each round.
 */
globalThis.bench = async ({ engines, referenceUrl, warmUpMillis, rounds, runs }) => {
  const reference = await floats(referenceUrl);
  const contestants = engines.map((options) => ({ options, millis: [], layers: [] }));
  for (const contestant of contestants) await attempt(contestant, start);
  for (const contestant of alive(contestants)) await attempt(contestant, (it) => warmUp(it, warmUpMillis));
  for (let round = 0; round < rounds; round += 1) {
    for (const contestant of order(contestants.length, round).map((idx) => contestants[idx])) {
      if (contestant.error) continue;
      await attempt(contestant, async (it) => {
        await sleep(PAUSE_MILLIS);
        // The first run after another engine finds its caches cold; it is not one of those that count.
        await it.ask({ measure: 1 }, MEASURE_MILLIS);
        it.last = await it.ask({ measure: runs }, MEASURE_MILLIS);
        it.millis.push(...it.last.millis);
        if (it.last.layers) it.layers.push(it.last.layers);
      });
    }
  }
  for (const contestant of alive(contestants).filter(({ facts }) => facts.camera)) {
    await attempt(contestant, async (it) => { it.cameraMillis = await it.ask({ camera: CAMERA_FRAMES }, MEASURE_MILLIS); });
  }
  return contestants.map((contestant) => {
    contestant.worker?.terminate();
    if (contestant.error) return { error: contestant.error };
    const { facts, last, millis, layers, cameraMillis } = contestant;
    return {
      ...facts, millis, cameraMillis, layers: medianLayers(layers), memory: last.memory, peakBytes: last.peakBytes,
      maxAbsDiff: reference && maxAbsDiff(last.output, reference),
    };
  });
};

/** What this browser is, as far as it matters for speed. */
globalThis.features = () => ({
  user_agent: navigator.userAgent,
  isolated: crossOriginIsolated,
  hardware_concurrency: navigator.hardwareConcurrency,
  relaxed_simd: WebAssembly.validate(RELAXED_DOT),
  relaxed_dot_probe: relaxedDotProbe(),
});

async function start(contestant) {
  const { adapter, ...options } = contestant.options;
  contestant.worker = new Worker('worker.js');
  contestant.ask = (message, millis) => ask(contestant.worker, message, millis);
  contestant.facts = await contestant.ask({ load: { adapter, ...options } }, LOAD_MILLIS);
}

async function warmUp(contestant, millis) {
  const end = performance.now() + millis;
  do await contestant.ask({ measure: 4 }, MEASURE_MILLIS); while (performance.now() < end);
}

async function attempt(contestant, work) {
  try {
    await work(contestant);
  } catch (error) {
    contestant.error = error.message;
    contestant.worker?.terminate();
  }
}

const alive = (contestants) => contestants.filter((it) => !it.error);

function ask(worker, message, millis) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${millis / 1000} s`)), millis);
    const finish = (settle, value) => {
      clearTimeout(timer);
      settle(value);
    };
    worker.onmessage = ({ data }) => (
      'error' in data ? finish(reject, new Error(data.error)) : finish(resolve, data.value)
    );
    worker.onerror = (event) => finish(reject, new Error(event.message || 'its worker could not be started'));
    worker.postMessage(message);
  });
}

/** Null where there is no such file. */
async function floats(url) {
  const response = url ? await fetch(url) : null;
  return response?.ok ? new Float32Array(await response.arrayBuffer()) : null;
}

const sleep = (millis) => new Promise((resolve) => setTimeout(resolve, millis));
