//! Against brute force on tiny layers, and against rounding and pruning that ignore the input.

use std::sync::Arc;

use graph::Moments;

use super::*;
use crate::CompressError;

mod clustering;
mod descent;
mod pruning;
mod rounding;

const OPTIONS: CurvatureOptions = CurvatureOptions { ridge: 0.01, means: Means::Kept };

/// A sequence that looks random, in `-1.0..1.0`.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 40) as f32 / (1 << 23) as f32) - 1.0
    }

    fn vec(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| self.next()).collect()
    }
}

/// A layer with correlated inputs, whose compressed stream differs a little from the float one.
#[derive(Debug, Clone)]
struct Layer {
    k: usize,
    weights: Vec<f32>,
    compressed: Vec<f32>,
    float: Vec<f32>,
    moments: Moments,
}

impl Layer {
    fn new(n_out: usize, k: usize, n_pixels: usize, seed: u64) -> Self {
        let mut noise = Noise(seed);
        let mix = noise.vec(k * k);
        let float: Vec<f32> = (0..n_pixels)
            .flat_map(|_| {
                let sources: Vec<f32> =
                    noise.vec(k).iter().enumerate().map(|(i, x)| x / (1 + i) as f32).collect();
                mix.chunks(k).map(|row| (0.3 + dot(row, &sources)).max(0.0)).collect::<Vec<f32>>()
            })
            .collect();
        let compressed: Vec<f32> = float.iter().map(|x| 0.9 * x + 0.1 * noise.next()).collect();
        let weights = noise.vec(n_out * k);
        let mut builder = MomentsBuilder::new(k);
        builder.observe(&compressed, &float).unwrap();
        Self { k, weights, compressed, float, moments: builder.finish() }
    }

    /// Biases that keep the mean output when the weights are `weights`, where there were none.
    fn biases(&self, weights: &[f32]) -> Vec<f32> {
        let mean = |weights: &[f32], inputs: &[f32]| -> f32 {
            inputs.chunks(self.k).map(|x| dot(weights, x)).sum::<f32>() * self.k as f32 / inputs.len() as f32
        };
        let rows = self.weights.chunks(self.k).zip(weights.chunks(self.k));
        rows.map(|(float, now)| mean(float, &self.float) - mean(now, &self.compressed)).collect()
    }

    fn curvature(&self, options: CurvatureOptions) -> Arc<Curvature> {
        Arc::new(CurvatureWork::new(&self.moments, options).unwrap().finish().unwrap())
    }

    fn target(&self, curvature: &Arc<Curvature>) -> Vec<f32> {
        TargetWork::new(self.weights.clone(), &self.moments, curvature.clone()).unwrap().finish().unwrap()
    }

