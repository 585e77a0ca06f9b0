// Starts Firefox for its test, by WebDriver BiDi, with a camera that plays a changing colour. Playwright, which drives
// Chromium, speaks only to a Firefox of its own.

import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import puppeteer from 'puppeteer-core';

const NAMES = ['firefox-esr', 'firefox'];
const MAC = ['/Applications/Firefox.app/Contents/MacOS/firefox'];
const PREFERENCES = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'intl.accept_languages': 'en-GB',
};

/** $FIREFOX, which `cargo xtask test` sets where there is one, or the usual names; null without any. */
export function firefox() {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const named = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  return [process.env.FIREFOX, ...named, ...MAC].find((path) => path && existsSync(path)) ?? null;
}

/** A browser, for the path that `firefox` gives. */
export function launchFirefox(executablePath) {
  return puppeteer.launch({ browser: 'firefox', executablePath, headless: true, extraPrefsFirefox: PREFERENCES });
}
