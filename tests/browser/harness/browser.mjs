// Starts Chromium for the tests: quietly, without any request of its own, and with a camera that plays a file.

import { chromium } from 'playwright-core';
import { executable } from './executable.mjs';

const QUIET = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];
const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];
const MAC = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

function chrome() {
  const found = executable('CHROME', NAMES, MAC);
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
  return chromium.launch({ executablePath: chrome(), headless: true, args });
}
