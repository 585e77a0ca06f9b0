// Starts the worker in the best flavour that this browser has: the same program, compiled for different vector
// instructions, each with and without threads. In this script's address, `?flavour=simd128` or `?flavour=relaxed` asks
// for one set of vector instructions and `?threads=N` for a number of threads.

// The smallest module that uses one instruction of a set; a browser that lacks it calls the module invalid.
const SETS = {
  relaxed: [1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11],
  simd128: [1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11],
  threads: [1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 5, 4, 1, 3, 1, 1, 10, 11, 1, 9, 0, 65, 0, 254, 16, 2, 0, 26, 11],
};
const has = (set) => WebAssembly.validate(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, ...SETS[set]));

// Layers are small: each further thread gains less and waits for the slowest, and the page needs a processor, too.
const MOST_THREADS = 4;
// MAX_THREADS in crates/kernels/src/threads.rs.
const ROOM_FOR_THREADS = 16;
const HELPERS_PATIENCE_MILLIS = 5000;
const HELPER_STACK_BYTES = 128 << 10;

const query = new URL(import.meta.url).searchParams;
const flavours = ['relaxed', 'simd128'].filter((set) => has(set) && [null, set].includes(query.get('flavour')));
if (!flavours.length) throw new Error('This browser has no WebAssembly SIMD, which Tinylens needs.');
const asked = Math.min(Number(query.get('threads')), ROOM_FOR_THREADS);
const threads = asked || Math.min(navigator.hardwareConcurrency || 1, MOST_THREADS);

// Why one thread has to do; the names are those of SingleThread in src/bridge.rs.
let singleThread;
if (asked === 1) singleThread = 'Asked';
else if (threads < 2) singleThread = 'OneProcessor';
else if (!crossOriginIsolated) singleThread = 'NotIsolated';
else if (!has('threads')) singleThread = 'NoSharedMemory';

await start();

async function start() {
  if (!singleThread) {
    try {
      return await serveWithHelpers();
    } catch (error) {
      console.warn('Threads do not start, one has to do.', error);
      singleThread = 'HelpersFailed';
    }
  }
  const { engine } = await firstThatStarts(flavours);
  engine.serve(singleThread);
}

async function serveWithHelpers() {
  const { engine, flavour } = await firstThatStarts(flavours.map((set) => `${set}-threads`));
  const helpers = Array.from({ length: threads - 1 }, () => (
    new Worker(new URL('helper.js', import.meta.url), { type: 'module' })
  ));
  try {
    await joined(engine, flavour, helpers);
  } catch (error) {
    for (const helper of helpers) helper.terminate();
    throw error;
  }
  engine.serve();
}

async function firstThatStarts(names) {
  let failure;
  for (const flavour of names) {
    try {
      const engine = await import(`./worker/${flavour}/worker.js`);
      await engine.default();
      return { engine, flavour };
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/** Resolves when all helpers have joined, fails when one cannot or when they take too long. */
function joined(engine, flavour, helpers) {
  const [module, memory] = engine.parts();
  return new Promise((resolve, reject) => {
    const end = (settle, value) => {
      clearInterval(timer);
      settle(value);
    };
    const late = performance.now() + HELPERS_PATIENCE_MILLIS;
    const timer = setInterval(() => {
      if (engine.threads() > helpers.length) end(resolve);
      else if (performance.now() > late) end(reject, new Error(`no ${helpers.length} helpers in time`));
    }, 2);
    for (const helper of helpers) {
      helper.addEventListener('message', ({ data }) => end(reject, new Error(data.failed)));
      helper.addEventListener('error', (event) => end(reject, new Error(event.message || 'a helper did not start')));
      helper.postMessage({ flavour, init: { module_or_path: module, memory, thread_stack_size: HELPER_STACK_BYTES } });
    }
  });
}
