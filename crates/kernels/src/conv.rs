//! Dense layers on images and vectors: pointwise and other convolutions, linear layers.

#![allow(unsafe_code, reason = "rows of a staged image are written by several threads, each row by one")]

use crate::blocks::{BLOCK, blocked_len, blocks};
use crate::elementwise::Clamp;
use crate::error::{check_at_least, check_fits, check_len, checked_len};
use crate::gemm::{pointwise_f32, pointwise_scratch_len, product_f32};
use crate::packed::{PackedWeightsF32, split_unpacked};
use crate::parts::{Disjoint, Parts};
use crate::rows::{BlockedRows, Rows, Walk};
use crate::{ImageShape, KernelError, Padding, Window};

/// How the image that a convolution reads lies in memory. What a convolution writes is always blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layout {
    /// `[height, width, channels]`: a picture. Weights are ordered `[row, column, channel]`.
    Interleaved,
    /// In blocks of channels. Weights are ordered `[block, row, column, channel of the block]`, zero where the last
    /// block is filled up.
    Blocked,
}

impl Layout {
    /// Elements of an image in this layout.
    pub fn len(self, image: ImageShape) -> usize {
        match self {
            Self::Interleaved => image.len(),
            Self::Blocked => blocked_len(image),
        }
    }

    /// Elements of the reduction of a window over the image's channels; saturates.
    pub fn reduction(self, image: ImageShape, window: &Window) -> usize {
        window.taps().saturating_mul(self.pitch(image)).saturating_mul(self.planes(image))
    }

    /// Elements of a row of the window that lie side by side: what the weights of an integer product are packed by;
    /// saturates.
    pub fn run(self, image: ImageShape, window: &Window) -> usize {
        window.kernel[1].saturating_mul(self.pitch(image))
    }

    /// Brings weights `[n, row, column, channel]` into the order of the layout, row by row of `[n, k]`.
    ///
    /// # Errors
    /// [`KernelError::Length`] when `weights` are not `n` windows over the image's channels, [`KernelError::Size`] when
    /// memory cannot hold them in the layout's order.
    pub fn order_weights<T: Copy + Default>(
        self,
        weights: &[T],
        n: usize,
        image: ImageShape,
        window: &Window,
    ) -> Result<Vec<T>, KernelError> {
        let (taps, channels) = (window.taps(), image.channels);
        check_len("weights", weights.len(), n.saturating_mul(taps).saturating_mul(channels))?;
        if self == Self::Interleaved {
            return Ok(weights.to_vec());
        }
        let mut ordered =
            Vec::with_capacity(checked_len::<T>("ordered weights", &[n, self.reduction(image, window)])?);
        for filter in weights.chunks_exact((taps * channels).max(1)) {
            for block in 0..blocks(channels) {
                for tap in filter.chunks_exact(channels) {
                    ordered.extend(
                        (block * BLOCK..(block + 1) * BLOCK).map(|c| tap.get(c).copied().unwrap_or_default()),
                    );
                }
            }
        }
        Ok(ordered)
    }

    /// Separate planes of pixels.
    fn planes(self, image: ImageShape) -> usize {
        match self {
            Self::Interleaved => 1,
            Self::Blocked => blocks(image.channels),
        }
    }

    /// Elements of a pixel within a plane.
    fn pitch(self, image: ImageShape) -> usize {
        match self {
            Self::Interleaved => image.channels,
            Self::Blocked => BLOCK,
        }
    }
}

/// Elements of scratch that a convolution over `image` needs: a few rows of a pointwise one, else the image with its
/// padding, nothing without padding.
///
/// Saturates, so that an absurd size is seen as one by whoever allocates.
pub fn conv2d_scratch_len(layout: Layout, image: ImageShape, window: &Window) -> usize {
    if is_pointwise(layout, window) {
        return pointwise_scratch_len(layout.reduction(image, window));
    }
    match window.padding == Padding::default() {
        true => 0,
        false => padded_len(layout, image, window),
    }
}

/// Elements of the image with its padding; saturates.
pub(crate) fn padded_len(layout: Layout, image: ImageShape, window: &Window) -> usize {
    let [height, width] = padded_size(image, window.padding);
    let pixel = layout.pitch(image).saturating_mul(layout.planes(image));
    height.saturating_mul(width).saturating_mul(pixel)
}

/// `output = clamp(conv(input, weights) + bias + residual)` with zeros around the input.
///
/// - `input`: `image` in `layout`; `weights`: packed from `[n, k]` with `k` in the layout's order; `residual`,
///   `output`: `[out_height, out_width, n]`, blocked.
/// - `scratch`: at least [`conv2d_scratch_len`] and [`PackedWeightsF32::unpacked_len`].
/// - Sums start from the bias and run over `k` in order, in one accumulator for each output.
///
/// # Errors
/// [`KernelError::Length`], [`KernelError::Shape`], [`KernelError::Window`] and [`KernelError::Size`] for sizes that do
/// not fit one another or the memory.
#[expect(clippy::too_many_arguments, reason = "a convolution is made of these")]
pub fn conv2d_f32(
    input: &[f32],
    layout: Layout,
    image: ImageShape,
    window: &Window,
    weights: &PackedWeightsF32,
    residual: Option<&[f32]>,
    clamp: Clamp<'_>,
    scratch: &mut [f32],
    output: &mut [f32],
) -> Result<(), KernelError> {
    image.check(window.padding)?;
    check_len("input", input.len(), layout.len(image))?;
    if is_pointwise(layout, window) {
        return pointwise_f32(input, blocked_rows(image), weights, residual, clamp, scratch, output);
    }
    let geometry = Geometry::new(layout, image, window, weights.k())?;
    let (unpacked, scratch) = split_unpacked(scratch, weights, conv2d_scratch_len(layout, image, window))?;
    let input = geometry.padded(input, 0.0, scratch)?;
    product_f32(input, &geometry.rows, weights, residual, clamp, &unpacked, output)
}

