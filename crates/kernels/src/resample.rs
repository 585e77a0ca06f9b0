//! Resampling of 8-bit pictures in fixed point: rows are blended, columns filtered, channels mixed into a tensor.
//!
//! The simple version computes each output value as a double sum over source pixels. This one differs in four points:
//!
//! 1. The sum is separable. [`blend_rows_u8`] goes first because its neighbours in memory are neighbours in the
//!    picture, so it runs at full width; [`filter_columns_i16`] then has few rows left to look at.
//! 2. Weights are integers that sum to [`RESAMPLE_ONE`], 2^14, so that two products at a time fit
//!    `i32x4.dot_i16x8`, and a flat picture stays exactly flat.
//! 3. Between the two passes a value has 7 binary digits after the point: 255 * 2^7 is below 2^15.
//! 4. The column pass leaves 7 + 14 = 21 digits after the point in an int32 (255 * 2^21 is below 2^31), and
//!    [`ChannelMix::run`] goes on in float: a matrix with an offset, a clamp, and a normalisation.
//!
//! The functions know rows and numbers; which weights belong to which picture is their caller's subject.

use std::array::from_fn;

use crate::KernelError;
use crate::error::{check_at_least, check_fits, check_len};
use crate::lanes::{F32x4, I16x8, I32x4};

/// The integer that stands for a weight of 1.
pub const RESAMPLE_ONE: i16 = 1 << 14;

/// Binary digits after the point between the passes.
const BLENDED_DIGITS: u32 = 7;

/// Half of the last digit that [`blend_rows_u8`] keeps.
const BLENDED_HALF: i32 = 1 << (14 - BLENDED_DIGITS - 1);

/// What one level of 255 is after both passes.
const FILTERED_ONE: f32 = (1u32 << (14 + BLENDED_DIGITS)) as f32;

/// Bytes that are blended together.
const BLOCK: usize = 16;

/// `out[x] = (sum of weights[k] * rows[k * stride + x] over k, + 2^6) >> 7`: levels with 7 binary digits.
///
/// - `weights`: `[n_rows]`, not negative, with the sum [`RESAMPLE_ONE`] (other weights wrap and saturate).
/// - `rows`: from the first byte of the first row that counts; the last row may end with its last byte.
/// - `out`: overwritten.
///
/// # Errors
/// [`KernelError::Length`] when `rows` ends too early.
pub fn blend_rows_u8(
    rows: &[u8],
    stride: usize,
    weights: &[i16],
    out: &mut [i16],
) -> Result<(), KernelError> {
    let before_last = weights.len().saturating_sub(1).saturating_mul(stride);
    check_at_least("rows", rows.len(), before_last.saturating_add(out.len()))?;
    let n = out.len();
    if n < BLOCK {
        for (x, out) in out.iter_mut().enumerate() {
            let products =
                weights.iter().enumerate().map(|(k, &w)| i32::from(w) * i32::from(rows[k * stride + x]));
            let sum = products.fold(BLENDED_HALF, i32::wrapping_add);
            *out = (sum >> (14 - BLENDED_DIGITS)).clamp(i16::MIN.into(), i16::MAX.into()) as i16;
        }
        return Ok(());
    }
    let (blocks, rest) = out.as_chunks_mut::<BLOCK>();
    for (block_idx, block) in blocks.iter_mut().enumerate() {
        blend_block(rows, stride, weights, block_idx * BLOCK, block);
    }
    // The last block overlaps the one before it and writes the same values there.
    if !rest.is_empty()
        && let Some(block) = out.last_chunk_mut()
    {
        blend_block(rows, stride, weights, n - BLOCK, block);
    }
    Ok(())
}

