// TensorFlow.js on its WebAssembly backend (XNNPACK). It has no int8 convolutions. The model comes as a list of
// layers, because a graph in its own format would measure the converter too; see ../models for the list.

const PACKAGE = '/npm/@tensorflow';

export async function load({ modelUrl, threads, shape }) {
  // It takes half of the cores at most, whatever setThreadsCount says: on two cores one thread. Told of more cores,
  // it takes as many threads as it is asked for.
  Object.defineProperty(navigator, 'hardwareConcurrency', { value: 2 * threads });
  importScripts(`${PACKAGE}/tfjs-core/dist/tf-core.min.js`);
  // The WebAssembly backend asks the CPU backend's package for one helper.
  importScripts(`${PACKAGE}/tfjs-backend-cpu/dist/tf-backend-cpu.min.js`);
  importScripts(`${PACKAGE}/tfjs-backend-wasm/dist/tf-backend-wasm.min.js`);
  const { tf } = self;
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', threads > 1);
  tf.wasm.setWasmPaths(`${PACKAGE}/tfjs-backend-wasm/wasm-out/`);
  tf.wasm.setThreadsCount(threads);
  if (!await tf.setBackend('wasm')) throw new Error('the WebAssembly backend did not start');
  const taken = threads > 1 ? tf.wasm.getThreadsCount() : 1;
  if (taken !== threads) throw new Error(`it took ${taken} threads instead of ${threads}`);

  const { layers, weightsUrl, output } = await (await fetch(modelUrl)).json();
  const weights = await (await fetch(new URL(weightsUrl, modelUrl))).arrayBuffer();
  const tensor = (it) => it && tf.tensor(
    new Float32Array(weights, it.offset, it.shape.reduce((a, b) => a * b, 1)), it.shape,
  );
  const steps = layers.map((layer) => ({ ...layer, weight: tensor(layer.weight), bias: tensor(layer.bias) }));
  return {
    layout: 'nhwc',
    version: tf.version_core,
    flavour: 'simd128',
    run: (picture) => tf.tidy(() => {
      const values = { input: tf.tensor(picture, [1, ...shape]) };
      for (const step of steps) values[step.output] = apply(tf, step, step.inputs.map((name) => values[name]));
      return values[output].dataSync();
    }),
  };
}

function apply(tf, { op, weight, bias, kernel, strides, pad, activation }, inputs) {
  const [x, y] = inputs;
  switch (op) {
    case 'conv2d':
      return tf.fused.conv2d({ x, filter: weight, strides, pad, bias, activation });
    case 'depthwise_conv2d':
      return tf.fused.depthwiseConv2d({ x, filter: weight, strides, pad, bias, activation });
    case 'add': return tf.add(x, y);
    case 'concat': return tf.concat(inputs, 3);
    case 'max_pool': return tf.maxPool(x, kernel, strides, pad);
    case 'relu': return tf.relu(x);
    case 'relu6': return tf.relu6(x);
    case 'global_average_pool': return tf.mean(x, [1, 2]);
    case 'linear': return tf.fused.matMul({ a: x, b: weight, bias });
    case 'softmax': return tf.softmax(x);
    default: throw new Error(`layer \`${op}\` is unknown`);
  }
}
