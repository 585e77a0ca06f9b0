// Takes the pictures under docs/screenshots/: `node tests/browser/screenshots.mjs [NAME…]` after `cargo xtask build`.
//
// Not a test: the pictures are looked at, beside the design. Each view is opened once and taken in both languages, light
// and dark, on a phone, a laptop and a wall, as WebP. A name such as `live` or `course-360` takes only those that begin
// with it.

import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { launch } from './harness/browser.mjs';
import { bothPredict, numberWhen, watch } from './harness/page.mjs';
import { serve } from './harness/server.mjs';

const FOLDER = fileURLToPath(new URL('../../docs/screenshots/', import.meta.url));
const QUALITY = 0.6;
const SIZES = { 360: 760, 1280: 800, 1920: 1080 };
const VIEWS = {
  start: async (page) => {
    await page.goto(new URL('/#start', page.url()).href);
    await numberWhen(page, 'latency-compressed', 'above 0 ms', (millis) => millis > 0);
  },
  live: async (page) => {
    await page.goto(new URL('/#live', page.url()).href);
    await bothPredict(page);
    await numberWhen(page, 'agreement', 'a share');
  },
  layers: async (page) => {
    await VIEWS.live(page);
    await page.getByTestId('view-layers').click();
    await page.getByTestId('layer-1').click();
    await page.locator('[data-testid="layer-detail"][data-ready="true"]').waitFor();
    await page.getByTestId('layers-measure').click();
    await page.waitForTimeout(6000);
  },
  experiments: async (page) => {
    await VIEWS.live(page);
    for (const preset of ['fp16', 'int8-per-tensor']) {
      await page.getByTestId('preset').selectOption(preset);
      await page.waitForFunction((preset) => location.hash.includes(`r=${preset}`), preset);
      await numberWhen(page, 'agreement', 'no share of the former recipe', Number.isNaN);
      await numberWhen(page, 'agreement', 'a share');
    }
    await page.getByTestId('view-experiments').click();
    await page.getByTestId('history').waitFor();
  },
  course: async (page) => {
    await VIEWS.live(page);
    await page.goto(new URL('/#course/1/5', page.url()).href);
    await page.locator('[data-testid="step"][data-value="l1.5"]').waitFor();
  },
  class: async (page) => {
    await VIEWS.live(page);
    const codes = [];
    for (const [name, preset] of [['Ada', 'int8'], ['Ben', 'fp16'], ['Çelik', 'int8-per-tensor']]) {
      if (await page.getByTestId('preset').inputValue() !== preset) {
        await page.getByTestId('preset').selectOption(preset);
        await numberWhen(page, 'agreement', 'no share of the former recipe', Number.isNaN);
      }
      await numberWhen(page, 'agreement', 'a share');
      await page.getByTestId('share-link').click();
      await page.getByTestId('result-name').fill(name);
      codes.push(await page.getByTestId('result-code').inputValue());
      await page.keyboard.press('Escape');
    }
    await page.goto(new URL('/#class', page.url()).href);
    await page.getByTestId('codes').fill(`${codes.join('\n')}\n${codes[0].slice(0, -1)}`);
    await page.getByTestId('codes-add').click();
    await page.getByTestId('class-runs').waitFor();
  },
  share: async (page) => {
    await VIEWS.live(page);
    await page.getByTestId('share-link').click();
    await page.getByTestId('result-code').waitFor();
  },
  projector: async (page) => {
    await VIEWS.course(page);
    await page.keyboard.press('p');
    await page.getByTestId('projector').waitFor();
    await bothPredict(page);
  },
};
/** Languages are changed behind an open dialog and on the wall, where no button can be pressed. */
const speak = (page, language) => page.getByTestId(`language-${language}`).evaluate((button) => button.click());

/** No licence is stated for the motorcycle's photo, so it does not go into the documents. */
const withoutMotorcycle = (page) => page.route('**/pictures/index.json', async (route) => {
  const pictures = await (await route.fetch()).json();
  await route.fulfill({ json: pictures.filter(({ file }) => !file.startsWith('motorcycle')) });
});

/** The picture as WebP; the browser writes it, from a page of its own. */
async function compressed(page, png) {
  const base64 = await page.evaluate(async ([png, quality]) => {
    const bitmap = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    canvas.getContext('2d').drawImage(bitmap, 0, 0);
    const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: 'image/webp', quality })).arrayBuffer());
    let text = '';
    for (const byte of bytes) text += String.fromCharCode(byte);
    return btoa(text);
  }, [png.toString('base64'), QUALITY]);
  return Buffer.from(base64, 'base64');
}

const wanted = process.argv.slice(2);
const takes = (name) => !wanted.length || wanted.some((start) => name.startsWith(start) || start.startsWith(name));
mkdirSync(FOLDER, { recursive: true });
const server = await serve();
const browser = await launch();
const press = await browser.newPage();
try {
  for (const view of Object.keys(VIEWS).filter(takes)) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-GB', serviceWorkers: 'block' });
    const page = await context.newPage();
    page.setDefaultTimeout(180_000);
    const trouble = watch(page, server.url);
    await withoutMotorcycle(page);
    await page.goto(server.url);
    await VIEWS[view](page);
    for (const [width, height] of Object.entries(SIZES)) {
      await page.setViewportSize({ width: Number(width), height });
      for (const language of ['en', 'de']) {
        await speak(page, language);
        for (const colorScheme of ['light', 'dark']) {
          const name = `${view}-${width}-${colorScheme}-${language}`;
          if (wanted.length && !wanted.some((start) => name.startsWith(start))) continue;
          await page.emulateMedia({ colorScheme });
          await page.waitForTimeout(600);
          writeFileSync(`${FOLDER}${name}.webp`, await compressed(press, await page.screenshot()));
        }
      }
    }
    await context.close();
    console.log(view, trouble.length ? `with trouble: ${trouble.join('; ')}` : 'taken');
  }
} finally {
  await browser.close();
  await server.close();
}
