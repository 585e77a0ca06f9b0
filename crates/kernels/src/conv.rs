//! Dense convolutions: a block of output pixels is laid out as rows of a matrix (im2col), then multiplied.

use crate::elementwise::Clamp;
use crate::error::{check_at_least, check_fits, check_len};
use crate::gemm::{PackedWeightsF32, gemm_f32};
use crate::integer::{PackedWeightsI8, Requantization, gemm_i8};
use crate::shape::Span;
use crate::{ImageShape, KernelError, Window};

/// Output pixels that are laid out at once.
const PIXELS: usize = 32;

/// float32 values of scratch that [`conv2d_f32`] needs for these weights.
///
/// Saturates, so that an absurd size is seen as one by whoever allocates.
pub fn conv2d_scratch_len(weights: &PackedWeightsF32) -> usize {
    weights.k().saturating_mul(PIXELS)
}

/// int8 values of scratch that [`conv2d_i8`] needs for these weights, besides those of the product.
pub fn conv2d_i8_scratch_len(weights: &PackedWeightsI8) -> usize {
    PIXELS * weights.k()
}

/// `output = clamp(conv(input, weights) + bias + residual)` with zeros around the input.
///
/// - `input`: `[height, width, channels]` as `image` says; `weights`: `[n, kernel_height * kernel_width * channels]`
///   in the order (row, column, channel), packed; `bias`: `[n]`; `residual`, `output`: `[out_height, out_width, n]`.
/// - `scratch`: at least [`conv2d_scratch_len`].
///
/// # Errors
/// [`KernelError::Length`], [`KernelError::Shape`] and [`KernelError::Window`] for sizes that do not fit.
#[expect(clippy::too_many_arguments, reason = "a convolution is made of these")]
pub fn conv2d_f32(
    input: &[f32],
    image: ImageShape,
    window: &Window,
    weights: &PackedWeightsF32,
    bias: &[f32],
    residual: Option<&[f32]>,
    clamp: Clamp,
    scratch: &mut [f32],
    output: &mut [f32],
) -> Result<(), KernelError> {
    let (n, k) = (weights.n(), weights.k());
    let columns = Columns::new(input, image, window, k, 0.0)?;
    check_len("output", output.len(), columns.pixels() * n)?;
    check_at_least("scratch", scratch.len(), conv2d_scratch_len(weights))?;
    if let Some(residual) = residual {
        check_len("residual", residual.len(), output.len())?;
    }
    for (block, output) in output.chunks_mut((PIXELS * n).max(1)).enumerate() {
        let m = output.len() / n;
        let rows = &mut scratch[..m * k];
        columns.lay_out(block * PIXELS, rows);
        let residual = residual.map(|residual| &residual[block * PIXELS * n..][..m * n]);
        gemm_f32(m, rows, weights, bias, residual, clamp, output)?;
    }
    Ok(())
}

/// The same on integers: outside the input there is `zero_point`, which stands for 0.
///
/// - `bias`: `[n]` with the zero point folded in; `columns`: at least [`conv2d_i8_scratch_len`]; `scratch`: as
///   [`gemm_i8`] asks.
///
/// # Errors
/// As [`conv2d_f32`].
#[expect(clippy::too_many_arguments, reason = "a convolution is made of these")]
pub fn conv2d_i8(
    input: &[i8],
    image: ImageShape,
    window: &Window,
    zero_point: i8,
    weights: &PackedWeightsI8,
    bias: &[i32],
    requantization: &Requantization,
    columns: &mut [i8],
    scratch: &mut [i16],
    output: &mut [i8],
) -> Result<(), KernelError> {
    let (n, k) = (weights.n(), weights.k());
    let layout = Columns::new(input, image, window, k, zero_point)?;
    check_len("output", output.len(), layout.pixels() * n)?;
    check_at_least("columns", columns.len(), conv2d_i8_scratch_len(weights))?;
    for (block, output) in output.chunks_mut((PIXELS * n).max(1)).enumerate() {
        let m = output.len() / n;
        let rows = &mut columns[..m * k];
        layout.lay_out(block * PIXELS, rows);
        gemm_i8(m, rows, weights, bias, requantization, scratch, output)?;
    }
    Ok(())
}

/// The matrix that a convolution multiplies, a block of rows at a time.
struct Columns<'a, T> {
    input: &'a [T],
    image: ImageShape,
    window: &'a Window,
    outside: T,
    out: [usize; 2],
}

impl<'a, T: Copy> Columns<'a, T> {
    fn new(
        input: &'a [T],
        image: ImageShape,
        window: &'a Window,
        k: usize,
        outside: T,
    ) -> Result<Self, KernelError> {
        check_len("input", input.len(), image.len())?;
        check_fits("weights' reduction", k, window.taps() * image.channels)?;
        Ok(Self { input, image, window, outside, out: window.output(image)? })
    }

    fn pixels(&self) -> usize {
        self.out[0] * self.out[1]
    }

    /// Writes what the window sees at the output pixels from `first`, one row of `k` values for each.
    fn lay_out(&self, first: usize, rows: &mut [T]) {
        let ImageShape { height, width, channels } = self.image;
        let line = self.window.kernel[1] * channels;
        for (pixel, row) in rows.chunks_exact_mut(line * self.window.kernel[0]).enumerate() {
            let (y, x) = ((first + pixel) / self.out[1], (first + pixel) % self.out[1]);
            let (vertical, horizontal) = (self.window.rows(y, height), self.window.columns(x, width));
            let Span { first, end, image } = horizontal;
            for (ky, line) in row.chunks_exact_mut(line).enumerate() {
                if !(vertical.first..vertical.end).contains(&ky) {
                    line.fill(self.outside);
                    continue;
                }
                let source = ((vertical.image + ky - vertical.first) * width + image) * channels;
                line[..first * channels].fill(self.outside);
                line[first * channels..end * channels]
                    .copy_from_slice(&self.input[source..][..(end - first) * channels]);
                line[end * channels..].fill(self.outside);
            }
        }
    }
}
