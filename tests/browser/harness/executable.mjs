// Finds a browser that is installed, as xtask/src/browser.rs does.

import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The file that a variable of the environment names, which `cargo xtask test` sets, or the usual names; null without any. */
export function executable(variable, names, onMac) {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const named = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return [process.env[variable], ...named, ...onMac].find((path) => path && existsSync(path)) ?? null;
}
