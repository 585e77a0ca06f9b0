// Runs the benchmark in one headless Chromium and prints the table. `cargo xtask bench-web` prepares everything and
// calls this; see README.md.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sirv from 'sirv';

import { launch } from '../tests/browser/harness/browser.mjs';
import { contestants } from './engines.mjs';
import { parse } from './options.mjs';
import { aims, difference, kernels, machineFeatures, quantile, table } from './report.mjs';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const MODELS = join(ROOT, 'target/bench/models');
const RUNS = 12;

const options = parse(process.argv.slice(2));
const index = JSON.parse(readFileSync(join(MODELS, 'index.json'), 'utf8'));

const server = await serve();
const browser = await launch();
const result = { machine: machine(), versions: {}, rows: [] };
try {
  result.versions.chromium = browser.version();
  for (const model of options.models) {
    for (const dtype of options.dtypes) {
      for (const threads of options.threads) await contest({ model, dtype, threads });
    }
  }
} finally {
  await browser.close();
  server.close();
}
console.log(`\n${aims(result.rows)}\n\n${JSON.stringify({ ...result.machine, ...result.versions }, null, 2)}`);
if (result.rows.some((it) => it.engine === 'tinylens' && it.error)) process.exitCode = 1;
if (options.json) writeFileSync(options.json, `${JSON.stringify(result, null, 2)}\n`);

/** One page, one model, one number format, one number of threads. */
async function contest({ model, dtype, threads }) {
  const engines = contestants({ dtype, threads, names: options.engines });
  if (!engines.length) return;
  const page = await (await browser.newContext()).newPage();
  page.on('crash', () => console.error('the page crashed'));
  await page.goto(`${server.url}/bench/`);
  await page.waitForFunction(() => globalThis.bench);
  Object.assign(result.machine, await page.evaluate(() => globalThis.features()));
  const url = (file) => `${server.url}/models/${file}`;
  const results = await page.evaluate((task) => globalThis.bench(task), {
    engines: engines.map(({ engine, flavour }) => ({
      adapter: engine.adapter, name: engine.name, flavour, threads, dtype,
      shape: index[model].shape,
      modelUrl: url(`${model}-${dtype}.${engine.file}`),
      inputUrl: url(`${model}-input.bin`),
    })),
    referenceUrl: url(`${model}-${dtype}.reference.bin`),
    warmUpMillis: options.warmUpMillis, rounds: options.rounds, runs: RUNS,
  });
  await page.context().close();

  const rows = results.map((measured, idx) => row(model, engines[idx], measured));
  result.rows.push(...rows);
  const title = `${model} ${dtype}, ${threads} thread${threads > 1 ? 's' : ''}`;
  console.log(`\n${title}, ms\n${table(rows)}`);
  for (const it of rows.filter(({ layers }) => layers)) {
    console.log(`\n${title}, ${it.flavour}, by kernel\n${kernels(it)}`);
  }
}

function row(model, { engine, flavour, threads, dtype }, measured) {
  const facts = { engine: engine.name, flavour: measured.flavour ?? flavour, threads, model, dtype };
  if (measured.error) return { ...facts, error: measured.error };
  const wrong = difference(dtype, measured.maxAbsDiff);
  if (wrong) return { ...facts, error: wrong };
  result.versions[engine.name] = measured.version;
  const { millis } = measured;
  return {
    ...facts,
    median_ms: quantile(millis, 0.5), p90_ms: quantile(millis, 0.9), best_ms: Math.min(...millis),
    peak_bytes: measured.peakBytes,
    max_abs_diff: measured.maxAbsDiff,
    ...own(measured),
  };
}

/** What only our engine tells: its layers, its memory, and how long a camera's frame takes to become its input. */
function own({ layers, memory, cameraMillis }) {
  if (!layers) return {};
  const camera = cameraMillis && {
    camera_median_ms: quantile(cameraMillis, 0.5), camera_best_ms: Math.min(...cameraMillis),
  };
  return { weight_bytes: memory.weights, arena_bytes: memory.arena, ...camera, layers };
}

function machine() {
  const info = existsSync('/proc/cpuinfo') ? readFileSync('/proc/cpuinfo', 'utf8') : '';
  return { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, cpu_features: machineFeatures(info) };
}

/** The pages of this folder, npm's packages, the app and the models under one origin that is isolated. */
async function serve() {
  const headers = new Headers({
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Embedder-Policy': 'require-corp',
    'Cross-Origin-Resource-Policy': 'same-origin',
  });
  const setHeaders = (response) => response.setHeaders(headers);
  const folders = {
    '/bench/': join(ROOT, 'bench/web'), '/npm/': join(ROOT, 'bench/node_modules'),
    '/peers/': join(ROOT, 'target/bench/peers'), '/models/': MODELS, '/app/': join(ROOT, 'dist'),
  };
  const handlers = Object.entries(folders).map(([prefix, folder]) => [prefix, sirv(folder, { dev: true, setHeaders })]);
  const http = createServer((request, response) => {
    const missing = () => response.writeHead(404, { 'Content-Type': 'text/plain' }).end('not found');
    const [prefix, handler] = handlers.find(([it]) => request.url.startsWith(it)) ?? [];
    if (!handler) return missing();
    request.url = request.url.slice(prefix.length - 1);
    return handler(request, response, missing);
  });
  await new Promise((listening) => http.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${http.address().port}`,
    close() {
      http.closeAllConnections();
      http.close();
    },
  };
}
