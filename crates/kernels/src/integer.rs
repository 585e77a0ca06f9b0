//! int8 arithmetic after Jacob et al. 2018 (arXiv 1712.05877), section 2.
//!
//! Activations are asymmetric int8, `real = scale * (q - zero_point)`; weights are symmetric int8 per output channel
//! in `-127..=127`; products sum up in int32. The input's zero point is folded into the bias:
//! `sum((q - z) * w) = sum(q * w) - z * sum(w)`.

use crate::KernelError;
use crate::error::{check_at_least, check_fits, check_len};
use crate::lanes::{F32x4, I16x8, I32x4};

/// Rows of the tile.
const MR: usize = 4;
/// Columns of the tile.
const NR: usize = 8;
/// Rows that are widened to int16 at once; a panel of weights is read from L1 for all of them.
const ROWS: usize = 16;
/// Products `(q - zero_point) * w`, at most `255 * 127` each, that fit an int32 accumulator beside a bias of up to
/// 2^30: `2^30 / (255 * 127) = 33155`.
pub(crate) const MAX_DEPTH: usize = 33_155;

/// From int32 accumulators to int8 levels:
/// `q = clamp(((acc * multiplier[channel] + 2^(shift - 1)) >> shift) + zero_point, min, max)`,
/// computed in 64 bits and rounded once, halves upwards.
///
/// The shift is common to all channels, so that the largest multiplier uses all 31 bits; a channel whose multiplier is
/// `2^j` times smaller keeps `31 - j` of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Requantization {
    /// Padded with zeros to whole blocks of eight.
    multipliers: Vec<[i32; NR]>,
    channels: usize,
    shift: u32,
    zero_point: i8,
    min: i8,
    max: i8,
    /// Lanes shift by 32 at least; layers with a multiplier over 1/2, which shift by less, take the scalar path.
    fits_lanes: bool,
}

impl Requantization {
    /// - `real_multipliers`: `s_x * s_w[channel] / s_y` for each output channel, finite, `0.0..=65536.0`.
    /// - `zero_point`: of the output. `min`, `max`: the activation's bounds as levels.
    ///
    /// # Errors
    /// [`KernelError::Number`] for a multiplier out of bounds.
    pub fn new(real_multipliers: &[f64], zero_point: i8, min: i8, max: i8) -> Result<Self, KernelError> {
        for &value in real_multipliers {
            if !(0.0..=65536.0).contains(&value) {
                return Err(KernelError::Number { what: "multiplier", value, bounds: "0..=65536" });
            }
        }
        let largest = real_multipliers.iter().copied().fold(0.0, f64::max);
        let mut shift = 62;
        while shift > 1 && (largest * f64::from(shift).exp2()).round() > f64::from(i32::MAX) {
            shift -= 1;
        }
        let multiplier = |real: f64| (real * f64::from(shift).exp2()).round() as i32;
        let multipliers = real_multipliers
            .chunks(NR)
            .map(|block| std::array::from_fn(|i| block.get(i).map_or(0, |real| multiplier(*real))))
            .collect();
        let (channels, fits_lanes) = (real_multipliers.len(), shift >= 32);
        Ok(Self { multipliers, channels, shift: shift as u32, zero_point, min, max, fits_lanes })
    }

    /// One accumulator of one channel, by the formula.
    pub fn apply_one(&self, acc: i32, channel: usize) -> i8 {
        let multiplier = self.multipliers[channel / NR][channel % NR];
        let product = i64::from(acc) * i64::from(multiplier);
        let rounded = (product + (1_i64 << (self.shift - 1))) >> self.shift;
        (rounded + i64::from(self.zero_point)).clamp(i64::from(self.min), i64::from(self.max)) as i8
    }

    /// Eight accumulators (or as many as `out` holds) of the channels from `first`, a multiple of eight.
    #[inline(always)]
    pub(crate) fn apply(&self, acc: &[i32; NR], first: usize, out: &mut [i8]) {
        let ([low, high], []) = acc.as_chunks::<4>() else { unreachable!("eight is two fours") };
        self.apply_lanes([I32x4::load(low), I32x4::load(high)], first, out);
    }

