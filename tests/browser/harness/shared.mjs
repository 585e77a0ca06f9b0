// Test data that is too large for the repository: `../shared` beside it, or $TINYLENS_SHARED.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FOLDER = process.env.TINYLENS_SHARED || fileURLToPath(new URL('../../../../shared/', import.meta.url));

/** The path of a shared file; without it, skips the test with a message and returns null. */
export function shared(t, path) {
  const file = join(FOLDER, path);
  if (existsSync(file)) return file;
  t.skip(`${path} is not there (put it under ../shared or set TINYLENS_SHARED)`);
  return null;
}