/// `output = clamp(input * weightsᵀ + bias)`: a linear layer on a vector.
///
/// - `input`: at least `[k]`; `output`: `[n]`, filled up to whole blocks; `scratch`: at least
///   [`PackedWeightsF32::unpacked_len`].
///
/// # Errors
/// [`KernelError::Length`] for a slice of the wrong length.
pub fn linear_f32(
    input: &[f32],
    weights: &PackedWeightsF32,
    clamp: Clamp<'_>,
    scratch: &mut [f32],
    output: &mut [f32],
) -> Result<(), KernelError> {
    let unpacked = weights.unpacking(scratch)?;
    product_f32(input, &vector(weights.k()), weights, None, clamp, &unpacked, output)
}

/// One row of `k` contiguous elements.
pub(crate) fn vector(k: usize) -> Rows {
    let walk = Walk { row: k, outer: (1, 0), inner: (1, 0), run: k };
    Rows { walk, n_lines: 1, line_len: 1, line: 0 }
}

/// Whether every output pixel reads one input pixel, in order and in blocks.
pub(crate) fn is_pointwise(layout: Layout, window: &Window) -> bool {
    let Window { kernel, stride, padding } = *window;
    layout == Layout::Blocked && kernel == [1, 1] && stride == [1, 1] && padding == Padding::default()
}

/// The rows of a pointwise convolution.
pub(crate) fn blocked_rows(image: ImageShape) -> BlockedRows {
    BlockedRows { n_rows: image.height * image.width, n_blocks: blocks(image.channels) }
}

fn padded_size(image: ImageShape, padding: Padding) -> [usize; 2] {
    let Padding { top, left, bottom, right } = padding;
    [
        image.height.saturating_add(top).saturating_add(bottom),
        image.width.saturating_add(left).saturating_add(right),
    ]
}

/// A convolution as a product: where its rows lie in the padded input.
pub(crate) struct Geometry {
    pub(crate) rows: Rows,
    layout: Layout,
    image: ImageShape,
    padding: Padding,
}

impl Geometry {
    pub(crate) fn new(
        layout: Layout,
        image: ImageShape,
        window: &Window,
        k: usize,
    ) -> Result<Self, KernelError> {
        let [out_height, out_width] = window.output(image)?;
        image.check(window.padding)?;
        check_fits("weights' reduction", k, layout.reduction(image, window))?;
        let [height, width] = padded_size(image, window.padding);
        let (pitch, planes) = (layout.pitch(image), layout.planes(image));
        let walk = Walk {
            // A stride beyond the image is never taken.
            row: window.stride[1].saturating_mul(pitch),
            outer: (planes, height * width * pitch),
            inner: (window.kernel[0], width * pitch),
            run: window.kernel[1] * pitch,
        };
        let line = window.stride[0].saturating_mul(width * pitch);
        let rows = Rows { walk, n_lines: out_height, line_len: out_width, line };
        Ok(Self { rows, layout, image, padding: window.padding })
    }

    /// The input with `outside` around it, in `scratch` unless there is nothing around it.
    fn padded<'s>(
        &self,
        input: &'s [f32],
        outside: f32,
        scratch: &'s mut [f32],
    ) -> Result<&'s [f32], KernelError> {
        match self.padding == Padding::default() {
            true => Ok(input),
            false => self.stage(input, outside, |x| x, scratch),
        }
    }

    /// Copies the input to `scratch`, each value converted, with `outside` around it.
    pub(crate) fn stage<'s, T: Copy + Sync, U: Copy + Send + Sync>(
        &self,
        input: &[T],
        outside: U,
        convert: impl Fn(T) -> U + Sync,
        scratch: &'s mut [U],
    ) -> Result<&'s [U], KernelError> {
        let [height, width] = padded_size(self.image, self.padding);
        let (pitch, planes) = (self.layout.pitch(self.image), self.layout.planes(self.image));
        let len = planes * height * width * pitch;
        check_at_least("scratch", scratch.len(), len)?;
        let (line, left) = (self.image.width * pitch, self.padding.left * pitch);
        let staged = Disjoint::new(&mut scratch[..len]);
        Parts::of_elements(planes * height, width * pitch).share(|part| {
            for index in part.columns {
                // SAFETY: no other part has this row.
                let row = unsafe { staged.range(index * width * pitch..(index + 1) * width * pitch) };
                let (plane, y) = (index / height, index % height);
                match y.checked_sub(self.padding.top).filter(|y| *y < self.image.height) {
                    None => row.fill(outside),
                    Some(y) => {
                        row[..left].fill(outside);
                        let source = &input[(plane * self.image.height + y) * line..][..line];
                        for (row, x) in row[left..left + line].iter_mut().zip(source) {
                            *row = convert(*x);
                        }
                        row[left + line..].fill(outside);
                    }
                }
            }
        });
        Ok(&scratch[..len])
    }
}
