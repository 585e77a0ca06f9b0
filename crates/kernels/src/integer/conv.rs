//! Dense integer layers on images and vectors.

use super::finish::{Finish, ToLevels, ToReal};
use super::gemm::{Level, pointwise_i8, pointwise_scratch_len, product_i8, with_level};
use super::packed::{PackedWeightsI8, Products};
use super::requantize::Requantization;
use crate::blocks::{Aligned, zeros};
use crate::conv::{Geometry, blocked_rows, is_pointwise, padded_len, vector};
use crate::error::{check_at_least, check_len};
use crate::packed::NR;
use crate::rows::{Operand, Rows};
use crate::{ImageShape, KernelError, Layout, Window};

/// Room for what a dense integer layer lays out before it multiplies: bytes with padding around them, bytes less 128, or
/// words.
#[derive(Debug)]
pub struct IntegerScratch {
    pub(crate) bytes: Aligned<u8>,
    pub(crate) signed: Aligned<i8>,
    pub(crate) words: Aligned<i16>,
    pub(crate) weights: Aligned<i8>,
}

/// Elements of an [`IntegerScratch`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IntegerScratchLen {
    /// Of the bytes.
    pub bytes: usize,
    /// Of the bytes less 128.
    pub signed: usize,
    /// Of the words.
    pub words: usize,
    /// Of a panel of weights that is unpacked.
    pub weights: usize,
}

impl IntegerScratchLen {
    /// Enough for both.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.max(other.bytes),
            signed: self.signed.max(other.signed),
            words: self.words.max(other.words),
            weights: self.weights.max(other.weights),
        }
    }

    /// The same with room for what these weights unpack.
    #[must_use]
    pub fn with_weights(self, weights: &PackedWeightsI8) -> Self {
        Self { weights: weights.unpacked_len(), ..self }
    }

    /// Bytes of all of it; saturates.
    pub fn total_bytes(self) -> u64 {
        let Self { bytes, signed, words, weights } = self;
        let in_bytes = |(len, size): (usize, usize)| (len as u64).saturating_mul(size as u64);
        [(bytes, 1), (signed, 1), (words, size_of::<i16>()), (weights, 1)]
            .map(in_bytes)
            .into_iter()
            .fold(0, u64::saturating_add)
    }

    pub(crate) fn of(products: Products, len: usize) -> Self {
        // A run that is rounded up to whole steps reaches beyond the last pixel.
        let len = len.saturating_add(NR);
        match products {
            Products::Pairs => Self { words: len, ..Self::default() },
            Products::Quads => Self { bytes: len, ..Self::default() },
            Products::SignedQuads => Self { signed: len, ..Self::default() },
        }
    }
}

impl IntegerScratch {
    /// Allocates.
    pub fn new(len: IntegerScratchLen) -> Self {
        Self {
            bytes: zeros(len.bytes),
            signed: zeros(len.signed),
            words: zeros(len.words),
            weights: zeros(len.weights),
        }
    }
}

/// Scratch that a convolution needs, [its weights](IntegerScratchLen::with_weights) aside.
pub fn conv2d_i8_scratch_len(
    layout: Layout,
    image: ImageShape,
    window: &Window,
    products: Products,
) -> IntegerScratchLen {
    match is_pointwise(layout, window) {
        true => IntegerScratchLen::of(products, pointwise_scratch_len(layout.reduction(image, window))),
        false => IntegerScratchLen::of(products, padded_len(layout, image, window)),
    }
}

/// Scratch that a linear layer over a vector of `k` levels needs, [its weights](IntegerScratchLen::with_weights) aside.
pub fn linear_i8_scratch_len(k: usize, products: Products) -> IntegerScratchLen {
    IntegerScratchLen::of(products, k)
}

