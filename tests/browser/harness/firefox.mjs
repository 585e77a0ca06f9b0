// Starts Firefox for its test, by WebDriver BiDi, with a camera that plays a changing colour. Playwright, which drives
// Chromium, speaks only to a Firefox of its own.

import puppeteer from 'puppeteer-core';
import { executable } from './executable.mjs';

const NAMES = ['firefox-esr', 'firefox'];
const MAC = ['/Applications/Firefox.app/Contents/MacOS/firefox'];
const PREFERENCES = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'intl.accept_languages': 'en-GB',
};

/** $FIREFOX or the usual names; null without any. */
export function firefox() {
  return executable('FIREFOX', NAMES, MAC);
}

/** A browser, for the path that `firefox` gives. */
export function launchFirefox(executablePath) {
  return puppeteer.launch({ browser: 'firefox', executablePath, headless: true, extraPrefsFirefox: PREFERENCES });
}
