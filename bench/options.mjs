// What the benchmarks in the browser are asked for. `node bench/options.mjs web OPTIONS` prints the engines that take part, so
// that xtask prepares no others; that and `page OPTIONS` refuse what is wrong before anything is compiled.

import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { DTYPES, ENGINES, MODELS } from './engines.mjs';

/** Models of the page's own: a small one, and the one that people meet first. */
export const PAGE_MODELS = ['everyday-60', 'efficientnet-lite0'];

/** Every option of bench-web with its default; throws where something is not understood. */
export function parse(argv) {
  const { values } = parseArgs({
    args: argv,
    options: {
      model: { type: 'string', default: MODELS.join() },
      only: { type: 'string', default: ENGINES.map((it) => it.name).join() },
      rounds: { type: 'string', default: '5' },
      threads: { type: 'string', default: '1,2' },
      dtype: { type: 'string', default: DTYPES.join() },
      json: { type: 'string' },
      'warm-up-millis': { type: 'string', default: '1500' },
    },
  });
  return {
    models: known('model', values.model, MODELS),
    engines: known('only', values.only, ENGINES.map((it) => it.name)),
    rounds: whole('rounds', values.rounds, 1),
    threads: values.threads.split(',').map((it) => whole('threads', it, 1)),
    dtypes: known('dtype', values.dtype, DTYPES),
    json: values.json,
    warmUpMillis: whole('warm-up-millis', values['warm-up-millis'], 0),
  };
}

/** Every option of bench-page with its default; throws likewise. */
export function parsePage(argv) {
  const { values } = parseArgs({
    args: argv,
    options: {
      model: { type: 'string', default: PAGE_MODELS.join() },
      preset: { type: 'string' },
      rounds: { type: 'string', default: '3' },
      json: { type: 'string' },
    },
  });
  return {
    models: values.model.split(','),
    presets: values.preset?.split(','),
    rounds: whole('rounds', values.rounds, 1),
    json: values.json,
  };
}

function known(option, text, all) {
  const chosen = text.split(',');
  const unknown = chosen.find((it) => !all.includes(it));
  if (unknown !== undefined) throw new Error(`--${option}: there is no "${unknown}"; there are ${all.join(', ')}`);
  return chosen;
}

function whole(option, text, least) {
  const number = Number(text);
  if (text.trim() !== '' && Number.isInteger(number) && number >= least) return number;
  throw new Error(`--${option}: "${text}" is not a whole number from ${least} on`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [bench, ...argv] = process.argv.slice(2);
  try {
    if (bench === 'page') parsePage(argv);
    else console.log(parse(argv).engines.join('\n'));
  } catch (error) {
    console.error(`bench-${bench}: ${error.message}`);
    process.exitCode = 2;
  }
}
