//! float32 pointwise convolutions whose weights are mostly zeros.
//!
//! ```text
//! for each pixel, for each output channel o: output = clamp(bias[o] + Σ x[k] * w[o][k] + residual), over w[o][k] ≠ 0
//! ```
//! The real one differs:
//! 1. A strip of neighbouring pixels is brought into the order `[k][pixels]`, so that a weight multiplies vectors of
//!    pixels that lie side by side, whichever `k` it belongs to.
//! 2. Non-zero weights are a stream of places in the strip and values, read once for each strip from end to end.
//! 3. Where two neighbouring output channels mostly share their non-zero places, as with weights pruned in blocks of four
//!    channels, they are walked together: the place is read once and each vector of pixels serves two sums. Walking
//!    four channels together leaves registers for two vectors of pixels, and is slower or the same.
//! 4. Strips are equally long: 100 pixels are strips of 12 and 13 vectors, and a few pixels never stand alone.
//!
//! Scheme: Elsen, Dukhan, Gale, Simonyan, "Fast Sparse ConvNets" (2019), with blocked activations outside.

#![allow(
    unsafe_code,
    reason = "the inner loop reads through pointers; packing bounds every place that it reads"
)]

use crate::blocks::{BLOCK, blocked_len, blocks};
use crate::elementwise::Clamp;
use crate::error::{check_at_least, check_fits, check_len};
use crate::lanes::F32x4;
use crate::parts::{Disjoint, Lanes, Parts, scratch_of_all};
use crate::{ImageShape, KernelError, Padding};

/// Elements of a vector.
const LANES: usize = 4;
/// Vectors of pixels of the longest strip when output channels are walked one by one: as many accumulators.
/// A vector of weights, one of pixels and what the browser keeps for itself fill the 16 registers; with 8, layers of 49
/// pixels need a second strip and take 5 to 15 % longer.
const SINGLE_VECTORS: usize = 13;
/// The same for two output channels at a time. With 6 there is no register left for products that are not fused.
const PAIRS_VECTORS: usize = 5;
/// Output channels that share places in [`Pattern::Pairs`].
const PAIR: usize = 2;

/// Which output channels share the places of their weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// None: every output channel has its own.
    Single,
    /// Two neighbours; where only one of them has a zero, it is multiplied like the other. Blocks of four are pairs, too.
    Pairs,
}

impl Pattern {
    /// Output channels that are walked together.
    const fn channels(self) -> usize {
        match self {
            Self::Single => 1,
            Self::Pairs => PAIR,
        }
    }

    /// Vectors of pixels of the longest strip.
    const fn vectors(self) -> usize {
        match self {
            Self::Single => SINGLE_VECTORS,
            Self::Pairs => PAIRS_VECTORS,
        }
    }

    /// Elements from one row of a strip to the next.
    const fn pitch(self) -> usize {
        self.vectors() * LANES
    }

    /// [`sum_block`] for strips of so many vectors, at least one and at most [`Self::vectors`].
    fn sum_block(self, vectors: usize) -> SumBlock {
        const SINGLE: [SumBlock; SINGLE_VECTORS] = [
            sum_block::<1, 1>,
            sum_block::<1, 2>,
            sum_block::<1, 3>,
            sum_block::<1, 4>,
            sum_block::<1, 5>,
            sum_block::<1, 6>,
            sum_block::<1, 7>,
            sum_block::<1, 8>,
            sum_block::<1, 9>,
            sum_block::<1, 10>,
            sum_block::<1, 11>,
            sum_block::<1, 12>,
            sum_block::<1, 13>,
        ];
        const PAIRS: [SumBlock; PAIRS_VECTORS] = [
            sum_block::<PAIR, 1>,
            sum_block::<PAIR, 2>,
            sum_block::<PAIR, 3>,
            sum_block::<PAIR, 4>,
            sum_block::<PAIR, 5>,
        ];
        match self {
            Self::Single => SINGLE[vectors - 1],
            Self::Pairs => PAIRS[vectors - 1],
        }
    }
}

/// The weights of a pointwise convolution that are not zero, and biases.
///
/// ```text
/// Single:  channel 0: [place w] [place w] …                     channel 1: [place w] …
/// Pairs:   channels 0, 1: [place w0 w1] [place w0 w1] …         channels 2, 3: [place w0 w1] …
/// ```
/// A place is the distance in bytes of the weight's `k` within a strip; values are bits of float32. Channels are filled
/// up to whole blocks with ones that have no weights.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseWeightsF32 {
    pattern: Pattern,
    stream: Vec<u32>,
    /// Places of each group of channels.
    counts: Vec<u32>,
    bias: Vec<f32>,
    n: usize,
    k: usize,
}

