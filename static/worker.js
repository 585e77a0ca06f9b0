// Starts the worker in the best flavour that this browser has: the same program, compiled for different vector
// instructions. `?flavour=simd128` or `?flavour=relaxed` in the script's address asks for one of them.

// The smallest module that uses one instruction of a set; a browser that lacks it calls the module invalid.
const SETS = {
  relaxed: [1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11],
  simd128: [1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11],
};
const has = (set) => WebAssembly.validate(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, ...SETS[set]));

const wanted = new URL(import.meta.url).searchParams.get('flavour');
const flavours = Object.keys(SETS).filter((set) => has(set) && (!wanted || wanted === set));
if (!flavours.length) throw new Error('This browser has no WebAssembly SIMD, which Tinylens needs.');

let failure;
for (const flavour of flavours) {
  try {
    const { default: init } = await import(`./worker/${flavour}/worker.js`);
    await init();
    failure = undefined;
    break;
  } catch (error) {
    failure = error;
  }
}
if (failure) throw failure;
