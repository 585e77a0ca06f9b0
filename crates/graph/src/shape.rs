//! Shapes of activations and the borders of convolutions.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The shape of an activation for one picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Shape {
    /// `[height, width, channels]`, channels contiguous.
    Image {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
        /// Channels.
        channels: usize,
    },
    /// `[length]`.
    Vector {
        /// Elements.
        length: usize,
    },
}

impl Shape {
    /// Number of elements, or `None` where it does not fit `usize`.
    pub fn checked_len(self) -> Option<usize> {
        match self {
            Self::Image { height, width, channels } => height.checked_mul(width)?.checked_mul(channels),
            Self::Vector { length } => Some(length),
        }
    }

    /// Channels of an image, elements of a vector: what lies innermost.
    pub fn channels(self) -> usize {
        match self {
            Self::Image { channels, .. } => channels,
            Self::Vector { length } => length,
        }
    }

    /// Number of elements.
    ///
    /// # Panics
    /// When it does not fit `usize`; a validated graph has no such shape.
    #[expect(clippy::len_without_is_empty, reason = "a validated shape is never empty")]
    pub fn len(self) -> usize {
        self.checked_len().expect("a validated shape fits usize")
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image { height, width, channels } => write!(f, "image {height}x{width}x{channels}"),
            Self::Vector { length } => write!(f, "vector {length}"),
        }
    }
}

/// Rows and columns of zeros around an image. TensorFlow's SAME is asymmetric at stride 2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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

impl Padding {
    /// The same on all four sides.
    pub fn symmetric(size: usize) -> Self {
        Self { top: size, left: size, bottom: size, right: size }
    }

    /// TensorFlow's SAME: the output is `ceil(input / stride)`, the smaller half comes first.
    ///
    /// `input`, `kernel`, `stride` are `[height, width]`.
    pub fn same(input: [usize; 2], kernel: [usize; 2], stride: [usize; 2]) -> Self {
        let total = |axis: usize| {
            let output = input[axis].div_ceil(stride[axis]);
            ((output.saturating_sub(1)) * stride[axis] + kernel[axis]).saturating_sub(input[axis])
        };
        let (rows, columns) = (total(0), total(1));
        Self { top: rows / 2, left: columns / 2, bottom: rows - rows / 2, right: columns - columns / 2 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_puts_the_smaller_half_first() {
        let expected = Padding { top: 0, left: 0, bottom: 1, right: 1 };
        assert_eq!(Padding::same([224, 224], [3, 3], [2, 2]), expected);
        let expected = Padding { top: 1, left: 1, bottom: 2, right: 2 };
        assert_eq!(Padding::same([56, 56], [5, 5], [2, 2]), expected);
        assert_eq!(Padding::same([14, 14], [5, 5], [1, 1]), Padding::symmetric(2));
    }
}
