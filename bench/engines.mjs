// Who takes part: the adapter, the model's file, and in which flavours, thread counts and number formats.

const plain = ({ flavour }) => flavour === 'simd128';
const oneThread = ({ threads }) => threads === 1;

export const ENGINES = [
  { name: 'tinylens', adapter: 'tinylens.mjs', file: 'safetensors', offers: () => true },
  {
    name: 'litert', adapter: 'litert.mjs', file: 'tflite',
    // Its build with threads has relaxed SIMD; there is no other.
    offers: ({ threads, flavour }) => threads === 1 || flavour === 'relaxed',
  },
  // No convolutions on integers.
  { name: 'tfjs', adapter: 'tfjs.mjs', file: 'layers.json', offers: (it) => plain(it) && it.dtype === 'f32' },
  { name: 'ort', adapter: 'ort.mjs', file: 'onnx', offers: plain },
  { name: 'rten', adapter: 'wasm_peer.mjs', file: 'onnx', offers: oneThread },
  { name: 'tract', adapter: 'wasm_peer.mjs', file: 'onnx', offers: oneThread },
];

/** Networks with an input of their own, by the name of their files; `bench/models` writes them. */
export const MODELS = ['mobilenet_v1', 'mobilenet_v2', 'efficientnet_lite0', 'squeezenet', 'everyday60'];

export const FLAVOURS = ['relaxed', 'simd128'];
export const DTYPES = ['f32', 'int8'];

/** Those of `names` who take part in `{ dtype, threads }`, once for each flavour. */
export function contestants({ dtype, threads, names }) {
  const chosen = ENGINES.filter((engine) => names.includes(engine.name));
  return chosen.flatMap((engine) => (
    FLAVOURS.filter((flavour) => engine.offers({ dtype, threads, flavour }))
      .map((flavour) => ({ engine, flavour, threads, dtype }))
  ));
}
