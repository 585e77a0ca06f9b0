// Numbers from measurements and the table that is printed. Knows neither browser nor files.

/** The q-quantile of `values` by linear interpolation between order statistics. */
export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (at - below);
}

/** Rows of one model, number format and thread count, with each median as a multiple of the best peer's. */
export function table(rows) {
  const best = bestPeer(rows)?.median_ms;
  const head = ['engine', 'flavour', 'median', 'p90', 'best', '/ best peer', 'peak MB', 'max abs diff'];
  return aligned(2, head, rows.map((it) => [it.engine, it.flavour, ...it.error ? [`error: ${it.error}`] : [
    it.median_ms.toFixed(2), it.p90_ms.toFixed(2), it.best_ms.toFixed(2),
    best ? (it.median_ms / best).toFixed(2) : '–',
    it.peak_bytes == null ? '–' : (it.peak_bytes / 1e6).toFixed(1),
    it.max_abs_diff.toPrecision(2),
  ]]));
}

/** The row of the smallest median that is not ours; null without any. */
function bestPeer(rows) {
  return rows.filter((it) => it.engine !== 'tinylens' && !it.error)
    .reduce((best, it) => (best && best.median_ms <= it.median_ms ? best : it), null);
}

/** Where our engine's time goes: its layers by what runs them. Shares of the ceiling are those of all its threads. */
export function kernels({ layers, threads }) {
  const all = sum(layers, 'millis');
  const names = [...new Set(layers.map((it) => it.kernel))];
  const groups = names.map((kernel) => ({ kernel, its: layers.filter((it) => it.kernel === kernel) }));
  groups.sort((a, b) => sum(b.its, 'millis') - sum(a.its, 'millis'));
  const line = (name, its) => {
    const [millis, macs, ceiling] = ['millis', 'macs', 'ceiling_millis'].map((field) => sum(its, field));
    const computes = (text) => (macs ? text : '–');
    return [
      name, `${its.length}`, millis.toFixed(2), percent(millis / all), computes((macs / 1e6).toFixed(1)),
      computes((macs / millis / 1e6).toFixed(1)), computes(percent(ceiling / threads / millis)),
    ];
  };
  const head = ['kernel', 'calls', 'ms', 'of time', 'MMAC', 'GMAC/s', 'of ceiling'];
  return aligned(1, head, [...groups.map(({ kernel, its }) => line(kernel, its)), line('all', layers)]);
}

/** The largest difference between outputs (probabilities) of engines that compute the same. */
const TOLERANCES = { f32: 1e-3, int8: 0.25 };

/** What is wrong with an output that differs so much from the reference; null where nothing is. */
export function difference(dtype, maxAbsDiff) {
  if (maxAbsDiff == null) return 'there is no reference for its output';
  const tolerance = TOLERANCES[dtype];
  return maxAbsDiff <= tolerance ? null : `its output differs by ${maxAbsDiff.toPrecision(2)}, more than ${tolerance}`;
}

/** Networks that the aims for times are for, and the one for which shares and memory are. */
const MOBILENETS = ['mobilenet_v1', 'mobilenet_v2'];
const V2 = 'mobilenet_v2';

/** What the engine aims at, beside what these rows say; only of what was measured. */
export function aims(rows) {
  const all = (wanted) => (
    rows.filter((row) => !row.error && Object.entries(wanted).every(([name, value]) => row[name] === value))
  );
  const find = (wanted) => all(wanted)[0];
  const ours = (wanted) => find({ engine: 'tinylens', ...wanted });
  const lines = [];
  const aim = (what, value, must, goal, atLeast = false) => {
    if (value == null || Number.isNaN(value)) return;
    const reaches = (bound) => (atLeast ? value >= bound : value <= bound);
    const verdict = reaches(goal) ? 'goal' : reaches(must) ? 'must' : 'missed';
    lines.push([what, value.toFixed(2), `${must}`, `${goal}`, verdict]);
  };
  const ratio = (a, b) => (a && b ? a.median_ms / b.median_ms : null);

  for (const model of MOBILENETS) {
    for (const dtype of ['f32', 'int8']) {
      const one = { model, dtype, threads: 1 };
      const best = bestPeer(all(one));
      const [relaxed, simd128] = ['relaxed', 'simd128'].map((flavour) => ours({ ...one, flavour }));
      aim(`${model} ${dtype}, relaxed: time / best peer's (${best?.engine} ${best?.flavour})`, ratio(relaxed, best), 1, 0.75);
      const litert = find({ ...one, engine: 'litert', flavour: 'simd128' });
      aim(`${model} ${dtype}, SIMD128: time / LiteRT.js's without relaxed SIMD`, ratio(simd128, litert), 1, 0.8);
      for (const row of [relaxed, simd128].filter(Boolean)) {
        const two = ours({ model, dtype, threads: 2, flavour: row.flavour });
        aim(`${model} ${dtype}, ${row.flavour}: speed-up of two threads (pages apart)`, ratio(row, two), 1.6, 1.85, true);
      }
    }
  }
  for (const [flavour, must, goal] of [['relaxed', 0.45, 0.35], ['simd128', 0.75, 0.6]]) {
    const [f32, int8] = ['f32', 'int8'].map((dtype) => ours({ model: V2, dtype, threads: 1, flavour }));
    aim(`${V2}, ${flavour}: int8 / float32 (pages apart)`, ratio(int8, f32), must, goal);
    if (f32) {
      const share = sum(f32.layers, 'ceiling_millis') / f32.median_ms;
      aim(`${V2} f32, ${flavour}: share of the ceiling`, share, 0.6, 0.8, true);
      aim(`${V2} f32, ${flavour}: activations and scratch, MB`, f32.arena_bytes / 1e6, 12, 6);
      aim(`${V2}, ${flavour}: camera's 640x480 to 224x224, ms`, f32.camera_median_ms, 1, 0.4);
    }
  }
  return aligned(1, ['aim', 'reached', 'must', 'goal', ''], lines);
}

const sum = (items, field) => items.reduce((total, it) => total + it[field], 0);
const percent = (share) => `${(100 * share).toFixed(0)} %`;

/** Lines of cells in columns as wide as they need, the first `left` of them flush left. A short line says why. */
export function aligned(left, head, body) {
  const widths = head.map((title, column) => (
    Math.max(title.length, ...body.filter((it) => it.length === head.length).map((it) => it[column].length))
  ));
  const line = (cells) => cells.map((cell, column) => (
    column < left ? cell.padEnd(widths[column]) : cell.padStart(widths[column])
  )).join('  ').trimEnd();
  return [head, ...body].map(line).join('\n');
}

/** What decides which machine code a relaxed instruction becomes, from Linux's /proc/cpuinfo. */
export function machineFeatures(cpuinfo) {
  const flags = new Set(cpuinfo.match(/^flags\s*:(.*)$/m)?.[1].trim().split(/\s+/) ?? []);
  return Object.fromEntries(['avx2', 'fma', 'avx512_vnni', 'avx_vnni'].map((it) => [it, flags.has(it)]));
}