/// `output = requantize(conv(input, weights) + bias)` on integers; around the input there is `zero_point`, which
/// stands for 0.
///
/// - `input`: `image` in `layout`; `weights`: packed from `[n, k]` with `k` in the layout's order, in runs of what is
///   contiguous in it ([`Layout::run`]); `output`: `[out_height, out_width, n]`, blocked.
///
/// Accumulators fit int32, because packing bounds `k`, weights and biases.
///
/// # Errors
/// [`KernelError::Length`], [`KernelError::Shape`], [`KernelError::Window`] and [`KernelError::Size`] for sizes that do
/// not fit one another or the memory.
#[expect(clippy::too_many_arguments, reason = "a convolution is made of these")]
pub fn conv2d_i8(
    input: &[u8],
    layout: Layout,
    image: ImageShape,
    window: &Window,
    zero_point: u8,
    weights: &PackedWeightsI8,
    requantization: &Requantization,
    scratch: &mut IntegerScratch,
    output: &mut [u8],
) -> Result<(), KernelError> {
    requantization.check_channels(weights.n())?;
    match requantization.doubles() {
        true => {
            let finish = ToLevels::<true>(requantization);
            convolve(input, layout, image, window, zero_point, weights, &finish, scratch, output)
        }
        false => {
            let finish = ToLevels::<false>(requantization);
            convolve(input, layout, image, window, zero_point, weights, &finish, scratch, output)
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "a convolution is made of these")]
fn convolve<F: Finish>(
    input: &[u8],
    layout: Layout,
    image: ImageShape,
    window: &Window,
    zero_point: u8,
    weights: &PackedWeightsI8,
    finish: &F,
    scratch: &mut IntegerScratch,
    output: &mut [F::Output],
) -> Result<(), KernelError> {
    image.check(window.padding)?;
    check_len("input", input.len(), layout.len(image))?;
    if is_pointwise(layout, window) {
        let rows = blocked_rows(image);
        return with_level!(weights.products(), L => {
            let (room, unpacked) = L::room(scratch);
            pointwise_i8(input, rows, weights, finish, room, unpacked, output)
        });
    }
    let geometry = Geometry::new(layout, image, window, weights.k())?;
    with_level!(weights.products(), L => {
        let (room, unpacked) = L::room(scratch);
        let staged = geometry.stage(input, L::of(zero_point), L::of, room)?.len();
        check_at_least("scratch", room.len(), staged + NR)?;
        product_i8(&room[..staged + NR], &geometry.rows, weights, finish, unpacked, output)
    })
}

/// `output = requantize(input * weightsᵀ + bias)` on integers: a linear layer on a vector of levels.
///
/// - `input`: `[k]`; `output`: `[n]`, filled up to whole blocks.
///
/// # Errors
/// As [`conv2d_i8`].
pub fn linear_i8(
    input: &[u8],
    weights: &PackedWeightsI8,
    requantization: &Requantization,
    scratch: &mut IntegerScratch,
    output: &mut [u8],
) -> Result<(), KernelError> {
    requantization.check_channels(weights.n())?;
    match requantization.doubles() {
        true => linear(input, weights, &ToLevels::<true>(requantization), scratch, output),
        false => linear(input, weights, &ToLevels::<false>(requantization), scratch, output),
    }
}

/// `output = (input * weightsᵀ + bias) * scales`: a classifier's logits as real numbers.
///
/// - `scales`: `[n]`, `s_x * s_w` of each channel, filled up to whole blocks; `output`: likewise.
///
/// # Errors
/// As [`conv2d_i8`].
pub fn linear_i8_f32(
    input: &[u8],
    weights: &PackedWeightsI8,
    scales: &[f32],
    scratch: &mut IntegerScratch,
    output: &mut [f32],
) -> Result<(), KernelError> {
    check_len("scales", scales.len(), weights.n().next_multiple_of(NR))?;
    linear(input, weights, &ToReal(scales.as_chunks().0), scratch, output)
}

fn linear<F: Finish>(
    input: &[u8],
    weights: &PackedWeightsI8,
    finish: &F,
    scratch: &mut IntegerScratch,
    output: &mut [F::Output],
) -> Result<(), KernelError> {
    let rows: Rows = vector(weights.k());
    check_len("input", input.len(), weights.k())?;
    with_level!(weights.products(), L => {
        let (room, unpacked) = L::room(scratch);
        product_i8(stage_vector::<L>(input, room)?, &rows, weights, finish, unpacked, output)
    })
}

/// Copies a vector, so that it can be read beyond its end.
fn stage_vector<'s, L: Level>(input: &[u8], room: &'s mut [L]) -> Result<&'s [L], KernelError> {
    check_at_least("scratch", room.len(), input.len() + NR)?;
    for (staged, level) in room.iter_mut().zip(input) {
        *staged = L::of(*level);
    }
    Ok(&room[..input.len() + NR])
}
