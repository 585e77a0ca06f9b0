//! The layout in which activations lie between kernels: channels in blocks of eight.
//!
//! ```text
//! nhwc:     pixel 0: c0 c1 c2 …            pixel 1: c0 c1 c2 …
//! blocked:  block 0: [pixel 0: c0 … c7] [pixel 1: c0 … c7] …    block 1: [pixel 0: c8 … c15] …
//! ```
//! A block of all pixels is contiguous, whatever the number of channels: a depthwise kernel walks along rows of fixed
//! pitch, a matrix product writes each panel of eight output channels as one run, and threads share out blocks. With
//! a single pixel, blocked and plain order are the same.
//!
//! The last block is filled up. Dense layers multiply the filling with zeros, so there it must be finite: a NaN or an
//! infinity in it would reach every channel of its pixel. [`to_blocks`] fills with zeros, and each kernel writes a finite
//! filling where what it reads is finite; dense and sparse layers make it of zero weights and biases. Depthwise and sparse
//! layers, pools and sums keep channels apart, so that for their real channels any filling will do, and on integers it
//! may hold anything.

use aligned_vec::{AVec, ConstAlign};

use crate::error::check_len;
use crate::{ImageShape, KernelError, Padding};

/// Channels of a block.
pub const BLOCK: usize = 8;

/// A vector that begins on a cache line, so that no vector register's worth of it lies on two.
pub type Aligned<T> = AVec<T, ConstAlign<64>>;

/// `len` zeros.
pub fn zeros<T: Copy + Default>(len: usize) -> Aligned<T> {
    let mut values = AVec::new(64);
    values.resize(len, T::default());
    values
}

/// Blocks that hold `channels`.
pub(crate) fn blocks(channels: usize) -> usize {
    channels.div_ceil(BLOCK)
}

/// Elements of a blocked image, the filling included; saturates, as no slice is so long.
pub fn blocked_len(image: ImageShape) -> usize {
    let filled = blocks(image.channels).saturating_mul(BLOCK);
    image.height.saturating_mul(image.width).saturating_mul(filled)
}

/// Brings an image from `nhwc` into blocks; the filling becomes `T::default()`.
///
/// # Errors
/// [`KernelError::Length`] for a slice of the wrong length, [`KernelError::Size`] for an image that memory cannot hold.
pub fn to_blocks<T: Copy + Default>(
    nhwc: &[T],
    image: ImageShape,
    blocked: &mut [T],
) -> Result<(), KernelError> {
    image.check(Padding::default())?;
    check_len("nhwc", nhwc.len(), image.len())?;
    check_len("blocked", blocked.len(), blocked_len(image))?;
    if nhwc.is_empty() {
        return Ok(());
    }
    for (index, block) in blocked.chunks_exact_mut(image.height * image.width * BLOCK).enumerate() {
        for (pixel, source) in
            block.as_chunks_mut::<BLOCK>().0.iter_mut().zip(nhwc.chunks_exact(image.channels))
        {
            let source = &source[index * BLOCK..];
            // Whole blocks are moved as such: a copy of a length that only the run knows is a call.
            match source.first_chunk() {
                Some(whole) => *pixel = *whole,
                None => *pixel = std::array::from_fn(|c| source.get(c).copied().unwrap_or_default()),
            }
        }
    }
    Ok(())
}

/// The opposite of [`to_blocks`].
///
/// # Errors
/// [`KernelError::Length`] for a slice of the wrong length, [`KernelError::Size`] for an image that memory cannot hold.
pub fn from_blocks<T: Copy>(blocked: &[T], image: ImageShape, nhwc: &mut [T]) -> Result<(), KernelError> {
    image.check(Padding::default())?;
    check_len("blocked", blocked.len(), blocked_len(image))?;
    check_len("nhwc", nhwc.len(), image.len())?;
    if nhwc.is_empty() {
        return Ok(());
    }
    for (index, block) in blocked.chunks_exact(image.height * image.width * BLOCK).enumerate() {
        for (pixel, target) in block.as_chunks::<BLOCK>().0.iter().zip(nhwc.chunks_exact_mut(image.channels))
        {
            let target = &mut target[index * BLOCK..];
            match target.first_chunk_mut() {
                Some(whole) => *whole = *pixel,
                None => target.iter_mut().zip(pixel).for_each(|(channel, x)| *channel = *x),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_hold_each_channel_of_each_pixel_once() {
        for channels in 1..20 {
            let image = ImageShape { height: 3, width: 2, channels };
            let nhwc: Vec<u32> = (1..=image.len() as u32).collect();
            let mut blocked = vec![u32::MAX; blocked_len(image)];
            to_blocks(&nhwc, image, &mut blocked).unwrap();
            for (pixel, values) in nhwc.chunks_exact(channels).enumerate() {
                for (c, value) in values.iter().enumerate() {
                    assert_eq!(blocked[(c / BLOCK * 6 + pixel) * BLOCK + c % BLOCK], *value);
                }
            }
            assert_eq!(blocked.iter().filter(|x| **x == 0).count(), blocked.len() - nhwc.len());
            let mut back = vec![0; nhwc.len()];
            from_blocks(&blocked, image, &mut back).unwrap();
            assert_eq!(back, nhwc);
        }
    }

    #[test]
    fn wrong_lengths_are_refused() {
        let image = ImageShape { height: 1, width: 1, channels: 3 };
        assert!(to_blocks(&[0; 2], image, &mut [0; 8]).is_err());
        assert!(to_blocks(&[0; 3], image, &mut [0; 7]).is_err());
        assert!(from_blocks(&[0; 7], image, &mut [0; 3]).is_err());
    }
}
