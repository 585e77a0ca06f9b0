//! Which pointwise convolutions run on their non-zero weights only: those for which that was measured to be faster.
//!
//! Measured in Chromium on one thread of an AMD EPYC, in the simd128 and the relaxed flavour, over pointwise layers of
//! MobileNetV2 (`cargo xtask bench-kernels --only sparse`). Dense time over sparse time:
//!
//! | zeros                        | 20 %      | 30 %      | 40 %      | 50 %      | 60 %      | 80 %      | 90 %      |
//! | ---------------------------- | --------- | --------- | --------- | --------- | --------- | --------- | --------- |
//! | single, 64 channels and more | 0.7 - 1.0 | 0.8 - 1.2 | 0.9 - 1.3 | 1.1 - 1.5 | 1.3 - 1.8 | 2.1 - 2.9 | 2.8 - 5.3 |
//! | single, 32 channels          | 0.7 - 0.9 | 0.8 - 1.0 | 0.8 - 1.1 | 0.9 - 1.2 | 1.1 - 1.4 | 1.4 - 1.8 | 1.7 - 2.2 |
//! | pairs, 64 channels and more  | 1.0 - 1.2 | 1.1 - 1.3 |           | 1.5 - 1.8 |           | 2.4 - 3.7 | 3.0 - 6.7 |
//! | pairs, 32 channels           | 0.8 - 0.9 | 0.9 - 1.0 |           | 1.1 - 1.3 |           | 1.5 - 1.9 | 1.7 - 2.2 |
//!
//! A dense expansion runs with its depthwise layer in one step, which a sparse one gives up. Beside that step, single zeros
//! gain 1.2 at 50 % from 64 channels on; with 32 channels 0.96 at 50 % and 1.04 at 60 %.
//! At 60 % zeros one pixel takes 4 to 6 times as long as dense, nine are even, and sixteen gain like the rest: with one
//! or two vectors of pixels the processor waits for its sums.

use kernels::{ImageShape, KernelError, Pattern, SparseWeightsF32};

/// Share of zeros from which weights in [`Pattern::Single`] are walked sparsely: half, less what rounding may take from
/// it. The layers break even between 25 and 45 %.
const SINGLE_ZEROS: f64 = 0.49;
/// The same for [`Pattern::Pairs`], whose layers break even at 20 % and below; zeros that are multiplied do not count.
const PAIRS_ZEROS: f64 = 0.4;
/// Input channels below which what is done once for each output weighs more, and both shares must be larger.
const FEW_CHANNELS: usize = 40;
/// By so much.
const FEW_CHANNELS_ZEROS: f64 = 0.11;
/// Fewest pixels.
const PIXELS: usize = 16;

/// Sparse weights of a pointwise convolution over `image`, `weights` being `[n, k]`; `None` where dense ones are not
/// expected to be slower.
pub(crate) fn sparse_weights(
    weights: &[f32],
    n: usize,
    image: ImageShape,
    bias: &[f32],
) -> Result<Option<SparseWeightsF32>, KernelError> {
    let len = weights.len() as f64;
    let zeros = weights.iter().filter(|w| **w == 0.0).count() as f64;
    let least_zeros = |pattern: Pattern| {
        let many = match pattern {
            Pattern::Single => SINGLE_ZEROS,
            Pattern::Pairs => PAIRS_ZEROS,
        };
        if image.channels < FEW_CHANNELS { many + FEW_CHANNELS_ZEROS } else { many }
    };
    if image.height * image.width < PIXELS || zeros < least_zeros(Pattern::Pairs) * len {
        return Ok(None);
    }
    let packed = SparseWeightsF32::pack(weights, n, image.channels, bias)?;
    let least = least_zeros(packed.pattern());
    Ok((packed.products() as f64 <= (1.0 - least) * len).then_some(packed))
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: ImageShape = ImageShape { height: 4, width: 4, channels: 40 };

    /// `[40, 40]`, of which `kept` in forty are not zero; `rows` neighbours share their places.
    fn weights(kept: usize, rows: usize) -> Vec<f32> {
        (0..1600).map(|i| if (i / 40 / rows * 7 + i % 40 * 3) % 40 < kept { 1.0 } else { 0.0 }).collect()
    }

    fn pattern(weights: &[f32], image: ImageShape) -> Option<Pattern> {
        sparse_weights(weights, 40, image, &[0.0; 40]).unwrap().map(|packed| packed.pattern())
    }

    #[test]
    fn zeros_decide_by_their_pattern() {
        assert_eq!(pattern(&weights(40, 1), IMAGE), None);
        assert_eq!(pattern(&weights(21, 1), IMAGE), None);
        assert_eq!(pattern(&weights(20, 1), IMAGE), Some(Pattern::Single));
        assert_eq!(pattern(&weights(25, 4), IMAGE), None);
        assert_eq!(pattern(&weights(24, 4), IMAGE), Some(Pattern::Pairs));
        assert_eq!(pattern(&weights(0, 1), IMAGE), Some(Pattern::Single));
    }

    #[test]
    fn few_channels_need_more_zeros() {
        let image = ImageShape { channels: 20, ..IMAGE };
        // Twenty weights in a row, of which `kept` are not zero.
        let weights =
            |kept: usize| -> Vec<f32> { (0..800).map(|i| f32::from(u8::from(i * 7 % 20 < kept))).collect() };
        assert_eq!(pattern(&weights(10), image), None);
        assert_eq!(pattern(&weights(8), image), Some(Pattern::Pairs));
        let apart: Vec<f32> = (0..800).map(|i| f32::from(u8::from((i / 20 * 3 + i) % 20 < 8))).collect();
        assert_eq!(pattern(&apart, image), Some(Pattern::Single));
    }

    #[test]
    fn few_pixels_stay_dense() {
        assert_eq!(pattern(&weights(4, 1), ImageShape { width: 3, ..IMAGE }), None);
    }
}