#[inline(always)]
fn blend_block(rows: &[u8], stride: usize, weights: &[i16], start: usize, out: &mut [i16; BLOCK]) {
    let row = |position: usize| -> &[u8; BLOCK] {
        rows[position..].first_chunk().expect("a block lies within its row")
    };
    let mut sums = [I32x4::splat(BLENDED_HALF); 4];
    let mut position = start;
    let (pairs, last) = weights.as_chunks::<2>();
    for pair in pairs {
        let factors = I16x8::splat_pair(pair);
        let values = I16x8::interleave_u8(row(position), row(position + stride));
        sums = from_fn(|i| sums[i].add(values[i].dot(factors)));
        position += 2 * stride;
    }
    if let [weight] = last {
        let factors = I16x8::splat_pair(&[*weight, 0]);
        let values = I16x8::interleave_u8(row(position), row(position));
        sums = from_fn(|i| sums[i].add(values[i].dot(factors)));
    }
    let [a, b, c, d] = sums.map(|sum| sum.shift_right(14 - BLENDED_DIGITS));
    let (halves, _) = out.as_chunks_mut::<8>();
    for (half, [low, high]) in halves.iter_mut().zip([[a, b], [c, d]]) {
        I16x8::narrow(low, high).store(half);
    }
}

/// `first[i] = pairs[2i]`, `second[i] = pairs[2i + 1]`: two channels that alternate become two rows.
///
/// # Errors
/// [`KernelError::Length`] when the lengths do not fit.
pub fn split_pairs_i16(pairs: &[i16], first: &mut [i16], second: &mut [i16]) -> Result<(), KernelError> {
    check_len("second", second.len(), first.len())?;
    check_len("pairs", pairs.len(), first.len().saturating_mul(2))?;
    let (blocks, rest) = pairs.as_chunks::<16>();
    let (firsts, first_rest) = first.as_chunks_mut::<8>();
    let (seconds, second_rest) = second.as_chunks_mut::<8>();
    for ((block, first), second) in blocks.iter().zip(firsts).zip(seconds) {
        let ([low, high], _) = block.as_chunks::<8>() else { return Ok(()) };
        let [even, odd] = I16x8::load(low).split(I16x8::load(high));
        even.store(first);
        odd.store(second);
    }
    let (rest, _) = rest.as_chunks::<2>();
    for (([a, b], first), second) in rest.iter().zip(first_rest).zip(second_rest) {
        (*first, *second) = (*a, *b);
    }
    Ok(())
}

/// `out[i] = sum of weights[i * stride + k] * row[firsts[i] + k] over k`, with `stride` the weights for each output:
/// levels with 21 binary digits.
///
/// - `weights`: `[n_outputs, stride]`, `stride` 4 or a multiple of 8; not negative, with the sum [`RESAMPLE_ONE`] for
///   each output (others wrap). Outputs with fewer taps are filled up with zeros.
/// - `row`: what [`blend_rows_u8`] wrote, and behind it what the zeros fall on.
/// - `out`: overwritten.
///
/// # Errors
/// [`KernelError::Length`] or [`KernelError::Shape`] when `weights` does not fit or `row` ends before a tap.
pub fn filter_columns_i16(
    row: &[i16],
    firsts: &[u32],
    weights: &[i16],
    out: &mut [i32],
) -> Result<(), KernelError> {
    check_len("out", out.len(), firsts.len())?;
    if firsts.is_empty() {
        return Ok(());
    }
    let last = firsts.iter().copied().fold(0, u32::max) as usize;
    let stride = weights.len() / firsts.len();
    check_len("weights", weights.len(), stride * firsts.len())?;
    check_at_least("row", row.len(), last.saturating_add(stride))?;
    if stride != 4 {
        check_fits("weights for each output", stride, stride.next_multiple_of(8).max(8))?;
    }
    if firsts.len() < 4 {
        for ((out, first), weights) in out.iter_mut().zip(firsts).zip(weights.chunks_exact(stride)) {
            let products =
                weights.iter().zip(&row[*first as usize..]).map(|(&w, &x)| i32::from(w) * i32::from(x));
            *out = products.fold(0, i32::wrapping_add);
        }
        return Ok(());
    }
    match stride {
        4 => each_quad(firsts, weights, 4, out, |firsts, weights| quad_of_4_taps(row, firsts, weights)),
        8 => each_quad(firsts, weights, 8, out, |firsts, weights| quad_of_8_taps(row, firsts, weights)),
        _ => each_quad(firsts, weights, stride, out, |firsts, weights| quad(row, firsts, weights, stride)),
    }
    Ok(())
}

