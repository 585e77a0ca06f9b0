// One engine in one worker: its memories, its globals and its crashes are its own.
//
// A classic worker, because LiteRT's and tfjs's loaders call importScripts. Requests are {load} once, {measure} often,
// and {camera} where the engine prepares frames; each is answered by one {value} or one {error}. See README.md for what
// an adapter is.

const memories = watchMemories();
let engine, input;

self.onmessage = async ({ data }) => {
  try {
    self.postMessage({ value: await answer(data) });
  } catch (error) {
    self.postMessage({ error: error instanceof Error ? `${error.name}: ${error.message}` : String(error) });
  }
};

function answer({ load: options, camera, measure: runs }) {
  if (options) return load(options);
  return camera ? engine.camera(camera) : measure(runs);
}

async function load({ adapter, ...options }) {
  const module = await import(new URL(adapter, self.location.href).href);
  engine = await module.load(options);
  const picture = new Float32Array(await (await get(options.inputUrl)).arrayBuffer());
  input = engine.layout === 'nchw' ? nchwFromNhwc(picture, options.shape) : picture;
  return { version: engine.version, flavour: engine.flavour, camera: Boolean(engine.camera) };
}

async function measure(runs) {
  if (engine.measure) return { ...await engine.measure(input, runs) };
  const millis = [];
  let output;
  for (let run = 0; run < runs; run += 1) {
    const start = performance.now();
    output = await engine.run(input);
    millis.push(performance.now() - start);
  }
  return { millis, output: Float32Array.from(output), peakBytes: engine.peakBytes?.() ?? memoryBytes() };
}

async function get(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} is not there (${response.status})`);
  return response;
}

function nchwFromNhwc(nhwc, [height, width, channels]) {
  const pixels = height * width;
  const nchw = new Float32Array(nhwc.length);
  for (let pixel = 0; pixel < pixels; pixel += 1) {
    for (let channel = 0; channel < channels; channel += 1) {
      nchw[channel * pixels + pixel] = nhwc[pixel * channels + channel];
    }
  }
  return nchw;
}

/** Collects every WebAssembly memory that is made or exported here. They never shrink, so their size is the peak. */
function watchMemories() {
  const found = new Set();
  const note = (instance) => {
    for (const value of Object.values(instance.exports)) {
      if (value instanceof OriginalMemory) found.add(value);
    }
    return instance;
  };
  const OriginalMemory = WebAssembly.Memory;
  WebAssembly.Memory = new Proxy(OriginalMemory, {
    construct(target, parameters) {
      const memory = new target(...parameters);
      found.add(memory);
      return memory;
    },
  });
  WebAssembly.Instance = new Proxy(WebAssembly.Instance, {
    construct: (target, parameters) => note(new target(...parameters)),
  });
  for (const name of ['instantiate', 'instantiateStreaming']) {
    const original = WebAssembly[name].bind(WebAssembly);
    WebAssembly[name] = async (...parameters) => {
      const made = await original(...parameters);
      note(made.instance ?? made);
      return made;
    };
  }
  return found;
}

function memoryBytes() {
  return [...memories].reduce((sum, memory) => sum + memory.buffer.byteLength, 0);
}
