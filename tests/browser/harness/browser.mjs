// Starts Chromium for the tests: quietly, without any request of its own, and with a camera that plays a file.

import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';

const QUIET = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];
const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];
const MAC = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/** $CHROME, which `cargo xtask test` sets, or the usual names. */
function executable() {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const named = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  const found = [process.env.CHROME, ...named, ...MAC].find((path) => path && existsSync(path));
  if (!found) throw new Error('no Chromium or Chrome found; name it with CHROME=/path/to/chrome');
  return found;
}

/**
 * A browser. `camera` is a .y4m file that its camera plays; without one it has no camera at all. The question for
 * permission is answered by the context's permissions: granted where they name the camera, else denied.
 */
export function launch({ camera } = {}) {
  const args = [...QUIET];
  if (camera) args.push('--use-fake-device-for-media-stream', `--use-file-for-fake-video-capture=${camera}`);
  return chromium.launch({ executablePath: executable(), headless: true, args });
}
