// Runs a test binary that was compiled for wasm32-wasip1: `node xtask/wasi-run.mjs TEST.wasm [ARGUMENT …]`.
// Cargo calls it as the target's runner. The exit status is the program's.
import { readFile } from 'node:fs/promises';
import { WASI } from 'node:wasi';
import { setFlagsFromString } from 'node:v8';

// A module with one relaxed instruction. Node 20 knows them only by a flag, which later versions no longer have.
const RELAXED = Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0,
  1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11,
);
if (!WebAssembly.validate(RELAXED)) setFlagsFromString('--experimental-wasm-relaxed-simd');

const [file, ...rest] = process.argv.slice(2);
const wasi = new WASI({
  version: 'preview1',
  args: [file, ...rest],
  env: process.env,
  preopens: { '.': '.' },
  returnOnExit: true,
});
const module = await WebAssembly.compile(await readFile(file));
const instance = await WebAssembly.instantiate(module, wasi.getImportObject());
process.exitCode = wasi.start(instance);
