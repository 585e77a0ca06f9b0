//! Depthwise convolutions: the few taps of each channel, fitted to what they read.

use graph::{Conv2d, IntegerWeights, Shape, Weight, WeightValues};

use crate::window::Window;
use crate::{CompressError, Granularity, round_weight};

/// Second moments of what the taps of a depthwise convolution meet, each channel for itself, seen in the network whose
/// earlier layers are already compressed and in the float network. Zeros stand where a tap lies in the padding.
///
/// What earlier layers did to a channel, a wrong gain above all, its own taps can largely take back: there are few of
/// them, and thousands of pixels to tell them by.
#[derive(Clone, Debug)]
pub struct TapMoments {
    window: Window,
    channels: usize,
    taps: usize,
    n_samples: u64,
    /// `Σ x_c x_cᵀ` and `Σ x_f x_cᵀ`, `[taps, taps, channels]`, of the first the lower triangle.
    gram: Vec<f64>,
    cross: Vec<f64>,
    /// `Σ x_c` and `Σ x_f`, `[taps, channels]`.
    compressed_sums: Vec<f64>,
    float_sums: Vec<f64>,
}

/// Pixels for each tap that would count as much as the weights themselves.
const PIXELS_PER_TAP: f64 = 4.0;

impl TapMoments {
    /// Nothing seen yet by `conv`, which reads `input` and writes `output`; `None` where it is not depthwise.
    pub fn new(conv: &Conv2d, input: Shape, output: Shape) -> Option<Self> {
        let window = Window::new(conv, input, output).filter(|_| conv.is_depthwise())?;
        let (channels, taps) = (input.channels(), conv.kernel().iter().product());
        let squares = || vec![0.0; taps * taps * channels];
        let sums = || vec![0.0; taps * channels];
        Some(Self {
            window,
            channels,
            taps,
            n_samples: 0,
            gram: squares(),
            cross: squares(),
            compressed_sums: sums(),
            float_sums: sums(),
        })
    }

    /// Outputs of a frame.
    pub fn n_outputs(&self) -> usize {
        self.window.n_outputs()
    }

    /// Takes in a frame from both streams, `nhwc`: what the outputs `first`, `first + every`, ... read.
    pub fn observe(&mut self, compressed: &[f32], float: &[f32], first: usize, every: usize) {
        let Self { window, channels, taps, n_samples, .. } = self;
        let (channels, taps) = (*channels, *taps);
        let mut sums = [taps * taps, taps * taps, taps, taps].map(|n| vec![0.0_f32; n * channels]);
        let [gram, cross, compressed_sums, float_sums] = &mut sums;
        let padding = &vec![0.0; channels][..];
        let window = &*window;
        for output in (first..window.n_outputs()).step_by(every.max(1)) {
            let read = |image| {
                (0..taps).map(move |tap| window.read(image, channels, output, tap).unwrap_or(padding))
            };
            let compressed: Vec<&[f32]> = read(compressed).collect();
            let float: Vec<&[f32]> = read(float).collect();
            for tap in 0..taps {
                add(&mut compressed_sums[tap * channels..][..channels], compressed[tap]);
                add(&mut float_sums[tap * channels..][..channels], float[tap]);
                for other in 0..taps {
                    let at = (tap * taps + other) * channels..(tap * taps + other + 1) * channels;
                    if other <= tap {
                        add_products(&mut gram[at.clone()], compressed[tap], compressed[other]);
                    }
                    add_products(&mut cross[at], float[tap], compressed[other]);
                }
            }
            *n_samples += 1;
        }
        let totals = [&mut self.gram, &mut self.cross, &mut self.compressed_sums, &mut self.float_sums];
        for (total, sums) in totals.into_iter().zip(sums) {
            for (total, sum) in total.iter_mut().zip(sums) {
                *total += f64::from(sum);
            }
        }
    }