impl SparseWeightsF32 {
    /// Packs `weights`, `[n, k]` row-major, and `bias`, `[n]`, in the pattern that promises the shorter time.
    ///
    /// # Errors
    /// [`KernelError::Length`] when `weights` does not hold `n * k` values or `bias` not `n`, [`KernelError::Shape`]
    /// for an empty reduction, [`KernelError::Size`] for one whose strips are beyond 4 GB.
    pub fn pack(weights: &[f32], n: usize, k: usize, bias: &[f32]) -> Result<Self, KernelError> {
        let single = Self::pack_as(Pattern::Single, weights, n, k, bias)?;
        let pairs = Self::pack_as(Pattern::Pairs, weights, n, k, bias)?;
        Ok(if pairs.products() as f64 * PAIRS_COST < single.products() as f64 { pairs } else { single })
    }

    /// As [`Self::pack`], in a given pattern.
    ///
    /// # Errors
    /// As [`Self::pack`].
    pub fn pack_as(
        pattern: Pattern,
        weights: &[f32],
        n: usize,
        k: usize,
        bias: &[f32],
    ) -> Result<Self, KernelError> {
        check_len("weights", weights.len(), n.saturating_mul(k))?;
        check_len("bias", bias.len(), n)?;
        check_fits("reduction", k.min(1), 1)?;
        let row_bytes = pattern.pitch() * size_of::<f32>();
        let strip = k.checked_mul(row_bytes).and_then(|bytes| u32::try_from(bytes).ok());
        strip.ok_or(KernelError::Size { what: "a strip" })?;
        let (mut stream, mut counts) = (Vec::new(), Vec::new());
        let weight = |o: usize, i: usize| if o < n { weights[o * k + i] } else { 0.0 };
        for first in (0..blocks(n) * BLOCK).step_by(pattern.channels()) {
            let channels = first..first + pattern.channels();
            let places = (0..k).filter(|i| channels.clone().any(|o| weight(o, *i) != 0.0));
            counts.push(places.clone().count() as u32);
            for i in places {
                stream.push((i * row_bytes) as u32);
                stream.extend(channels.clone().map(|o| weight(o, i).to_bits()));
            }
        }
        let mut bias = bias.to_vec();
        bias.resize(blocks(n) * BLOCK, 0.0);
        Ok(Self { pattern, stream, counts, bias, n, k })
    }

    /// Output channels.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Length of the reduction, zeros included.
    pub fn k(&self) -> usize {
        self.k
    }

    /// How the weights are walked.
    pub fn pattern(&self) -> Pattern {
        self.pattern
    }

    /// Products for each pixel, those with zeros within a group included.
    pub fn products(&self) -> usize {
        self.counts.iter().map(|count| *count as usize * self.pattern.channels()).sum()
    }

    /// Bytes of the packed weights, their places and the biases.
    pub fn bytes(&self) -> usize {
        size_of_val(self.stream.as_slice())
            + size_of_val(self.counts.as_slice())
            + size_of_val(self.bias.as_slice())
    }
}

/// Time of a product of [`Pattern::Pairs`] over that of one of [`Pattern::Single`]: 0.71 to 0.87 in layers of MobileNetV2
/// with 80 % zeros.
const PAIRS_COST: f64 = 0.8;

/// Elements of scratch that [`pointwise_sparse_f32`] needs for an image: a strip of its pixels and one of a block of
/// outputs.
///
/// Saturates, so that an absurd size is seen as one by whoever allocates.
pub fn pointwise_sparse_scratch_len(image: ImageShape) -> usize {
    scratch_of_all(lane_len(image))
}

/// The same for one thread.
fn lane_len(image: ImageShape) -> usize {
    const LONGEST: usize = Pattern::Single.pitch();
    (blocks(image.channels) + 1).saturating_mul(BLOCK * LONGEST)
}

