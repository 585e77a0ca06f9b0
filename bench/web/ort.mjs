// onnxruntime-web on its WebAssembly backend. The package has one CPU build, plain SIMD128 with threads.

const DIST = '/npm/onnxruntime-web/dist/';

export async function load({ modelUrl, threads, shape: [height, width, channels] }) {
  const ort = await import(`${DIST}ort.wasm.min.mjs`);
  ort.env.wasm.wasmPaths = DIST;
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = 'error';
  const session = await ort.InferenceSession.create(modelUrl, { executionProviders: ['wasm'] });
  const [input, output] = [session.inputNames[0], session.outputNames[0]];
  return {
    layout: 'nchw',
    version: ort.env.versions.web,
    flavour: 'simd128',
    async run(picture) {
      const tensor = new ort.Tensor('float32', picture, [1, channels, height, width]);
      return (await session.run({ [input]: tensor }))[output].data;
    },
  };
}