    /// The weights `T` that come nearest to the float layer's outputs before its activation, whose weights are `float`:
    /// `[channels, taps]` both. For each channel, with means taken out (its bias makes up for them),
    ///
    /// ```text
    /// minimise Σ |T x_c - W x_f|² / n + ridge mean(var(x_c)) |T - W|²
    /// T = W + W (C - G) (G + ridge mean(var(x_c)))⁻¹,  G = cov(x_c),  C = cov(x_f, x_c)
    /// ```
    /// Channels whose input never varied, and those that cannot be solved, keep their weights.
    ///
    /// # Errors
    /// [`CompressError::Reconstruct`] for another number of weights, [`CompressError::NotFinite`] where they or what was seen
    /// are not finite.
    pub fn fit(&self, float: &[f32], ridge: f64) -> Result<Vec<f32>, CompressError> {
        let (channels, taps) = (self.channels, self.taps);
        if float.len() != channels * taps {
            return Err(CompressError::Reconstruct(format!(
                "{} weights, expected {taps} for each of {channels} channels",
                float.len()
            )));
        }
        let n = self.n_samples.max(1) as f64;
        let mut fitted = float.to_vec();
        for (channel, weights) in fitted.chunks_exact_mut(taps).enumerate() {
            let mean = |sums: &[f64], tap: usize| sums[tap * channels + channel] / n;
            let covariance = |products: &[f64], sums: &[f64], tap: usize, other: usize| {
                products[(tap * taps + other) * channels + channel] / n
                    - mean(sums, tap) * mean(&self.compressed_sums, other)
            };
            let gram = |tap: usize, other: usize| {
                covariance(&self.gram, &self.compressed_sums, tap.max(other), tap.min(other))
            };
            let variance = (0..taps).map(|tap| gram(tap, tap)).sum::<f64>() / taps as f64;
            let lacking: Vec<f64> = (0..taps)
                .map(|tap| {
                    let lack =
                        |from: usize| covariance(&self.cross, &self.float_sums, from, tap) - gram(from, tap);
                    weights.iter().enumerate().map(|(from, weight)| f64::from(*weight) * lack(from)).sum()
                })
                .collect();
            if !variance.is_finite() || lacking.iter().any(|lack: &f64| !lack.is_finite()) {
                return Err(CompressError::NotFinite("inputs of a depthwise layer".to_owned()));
            }
            let added = ridge * variance;
            let matrix: Vec<f64> = (0..taps * taps)
                .map(|at| gram(at / taps, at % taps) + if at / taps == at % taps { added } else { 0.0 })
                .collect();
            if let Some(change) = solve(matrix, lacking).filter(|_| variance > 0.0) {
                for (weight, change) in weights.iter_mut().zip(change) {
                    *weight = (f64::from(*weight) + change) as f32;
                }
            }
        }
        Ok(fitted)
    }

    /// [`Self::fit`] for the layer `float`, in the form that `weight`, the same layer, has: float32, or integers of as many
    /// bits with scales for as many. `None` where that is another form, or where the fit cannot be rounded. The fewer pixels were
    /// seen, the more the weights keep of what they were: `4 taps / pixels` joins the ridge.
    ///
    /// # Errors
    /// As [`Self::fit`].
    pub fn fit_like(
        &self,
        weight: &Weight,
        float: &Weight,
        ridge: f64,
    ) -> Result<Option<Weight>, CompressError> {
        let ridge = ridge + PIXELS_PER_TAP * self.taps as f64 / self.n_samples.max(1) as f64;
        let fitted =
            || Ok::<_, CompressError>(Weight::f32(weight.shape.clone(), self.fit(&float.to_f32(), ridge)?));
        match &weight.values {
            WeightValues::F32(_) => fitted().map(Some),
            WeightValues::Integer(IntegerWeights { bits, scales, groups: None, .. }) => {
                let per_tensor = scales.len() == 1 && self.channels > 1;
                let granularity = if per_tensor { Granularity::PerTensor } else { Granularity::PerChannel };
                Ok(round_weight(&fitted()?, *bits, granularity, &vec![0.0; self.channels]))
            }
            WeightValues::Integer(_)
            | WeightValues::Clustered(_)
            | WeightValues::F16(_)
            | WeightValues::Bf16(_) => Ok(None),
        }
    }
}

/// Solves `matrix x = right` for a symmetric positive definite matrix, `[n, n]`, by Cholesky's factorization `L Lᵀ`; `None`
/// where it is not.
fn solve(mut matrix: Vec<f64>, mut right: Vec<f64>) -> Option<Vec<f64>> {
    let n = right.len();
    for row in 0..n {
        for column in 0..=row {
            let known: f64 = (0..column).map(|k| matrix[row * n + k] * matrix[column * n + k]).sum();
            let rest = matrix[row * n + column] - known;
            matrix[row * n + column] = match row == column {
                true if rest > 0.0 => rest.sqrt(),
                true => return None,
                false => rest / matrix[column * n + column],
            };
        }
    }
    for row in 0..n {
        let known: f64 = (0..row).map(|k| matrix[row * n + k] * right[k]).sum();
        right[row] = (right[row] - known) / matrix[row * n + row];
    }
    for row in (0..n).rev() {
        let known: f64 = (row + 1..n).map(|k| matrix[k * n + row] * right[k]).sum();
        right[row] = (right[row] - known) / matrix[row * n + row];
    }
    right.iter().all(|x| x.is_finite()).then_some(right)
}

fn add(sums: &mut [f32], terms: &[f32]) {
    for (sum, term) in sums.iter_mut().zip(terms) {
        *sum += term;
    }
}

fn add_products(sums: &mut [f32], a: &[f32], b: &[f32]) {
    for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
        *sum += a * b;
    }
}

#[cfg(test)]
mod tests {
    use graph::{ClusteredWeights, Padding};

    use super::*;

    const IMAGE: [usize; 3] = [9, 8, 3];

