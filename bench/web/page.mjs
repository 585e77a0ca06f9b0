// All engines of one model, number format and thread count, side by side in one page, one running at a time.
//
// run.mjs calls `bench`. An engine that fails, is missing or does not answer in time becomes an error and the
// others go on.

const LOAD_MILLIS = 120_000;
const MEASURE_MILLIS = 120_000;
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
  const contestants = engines.map((options) => ({ options, millis: [] }));
  for (const contestant of contestants) await attempt(contestant, start);
  for (const contestant of alive(contestants)) await attempt(contestant, (it) => warmUp(it, warmUpMillis));
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < contestants.length; turn += 1) {
      const contestant = contestants[(round + turn) % contestants.length];
      if (contestant.error) continue;
      await attempt(contestant, async (it) => {
        await sleep(PAUSE_MILLIS);
        // The first run after another engine finds its caches cold; it is not one of those that count.
        await it.ask({ measure: 1 }, MEASURE_MILLIS);
        it.last = await it.ask({ measure: runs }, MEASURE_MILLIS);
        it.millis.push(...it.last.millis);
      });
    }
  }
  return contestants.map((contestant) => {
    contestant.worker?.terminate();
    if (contestant.error) return { error: contestant.error };
    const { facts, last, millis } = contestant;
    return { ...facts, millis, peakBytes: last.peakBytes, maxAbsDiff: reference && maxAbsDiff(last.output, reference) };
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

/** NaN anywhere or another length is infinitely wrong. */
function maxAbsDiff(output, reference) {
  if (output.length !== reference.length) return Infinity;
  let largest = 0;
  for (let idx = 0; idx < output.length; idx += 1) {
    const difference = Math.abs(output[idx] - reference[idx]);
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Infinity : difference;
  }
  return largest;
}

const sleep = (millis) => new Promise((resolve) => setTimeout(resolve, millis));

/** One function that returns lane 0 of `i32x4.relaxed_dot_i8x16_i7x16_add_s(127…, -1…, 0…)`. */
const RELAXED_DOT = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 127, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 64, 1, 62, 0,
  253, 12, ...Array(16).fill(127), 253, 12, ...Array(16).fill(255), 253, 12, ...Array(16).fill(0),
  253, 147, 2, 253, 27, 0, 11,
]);

/** 129540: the second operand is unsigned (VNNI); 65534: pmaddubsw saturates; -508: signed times signed; null: none. */
function relaxedDotProbe() {
  if (!WebAssembly.validate(RELAXED_DOT)) return null;
  return new WebAssembly.Instance(new WebAssembly.Module(RELAXED_DOT)).exports.f();
}
