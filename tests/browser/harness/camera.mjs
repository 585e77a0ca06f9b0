// Makes the video file that the browser's fake camera plays: the built-in pictures, two seconds each.
//
// The format is y4m, and its colours are limited-range BT.601, because that is what Chromium takes them for: then
// a pixel comes out of the camera as it went in, to within two steps of 255.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch } from './browser.mjs';
import { DIST } from './server.mjs';

const WIDTH = 640;
const HEIGHT = 480;
const FRAMES_PER_SECOND = 10;
const FRAMES_PER_PICTURE = 20;

/** The path of the file; made once for these pictures. */
export async function cameraFile() {
  const pictures = readPictures();
  const name = createHash('sha256').update(`${WIDTH} ${HEIGHT} ${FRAMES_PER_SECOND} ${FRAMES_PER_PICTURE}`);
  pictures.forEach(({ data }) => name.update(data));
  const folder = fileURLToPath(new URL('../../../target/browser/', import.meta.url));
  const path = join(folder, `camera-${name.digest('hex').slice(0, 12)}.y4m`);
  if (existsSync(path)) return path;

  const parts = [Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F${FRAMES_PER_SECOND}:1 Ip A1:1 C420jpeg\n`)];
  const browser = await launch();
  try {
    const page = await browser.newPage();
    for (const picture of pictures) {
      const pixels = await decode(page, picture);
      const frame = Buffer.concat([Buffer.from('FRAME\n'), i420FromRgba(pixels, WIDTH, HEIGHT)]);
      for (let count = 0; count < FRAMES_PER_PICTURE; count++) parts.push(frame);
    }
  } finally {
    await browser.close();
  }
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${path}.partial`, Buffer.concat(parts));
  renameSync(`${path}.partial`, path);
  return path;
}

function readPictures() {
  const folder = join(DIST, 'pictures');
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => /\.(png|jpg)$/.test(name)) : [];
  if (!names.length) throw new Error('dist/pictures is empty; the set-up fetches the pictures with Python and pip');
  const type = (name) => (name.endsWith('.png') ? 'image/png' : 'image/jpeg');
  return names.sort().map((name) => ({ type: type(name), data: readFileSync(join(folder, name)) }));
}

/** The picture's RGBA pixels, cut to the camera's shape; the browser decodes it. */
async function decode(page, { type, data }) {
  const base64 = await page.evaluate(async ([url, width, height]) => {
    const bitmap = await createImageBitmap(await (await fetch(url)).blob());
    const scale = Math.max(width / bitmap.width, height / bitmap.height);
    const [w, h] = [bitmap.width * scale, bitmap.height * scale];
    const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
    context.imageSmoothingQuality = 'high';
    context.drawImage(bitmap, (width - w) / 2, (height - h) / 2, w, h);
    const bytes = context.getImageData(0, 0, width, height).data;
    const reader = new FileReader();
    reader.readAsDataURL(new Blob([bytes]));
    await new Promise((loaded) => { reader.onload = loaded; });
    return reader.result.split(',')[1];
  }, [`data:${type};base64,${data.toString('base64')}`, WIDTH, HEIGHT]);
  return Buffer.from(base64, 'base64');
}

/**
 * Y, then U, then V of an even-sized picture: limited-range BT.601, chroma averaged over 2 x 2 pixels.
 *
 *     Y = 16 + 219 (0.299 R + 0.587 G + 0.114 B)      with R, G, B in 0..1
 *     U = 128 + 224 (B - luma) / 1.772                V = 128 + 224 (R - luma) / 1.402
 */
export function i420FromRgba(rgba, width, height) {
  const planes = Buffer.alloc(width * height * 3 / 2);
  const uStart = width * height;
  const vStart = uStart + uStart / 4;
  const luma = (r, g, b) => 0.299 * r + 0.587 * g + 0.114 * b;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = 4 * (y * width + x);
      planes[y * width + x] = Math.round(16 + (219 / 255) * luma(rgba[at], rgba[at + 1], rgba[at + 2]));
    }
  }
  for (let y = 0; y < height; y += 2) {
    for (let x = 0; x < width; x += 2) {
      const corners = [0, 1, width, width + 1].map((step) => 4 * (y * width + x + step));
      const mean = (channel) => corners.reduce((sum, at) => sum + rgba[at + channel], 0) / (4 * 255);
      const [r, g, b] = [mean(0), mean(1), mean(2)];
      const at = (y / 2) * (width / 2) + x / 2;
      planes[uStart + at] = Math.round(128 + (224 / 1.772) * (b - luma(r, g, b)));
      planes[vStart + at] = Math.round(128 + (224 / 1.402) * (r - luma(r, g, b)));
    }
  }
  return planes;
}