    /// `Σ |T x_c + b - W x_f|² / n`.
    fn output_error(&self, weights: &[f32], biases: &[f32]) -> f64 {
        let mut error = 0.0;
        for (compressed, float) in self.compressed.chunks(self.k).zip(self.float.chunks(self.k)) {
            for ((weights, original), bias) in
                weights.chunks(self.k).zip(self.weights.chunks(self.k)).zip(biases)
            {
                error += f64::from(dot(weights, compressed) + bias - dot(original, float)).powi(2);
            }
        }
        error / (self.compressed.len() / self.k) as f64
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn total(curvature: &Curvature, weights: &[f32], target: &[f32]) -> f64 {
    curvature.errors(weights, target).iter().sum()
}

fn close(a: f64, b: f64, relative: f64) -> bool {
    (a - b).abs() <= relative * a.abs().max(b.abs()).max(1e-6)
}

#[test]
fn moments_are_sums_over_pixels() {
    for (k, n_pixels) in [(1, 1), (5, 7), (200, 3), (3, 1100)] {
        let layer = Layer::new(1, k, n_pixels, 7);
        let moments = &layer.moments;
        assert_eq!(moments.n_samples, n_pixels as u64);
        for row in 0..k {
            for column in 0..k {
                let pixels = || layer.compressed.chunks(k).zip(layer.float.chunks(k));
                let gram: f64 = pixels().map(|(c, _)| f64::from(c[row]) * f64::from(c[column])).sum();
                let cross: f64 = pixels().map(|(c, f)| f64::from(c[row]) * f64::from(f[column])).sum();
                assert!(close(moments.gram[row * k + column], gram, 1e-4), "gram {row} {column} of {k}");
                assert!(close(moments.cross[row * k + column], cross, 1e-4), "cross {row} {column} of {k}");
            }
        }
        let sum: f64 = layer.float.iter().step_by(k).map(|x| f64::from(*x)).sum();
        assert!(close(moments.float_sums[0], sum, 1e-6));
    }
}

/// The values that all weights share, as [`ClusterWork`] finds them.
fn cluster(weights: &[f32], n_clusters: usize, zeros: Zeros) -> Result<Vec<f32>, CompressError> {
    let work = ClusterWork::new(weights.to_vec(), vec![1.0], Scope::Tensor, n_clusters, zeros)?;
    Ok(work.finish()?.values)
}

#[test]
fn inputs_that_do_not_fit_are_refused() {
    let mut builder = MomentsBuilder::new(3);
    assert!(matches!(builder.observe(&[0.0; 4], &[0.0; 4]), Err(CompressError::Reconstruct(_))));
    assert!(matches!(builder.observe(&[0.0; 3], &[0.0; 6]), Err(CompressError::Reconstruct(_))));
    assert!(matches!(builder.observe(&[f32::NAN; 3], &[0.0; 3]), Err(CompressError::NotFinite(_))));
    let none = builder.finish();
    assert!(matches!(CurvatureWork::new(&none, OPTIONS), Err(CompressError::Reconstruct(_))));
    let layer = Layer::new(2, 3, 9, 1);
    let curvature = layer.curvature(OPTIONS);
    let nan = vec![f32::NAN; 6];
    assert!(matches!(
        TargetWork::new(nan, &layer.moments, curvature.clone()),
        Err(CompressError::NotFinite(_))
    ));
    let mut moments = layer.moments.clone();
    moments.gram[4] = f64::NAN;
    assert!(matches!(CurvatureWork::new(&moments, OPTIONS), Err(CompressError::NotFinite(_))));
    moments.gram[4] = -1.0;
    assert!(matches!(CurvatureWork::new(&moments, OPTIONS), Err(CompressError::Reconstruct(_))));
    moments = layer.moments.clone();
    moments.gram[1] = 1e9;
    assert!(matches!(
        CurvatureWork::new(&moments, OPTIONS).and_then(Pieces::finish),
        Err(CompressError::Reconstruct(_))
    ));
}

#[test]
fn the_factor_is_that_of_the_inverse() {
    for k in [1, 5, 63, 64, 65, 150] {
        let curvature = Layer::new(1, k, 2 * k, 11).curvature(OPTIONS);
        let factor = &curvature.factor;
        // H Uᵀ U = 1
        let product = curvature.hessian.dot(&factor.t().dot(factor));
        for ((row, column), value) in product.indexed_iter() {
            let expected = if row == column { 1.0 } else { 0.0 };
            assert!((value - expected).abs() < 2e-2, "{value} at {row}, {column} of {k}");
            assert!(row <= column || factor[[row, column]] == 0.0);
        }
    }
}

#[test]
fn the_target_is_the_least_squares_solution() {
    let layer = Layer::new(4, 6, 400, 5);
    for means in [Means::Kept, Means::Removed] {
        let curvature = layer.curvature(CurvatureOptions { ridge: 1e-5, means });
        let target = layer.target(&curvature);
        let biases = |weights: &[f32]| match means {
            Means::Kept => vec![0.0; 4],
            Means::Removed => layer.biases(weights),
        };
        let best = layer.output_error(&target, &biases(&target));
        assert!(best < layer.output_error(&layer.weights, &biases(&layer.weights)));
        // In a minimum every change makes it worse.
        for at in 0..target.len() {
            for change in [-0.02, 0.02] {
                let mut other = target.clone();
                other[at] += change;
                let error = layer.output_error(&other, &biases(&other));
                assert!(error > best, "{means:?}, weight {at}: {error} is below {best}");
            }
        }
    }
}

#[test]
fn a_sum_takes_back_what_its_other_summand_lacks() {
    let mut layer = Layer::new(4, 6, 400, 5);
    // The other summand lacks twice the first input, and nothing in the last output.
    let lacking: Vec<f32> =
        layer.compressed.chunks(6).flat_map(|x| [2.0 * x[0], -x[1], 2.0 * x[0], 0.0]).collect();
    let mut builder = MomentsBuilder::new(6);
    builder.observe(&layer.compressed, &layer.float).unwrap();
    builder.observe_lacking(&layer.compressed, &lacking).unwrap();
    for means in [Means::Kept, Means::Removed] {
        let options = CurvatureOptions { ridge: 1e-5, means };
        let alone = layer.target(&layer.curvature(options));
        let before = std::mem::replace(&mut layer.moments, builder.clone().finish());
        let sum = layer.target(&layer.curvature(options));
        layer.moments = before;
        for (at, (sum, alone)) in sum.iter().zip(&alone).enumerate() {
            let want = match at {
                0 | 12 => 2.0,
                7 => -1.0,
                _ => 0.0,
            };
            assert!((sum - alone - want).abs() < 0.02, "{means:?}, weight {at}: {sum} against {alone}");
        }
    }
    assert!(builder.observe_lacking(&layer.compressed, &lacking[1..]).is_err());
    assert!(builder.observe_lacking(&layer.compressed, &vec![f32::NAN; lacking.len()]).is_err());
    let narrower = &lacking[..lacking.len() / 2];
    assert!(builder.observe_lacking(&layer.compressed, narrower).is_err());
}

#[test]
fn inputs_that_never_vary_harm_nothing() {
    let mut layer = Layer::new(4, 8, 60, 13);
    let mut builder = MomentsBuilder::new(8);
    for pixel in layer.compressed.chunks_mut(8).chain(layer.float.chunks_mut(8)) {
        pixel[3] = 2.0;
        pixel[5] = 0.0;
    }
    builder.observe(&layer.compressed, &layer.float).unwrap();
    layer.moments = builder.finish();
    for row in layer.weights.chunks_mut(8) {
        row[3] = 50.0;
        row[5] = -60.0;
    }
    let curvature = layer.curvature(CurvatureOptions { means: Means::Removed, ..OPTIONS });
    let target = layer.target(&curvature);
    assert_eq!(target[3], 50.0);
    let grid = Grid::Integer(IntegerGrid { bits: 4, group_len: None });
    let rounded =
        RoundWork::new(target.clone(), curvature.clone(), grid, Zeros::Free).unwrap().finish().unwrap();
    let Codes::Integer { scales, .. } = &rounded.codes else { panic!("not integers") };
    assert!(scales.iter().all(|scale| *scale < 1.0), "dead inputs widen {scales:?}");
    let pattern = SparsityPattern::Unstructured { sparsity: 0.25 };
    let pruned = PruneWork::new(&target, curvature, pattern).unwrap().finish().unwrap();
    assert!(pruned.chunks(8).all(|row| row[3] == 0.0 && row[5] == 0.0));

    let mut zeros = MomentsBuilder::new(8);
    zeros.observe(&[0.0; 80], &[0.0; 80]).unwrap();
    layer.moments = zeros.finish();
    let curvature = layer.curvature(OPTIONS);
    assert_eq!(layer.target(&curvature), layer.weights);
}

#[test]
fn work_advances_in_pieces_to_its_end() {
    let layer = Layer::new(40, 150, 200, 8);
    let mut work = CurvatureWork::new(&layer.moments, OPTIONS).unwrap();
    let (mut n_pieces, mut last) = (0, 0.0);
    loop {
        assert!((last..=1.0).contains(&work.progress()));
        last = work.progress();
        match work.advance().unwrap() {
            std::ops::ControlFlow::Continue(rest) => work = rest,
            std::ops::ControlFlow::Break(_) => break,
        }
        n_pieces += 1;
    }
    assert!(n_pieces >= 6);
}

#[test]
fn the_power_of_many_channels_is_summed_in_pieces() {
    let layer = Layer::new(1, 150, 200, 8);
    let curvature = layer.curvature(OPTIONS);
    let weights = layer.weights.repeat(4000);
    let alone = curvature.errors(&layer.weights, &[0.0; 150])[0];
    let mut work = PowerWork::new(weights.clone(), curvature).unwrap();
    let mut n_pieces = 1;
    let (same, power) = loop {
        match work.advance().unwrap() {
            std::ops::ControlFlow::Continue(rest) => work = rest,
            std::ops::ControlFlow::Break(done) => break done,
        }
        n_pieces += 1;
    };
    assert!(n_pieces >= 3, "{n_pieces}");
    assert!(same == weights && (power / 4000.0 - alone).abs() < 1e-6 * alone, "{power} {alone}");
}

#[test]
fn options_out_of_range_are_refused() {
    let layer = Layer::new(4, 8, 30, 4);
    for ridge in [0.0, -1.0, f64::NAN, 1e9] {
        assert!(CurvatureWork::new(&layer.moments, CurvatureOptions { ridge, ..OPTIONS }).is_err());
    }
    let curvature = layer.curvature(OPTIONS);
    for pattern in [
        SparsityPattern::Unstructured { sparsity: 1.1 },
        SparsityPattern::Blocks { channels: 0, sparsity: 0.5 },
        SparsityPattern::NOfM { n: 2, m: 1 },
        SparsityPattern::NOfM { n: 5, m: 4 },
    ] {
        assert!(PruneWork::new(&layer.weights, curvature.clone(), pattern).is_err(), "{pattern:?}");
    }
    for (bits, group_len) in [(3, None), (8, Some(32)), (4, Some(0))] {
        let grid = Grid::Integer(IntegerGrid { bits, group_len });
        assert!(RoundWork::new(layer.weights.clone(), curvature.clone(), grid, Zeros::Free).is_err());
    }
    let without_zero = Grid::Codebooks(Codebooks { n_clusters: 2, values: vec![-1.0, 1.0] });
    assert!(RoundWork::new(layer.weights.clone(), curvature.clone(), without_zero, Zeros::Kept).is_err());
    let options = RateOptions { steps: vec![0.0], trade: 0.1, n_passes: 1, zeros: Zeros::Free };
    assert!(RateWork::new(layer.weights.clone(), curvature, options).is_err());
}
