// Takes the pictures under docs/screenshots/: `node tests/browser/screenshots.mjs [NAME…]` after `cargo xtask build`.
//
// Not a test: the pictures are looked at, beside the design. A name such as `live-360` takes only those that begin
// with it.

import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { launch } from './harness/browser.mjs';
import { bothPredict, numberWhen, watch } from './harness/page.mjs';
import { serve } from './harness/server.mjs';

const FOLDER = fileURLToPath(new URL('../../docs/screenshots/', import.meta.url));
const DEVICES = {
  1280: { viewport: { width: 1280, height: 800 } },
  360: { viewport: { width: 360, height: 760 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true },
};
const VIEWS = {
  start: async (page) => {
    // The lens on the start page runs by itself; the answers of both sides belong to the picture.
    await numberWhen(page, 'latency-compressed', 'above 0 ms', (millis) => millis > 0);
    await page.waitForTimeout(2000);
  },
  live: async (page) => {
    await page.getByTestId('use-pictures').first().click();
    await bothPredict(page);
    await numberWhen(page, 'agreement', 'a share');
    await page.waitForTimeout(3000);
  },
  layers: async (page) => {
    await VIEWS.live(page);
    await page.getByTestId('view-layers').click();
    await page.getByTestId('layer-1').click();
    await page.locator('[data-testid="layer-detail"][data-ready="true"]').waitFor({ timeout: 60_000 });
    await page.getByTestId('layers-measure').click();
    await page.waitForTimeout(6000);
  },
  experiments: async (page) => {
    await VIEWS.live(page);
    await page.getByTestId('view-experiments').click();
    await page.getByTestId('history').waitFor();
  },
  course: async (page) => {
    await VIEWS.live(page);
    await page.goto(new URL('/#course/1/5', page.url()).href);
    await page.locator('[data-testid="step"][data-value="l1.5"]').waitFor();
    await page.waitForTimeout(1000);
  },
};
/** No licence is stated for the motorcycle's photo, so it does not go into the documents. */
async function withoutMotorcycle(page) {
  const answers = page.locator('[data-testid="predictions-original"], .hero-row').first();
  while (/moped|scooter|motorroller|brake|bremse/i.test(await answers.innerText())) await page.waitForTimeout(500);
}

const PICTURES = [
  ['start', 1280, 'light', 'en'], ['start', 1280, 'dark', 'de'],
  ['start', 360, 'light', 'de'], ['start', 360, 'dark', 'en'],
  ['live', 1280, 'light', 'en'], ['live', 1280, 'dark', 'de'],
  ['live', 360, 'light', 'de'], ['live', 360, 'dark', 'en'],
  ['layers', 1280, 'light', 'en'], ['layers', 360, 'dark', 'de'],
  ['experiments', 1280, 'dark', 'en'], ['experiments', 360, 'light', 'de'],
  ['course', 1280, 'light', 'de'], ['course', 360, 'dark', 'en'],
];

mkdirSync(FOLDER, { recursive: true });
const server = await serve();
const browser = await launch();
try {
  for (const [view, width, colorScheme, locale] of PICTURES) {
    const name = [view, width, colorScheme, ...(locale === 'en' ? [] : [locale])].join('-');
    const wanted = process.argv.slice(2);
    if (wanted.length && !wanted.some((start) => name.startsWith(start))) continue;
    const context = await browser.newContext({ ...DEVICES[width], colorScheme, locale });
    const page = await context.newPage();
    const trouble = watch(page, server.url);
    await page.goto(server.url);
    await VIEWS[view](page);
    if (view === 'start' || view === 'live') await withoutMotorcycle(page);
    await page.screenshot({ path: `${FOLDER}${name}.png` });
    await context.close();
    console.log(name, trouble.length ? `with trouble: ${trouble.join('; ')}` : 'taken');
  }
} finally {
  await browser.close();
  await server.close();
}
