//! Channels of several images beside each other.

use crate::blocks::{BLOCK, blocked_len};
use crate::error::{check_fits, check_len};
use crate::{ImageShape, KernelError, Padding};

/// Copies an image's channels into those of a wider image, from channel `first` on.
///
/// Where `first` is a multiple of eight, whole blocks are copied, the filling of the last one too: whoever joins images goes
/// from the first to the last, so that the next one's channels take its place. The filling behind the last channel of all is
/// an image's, or becomes `T::default()`.
///
/// - `input`: `image`, blocked; `out`: `joined`, blocked, of the same height and width.
///
/// # Errors
/// [`KernelError::Length`] for a slice of the wrong length, [`KernelError::Shape`] for images that do not fit each other.
pub fn concat<T: Copy + Default>(
    input: &[T],
    image: ImageShape,
    first: usize,
    joined: ImageShape,
    out: &mut [T],
) -> Result<(), KernelError> {
    joined.check(Padding::default())?;
    check_fits("height", image.height, joined.height)?;
    check_fits("width", image.width, joined.width)?;
    let end = first.saturating_add(image.channels);
    check_fits("channels", end, end.min(joined.channels))?;
    check_len("input", input.len(), blocked_len(image))?;
    check_len("out", out.len(), blocked_len(joined))?;
    let pixels = image.height * image.width;
    if first.is_multiple_of(BLOCK) {
        out[first * pixels..][..input.len()].copy_from_slice(input);
        return Ok(());
    }
    for channel in 0..image.channels {
        let (from, to) = (channel, first + channel);
        let source = input[from / BLOCK * pixels * BLOCK..][..pixels * BLOCK].as_chunks::<BLOCK>().0;
        let target = out[to / BLOCK * pixels * BLOCK..][..pixels * BLOCK].as_chunks_mut::<BLOCK>().0;
        for (source, target) in source.iter().zip(target) {
            target[to % BLOCK] = source[from % BLOCK];
        }
    }
    if end == joined.channels && !end.is_multiple_of(BLOCK) {
        let last = end / BLOCK * pixels * BLOCK;
        for pixel in out[last..].as_chunks_mut::<BLOCK>().0 {
            pixel[end % BLOCK..].fill(T::default());
        }
    }
    Ok(())
}
