//! From a picture to a network's input, and from its output to named answers.
//!
//! One code path prepares pictures for every model and every purpose (live frames, fixed sets, calibration, tests),
//! so that two models never differ by their preparation. It knows pixels and numbers, not where they come from: no
//! decoding, no browser. Start with [`Preparer::prepare_frame`].

mod answer;
mod frame;
mod prepare;
#[cfg(test)]
mod reference;
mod resample;
mod views;

pub use answer::{Answer, answers};
pub use frame::{ColourMatrix, ColourRange, ColourSpace, Frame, PixelFormat, PlaneLayout};
pub use prepare::{Normalization, Preparer};
pub use views::{calibration_views, fixed_views, further_views, n_fixed_views, n_judged};

/// A decoded picture: `rgba` holds `height * width * 4` bytes, rows from the top, alpha ignored.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    rgba: &'a [u8],
    width: usize,
    height: usize,
}

/// What part of a picture is looked at, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// Left edge of the square, as a share of what the square can move: 0 left, 1 right.
    pub horizontal: f32,
    /// Top edge, likewise: 0 top, 1 bottom.
    pub vertical: f32,
    /// Side of the square as a share of the picture's shorter side, `0.0 < side <= 1.0`.
    pub side: f32,
    /// Mirrored left to right.
    pub mirrored: bool,
    /// Factor on pixel values before they are clamped to `0..=255`.
    pub exposure: f32,
}

/// Why a picture is refused.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum VisionError {
    /// The bytes are not those of a picture of this size.
    #[error("picture {width}x{height}: {actual} bytes, expected {width} * {height} * 4, neither side 0")]
    Bytes {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
        /// Bytes given.
        actual: usize,
    },
    /// A side is 0, or the number of planes is not the format's.
    #[error("frame {width}x{height}: {actual} planes, expected {expected}, neither side 0")]
    Frame {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
        /// Planes of the format.
        expected: usize,
        /// Planes given.
        actual: usize,
    },
    /// A plane does not lie within the frame's bytes.
    #[error(
        "frame {width}x{height}: plane {plane_idx} at byte {} with {} bytes a row overlaps itself or ends behind \
         byte {actual}", layout.offset, layout.stride
    )]
    Plane {
        /// Which plane.
        plane_idx: usize,
        /// The frame's columns.
        width: usize,
        /// The frame's rows.
        height: usize,
        /// Where it was said to lie.
        layout: PlaneLayout,
        /// Bytes given.
        actual: usize,
    },
    /// A kernel refused its arguments; a defect.
    #[error(transparent)]
    Kernel(#[from] kernels::KernelError),
    /// The buffer for the network's input has the wrong length.
    #[error("input tensor: {actual} elements, expected {expected}")]
    Tensor {
        /// `size * size * 3`.
        expected: usize,
        /// Elements given.
        actual: usize,
    },
}

impl<'a> Picture<'a> {
    /// A picture over `width * height * 4` bytes.
    ///
    /// # Errors
    /// [`VisionError::Bytes`] when the length does not fit or a side is 0.
    pub fn new(rgba: &'a [u8], width: usize, height: usize) -> Result<Self, VisionError> {
        let expected = width.checked_mul(height).and_then(|pixels| pixels.checked_mul(4));
        if expected != Some(rgba.len()) || rgba.is_empty() {
            return Err(VisionError::Bytes { width, height, actual: rgba.len() });
        }
        Ok(Self { rgba, width, height })
    }

    /// The picture as a frame.
    pub fn frame(&self) -> Frame<'a> {
        let Self { rgba, width, height } = *self;
        let plane = PlaneLayout { offset: 0, stride: width * 4 };
        let planes = [plane, PlaneLayout::default(), PlaneLayout::default()];
        Frame { bytes: rgba, format: PixelFormat::Rgba, width, height, planes }
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }
}

impl View {
    /// The largest centred square, as it is.
    pub const WHOLE: Self =
        Self { horizontal: 0.5, vertical: 0.5, side: 1.0, mirrored: false, exposure: 1.0 };

    /// The centred square that "shorter side to `resize_shorter`, centre crop of `crop`" sees.
    pub fn centre_crop(crop: usize, resize_shorter: usize) -> Self {
        Self { side: (crop as f32 / resize_shorter as f32).min(1.0), ..Self::WHOLE }
    }
}