    fn conv(weights: &[f32], stride: usize) -> Conv2d {
        let weight = Weight::f32(vec![3, 1, 3, 3], weights.to_vec());
        Conv2d { weight, bias: None, stride: [stride; 2], padding: Padding::symmetric(1), groups: 3 }
    }

    fn picture(seed: usize) -> Vec<f32> {
        (0..IMAGE.iter().product())
            .map(|i: usize| ((i * i * 31 + i * seed * 7) % 97) as f32 / 20.0 - 1.0)
            .collect()
    }

    fn moments(stride: usize, change: impl Fn(usize, f32) -> f32) -> TapMoments {
        let [height, width, channels] = IMAGE;
        let input = Shape::Image { height, width, channels };
        let conv = conv(&[0.0; 27], stride);
        let output = graph::Op::Conv2d(conv.clone()).output_shape("conv", &[input]).unwrap();
        let mut moments = TapMoments::new(&conv, input, output).unwrap();
        for seed in 1..9 {
            let float = picture(seed);
            let compressed: Vec<f32> =
                float.iter().enumerate().map(|(i, x)| change(i % channels, *x)).collect();
            moments.observe(&compressed, &float, seed % 2, 2);
        }
        moments
    }

    fn weights() -> Vec<f32> {
        (0..27).map(|i| ((i * 37) % 23) as f32 / 11.0 - 1.0).collect()
    }

    #[test]
    fn gains_of_channels_are_taken_back() {
        let gains = [0.5, 1.0, 1.6];
        for stride in [1, 2] {
            let moments = moments(stride, |channel, x| gains[channel] * x);
            let fitted = moments.fit(&weights(), 1e-6).unwrap();
            for (i, (fitted, weight)) in fitted.iter().zip(weights()).enumerate() {
                let want = weight / gains[i / 9];
                assert!((fitted - want).abs() < 2e-3, "stride {stride}, weight {i}: {fitted}, not {want}");
            }
        }
    }

    #[test]
    fn the_ridge_holds_on_to_the_weights() {
        let moments = moments(1, |_, x| 0.5 * x);
        let fitted = moments.fit(&weights(), 100.0).unwrap();
        assert!(fitted.iter().zip(weights()).all(|(fitted, weight)| (fitted - weight).abs() < 0.03));
    }

    #[test]
    fn channels_that_never_vary_keep_their_weights() {
        let moments = moments(1, |channel, x| if channel == 1 { 0.0 } else { x });
        let fitted = moments.fit(&weights(), 1e-3).unwrap();
        assert_eq!(fitted[9..18], weights()[9..18]);
    }

    #[test]
    fn a_fit_has_the_form_of_the_layer_and_trusts_few_pixels_little() {
        let half = moments(1, |_, x| 0.5 * x);
        let float = Weight::f32(vec![3, 1, 3, 3], weights());
        let Some(fitted) = half.fit_like(&float, &float, 1e-6).unwrap() else { panic!("no fit") };
        for (fitted, weight) in fitted.to_f32().iter().zip(weights()) {
            let gained = if weight == 0.0 { 0.5 } else { fitted / weight - 1.0 };
            assert!((0.05..0.98).contains(&gained), "{fitted} of {weight}: all of the gain would be 1");
        }
        for (granularity, n_scales) in [(Granularity::PerChannel, 3), (Granularity::PerTensor, 1)] {
            let int8 = round_weight(&float, 8, granularity, &[0.0; 3]).unwrap();
            let Some(rounded) = half.fit_like(&int8, &float, 1e-6).unwrap() else { panic!("no fit") };
            let WeightValues::Integer(integer) = &rounded.values else { panic!("{rounded:?}") };
            assert_eq!((integer.bits, integer.scales.len()), (8, n_scales));
            for (rounded, fitted) in rounded.to_f32().iter().zip(&*fitted.to_f32()) {
                assert!((rounded - fitted).abs() < 0.02, "{rounded} for {fitted}");
            }
        }
        let clustered = ClusteredWeights { codes: vec![0; 27], codebooks: vec![0.0, 1.0], n_clusters: 2 };
        let clustered = Weight { values: WeightValues::Clustered(clustered), ..float.clone() };
        assert_eq!(half.fit_like(&clustered, &float, 1e-6).unwrap(), None);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut moments = moments(1, |_, x| x);
        assert!(moments.fit(&weights()[1..], 0.1).is_err());
        let broken: Vec<f32> = vec![f32::NAN; IMAGE.iter().product()];
        moments.observe(&broken, &broken, 0, 1);
        assert!(moments.fit(&weights(), 0.1).is_err());
        let conv =
            Conv2d { groups: 1, weight: Weight::f32(vec![1, 3, 3, 3], weights()), ..conv(&weights(), 1) };
        let shape = Shape::Image { height: 9, width: 8, channels: 3 };
        assert!(TapMoments::new(&conv, shape, shape).is_none());
    }
}
