//! Pooling: the mean of all pixels, the largest of a window.

#![allow(unsafe_code, reason = "blocks of the output are written by several threads, each block by one")]

use crate::blocks::{BLOCK, blocked_len, blocks};
use crate::error::check_len;
use crate::lanes::{F32x4, I16x8, U8x16};
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
/// larger than all else, so that a network that has gone wrong shows it; only the relaxed flavour may lose it.
///
/// - `input`: `image`, blocked; `out`: the window's outputs of as many channels, blocked.
///
/// # Errors
/// [`KernelError::Length`] for a slice of the wrong length, [`KernelError::Window`] for a window that does not fit or that
/// padding could fill.
pub fn max_pool_f32(
    input: &[f32],
    image: ImageShape,
    window: &Window,
    out: &mut [f32],
) -> Result<(), KernelError> {
    max_pool(input, image, window, out)
}

/// The same of levels, whose order is that of what they stand for.
///
/// # Errors
/// As [`max_pool_f32`].
pub fn max_pool_i8(
    input: &[u8],
    image: ImageShape,
    window: &Window,
    out: &mut [u8],
) -> Result<(), KernelError> {
    max_pool(input, image, window, out)
}

/// What a maximum is taken of.
trait Element: Copy + Send + Sync {
    /// A block in registers.
    type Lanes: Copy;

    fn load(block: &[Self; BLOCK]) -> Self::Lanes;

    fn larger(a: Self::Lanes, b: Self::Lanes) -> Self::Lanes;

    fn store(lanes: Self::Lanes, block: &mut [Self; BLOCK]);
}

impl Element for f32 {
    type Lanes = [F32x4; 2];

    #[inline(always)]
    fn load(block: &[Self; BLOCK]) -> Self::Lanes {
        let ([low, high], []) = block.as_chunks::<4>() else { unreachable!("eight is two fours") };
        [F32x4::load(low), F32x4::load(high)]
    }

    #[inline(always)]
    fn larger(a: Self::Lanes, b: Self::Lanes) -> Self::Lanes {
        [a[0].max(b[0]), a[1].max(b[1])]
    }

    #[inline(always)]
    fn store(lanes: Self::Lanes, block: &mut [Self; BLOCK]) {
        let ([low, high], []) = block.as_chunks_mut::<4>() else { unreachable!("eight is two fours") };
        lanes[0].store(low);
        lanes[1].store(high);
    }
}

impl Element for u8 {
    type Lanes = I16x8;

    #[inline(always)]
    fn load(block: &[Self; BLOCK]) -> Self::Lanes {
        I16x8::load_u8(block)
    }

    #[inline(always)]
    fn larger(a: Self::Lanes, b: Self::Lanes) -> Self::Lanes {
        a.clamp(b, I16x8::splat(i16::MAX))
    }

    #[inline(always)]
    fn store(lanes: Self::Lanes, block: &mut [Self; BLOCK]) {
        U8x16::narrow(lanes, lanes).store_half(block);
    }
}

fn max_pool<T: Element>(
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
                    let mut largest = T::load(&source[rows.image * image.width + columns.image]);
                    for row in rows.image..rows.image + (rows.end - rows.first) {
                        for other in &source[row * image.width + columns.image..][..n] {
                            largest = T::larger(largest, T::load(other));
                        }
                    }
                    T::store(largest, pixel);
                }
            }
        }
    });
    Ok(())
}