/// `output = clamp(input * weightsᵀ + bias + residual)` for every pixel.
///
/// - `input`: `image`, blocked, with as many channels as the weights' reduction; `residual`, `output`:
///   `[height, width, n]`, blocked.
/// - `scratch`: at least [`pointwise_sparse_scratch_len`].
/// - Sums start from the bias and run over `k` in order, in one accumulator for each output. Inputs whose weight is zero
///   are left out, also when they are infinite or NaN.
///
/// # Errors
/// [`KernelError::Length`] and [`KernelError::Shape`] for sizes that do not fit.
pub fn pointwise_sparse_f32(
    input: &[f32],
    image: ImageShape,
    weights: &SparseWeightsF32,
    residual: Option<&[f32]>,
    clamp: Clamp<'_>,
    scratch: &mut [f32],
    output: &mut [f32],
) -> Result<(), KernelError> {
    image.check(Padding::default())?;
    check_len("input", input.len(), blocked_len(image))?;
    check_fits("reduction of the weights", weights.k, image.channels)?;
    check_len("output", output.len(), blocked_len(ImageShape { channels: weights.n, ..image }))?;
    if let Some(residual) = residual {
        check_len("residual", residual.len(), output.len())?;
    }
    check_at_least("scratch", scratch.len(), lane_len(image))?;
    let (lanes, output) = (Lanes::new(scratch, lane_len(image)), Disjoint::new(output));
    let (pixels, pitch) = (image.height * image.width, weights.pattern.pitch());
    clamp.check_channels(weights.n)?;
    let store = Store { pixels, residual, clamp };
    let channels = weights.pattern.channels();
    let n_vectors = pixels.div_ceil(LANES);
    let n_strips = n_vectors.div_ceil(weights.pattern.vectors());
    // A product with a stored weight takes half again as long as one of a dense layer.
    let work = pixels.saturating_mul(weights.products()).saturating_mul(3) / 2;
    Parts::new(n_vectors, n_strips, weights.pattern.vectors(), blocks(weights.n), work, lanes.n()).share(
        |part| {
            let (first, vectors) = (part.rows.start * LANES, part.rows.len());
            // SAFETY: the part's thread uses its lane only here.
            let (sums, strip) = unsafe { lanes.lane(part.lane) }.split_at_mut(BLOCK * pitch);
            let strip = &mut strip[..blocks(image.channels) * BLOCK * pitch];
            if !lanes.holds(&part) {
                gather(input, pixels, first, vectors, strip, pitch);
            }
            let sum_block = weights.pattern.sum_block(vectors);
            let counts = weights.counts.as_slice();
            let (before, counts) = counts.split_at(part.columns.start * BLOCK / channels);
            let skipped: usize = before.iter().map(|count| *count as usize * (1 + channels)).sum();
            let mut stream = &weights.stream[skipped..];
            let biases = &weights.bias.as_chunks::<BLOCK>().0[part.columns.clone()];
            let groups = counts.chunks_exact(BLOCK / channels);
            for (block, (counts, bias)) in part.columns.zip(groups.zip(biases)) {
                // SAFETY: `strip` holds `image.channels` rows of the pattern's pitch, rounded up to whole blocks, and the
                // places of these weights are the beginnings of its first `weights.k` rows, which are as many; a row
                // holds the pattern's vectors, and a part has no more of them.
                stream = unsafe { sum_block(strip, stream, counts, bias, sums) };
                // SAFETY: no other part has these pixels of this block.
                unsafe { store.block(sums, pitch, block, first, vectors, &output) };
            }
        },
    );
    Ok(())
}

/// Brings a strip's pixels from blocks into `[k][pitch]`; pixels beyond the image become zero.
fn gather(input: &[f32], pixels: usize, first: usize, vectors: usize, strip: &mut [f32], pitch: usize) {
    for (plane, rows) in input.chunks_exact(pixels * BLOCK).zip(strip.chunks_exact_mut(BLOCK * pitch)) {
        let (plane, _) = plane[first * BLOCK..].as_chunks::<BLOCK>();
        for (vector, pixels) in plane.chunks(LANES).take(vectors).enumerate() {
            let zeros = [0.0; BLOCK];
            let pixel: [&[f32; BLOCK]; LANES] =
                std::array::from_fn(|lane| pixels.get(lane).unwrap_or(&zeros));
            for half in [0, LANES] {
                let columns = F32x4::transpose(pixel.map(|pixel| load(&pixel[half..])));
                for (c, column) in columns.into_iter().enumerate() {
                    column.store(chunk(&mut rows[(half + c) * pitch + vector * LANES..]));
                }
            }
        }
    }
}

/// Strip, stream, counts, biases and the sums that are written, to the rest of the stream.
type SumBlock = for<'s> unsafe fn(&[f32], &'s [u32], &[u32], &[f32; BLOCK], &mut [f32]) -> &'s [u32];