    #[inline(always)]
    pub(crate) fn apply_lanes(&self, acc: [I32x4; 2], first: usize, out: &mut [i8]) {
        if !self.fits_lanes {
            let acc = acc.map(I32x4::to_array);
            for (i, out) in out.iter_mut().enumerate() {
                *out = self.apply_one(acc[i / 4][i % 4], first + i);
            }
            return;
        }
        let ([low, high], []) = self.multipliers[first / NR].as_chunks::<4>() else {
            unreachable!("eight is two fours")
        };
        let rounding = 1_i64 << (self.shift - 1);
        let zero_point = I32x4::splat(i32::from(self.zero_point));
        let (min, max) = (I32x4::splat(i32::from(self.min)), I32x4::splat(i32::from(self.max)));
        let level = |acc: I32x4, multipliers: &[i32; 4]| {
            let rounded = acc.multiply_shift(I32x4::load(multipliers), rounding, self.shift - 32);
            rounded.add(zero_point).clamp(min, max)
        };
        let levels = [level(acc[0], low), level(acc[1], high)];
        match <&mut [i8; NR]>::try_from(&mut *out) {
            Ok(out) => I32x4::store_i8(levels[0], levels[1], out),
            Err(_) => {
                let mut all = [0; NR];
                I32x4::store_i8(levels[0], levels[1], &mut all);
                let len = out.len();
                out.copy_from_slice(&all[..len]);
            }
        }
    }

    pub(crate) fn check_channels(&self, channels: usize) -> Result<(), KernelError> {
        check_fits("requantized channels", self.channels, channels)
    }
}

/// Weights `[n, k]` packed for [`gemm_i8`]: panels of eight output channels, pairs of neighbours in `k` together.
///
/// ```text
/// panel 0:  w[0][0] w[0][1]  w[1][0] w[1][1]  …  w[7][0] w[7][1]    w[0][2] w[0][3]  …
/// ```
/// An odd `k` and the last panel are filled up with zeros.
#[derive(Clone, Debug, PartialEq)]
pub struct PackedWeightsI8 {
    panels: Vec<[i8; 2 * NR]>,
    row_sums: Vec<i32>,
    n: usize,
    k: usize,
}

impl PackedWeightsI8 {
    /// Packs `weights`, `[n, k]` row-major.
    ///
    /// # Errors
    /// [`KernelError::Length`] when `weights` does not hold `n * k` values, [`KernelError::Depth`] when `k` products
    /// do not fit an int32 accumulator.
    pub fn pack(weights: &[i8], n: usize, k: usize) -> Result<Self, KernelError> {
        check_len("weights", weights.len(), n * k)?;
        if k > MAX_DEPTH {
            return Err(KernelError::Depth { k, max: MAX_DEPTH });
        }
        let value = |o: usize, kk: usize| if o < n && kk < k { weights[o * k + kk] } else { 0 };
        let panels = (0..n.div_ceil(NR))
            .flat_map(|panel| {
                (0..k.div_ceil(2))
                    .map(move |pair| std::array::from_fn(|i| value(panel * NR + i / 2, pair * 2 + i % 2)))
            })
            .collect();
        let row_sums =
            weights.chunks_exact(k.max(1)).map(|row| row.iter().map(|w| i32::from(*w)).sum()).collect();
        Ok(Self { panels, row_sums, n, k })
    }

    /// Output channels.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Length of the reduction.
    pub fn k(&self) -> usize {
        self.k
    }

    /// Bytes of the packed weights.
    pub fn bytes(&self) -> usize {
        size_of_val(self.panels.as_slice())
    }

    /// Sum of each output channel's weights.
    pub fn row_sums(&self) -> &[i32] {
        &self.row_sums
    }

    fn pairs(&self) -> usize {
        self.k.div_ceil(2)
    }
}

/// Turns a bias for `sum((q - zero_point) * w)` into one for `sum(q * w)`: `bias -= zero_point * sum(w)`.
///
/// # Errors
/// [`KernelError::Length`] when `bias` has not `n` entries.
pub fn fold_zero_point(
    bias: &mut [i32],
    weights: &PackedWeightsI8,
    zero_point: i8,
) -> Result<(), KernelError> {
    check_len("bias", bias.len(), weights.n)?;
    for (bias, sum) in bias.iter_mut().zip(&weights.row_sums) {
        *bias = bias.wrapping_sub(i32::from(zero_point).wrapping_mul(*sum));
    }
    Ok(())
}

