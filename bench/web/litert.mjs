// LiteRT.js: XNNPACK under TensorFlow Lite. Its loader takes the build with relaxed SIMD wherever the browser has it,
// `compat` (plain SIMD128) elsewhere; the full path of a script instead of a folder forces one build. Threads exist
// only in a build with relaxed SIMD.

const PACKAGE = '/npm/@litertjs';
const WASM = `${PACKAGE}/core/wasm/`;

export async function load({ modelUrl, threads, flavour, shape }) {
  const litert = await importCore();
  const build = flavour === 'simd128' ? 'compat_' : threads > 1 ? 'threaded_' : '';
  const script = `${WASM}litert_wasm_${build}internal.js`;
  // In a worker Emscripten looks for files beside the worker's script.
  self.Module = { locateFile: (file) => WASM + file, mainScriptUrlOrBlob: script };
  await litert.loadLiteRt(script);
  const response = await fetch(modelUrl);
  if (!response.ok) throw new Error(`${modelUrl} is not there (${response.status})`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const model = await litert.loadAndCompile(bytes, { accelerator: 'wasm', cpuOptions: { numThreads: threads } });
  const { version } = await (await fetch(`${PACKAGE}/core/package.json`)).json();
  return {
    layout: 'nhwc',
    version,
    flavour,
    async run(picture) {
      const tensor = new litert.Tensor(picture, [1, ...shape]);
      const [output] = await model.run([tensor]);
      const values = output.toTypedArray().slice();
      tensor.delete();
      output.delete();
      return values;
    },
  };
}

/** The package imports its helper by a bare name, which workers cannot resolve: no import maps there. */
async function importCore() {
  const source = await (await fetch(`${PACKAGE}/core/dist/index.js`)).text();
  const helper = new URL(`${PACKAGE}/wasm-utils/dist/index.js`, self.location.href).href;
  const resolved = source.replaceAll('"@litertjs/wasm-utils"', JSON.stringify(helper));
  return import(URL.createObjectURL(new Blob([resolved], { type: 'text/javascript' })));
}