/// Sums of a block of output channels over a strip into `sums`, `[BLOCK][pitch]`; gives the rest of the stream.
///
/// `C` channels share their places, of which `counts` says how many each group has.
///
/// # Safety
/// At each of these places, in bytes from the beginning of `strip`, the strip must hold `V` vectors.
unsafe fn sum_block<'s, const C: usize, const V: usize>(
    strip: &[f32],
    stream: &'s [u32],
    counts: &[u32],
    bias: &[f32; BLOCK],
    sums: &mut [f32],
) -> &'s [u32] {
    let pitch = sums.len() / BLOCK;
    let mut rest = stream;
    let groups = sums.chunks_exact_mut(C * pitch).zip(bias.as_chunks::<C>().0);
    for (&count, (sums, bias)) in counts.iter().zip(groups) {
        let group;
        (group, rest) = rest.split_at(count as usize * (1 + C));
        // SAFETY: `group` is `count` places with their values; what lies there is the caller's.
        let acc = unsafe { multiply::<C, V>(strip.as_ptr(), group.as_ptr(), count, bias) };
        for (sums, acc) in sums.chunks_exact_mut(pitch).zip(acc) {
            for (sums, acc) in sums.as_chunks_mut::<LANES>().0.iter_mut().zip(acc) {
                acc.store(sums);
            }
        }
    }
    rest
}

/// Sums of `C` output channels over `V` vectors of pixels, from the biases on.
///
/// # Safety
/// `stream` must hold `count` places with `C` values each, and at every place in bytes from `x` there must be `V` vectors.
#[inline(always)]
unsafe fn multiply<const C: usize, const V: usize>(
    x: *const f32,
    stream: *const u32,
    count: u32,
    bias: &[f32; C],
) -> [[F32x4; V]; C] {
    let mut acc = bias.map(|bias| [F32x4::splat(bias); V]);
    let mut entry = stream;
    for _ in 0..count {
        // SAFETY: the caller's.
        unsafe {
            let row = x.byte_add(*entry as usize);
            let w: [F32x4; C] = std::array::from_fn(|c| F32x4::splat_at(entry.add(1 + c).cast()));
            for v in 0..V {
                let x = F32x4::load_at(row.add(v * LANES));
                for (acc, w) in acc.iter_mut().zip(w) {
                    acc[v] = w.mul_add(x, acc[v]);
                }
            }
        }
        entry = entry.wrapping_add(1 + C);
    }
    acc
}

/// How sums become outputs.
struct Store<'a> {
    pixels: usize,
    residual: Option<&'a [f32]>,
    clamp: Clamp<'a>,
}

impl Store<'_> {
    /// Writes a block's sums, `[BLOCK][pitch]`, to its pixels from `first` on.
    ///
    /// # Safety
    /// No other thread may write the same pixels of the block.
    unsafe fn block(
        &self,
        sums: &[f32],
        pitch: usize,
        block: usize,
        first: usize,
        vectors: usize,
        output: &Disjoint<'_, f32>,
    ) {
        let end = self.pixels.min(first + vectors * LANES);
        let place = (block * self.pixels + first) * BLOCK..(block * self.pixels + end) * BLOCK;
        // SAFETY: the caller's.
        let (output, _) = unsafe { output.range(place.clone()) }.as_chunks_mut::<BLOCK>();
        let residual = self.residual.map(|residual| residual[place].as_chunks::<BLOCK>().0);
        let (min, max) = self.clamp.of_block(block);
        for (vector, output) in output.chunks_mut(LANES).enumerate() {
            for (half, max) in [0, LANES].into_iter().zip(max) {
                let rows = std::array::from_fn(|c| load(&sums[(half + c) * pitch + vector * LANES..]));
                for (lane, (output, sum)) in output.iter_mut().zip(F32x4::transpose(rows)).enumerate() {
                    let sum = match residual {
                        Some(residual) => sum.add(load(&residual[vector * LANES + lane][half..])),
                        None => sum,
                    };
                    sum.clamp(min, max).store(chunk(&mut output[half..]));
                }
            }
        }
    }
}

#[inline(always)]
fn load(values: &[f32]) -> F32x4 {
    F32x4::load(values.first_chunk().expect("a whole vector"))
}

#[inline(always)]
fn chunk(values: &mut [f32]) -> &mut [f32; LANES] {
    values.first_chunk_mut().expect("a whole vector")
}
