//! Global average pooling.

#![allow(unsafe_code, reason = "blocks of the output are written by several threads, each block by one")]

use crate::blocks::{BLOCK, blocked_len, blocks};
use crate::error::check_len;
use crate::lanes::F32x4;
use crate::parts::{Disjoint, Parts};
use crate::{ImageShape, KernelError, Padding};

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
