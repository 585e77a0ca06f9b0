// The parts of the page that need no page.

/** Whose turn it is in a round: all, beginning with another one each round. */
export const order = (n, round) => Array.from({ length: n }, (_, turn) => (round + turn) % n);

/** The largest difference; NaN anywhere or another length is infinitely wrong. */
export function maxAbsDiff(output, reference) {
  if (output.length !== reference.length) return Infinity;
  let largest = 0;
  for (let idx = 0; idx < output.length; idx += 1) {
    const difference = Math.abs(output[idx] - reference[idx]);
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Infinity : difference;
  }
  return largest;
}

/**
 * Layers with the medians of what each run took, and with the shortest time at the ceiling: what slows that down is
 * something else that runs. Undefined where no run told of its layers.
 */
export function medianLayers(runs) {
  return runs[0]?.map((layer, idx) => {
    const of = (name) => runs.map((run) => run[idx][name]).sort((a, b) => a - b);
    return { ...layer, millis: of('millis')[runs.length >> 1], ceiling_millis: of('ceiling_millis')[0] };
  });
}

/** A module of one function: lane 0 of `i32x4.relaxed_dot_i8x16_i7x16_add_s(127…, -1…, 0…)`. */
export const RELAXED_DOT = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 127, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 64, 1, 62, 0,
  253, 12, ...Array(16).fill(127), 253, 12, ...Array(16).fill(255), 253, 12, ...Array(16).fill(0),
  253, 147, 2, 253, 27, 0, 11,
]);

/** 129540: the second operand is unsigned (VNNI); 65534: pmaddubsw saturates; -508: signed times signed; null: none. */
export function relaxedDotProbe() {
  if (!WebAssembly.validate(RELAXED_DOT)) return null;
  return new WebAssembly.Instance(new WebAssembly.Module(RELAXED_DOT)).exports.f();
}
