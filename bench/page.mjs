// How long people wait for the page: the first answer out of a warm cache, every preset on a model, and a cancelled
// recipe, with the longest pause of the page's thread beside each. `cargo xtask bench-page OPTIONS` builds the page first.

import { readFileSync, writeFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';

import { launch } from '../tests/browser/harness/browser.mjs';
import { bothPredict, watch } from '../tests/browser/harness/page.mjs';
import { serve } from '../tests/browser/harness/server.mjs';
import { PAGE_MODELS, parsePage } from './options.mjs';
import { aligned, quantile } from './report.mjs';

/** A recipe may take this long before it counts as stuck. */
const PATIENCE = 600_000;
/** Where a repair is cancelled, and how far into it. */
const CANCELLED = { preset: 'int4', afterMillis: 1500 };

/** Runs in the page: lets its thread tell its long tasks, and defines what the measurements below use there. */
function prepare() {
  globalThis.longest = 0;
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) globalThis.longest = Math.max(globalThis.longest, duration);
  }).observe({ type: 'longtask' });
  globalThis.known = (id) => document.querySelector(`[data-testid="${id}"]`)?.dataset.value !== undefined;
  globalThis.failed = () => document.querySelector('[data-testid="error"]')?.textContent;
  globalThis.timeWhen = (holds) => new Promise((found) => {
    const look = () => {
      if (!holds()) return;
      observer.disconnect();
      found(performance.now());
    };
    const observer = new MutationObserver(look);
    observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
    look();
  });
  globalThis.choose = (preset) => {
    const list = document.querySelector('[data-testid="preset"]');
    list.value = preset;
    list.dispatchEvent(new Event('change', { bubbles: true }));
  };
}

/** Milliseconds from the beginning of a visit to the first answer of each side, with all in the browser's caches. */
async function firstAnswers(context, url) {
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  await page.addInitScript(prepare);
  await page.addInitScript(() => {
    const answers = (side) => document.querySelector(`[data-testid="predictions-${side}"]`)?.textContent ?? '';
    globalThis.firstAnswers = ['original', 'compressed'].map((side) => timeWhen(() => /\d/.test(answers(side))));
  });
  await page.goto(url);
  const [original, compressed] = await page.evaluate(() => Promise.all(globalThis.firstAnswers));
  await page.close();
  return { original, compressed };
}

/** Milliseconds from choosing a preset until its bytes stand on the page, and the longest task meanwhile. */
function preset(page, name) {
  return page.evaluate(async (name) => {
    globalThis.longest = 0;
    const from = performance.now();
    choose(name);
    await timeWhen(() => !known('bytes-compressed') || failed());
    const to = await timeWhen(() => known('bytes-compressed') || failed());
    return { millis: to - from, longest: globalThis.longest, error: failed() };
  }, name);
}

/** Goes back to the model as it came, and waits until its figures stand on the page. */
async function rest(page) {
  await page.getByTestId('preset').selectOption('fp32');
  await page.waitForFunction(() => known('bytes-compressed') && known('latency-compressed'));
}

/** Milliseconds from the button that cancels until the finished recipe stands there again, some way into a repair. */
function cancel(page, { preset, afterMillis }) {
  return page.evaluate(async ([preset, afterMillis]) => {
    const button = () => document.querySelector('[data-testid="cancel"]');
    choose(preset);
    await timeWhen(button);
    await new Promise((later) => setTimeout(later, afterMillis));
    if (!button()) return null;
    globalThis.longest = 0;
    const from = performance.now();
    button().click();
    const to = await timeWhen(() => !button() && known('bytes-compressed'));
    return { millis: to - from, longest: globalThis.longest };
  }, [preset, afterMillis]);
}

/** Whether a model is named by the path of its file; ids of the page's models have neither dots nor slashes. */
const isFile = (model) => /[./]/.test(model);

/** Opens the page on the built-in pictures with `model`, an id of the page's or a path to a model file. */
async function open(context, server, model) {
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  await page.addInitScript(prepare);
  await page.goto(`${server.url}/#live?v=1&m=${isFile(model) ? PAGE_MODELS[0] : model}&r=fp32`);
  await bothPredict(page);
  if (isFile(model)) {
    await page.getByTestId('model-file').first().setInputFiles({
      name: basename(model), mimeType: 'application/octet-stream', buffer: readFileSync(resolve(model)),
    });
    const stem = basename(model).replace(/\.[^.]*$/, '');
    await page.waitForFunction((stem) => document.body.innerText.includes(stem), stem);
    await bothPredict(page);
  }
  return page;
}

async function measure({ models, presets, rounds }, server, browser) {
  const rows = [];
  for (const model of models) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-GB' });
    if (!isFile(model)) {
      const url = `${server.url}/#live?v=1&m=${model}&r=int8`;
      await firstAnswers(context, url);
      const times = [];
      for (let round = 0; round < rounds; round += 1) times.push(await firstAnswers(context, url));
      rows.push(row(model, 'first answer, original', times.map((it) => ({ millis: it.original }))));
      rows.push(row(model, 'first answer, int8', times.map((it) => ({ millis: it.compressed }))));
    }
    const found = new Map();
    const add = (what, time) => found.set(what, [...found.get(what) ?? [], time]);
    for (let round = 0; round < rounds; round += 1) {
      const page = await open(context, server, model);
      const trouble = watch(page, server.url);
      const all = await page.getByTestId('preset').locator('option').evaluateAll((options) => options.map((it) => it.value));
      const unknown = presets?.find((name) => !all.includes(name));
      if (unknown) throw new Error(`--preset: there is no "${unknown}"; there are ${all.join(', ')}`);
      for (const name of presets ?? all.filter((it) => it !== 'fp32' && it !== 'own')) {
        console.error(`${model}, round ${round + 1} of ${rounds}: ${name}`);
        await rest(page);
        add(name, await preset(page, name));
      }
      await rest(page);
      const cancelled = await cancel(page, CANCELLED);
      if (cancelled) add(`${CANCELLED.preset} cancelled`, cancelled);
      if (trouble.length) console.error(`${model}: ${trouble.join('; ')}`);
      await page.close();
    }
    for (const [what, times] of found) rows.push(row(model, what, times));
    await context.close();
  }
  return rows;
}

function row(model, what, times) {
  const error = times.find((it) => it.error)?.error;
  if (error) return { model: basename(model), what, error };
  const millis = times.map((it) => it.millis);
  const longest = times.map((it) => it.longest).filter((it) => it !== undefined);
  return {
    model: basename(model), what, median_ms: quantile(millis, 0.5), worst_ms: Math.max(...millis),
    longest_task_ms: longest.length ? Math.max(...longest) : null,
  };
}

function table(rows) {
  const head = ['model', 'what', 'median, s', 'worst, s', 'longest task, ms'];
  const seconds = (millis) => (millis / 1000).toFixed(2);
  return aligned(2, head, rows.map((it) => [it.model, it.what, ...it.error ? [`error: ${it.error}`] : [
    seconds(it.median_ms), seconds(it.worst_ms), it.longest_task_ms === null ? '–' : it.longest_task_ms.toFixed(0),
  ]]));
}

const options = parsePage(process.argv.slice(2));
const server = await serve();
const browser = await launch();
try {
  const chromium = browser.version();
  const rows = await measure(options, server, browser);
  console.log(`Chromium ${chromium}, ${options.rounds} rounds\n${table(rows)}`);
  if (options.json) writeFileSync(options.json, `${JSON.stringify({ chromium, rows }, null, 2)}\n`);
  if (rows.some((it) => it.error)) process.exitCode = 1;
} finally {
  await browser.close();
  await server.close();
}
