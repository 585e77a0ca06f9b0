// rten and tract: Rust crates built to bare WebAssembly by ../peers, in both flavours, on one thread. Their ABI is
// three functions over addresses, see ../peers/abi.

export async function load({ name, modelUrl, flavour, shape: [height, width, channels] }) {
  const binary = await bytesOf(`/peers/${name}-${flavour}.wasm`);
  const { instance: { exports } } = await WebAssembly.instantiate(binary, {});
  // Addresses come before the buffer: asking for one may grow the memory, which detaches the buffer before it.
  const bytes = (address, length) => new Uint8Array(exports.memory.buffer, address, length);
  const floats = (address, length) => new Float32Array(exports.memory.buffer, address, length);
  const message = () => new TextDecoder().decode(bytes(exports.message_address(), exports.message_length()));
  const check = (status) => {
    if (status !== 0) throw new Error(message());
  };

  const model = new Uint8Array(await bytesOf(modelUrl));
  bytes(exports.model_address(model.length), model.length).set(model);
  check(exports.load(channels, height, width));
  check(exports.version());
  return {
    layout: 'nchw',
    version: message(),
    flavour,
    run(picture) {
      floats(exports.input_address(), picture.length).set(picture);
      check(exports.run());
      return floats(exports.output_address(), exports.output_length()).slice();
    },
  };
}

async function bytesOf(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} is not there (${response.status})`);
  return response.arrayBuffer();
}
