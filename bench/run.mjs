// Runs the benchmark in one headless Chromium and prints the table. `cargo xtask bench-web` prepares everything and
// calls this; see README.md.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import sirv from 'sirv';

import { launch } from '../tests/browser/harness/browser.mjs';
import { contestants } from './engines.mjs';
import { machineFeatures, quantile, table } from './report.mjs';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const MODELS = join(ROOT, 'target/bench/models');
const RUNS = 12;

const { values: options } = parseArgs({
  options: {
    model: { type: 'string' },
    only: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: '1,2' },
    dtype: { type: 'string', default: 'f32,int8' },
    json: { type: 'string' },
    'warm-up-millis': { type: 'string', default: '1500' },
  },
});
const list = (text) => text?.split(',');

const index = JSON.parse(readFileSync(join(MODELS, 'index.json'), 'utf8'));
const models = list(options.model) ?? Object.keys(index);
for (const model of models) {
  if (!index[model]) throw new Error(`there is no model "${model}"; there are ${Object.keys(index).join(', ')}`);
}

const server = await serve();
const browser = await launch();
const result = { machine: machine(), versions: {}, rows: [] };
try {
  result.versions.chromium = browser.version();
  for (const model of models) {
    for (const dtype of list(options.dtype)) {
      for (const threads of list(options.threads).map(Number)) await contest({ model, dtype, threads });
    }
  }
} finally {
  await browser.close();
  server.close();
}
console.log(`\n${JSON.stringify({ ...result.machine, ...result.versions }, null, 2)}`);
if (options.json) writeFileSync(options.json, `${JSON.stringify(result, null, 2)}\n`);

/** One page, one model, one number format, one number of threads. */
async function contest({ model, dtype, threads }) {
  const engines = contestants({ dtype, threads, only: list(options.only) });
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
    warmUpMillis: Number(options['warm-up-millis']), rounds: Number(options.rounds), runs: RUNS,
  });
  await page.context().close();

  const rows = results.map((measured, idx) => row(model, engines[idx], measured));
  result.rows.push(...rows);
  console.log(`\n${model} ${dtype}, ${threads} thread${threads > 1 ? 's' : ''}, ms\n${table(rows)}`);
}

function row(model, { engine, flavour, threads, dtype }, measured) {
  const facts = { engine: engine.name, flavour: measured.flavour ?? flavour, threads, model, dtype };
  if (measured.error) return { ...facts, error: measured.error };
  result.versions[engine.name] = measured.version;
  const { millis } = measured;
  return {
    ...facts,
    median_ms: quantile(millis, 0.5), p90_ms: quantile(millis, 0.9), best_ms: Math.min(...millis),
    peak_bytes: measured.peakBytes,
    // JSON has no infinity; null is what an output of another length or with NaN gives, and a missing reference.
    max_abs_diff: Number.isFinite(measured.maxAbsDiff) ? measured.maxAbsDiff : null,
  };
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