/// int16 values of scratch that the int8 products need for these weights.
pub fn gemm_i8_scratch_len(weights: &PackedWeightsI8) -> usize {
    ROWS * weights.pairs() * 2
}

/// `c = requantize(a * weightsᵀ + bias)` on integers.
///
/// - `a`: `[m, k]` levels; `weights`: `[n, k]`, packed; `bias`: `[n]`, the zero point folded in
///   ([`fold_zero_point`]); `c`: `[m, n]` levels, overwritten.
/// - `scratch`: at least [`gemm_i8_scratch_len`].
///
/// Accumulators wrap at 32 bits; with `k` bounded by packing and biases below 2^30 they cannot.
///
/// # Errors
/// [`KernelError::Length`] and [`KernelError::Shape`] for sizes that do not fit.
pub fn gemm_i8(
    m: usize,
    a: &[i8],
    weights: &PackedWeightsI8,
    bias: &[i32],
    requantization: &Requantization,
    scratch: &mut [i16],
    c: &mut [i8],
) -> Result<(), KernelError> {
    requantization.check_channels(weights.n)?;
    product(m, a, weights, bias, scratch, c, |acc, first, out| requantization.apply_lanes(acc, first, out))
}

/// `c = (a * weightsᵀ + bias) * scales`: a classifier's logits as real numbers.
///
/// As [`gemm_i8`], with `scales`: `[n]`, `s_x * s_w` of each channel, and `c` in float32.
///
/// # Errors
/// As [`gemm_i8`].
pub fn gemm_i8_f32(
    m: usize,
    a: &[i8],
    weights: &PackedWeightsI8,
    bias: &[i32],
    scales: &[f32],
    scratch: &mut [i16],
    c: &mut [f32],
) -> Result<(), KernelError> {
    check_len("scales", scales.len(), weights.n)?;
    product(m, a, weights, bias, scratch, c, |acc, first, out| {
        let acc = acc.map(I32x4::to_array);
        for (i, (out, scale)) in out.iter_mut().zip(&scales[first..]).enumerate() {
            *out = acc[i / 4][i % 4] as f32 * scale;
        }
    })
}

/// The product; `finish` turns eight accumulators (channels from a multiple of eight) into outputs.
#[inline(always)]
fn product<T>(
    m: usize,
    a: &[i8],
    weights: &PackedWeightsI8,
    bias: &[i32],
    scratch: &mut [i16],
    c: &mut [T],
    finish: impl Fn([I32x4; 2], usize, &mut [T]),
) -> Result<(), KernelError> {
    let PackedWeightsI8 { n, k, .. } = *weights;
    check_len("a", a.len(), m * k)?;
    check_len("bias", bias.len(), n)?;
    check_len("c", c.len(), m * n)?;
    check_at_least("scratch", scratch.len(), gemm_i8_scratch_len(weights))?;
    if m == 0 || n == 0 {
        return Ok(());
    }
    check_fits("reduction", k.min(1), 1)?;

    let pairs = weights.pairs();
    for (a, c) in a.chunks(ROWS * k).zip(c.chunks_mut(ROWS * n)) {
        let rows = a.len() / k;
        for (row, wide) in a.chunks_exact(k).zip(scratch.chunks_exact_mut(pairs * 2)) {
            widen(row, wide);
        }
        let wide = &scratch.as_chunks::<2>().0[..rows * pairs];
        for (panel, b) in weights.panels.chunks_exact(pairs).enumerate() {
            let first = panel * NR;
            let columns = (n - first).min(NR);
            let mut padded = [0; NR];
            padded[..columns].copy_from_slice(&bias[first..][..columns]);
            let mut store = |row: usize, acc| finish(acc, first, &mut c[row * n + first..][..columns]);
            let mut row = 0;
            while row + MR <= rows {
                let acc = tile::<MR>(&wide[row * pairs..], b, &padded);
                for (i, acc) in acc.into_iter().enumerate() {
                    store(row + i, acc);
                }
                row += MR;
            }
            while row < rows {
                let [acc] = tile::<1>(&wide[row * pairs..], b, &padded);
                store(row, acc);
                row += 1;
            }
        }
    }
    Ok(())
}

