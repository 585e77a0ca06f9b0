// rten and tract: Rust crates built to bare WebAssembly by ../peers, in both flavours, on one thread. Their ABI is
// three functions over addresses, see ../peers/abi.

export async function load({ name, modelUrl, flavour, shape: [height, width, channels] }) {
  const binary = await bytesOf(`/peers/${name}-${flavour}.wasm`);
  const { instance: { exports } } = await WebAssembly.instantiate(binary, {});
  const text = (address, length) => new TextDecoder().decode(new Uint8Array(exports.memory.buffer, address, length));
  const check = (status) => {
    if (status !== 0) throw new Error(text(exports.message_address(), exports.message_length()));
  };

  const model = new Uint8Array(await bytesOf(modelUrl));
  new Uint8Array(exports.memory.buffer, exports.model_address(model.length), model.length).set(model);
  check(exports.load(channels, height, width));
  check(exports.version());
  return {
    layout: 'nchw',
    version: text(exports.message_address(), exports.message_length()),
    flavour,
    run(picture) {
      new Float32Array(exports.memory.buffer, exports.input_address(), picture.length).set(picture);
      check(exports.run());
      return new Float32Array(exports.memory.buffer, exports.output_address(), exports.output_length()).slice();
    },
  };
}

async function bytesOf(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} is not there (${response.status})`);
  return response.arrayBuffer();
}
