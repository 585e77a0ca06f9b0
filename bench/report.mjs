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
  const best = Math.min(...rows.filter((it) => it.engine !== 'tinylens' && !it.error).map((it) => it.median_ms));
  const head = ['engine', 'flavour', 'median', 'p90', 'best', '/ best peer', 'peak MB', 'max abs diff'];
  const body = rows.map((it) => [it.engine, it.flavour, ...it.error ? [`error: ${it.error}`] : [
    it.median_ms.toFixed(2), it.p90_ms.toFixed(2), it.best_ms.toFixed(2),
    Number.isFinite(best) ? (it.median_ms / best).toFixed(2) : '–',
    it.peak_bytes == null ? '–' : (it.peak_bytes / 1e6).toFixed(1),
    it.max_abs_diff == null ? '–' : it.max_abs_diff.toPrecision(2),
  ]]);
  const widths = head.map((title, column) => (
    Math.max(title.length, ...body.filter((it) => it.length === head.length).map((it) => it[column].length))
  ));
  const line = (cells) => cells.map((cell, column) => (
    column < 2 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])
  )).join('  ');
  return [head, ...body].map(line).join('\n');
}

/** What decides which machine code a relaxed instruction becomes, from Linux's /proc/cpuinfo. */
export function machineFeatures(cpuinfo) {
  const flags = new Set(cpuinfo.match(/^flags\s*:(.*)$/m)?.[1].trim().split(/\s+/) ?? []);
  return Object.fromEntries(['avx2', 'fma', 'avx512_vnni', 'avx_vnni'].map((it) => [it, flags.has(it)]));
}