/// `R` rows of int16 pairs times one panel.
#[inline(always)]
fn tile<const R: usize>(a: &[[i16; 2]], b: &[[i8; 2 * NR]], bias: &[i32; NR]) -> [[I32x4; 2]; R] {
    let pairs = b.len();
    let rows: [&[[i16; 2]]; R] = std::array::from_fn(|row| &a[row * pairs..][..pairs]);
    let ([low, high], []) = bias.as_chunks::<4>() else { unreachable!("eight is two fours") };
    let mut acc = [[I32x4::load(low), I32x4::load(high)]; R];
    for (pair, b) in b.iter().enumerate() {
        let ([low, high], []) = b.as_chunks::<8>() else { unreachable!("sixteen is two eights") };
        let (b0, b1) = (I16x8::load_i8(low), I16x8::load_i8(high));
        for row in 0..R {
            let x = I16x8::splat_pair(&rows[row][pair]);
            acc[row] = [acc[row][0].add(x.dot(b0)), acc[row][1].add(x.dot(b1))];
        }
    }
    acc
}

/// int8 to int16; what `wide` has more is set to 0.
fn widen(row: &[i8], wide: &mut [i16]) {
    let (wide, end) = wide.split_at_mut(row.len());
    end.fill(0);
    let ((row, row_rest), (wide, wide_rest)) = (row.as_chunks::<8>(), wide.as_chunks_mut::<8>());
    for (wide, row) in wide.iter_mut().zip(row) {
        I16x8::load_i8(row).store(wide);
    }
    for (wide, x) in wide_rest.iter_mut().zip(row_rest) {
        *wide = i16::from(*x);
    }
}

/// Quantizes: `q = clamp(round_ties_even(x / scale) + zero_point, -128, 127)`, NaN becomes `zero_point`.
///
/// - `x`, `q`: of one length. `scale`: finite and `> 0`.
///
/// # Errors
/// [`KernelError::Length`] when lengths differ, [`KernelError::Number`] for an unusable scale.
///
/// Source: ONNX QuantizeLinear. TFLite rounds halves away from zero instead.
pub fn quantize_i8(x: &[f32], scale: f32, zero_point: i8, q: &mut [i8]) -> Result<(), KernelError> {
    check_len("q", q.len(), x.len())?;
    check_scale(scale)?;
    let (divisor, offset) = (F32x4::splat(scale), I32x4::splat(i32::from(zero_point)));
    // Beyond ±2^20 every level saturates; the bound keeps the zero point from wrapping an int32.
    let (min, max) = (I32x4::splat(-(1 << 20)), I32x4::splat(1 << 20));
    let (low, high) = (I32x4::splat(-128), I32x4::splat(127));
    let level =
        |x: &[f32; 4]| F32x4::load(x).divided_to_i32(divisor).clamp(min, max).add(offset).clamp(low, high);
    let ((x, x_rest), (q, q_rest)) = (x.as_chunks::<8>(), q.as_chunks_mut::<8>());
    for (x, q) in x.iter().zip(q) {
        let ([low, high], []) = x.as_chunks::<4>() else { unreachable!("eight is two fours") };
        I32x4::store_i8(level(low), level(high), q);
    }
    for (x, q) in x_rest.iter().zip(q_rest) {
        *q = level(&[*x; 4]).to_array()[0] as i8;
    }
    Ok(())
}

/// `x = scale * (q - zero_point)`, of one length.
///
/// # Errors
/// As [`quantize_i8`].
pub fn dequantize_i8(q: &[i8], scale: f32, zero_point: i8, x: &mut [f32]) -> Result<(), KernelError> {
    check_len("x", x.len(), q.len())?;
    check_scale(scale)?;
    for (x, q) in x.iter_mut().zip(q) {
        *x = scale * f32::from(i16::from(*q) - i16::from(zero_point));
    }
    Ok(())
}

fn check_scale(scale: f32) -> Result<(), KernelError> {
    match scale.is_finite() && scale > 0.0 {
        true => Ok(()),
        false => Err(KernelError::Number {
            what: "scale",
            value: f64::from(scale),
            bounds: "0 (excluded) to infinity",
        }),
    }
}

