//! Pooling: the mean of all pixels, the largest of a window.

#![allow(unsafe_code, reason = "blocks of the output are written by several threads, each block by one")]

use crate::blocks::{BLOCK, blocked_len, blocks};
use crate::error::check_len;
use crate::lanes::F32x4;
use crate::parts::{Disjoint, Parts};
use crate::{ImageShape, KernelError, Padding, Window};

/// What an element of the input is worth in multiply-adds of a dense layer.
pub(crate) const WORK: usize = 4;

/// Mean of each channel over all pixels.
///
/// - `input`: `image`, blocked; `out`: `[channels]`, filled up to whole blocks.
///
/// # Errors
/// [`KernelError::Length`] for a slice of the wrong length.
pub fn global_average_pool_f32(input: &[f32], image: ImageShape, out: &mut [f32]) -> Result<(), KernelError> {
    image.check(Padding::default())?;
    check_len("input", input.len(), blocked_len(image))?;
    check_len("out", out.len(), blocks(image.channels) * BLOCK)?;
    let pixels = image.height * image.width;
    let scale = F32x4::splat(1.0 / pixels as f32);
    let out = Disjoint::new(out);
    Parts::of_elements(blocks(image.channels), WORK.saturating_mul(pixels * BLOCK)).share(|part| {
        for block in part.columns {
            let plane = &input[block * pixels * BLOCK..][..pixels * BLOCK];
            let mut sums = [F32x4::splat(0.0); 2];
            for [low, high] in plane.as_chunks::<4>().0.as_chunks::<2>().0 {
                sums = [sums[0].add(F32x4::load(low)), sums[1].add(F32x4::load(high))];
            }
            // SAFETY: no other part has this block.
            let out = unsafe { out.range(block * BLOCK..(block + 1) * BLOCK) };
            let ([low, high], []) = out.as_chunks_mut::<4>() else { unreachable!("eight is two fours") };
            sums[0].mul(scale).store(low);
            sums[1].mul(scale).store(high);
        }
    });
    Ok(())
}

/// Largest element of each channel under each position of the window; what lies around the image does not count. NaN is
/// larger than all else, so that a network that has gone wrong shows it. Works on real numbers and on levels, whose order is
/// that of what they stand for.
///
/// - `input`: `image`, blocked; `out`: the window's outputs of as many channels, blocked.
///
/// # Errors
/// [`KernelError::Length`] for a slice of the wrong length, [`KernelError::Window`] for a window that does not fit or that
/// padding could fill.
pub fn max_pool<T: Copy + PartialOrd + Send + Sync>(
    input: &[T],
    image: ImageShape,
    window: &Window,
    out: &mut [T],
) -> Result<(), KernelError> {
    image.check(window.padding)?;
    let [height, width] = window.output(image)?;
    if image.height * image.width == 0 || !window.always_touches_image() {
        return Err(KernelError::Window { kernel: window.kernel, stride: window.stride });
    }
    check_len("input", input.len(), blocked_len(image))?;
    check_len("out", out.len(), blocked_len(ImageShape { height, width, channels: image.channels }))?;
    let (pixels, plane) = (image.height * image.width, height * width * BLOCK);
    let out = Disjoint::new(out);
    Parts::of_elements(blocks(image.channels), plane.saturating_mul(window.taps())).share(|part| {
        for block in part.columns {
            let source = input[block * pixels * BLOCK..][..pixels * BLOCK].as_chunks::<BLOCK>().0;
            // SAFETY: no other part has this block.
            let target = unsafe { out.range(block * plane..(block + 1) * plane) }.as_chunks_mut::<BLOCK>().0;
            for (y, row) in target.chunks_exact_mut(width).enumerate() {
                let rows = window.rows(y, image.height);
                for (x, pixel) in row.iter_mut().enumerate() {
                    let columns = window.columns(x, image.width);
                    let n = columns.end - columns.first;
                    let mut largest = source[rows.image * image.width + columns.image];
                    for row in rows.image..rows.image + (rows.end - rows.first) {
                        for other in &source[row * image.width + columns.image..][..n] {
                            largest = larger(largest, *other);
                        }
                    }
                    *pixel = largest;
                }
            }
        }
    });
    Ok(())
}

/// The larger element of each lane.
#[inline(always)]
#[expect(clippy::eq_op, reason = "NaN is what differs from itself")]
fn larger<T: Copy + PartialOrd>(a: [T; BLOCK], b: [T; BLOCK]) -> [T; BLOCK] {
    std::array::from_fn(|lane| if a[lane] >= b[lane] || a[lane] != a[lane] { a[lane] } else { b[lane] })
}
