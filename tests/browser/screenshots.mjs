// Takes the pictures under docs/screenshots/: `node tests/browser/screenshots.mjs [NAME…]` after `cargo xtask build`.
//
// Not a test: the pictures are looked at, beside the design. A name such as `live-phone` takes only those that
// begin with it.

import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { launch } from './harness/browser.mjs';
import { bothPredict, numberWhen, watch } from './harness/page.mjs';
import { serve } from './harness/server.mjs';

const FOLDER = fileURLToPath(new URL('../../docs/screenshots/', import.meta.url));
const DEVICES = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 360, height: 760 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true },
};
const VIEWS = {
  start: async (page) => {
    await page.getByTestId('use-pictures').first().waitFor();
    // The lens on the start page runs by itself; its first answers belong to the picture.
    await page.waitForTimeout(6000);
  },
  live: async (page) => {
    await page.getByTestId('use-pictures').first().click();
    await bothPredict(page);
    await numberWhen(page, 'agreement', 'a share');
    await page.waitForTimeout(3000);
  },
};
const PICTURES = [
  ['start', 'desktop', 'light', 'en'], ['start', 'desktop', 'dark', 'de'],
  ['start', 'phone', 'light', 'de'], ['start', 'phone', 'dark', 'en'],
  ['live', 'desktop', 'light', 'en'], ['live', 'desktop', 'dark', 'de'],
  ['live', 'phone', 'light', 'de'], ['live', 'phone', 'dark', 'en'],
];

mkdirSync(FOLDER, { recursive: true });
const server = await serve();
const browser = await launch();
try {
  for (const [view, device, colorScheme, locale] of PICTURES) {
    const name = [view, device, colorScheme, locale].join('-');
    const wanted = process.argv.slice(2);
    if (wanted.length && !wanted.some((start) => name.startsWith(start))) continue;
    const context = await browser.newContext({ ...DEVICES[device], colorScheme, locale });
    const page = await context.newPage();
    const trouble = watch(page, server.url);
    await page.goto(server.url);
    await VIEWS[view](page);
    await page.screenshot({ path: `${FOLDER}${name}.png` });
    await context.close();
    console.log(name, trouble.length ? `with trouble: ${trouble.join('; ')}` : 'taken');
  }
} finally {
  await browser.close();
  await server.close();
}
