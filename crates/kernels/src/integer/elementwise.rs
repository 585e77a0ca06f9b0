//! Element by element on levels, and pooling. Layouts do not matter where lengths agree.

#![allow(unsafe_code, reason = "ranges of an output are written by several threads, each range by one")]

use super::requantize::{AddRequantization, Requantization};
use crate::blocks::{BLOCK, blocked_len, blocks};
use crate::error::{check_fits, check_len};
use crate::lanes::{F32x4, I16x8, I32x4, U8x16};
use crate::parts::{Disjoint, Parts};
use crate::pool::WORK;
use crate::{ImageShape, KernelError, Padding};

/// What an element to be quantized is worth in multiply-adds of a dense layer; it costs a division.
const QUANTIZE_WORK: usize = 16;

/// Quantizes: `q = clamp(round_ties_even(x / scale) + zero_point, 0, 255)`, NaN becomes `zero_point`.
///
/// - `x`, `q`: of one length. `scale`: finite and `> 0`.
///
/// # Errors
/// [`KernelError::Length`] when lengths differ, [`KernelError::Number`] for an unusable scale.
///
/// Source: ONNX QuantizeLinear. TFLite rounds halves away from zero instead.
pub fn quantize_i8(x: &[f32], scale: f32, zero_point: u8, q: &mut [u8]) -> Result<(), KernelError> {
    check_len("q", q.len(), x.len())?;
    check_scale(scale)?;
    let (divisor, offset) = (F32x4::splat(scale), I32x4::splat(i32::from(zero_point)));
    // Beyond ±2^20 every level saturates; the bound keeps the zero point from wrapping an int32.
    let (min, max) = (I32x4::splat(-(1 << 20)), I32x4::splat(1 << 20));
    let level = |x: &[f32; 4]| F32x4::load(x).divided_to_i32(divisor).clamp(min, max).add(offset);
    let ((x, x_rest), (q, q_rest)) = (x.as_chunks::<8>(), q.as_chunks_mut::<8>());
    let q = Disjoint::new(q);
    Parts::of_elements(x.len(), 8 * QUANTIZE_WORK).share(|part| {
        // SAFETY: no other part has these elements.
        let q = unsafe { q.range(part.columns.clone()) };
        for (x, q) in x[part.columns].iter().zip(q) {
            let ([low, high], []) = x.as_chunks::<4>() else { unreachable!("eight is two fours") };
            let words = I16x8::narrow(level(low), level(high));
            U8x16::narrow(words, words).store_half(q);
        }
    });
    for (x, q) in x_rest.iter().zip(q_rest) {
        *q = level(&[*x; 4]).to_array()[0].clamp(0, 255) as u8;
    }
    Ok(())
}

/// `x = scale * (q - zero_point)`, of one length.
///
/// # Errors
/// As [`quantize_i8`].
pub fn dequantize_i8(q: &[u8], scale: f32, zero_point: u8, x: &mut [f32]) -> Result<(), KernelError> {
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

/// Adds `b` to `a`, in place and of one length, by [`AddRequantization`]'s formula; blocked, where bounds are per channel.
///
/// # Errors
/// [`KernelError::Length`] when lengths differ, [`KernelError::Shape`] when there are not bounds for each channel.
pub fn add_i8(a: &mut [u8], b: &[u8], requantization: &AddRequantization) -> Result<(), KernelError> {
    check_len("b", b.len(), a.len())?;
    let AddRequantization { multipliers, zero_points, shift, zero_point, min, ref max } = *requantization;
    let zero_points = zero_points.map(|zero_point| I16x8::splat(i16::from(zero_point)));
    let multipliers = multipliers.map(I32x4::splat);
    let (rounding, offset) = (I32x4::splat(1 << (shift - 1)), I16x8::splat(i16::from(zero_point)));
    let min = I16x8::splat(i16::from(min));
    // Elements that share a block's bounds: those of one block of channels, or all.
    let plane = match max.len() {
        1 => a.len(),
        n_blocks => {
            let pixels = a.len() / (n_blocks * BLOCK);
            check_fits("elements of whole pixels", a.len(), pixels * n_blocks * BLOCK)?;
            pixels * BLOCK
        }
    };
    let plane = plane.max(1);
    for ((a, b), max) in a.chunks_mut(plane).zip(b.chunks(plane)).zip(max) {
        let max = I16x8::load_u8(max);
        let ((a, a_rest), (b, b_rest)) = (a.as_chunks_mut::<BLOCK>(), b.as_chunks::<BLOCK>());
        for (a, b) in a.iter_mut().zip(b) {
            let [a0, a1] = I16x8::load_u8(a).sub(zero_points[0]).widen();
            let [b0, b1] = I16x8::load_u8(b).sub(zero_points[1]).widen();
            let level = |a: I32x4, b: I32x4| {
                a.mul(multipliers[0]).add(b.mul(multipliers[1])).add(rounding).shift_right(shift)
            };
            let words = I16x8::narrow(level(a0, b0), level(a1, b1)).add_saturating(offset).clamp(min, max);
            U8x16::narrow(words, words).store_half(a);
        }
        for (lane, (a, b)) in a_rest.iter_mut().zip(b_rest).enumerate() {
            *a = requantization.apply_one(*a, *b, lane);
        }
    }
    Ok(())
}

/// Mean of each channel over all pixels: sums of `q - zero_point`, requantized by `s_x / (height * width) / s_y` per
/// channel.
///
/// - `input`: `image`, blocked; `out`: `[channels]`, filled up to whole blocks.
///
/// # Errors
/// [`KernelError::Length`] for a slice of the wrong length, [`KernelError::Depth`] for more than 2^22 pixels.
pub fn global_average_pool_i8(
    input: &[u8],
    image: ImageShape,
    zero_point: u8,
    requantization: &Requantization,
    out: &mut [u8],
) -> Result<(), KernelError> {
    image.check(Padding::default())?;
    check_len("input", input.len(), blocked_len(image))?;
    check_len("out", out.len(), blocks(image.channels) * BLOCK)?;
    requantization.check_channels(image.channels)?;
    let (k, max) = (image.height * image.width, 1 << 22);
    if k > max {
        return Err(KernelError::Depth { k, max });
    }
    let start = I32x4::splat(-i32::from(zero_point) * k as i32);
    let out = Disjoint::new(out);
    Parts::of_elements(blocks(image.channels), WORK.saturating_mul(k * BLOCK)).share(|part| {
        for block in part.columns {
            let mut sums = [start; 2];
            for pixel in input[block * k * BLOCK..][..k * BLOCK].as_chunks::<BLOCK>().0 {
                let [low, high] = I16x8::load_u8(pixel).widen();
                sums = [sums[0].add(low), sums[1].add(high)];
            }
            let levels = match requantization.doubles() {
                true => requantization.block::<true>(block).two([sums; 2]),
                false => requantization.block::<false>(block).two([sums; 2]),
            };
            // SAFETY: no other part has this block.
            let out = unsafe { out.range(block * BLOCK..(block + 1) * BLOCK) };
            levels.store_half(out.first_chunk_mut().expect("a block of levels"));
        }
    });
    Ok(())
}
