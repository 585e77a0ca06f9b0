//! Sizes of images and of the windows that slide over them.

use crate::KernelError;
use crate::blocks::{BLOCK, blocks};
use crate::error::checked_len;

/// An image `nhwc`, batch one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageShape {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Channels, contiguous.
    pub channels: usize,
}

impl ImageShape {
    /// Elements; saturates, as no slice is so long.
    #[expect(clippy::len_without_is_empty, reason = "an image is never asked for emptiness")]
    pub fn len(&self) -> usize {
        self.height.saturating_mul(self.width).saturating_mul(self.channels)
    }

    /// Refuses sizes whose product, with padding and in whole blocks of channels, an index cannot hold, even where one of
    /// them is 0. Kernels then multiply them freely, and those of an output, whose rows and columns are not more.
    pub(crate) fn check(&self, padding: Padding) -> Result<(), KernelError> {
        let Padding { top, left, bottom, right } = padding;
        let height = self.height.saturating_add(top).saturating_add(bottom);
        let width = self.width.saturating_add(left).saturating_add(right);
        let filled = blocks(self.channels).saturating_mul(BLOCK);
        checked_len::<u8>("an image with its padding", &[height.max(1), width.max(1), filled.max(1)])
            .map(|_| ())
    }
}

/// Rows and columns outside the image that the window may touch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Padding {
    /// Rows above.
    pub top: usize,
    /// Columns to the left.
    pub left: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns to the right.
    pub right: usize,
}

/// A window with its stride and padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// `[height, width]`.
    pub kernel: [usize; 2],
    /// `[vertical, horizontal]`.
    pub stride: [usize; 2],
    /// Around the image.
    pub padding: Padding,
}

impl Window {
    /// `[height, width]` of the output, `floor((size + padding - kernel) / stride) + 1` each; `None` where the window
    /// does not fit or has no extent, or a stride is 0.
    pub fn output_size(&self, height: usize, width: usize) -> Option<[usize; 2]> {
        let Padding { top, left, bottom, right } = self.padding;
        let size = |input: usize, before: usize, after: usize, axis: usize| {
            let padded = input.checked_add(before)?.checked_add(after)?;
            if self.kernel[axis] == 0 {
                return None;
            }
            Some(padded.checked_sub(self.kernel[axis])?.checked_div(self.stride[axis])? + 1)
        };
        Some([size(height, top, bottom, 0)?, size(width, left, right, 1)?])
    }

    /// Taps of the window; saturates.
    pub(crate) fn taps(&self) -> usize {
        self.kernel[0].saturating_mul(self.kernel[1])
    }

    pub(crate) fn output(&self, image: ImageShape) -> Result<[usize; 2], KernelError> {
        let error = KernelError::Window { kernel: self.kernel, stride: self.stride };
        self.output_size(image.height, image.width).ok_or(error)
    }

    /// Which kernel rows touch the image at output row `position`, and the image row under the first of them.
    pub(crate) fn rows(&self, position: usize, height: usize) -> Span {
        span(position * self.stride[0], self.padding.top, self.kernel[0], height)
    }

    /// The same for columns.
    pub(crate) fn columns(&self, position: usize, width: usize) -> Span {
        span(position * self.stride[1], self.padding.left, self.kernel[1], width)
    }

    /// Whether no position lies on padding alone: on no side is there as much of it as the kernel is long.
    pub(crate) fn always_touches_image(&self) -> bool {
        let Padding { top, left, bottom, right } = self.padding;
        top.max(bottom) < self.kernel[0] && left.max(right) < self.kernel[1]
    }
}

/// Kernel positions `first..end` lie on image positions `image..image + (end - first)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first: usize,
    pub(crate) end: usize,
    pub(crate) image: usize,
}

fn span(start: usize, before: usize, kernel: usize, size: usize) -> Span {
    let first = before.saturating_sub(start).min(kernel);
    let end = (size + before).saturating_sub(start).min(kernel).max(first);
    Span { first, end, image: (start + first).saturating_sub(before).min(size) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_hold_exactly_the_positions_inside_the_image() {
        for size in 1..8 {
            for before in 0..5 {
                for kernel in 1..6 {
                    for start in 0..size + before {
                        let Span { first, end, image } = span(start, before, kernel, size);
                        for tap in 0..kernel {
                            let inside =
                                (start + tap).checked_sub(before).filter(|position| *position < size);
                            let expected = (first..end).contains(&tap).then(|| image + tap - first);
                            assert_eq!(inside, expected, "{size} {before} {kernel} {start} {tap}");
                        }
                    }
                }
            }
        }
    }
}
