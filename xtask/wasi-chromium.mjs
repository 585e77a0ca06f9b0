// Runs a test binary that was compiled for wasm32-wasip1 in Chromium: `node xtask/wasi-chromium.mjs TEST.wasm [ARGUMENT …]`.
// For instruction sets of which Node's older versions have only drafts. The exit status is the program's.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { launch } from '../tests/browser/harness/browser.mjs';

const ORIGIN = 'http://wasi.test';
const SHIM = fileURLToPath(new URL('../node_modules/@bjorn3/browser_wasi_shim/dist/', import.meta.url));

const [file, ...rest] = process.argv.slice(2);
const browser = await launch();
try {
  const page = await browser.newPage();
  page.on('console', (message) => console.log(message.text()));
  await page.route(`${ORIGIN}/**`, async (route) => {
    const { pathname } = new URL(route.request().url());
    if (pathname === '/') return route.fulfill({ contentType: 'text/html', body: '<!doctype html>' });
    if (pathname === '/program.wasm') {
      return route.fulfill({ contentType: 'application/wasm', body: await readFile(file) });
    }
    return route.fulfill({ contentType: 'text/javascript', body: await readFile(SHIM + pathname.slice(1)) });
  });
  await page.goto(ORIGIN);
  process.exitCode = await page.evaluate(async ({ program, args }) => {
    const { ConsoleStdout, File, OpenFile, PreopenDirectory, WASI } = await import('/index.js');
    const say = () => ConsoleStdout.lineBuffered((line) => console.log(line));
    const files = [new OpenFile(new File([])), say(), say(), new PreopenDirectory('.', new Map())];
    const wasi = new WASI([program, ...args], [], files, { debug: false });
    const imports = { wasi_snapshot_preview1: wasi.wasiImport };
    const { instance } = await WebAssembly.instantiateStreaming(fetch('/program.wasm'), imports);
    try {
      return wasi.start(instance);
    } catch (error) {
      console.log(`the program ended by a trap: ${error}`);
      return 1;
    }
  }, { program: file, args: rest });
} finally {
  await browser.close();
}