/// Four outputs at a time, of at least four; the last four overlap those before them and write the same values.
#[inline(always)]
fn each_quad(
    firsts: &[u32],
    weights: &[i16],
    stride: usize,
    out: &mut [i32],
    quad: impl Fn(&[u32; 4], &[i16]) -> I32x4,
) {
    let (firsts_of_quads, _) = firsts.as_chunks::<4>();
    let (quads, rest) = out.as_chunks_mut::<4>();
    for ((out, firsts), weights) in
        quads.iter_mut().zip(firsts_of_quads).zip(weights.chunks_exact(4 * stride))
    {
        quad(firsts, weights).store(out);
    }
    if !rest.is_empty()
        && let (Some(out), Some(firsts)) = (out.last_chunk_mut(), firsts.last_chunk())
    {
        quad(firsts, &weights[weights.len() - 4 * stride..]).store(out);
    }
}

/// Any number of taps, `stride` a multiple of 8.
#[inline(always)]
fn quad(row: &[i16], firsts: &[u32; 4], weights: &[i16], stride: usize) -> I32x4 {
    let [a, b, c, d] = from_fn(|i| {
        let (weights, _) = weights[i * stride..][..stride].as_chunks::<8>();
        let (values, _) = row[firsts[i] as usize..][..stride].as_chunks::<8>();
        let products = weights.iter().zip(values).map(|(w, x)| I16x8::load(w).dot(I16x8::load(x)));
        products.fold(I32x4::splat(0), I32x4::add)
    });
    a.sum_pairs(b).sum_pairs(c.sum_pairs(d))
}

/// Eight taps: one vector for each output.
#[inline(always)]
fn quad_of_8_taps(row: &[i16], firsts: &[u32; 4], weights: &[i16]) -> I32x4 {
    let (weights, _) = weights.as_chunks::<8>();
    let [a, b, c, d] = from_fn(|i| {
        let values = row[firsts[i] as usize..].first_chunk().expect("taps lie within their row");
        I16x8::load(values).dot(I16x8::load(&weights[i]))
    });
    a.sum_pairs(b).sum_pairs(c.sum_pairs(d))
}

/// Four taps: two outputs share a vector.
#[inline(always)]
fn quad_of_4_taps(row: &[i16], firsts: &[u32; 4], weights: &[i16]) -> I32x4 {
    let taps = |i: usize| row[firsts[i] as usize..].first_chunk().expect("taps lie within their row");
    let (weights, _) = weights.as_chunks::<8>();
    let [low, high] =
        from_fn(|i| I16x8::load_halves(taps(2 * i), taps(2 * i + 1)).dot(I16x8::load(&weights[i])));
    low.sum_pairs(high)
}

/// From three filtered channels to a tensor: a matrix, a clamp to `0..=255`, a normalisation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChannelMix {
    /// For each output channel the factors of the three input channels and an offset, all in levels of 255.
    pub matrix: [[f32; 4]; 3],
    /// Factor of each output channel after the clamp.
    pub gain: [f32; 3],
    /// Added to each output channel in the end.
    pub bias: [f32; 3],
}

