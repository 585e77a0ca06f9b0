//! Global average pooling.

use crate::error::check_len;
use crate::integer::Requantization;
use crate::{ImageShape, KernelError};

/// Mean of each channel over all pixels: `[height, width, channels]` to `[channels]`.
///
/// # Errors
/// [`KernelError::Length`] for a slice of the wrong length.
pub fn global_average_pool_f32(input: &[f32], image: ImageShape, out: &mut [f32]) -> Result<(), KernelError> {
    check_len("input", input.len(), image.len())?;
    check_len("out", out.len(), image.channels)?;
    out.fill(0.0);
    for pixel in input.chunks_exact(image.channels.max(1)) {
        for (sum, x) in out.iter_mut().zip(pixel) {
            *sum += x;
        }
    }
    let scale = 1.0 / (image.height * image.width) as f32;
    out.iter_mut().for_each(|sum| *sum *= scale);
    Ok(())
}

/// The same on int8: sums of `q - zero_point` over all pixels, requantized by
/// `s_x / (height * width) / s_y` per channel.
///
/// # Errors
/// [`KernelError::Length`] for a slice of the wrong length, [`KernelError::Depth`] for more than 2^22 pixels.
pub fn global_average_pool_i8(
    input: &[i8],
    image: ImageShape,
    zero_point: i8,
    requantization: &Requantization,
    out: &mut [i8],
) -> Result<(), KernelError> {
    check_len("input", input.len(), image.len())?;
    check_len("out", out.len(), image.channels)?;
    requantization.check_channels(image.channels)?;
    let (k, max) = (image.height * image.width, 1 << 22);
    if k > max {
        return Err(KernelError::Depth { k, max });
    }
    let zero_point = i32::from(zero_point) * k as i32;
    for (block, out) in out.chunks_mut(8).enumerate() {
        let mut sums = [-zero_point; 8];
        for pixel in input.chunks_exact(image.channels) {
            for (sum, x) in sums.iter_mut().zip(&pixel[block * 8..][..out.len()]) {
                *sum += i32::from(*x);
            }
        }
        requantization.apply(&sums, block * 8, out);
    }
    Ok(())
}
