// Runs a program that was compiled for wasm32-wasip1 in Chromium: `node xtask/wasi-chromium.mjs PROGRAM.wasm [ARGUMENT …]`.
// For instruction sets of which Node's older versions have only drafts, and for times as a browser has them. The exit
// status is the program's, and so is what appears on standard output and standard error. Its files are not ours: it finds
// an empty folder.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { launch } from '../tests/browser/harness/browser.mjs';

// An isolated page's clock has steps of 5 µs, any other's 100 µs. Only a secure origin can be isolated.
const ORIGIN = 'https://wasi.test';
const HEADERS = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
const SHIM = fileURLToPath(new URL('../node_modules/@bjorn3/browser_wasi_shim/dist/', import.meta.url));

const [file, ...rest] = process.argv.slice(2);
const browser = await launch();
try {
  const page = await browser.newPage();
  page.on('console', (message) => {
    const stream = message.type() === 'error' ? process.stderr : process.stdout;
    stream.write(`${message.text()}\n`);
  });
  await page.route(`${ORIGIN}/**`, async (route) => {
    const { pathname } = new URL(route.request().url());
    const answer = (contentType, body) => route.fulfill({ headers: HEADERS, contentType, body });
    if (pathname === '/') return answer('text/html', '<!doctype html><link rel="icon" href="data:,">');
    if (pathname === '/program.wasm') return answer('application/wasm', await readFile(file));
    return answer('text/javascript', await readFile(SHIM + pathname.slice(1)));
  });
  await page.goto(ORIGIN);
  process.exitCode = await page.evaluate(async ({ program, args }) => {
    const { ConsoleStdout, File, OpenFile, PreopenDirectory, WASI } = await import('/index.js');
    if (!crossOriginIsolated) throw new Error('the page is not isolated: its clock is too coarse');
    const output = ConsoleStdout.lineBuffered((line) => console.log(line));
    const errors = ConsoleStdout.lineBuffered((line) => console.error(line));
    const files = [new OpenFile(new File([])), output, errors, new PreopenDirectory('.', new Map())];
    const wasi = new WASI([program, ...args], [], files, { debug: false });
    const imports = { wasi_snapshot_preview1: wasi.wasiImport };
    const { instance } = await WebAssembly.instantiateStreaming(fetch('/program.wasm'), imports);
    try {
      return wasi.start(instance);
    } catch (error) {
      console.error(`the program ended by a trap: ${error}`);
      return 1;
    }
  }, { program: file, args: rest });
} finally {
  await browser.close();
}