/// The sum of two int8 activations on their own grids, on a third grid:
/// `q = clamp(((a - za) * ma + (b - zb) * mb + 2^(shift - 1)) >> shift) + z, min, max)` with
/// `m = round(s / s_out * 2^shift)`.
///
/// The shift is the largest (up to 20) at which both products fit 30 bits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AddRequantization {
    multipliers: [i32; 2],
    zero_points: [i8; 2],
    shift: u32,
    zero_point: i8,
    min: i8,
    max: i8,
}

impl AddRequantization {
    /// Each pair is a scale (finite, `> 0`) and a zero point; `min`, `max` are the activation's bounds as levels.
    ///
    /// # Errors
    /// [`KernelError::Number`] for an unusable scale, or a summand over 2^20 times coarser than the output.
    pub fn new(a: (f64, i8), b: (f64, i8), output: (f64, i8), min: i8, max: i8) -> Result<Self, KernelError> {
        for (value, _) in [a, b, output] {
            if !(value.is_finite() && value > 0.0) {
                return Err(KernelError::Number { what: "scale", value, bounds: "0 (excluded) to infinity" });
            }
        }
        // 255 * 2^21 < 2^29, twice that and the rounding stay below 2^31.
        let largest = (a.0 / output.0).max(b.0 / output.0);
        let fits = |shift: &i32| (largest * f64::from(*shift).exp2()).round() <= f64::from(1 << 21);
        let shift = (1..=20).rev().find(fits).ok_or(KernelError::Number {
            what: "ratio of scales",
            value: largest,
            bounds: "0..=1048576",
        })?;
        let multiplier = |scale: f64| (scale / output.0 * f64::from(shift).exp2()).round() as i32;
        Ok(Self {
            multipliers: [multiplier(a.0), multiplier(b.0)],
            zero_points: [a.1, b.1],
            shift: shift as u32,
            zero_point: output.1,
            min,
            max,
        })
    }

    /// One pair of levels, by the formula.
    pub fn apply_one(&self, a: i8, b: i8) -> i8 {
        let summand = |q: i8, i: usize| (i32::from(q) - i32::from(self.zero_points[i])) * self.multipliers[i];
        let sum = summand(a, 0) + summand(b, 1) + (1 << (self.shift - 1));
        ((sum >> self.shift) + i32::from(self.zero_point)).clamp(i32::from(self.min), i32::from(self.max))
            as i8
    }
}

/// Adds two int8 activations of one length by [`AddRequantization`]'s formula.
///
/// # Errors
/// [`KernelError::Length`] when lengths differ.
pub fn add_i8(
    a: &[i8],
    b: &[i8],
    requantization: &AddRequantization,
    out: &mut [i8],
) -> Result<(), KernelError> {
    check_len("b", b.len(), a.len())?;
    check_len("out", out.len(), a.len())?;
    let AddRequantization { multipliers, zero_points, shift, zero_point, min, max } = *requantization;
    let zero_points = zero_points.map(|zero_point| I16x8::splat(i16::from(zero_point)));
    let multipliers = multipliers.map(I32x4::splat);
    let (rounding, offset) = (I32x4::splat(1 << (shift - 1)), I32x4::splat(i32::from(zero_point)));
    let (min, max) = (I32x4::splat(i32::from(min)), I32x4::splat(i32::from(max)));
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let (out, out_rest) = out.as_chunks_mut::<8>();
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        let [a0, a1] = I16x8::load_i8(a).sub(zero_points[0]).widen();
        let [b0, b1] = I16x8::load_i8(b).sub(zero_points[1]).widen();
        let level = |a: I32x4, b: I32x4| {
            let sum = a.mul(multipliers[0]).add(b.mul(multipliers[1])).add(rounding);
            sum.shift_right(shift).add(offset).clamp(min, max)
        };
        I32x4::store_i8(level(a0, b0), level(a1, b1), out);
    }
    for ((out, a), b) in out_rest.iter_mut().zip(a_rest).zip(b_rest) {
        *out = requantization.apply_one(*a, *b);
    }
    Ok(())
}