impl ChannelMix {
    /// `out[3x + c] = clamp(sum of matrix[c][j] * channels[j][x] / 2^21 over j, + matrix[c][3], 0, 255) * gain[c] +
    /// bias[c]`.
    ///
    /// - `channels`: three times `[n]`, as [`filter_columns_i16`] writes them. `out`: `[n, 3]`, overwritten.
    ///
    /// # Errors
    /// [`KernelError::Length`] when the lengths do not fit.
    pub fn run(&self, channels: [&[i32]; 3], out: &mut [f32]) -> Result<(), KernelError> {
        let n = channels[0].len();
        check_len("channels[1]", channels[1].len(), n)?;
        check_len("channels[2]", channels[2].len(), n)?;
        check_len("out", out.len(), n.saturating_mul(3))?;
        // The normalisation goes into the matrix and the bounds, so that it costs nothing for each pixel.
        let rows: [_; 3] = from_fn(|i| {
            let ([a, b, c, offset], gain, bias) = (self.matrix[i], self.gain[i], self.bias[i]);
            let ends = [bias, 255.0 * gain + bias];
            let [min, max] = [ends[0].min(ends[1]), ends[0].max(ends[1])];
            let factors = [a, b, c].map(|factor| factor * gain / FILTERED_ONE);
            [factors[0], factors[1], factors[2], offset * gain + bias, min, max].map(F32x4::splat)
        });
        let quad = |channels: [&[i32; 4]; 3], out: &mut [f32; 12]| {
            let [a, b, c] = channels.map(|channel| I32x4::load(channel).to_f32());
            let [x, y, z] = rows.map(|[of_a, of_b, of_c, offset, min, max]| {
                a.mul_add(of_a, b.mul_add(of_b, c.mul_add(of_c, offset))).clamp(min, max)
            });
            F32x4::store_triples(x, y, z, out);
        };

        let ([(a, _), (b, _), (c, _)], (quads, rest)) =
            (channels.map(|channel| channel.as_chunks::<4>()), out.as_chunks_mut::<12>());
        for (((out, a), b), c) in quads.iter_mut().zip(a).zip(b).zip(c) {
            quad([a, b, c], out);
        }
        if rest.is_empty() {
            return Ok(());
        }
        if let [Some(a), Some(b), Some(c)] = channels.map(|channel| channel.last_chunk())
            && let Some(out) = out.last_chunk_mut()
        {
            // These overlap the four before them and write the same values.
            quad([a, b, c], out);
            return Ok(());
        }
        let padded = channels.map(|channel| from_fn(|i| channel.get(i).copied().unwrap_or(0)));
        let mut all = [0.0; 12];
        quad(padded.each_ref(), &mut all);
        out.copy_from_slice(&all[..out.len()]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `n` weights that sum to 1, as integers, some of them 0.
    fn weights(shares: &[u8]) -> Vec<i16> {
        let total = shares.iter().map(|&share| i32::from(share)).sum::<i32>().max(1);
        let mut weights: Vec<i16> =
            shares.iter().map(|&share| (i32::from(share) * i32::from(RESAMPLE_ONE) / total) as i16).collect();
        weights[0] += RESAMPLE_ONE - weights.iter().sum::<i16>();
        weights
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn rows_are_blended_as_the_formula_says(
            shares in prop::collection::vec(any::<u8>(), 1..9),
            n in 0usize..70,
            padding in 0usize..9,
            bytes in prop::collection::vec(any::<u8>(), 8 * 80),
        ) {
            let (weights, stride) = (weights(&shares), n + padding);
            let rows = &bytes[..(weights.len() - 1) * stride + n];
            let mut out = vec![-1; n];
            blend_rows_u8(rows, stride, &weights, &mut out).unwrap();
            for (x, out) in out.into_iter().enumerate() {
                let sum: i32 = (0..weights.len())
                    .map(|k| i32::from(weights[k]) * i32::from(rows[k * stride + x]))
                    .sum();
                prop_assert_eq!(i32::from(out), (sum + 64) >> 7, "at {}", x);
            }
            if n > 0 {
                prop_assert!(blend_rows_u8(&rows[1..], stride, &weights, &mut vec![0; n]).is_err());
            }
        }

        #[test]
        fn columns_are_filtered_as_the_formula_says(
            stride in prop::sample::select(vec![4usize, 8, 16, 24]),
            outputs in prop::collection::vec((0u32..40, prop::collection::vec(any::<u8>(), 24)), 0..14),
            row in prop::collection::vec(0i16..=255 << 7, 64),
        ) {
            let firsts: Vec<u32> = outputs.iter().map(|(first, _)| *first).collect();
            let weights: Vec<i16> = outputs.iter().flat_map(|(_, shares)| weights(&shares[..stride])).collect();
            let end = firsts.iter().max().map_or(0, |first| *first as usize + stride);
            let mut out = vec![-1; firsts.len()];
            filter_columns_i16(&row[..end], &firsts, &weights, &mut out).unwrap();
            for (i, out) in out.into_iter().enumerate() {
                let sum: i32 = (0..stride)
                    .map(|k| i32::from(weights[i * stride + k]) * i32::from(row[firsts[i] as usize + k]))
                    .sum();
                prop_assert_eq!(out, sum, "output {} of {}, {} taps", i, firsts.len(), stride);
            }
            if end > 0 {
                let mut out = vec![0; firsts.len()];
                prop_assert!(filter_columns_i16(&row[..end - 1], &firsts, &weights, &mut out).is_err());
            }
        }

        #[test]
        fn pairs_are_split(pairs in prop::collection::vec(any::<[i16; 2]>(), 0..40)) {
            let (mut first, mut second) = (vec![0; pairs.len()], vec![0; pairs.len()]);
            split_pairs_i16(pairs.as_flattened(), &mut first, &mut second).unwrap();
            let (expected_first, expected_second): (Vec<i16>, Vec<i16>) =
                pairs.iter().map(|[a, b]| (*a, *b)).unzip();
            prop_assert_eq!((first, second), (expected_first, expected_second));
        }

        #[test]
        fn channels_are_mixed_as_the_formula_says(
            pixels in prop::collection::vec(prop::array::uniform3(0i32..=255 << 21), 0..14),
            matrix in prop::array::uniform3(prop::array::uniform4(-2.0f32..2.0)),
            gain in prop::array::uniform3(-2.0f32..2.0),
            bias in prop::array::uniform3(-100.0f32..100.0),
        ) {
            let channel = |j: usize| pixels.iter().map(|pixel| pixel[j]).collect::<Vec<_>>();
            let channels = [channel(0), channel(1), channel(2)];
            let mut out = vec![f32::NAN; pixels.len() * 3];
            let mix = ChannelMix { matrix, gain, bias };
            mix.run(channels.each_ref().map(|channel| channel.as_slice()), &mut out).unwrap();
            for (x, out) in out.iter().enumerate() {
                let (pixel, c) = (pixels[x / 3], x % 3);
                let product = |j: usize| f64::from(matrix[c][j]) * f64::from(pixel[j]) / f64::from(1 << 21);
                let level = (product(0) + product(1) + product(2) + f64::from(matrix[c][3])).clamp(0.0, 255.0);
                let expected = level * f64::from(gain[c]) + f64::from(bias[c]);
                // Six roundings of values below 2000.
                prop_assert!((f64::from(*out) - expected).abs() < 2e-3, "{} at {}: {}", out, x, expected);
            }
        }
    }

    #[test]
    fn a_flat_picture_stays_exactly_flat() {
        for level in [0, 1, 128, 255] {
            let (weights, mut blended, mut filtered) = (weights(&[3, 7, 11, 2, 1]), [0; 40], [0; 5]);
            blend_rows_u8(&[level; 200], 40, &weights, &mut blended).unwrap();
            let wide: Vec<i16> = (0..5).flat_map(|_| [&weights[..], &[0; 3]].concat()).collect();
            filter_columns_i16(&blended, &[0, 3, 9, 31, 32], &wide, &mut filtered).unwrap();
            assert_eq!(filtered, [i32::from(level) << 21; 5]);
        }
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        assert!(split_pairs_i16(&[0; 5], &mut [0; 2], &mut [0; 2]).is_err());
        assert!(filter_columns_i16(&[0; 50], &[0; 4], &[0; 20], &mut [0; 4]).is_err(), "five taps");
        assert!(filter_columns_i16(&[0; 50], &[0; 4], &[0; 32], &mut [0; 3]).is_err());
        let mix = ChannelMix { matrix: [[0.0; 4]; 3], gain: [1.0; 3], bias: [0.0; 3] };
        assert!(mix.run([&[0; 4], &[0; 4], &[0; 5]], &mut [0.0; 12]).is_err());
        assert!(mix.run([&[0; 4]; 3], &mut [0.0; 11]).is_err());
    }
}
