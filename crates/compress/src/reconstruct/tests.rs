//! Against brute force on tiny layers, and against rounding and pruning that ignore the input.

use std::sync::Arc;

use graph::Moments;
use proptest::prelude::*;

use super::*;
use crate::CompressError;

const OPTIONS: CurvatureOptions = CurvatureOptions { ridge: 0.01, means: Means::Kept, order: Order::Natural };

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

#[test]
fn one_stream_is_both() {
    let layer = Layer::new(1, 20, 600, 3);
    let (mut once, mut twice) = (MomentsBuilder::new(20), MomentsBuilder::new(20));
    once.observe(&layer.float, &layer.float).unwrap();
    twice.observe(&layer.float, &layer.float.clone()).unwrap();
    let (once, twice) = (once.finish(), twice.finish());
    assert_eq!(once.gram, once.cross);
    assert!(once.cross.iter().zip(&twice.cross).all(|(a, b)| close(*a, *b, 1e-5)));
    assert_eq!(once.float_sums, twice.float_sums);
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
        for order in [Order::Natural, Order::DescendingVariance] {
            let curvature = Layer::new(1, k, 2 * k, 11).curvature(CurvatureOptions { order, ..OPTIONS });
            let (factor, at) = (&curvature.factor, &curvature.order);
            // H Uᵀ U = 1
            let hessian = ndarray::Array2::from_shape_fn((k, k), |(i, j)| curvature.hessian[[at[i], at[j]]]);
            let product = hessian.dot(&factor.t().dot(factor));
            for ((row, column), value) in product.indexed_iter() {
                let expected = if row == column { 1.0 } else { 0.0 };
                assert!((value - expected).abs() < 2e-2, "{value} at {row}, {column} of {k}");
                assert!(row <= column || factor[[row, column]] == 0.0);
            }
        }
    }
}

#[test]
fn the_target_is_the_least_squares_solution() {
    let layer = Layer::new(4, 6, 400, 5);
    for means in [Means::Kept, Means::Removed] {
        let curvature = layer.curvature(CurvatureOptions { ridge: 1e-5, means, ..OPTIONS });
        let target = layer.target(&curvature);
        let biases = |weights: &[f32]| match means {
            Means::Kept => vec![0.0; 4],
            Means::Removed => corrected_biases(&layer.weights, weights, &[0.0; 4], &layer.moments).unwrap(),
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
fn biases_keep_the_mean_output() {
    let layer = Layer::new(3, 5, 50, 9);
    let other: Vec<f32> = layer.weights.iter().map(|w| 0.5 * w).collect();
    let biases = corrected_biases(&layer.weights, &other, &[1.0, 0.0, -1.0], &layer.moments).unwrap();
    for (row, before) in [1.0, 0.0, -1.0].into_iter().enumerate() {
        let mean = |weights: &[f32], inputs: &[f32]| {
            let weights = &weights[row * 5..(row + 1) * 5];
            inputs.chunks(5).map(|x| f64::from(dot(weights, x))).sum::<f64>() / 50.0
        };
        let float = mean(&layer.weights, &layer.float) + before;
        let compressed = mean(&other, &layer.compressed) + f64::from(biases[row]);
        assert!((float - compressed).abs() < 1e-5);
    }
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
fn rounding_finds_the_best_of_two_weights() {
    // With two inputs, compensation is exact: the second weight is rounded to the best there is given the first.
    let layer = Layer::new(6, 2, 200, 21);
    let curvature = layer.curvature(OPTIONS);
    let values: Vec<f32> = vec![-1.0, -0.4, 0.1, 0.7];
    let codebooks = Codebooks { n_clusters: 4, values: values.clone() };
    let rounded =
        RoundWork::new(layer.weights.clone(), curvature.clone(), Grid::Codebooks(codebooks), Zeros::Free)
            .unwrap()
            .finish()
            .unwrap();
    let errors = curvature.errors(&rounded.values, &layer.weights);
    for (row, error) in errors.iter().enumerate() {
        let target = &layer.weights[row * 2..row * 2 + 2];
        let first = rounded.values[row * 2];
        let best = values
            .iter()
            .map(|second| curvature.errors(&[first, *second], target)[0])
            .fold(f64::INFINITY, f64::min);
        assert!(close(*error, best, 1e-3), "{error} against {best}");
    }
    assert!(close(errors.iter().sum(), rounded.error, 1e-3));
}

#[test]
fn codes_say_what_the_values_are() {
    let layer = Layer::new(5, 70, 300, 2);
    for order in [Order::Natural, Order::DescendingVariance] {
        let curvature = layer.curvature(CurvatureOptions { order, ..OPTIONS });
        for (bits, group_len) in
            [(8, None), (4, None), (2, None), (4, Some(32)), (2, Some(9)), (4, Some(100))]
        {
            let grid = Grid::Integer(IntegerGrid { bits, group_len });
            let work = RoundWork::new(layer.weights.clone(), curvature.clone(), grid, Zeros::Free).unwrap();
            let rounded = work.finish().unwrap();
            let Codes::Integer { levels, scales, groups, .. } = rounded.codes else { panic!("not integers") };
            for (at, value) in rounded.values.iter().enumerate() {
                let multiplier = groups.as_ref().map_or(1, |(len, multipliers)| {
                    multipliers[at / 70 * 70_usize.div_ceil(*len) + at % 70 / len]
                });
                let product = i32::from(levels[at]) * i32::from(multiplier);
                assert!(product.abs() <= 127 && (1..=15).contains(&multiplier));
                let limit = 1 << (bits - 1);
                assert!((-limit..limit).contains(&i32::from(levels[at])));
                let expected = scales[at / 70] * product as f32;
                assert!((value - expected).abs() <= 1e-6 * expected.abs(), "{value} against {expected}");
            }
        }
    }
}

/// The error of rounding to the nearest on a grid that was found for it.
fn nearest_error(layer: &Layer, curvature: &Arc<Curvature>, values: &[f32]) -> f64 {
    let n = values.len();
    let codebooks = Codebooks { n_clusters: n, values: values.to_vec() };
    let rounded: Vec<f32> = layer.weights.iter().map(|w| codebooks.nearest(0, *w).1).collect();
    total(curvature, &rounded, &layer.weights)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn compensation_beats_the_nearest(seed in any::<u64>(), k in 16_usize..140) {
        let layer = Layer::new(24, k, 3 * k, seed);
        for order in [Order::Natural, Order::DescendingVariance] {
            let curvature = layer.curvature(CurvatureOptions { order, ..OPTIONS });
            let values = cluster(&layer.weights, 8, Zeros::Free).unwrap();
            let codebooks = Codebooks { n_clusters: 8, values: values.clone() };
            let work = RoundWork::new(
                layer.weights.clone(), curvature.clone(), Grid::Codebooks(codebooks), Zeros::Free,
            );
            let rounded = work.unwrap().finish().unwrap();
            let (error, plain) =
                (total(&curvature, &rounded.values, &layer.weights), nearest_error(&layer, &curvature, &values));
            prop_assert!(error < plain, "{} compensated, {} nearest", error, plain);
            prop_assert!(close(error, rounded.error, 1e-2), "{} against {}", error, rounded.error);
        }
    }

    #[test]
    fn pruned_layers_keep_their_pattern(seed in any::<u64>(), n_out in 1_usize..20, k in 1_usize..150) {
        let layer = Layer::new(n_out, k, 2 * k + 1, seed);
        let curvature = layer.curvature(OPTIONS);
        let prune = |pattern| PruneWork::new(&layer.weights, curvature.clone(), pattern).unwrap().finish().unwrap();
        let zeros = |weights: &[f32]| weights.iter().filter(|w| **w == 0.0).count();

        let pruned = prune(SparsityPattern::Unstructured { sparsity: 0.5 });
        prop_assert_eq!(zeros(&pruned), (0.5 * (n_out * k) as f64).round() as usize);

        let pruned = prune(SparsityPattern::NOfM { n: 2, m: 4 });
        for group in pruned.chunks(k).flat_map(|row| row.chunks(4)) {
            prop_assert_eq!(zeros(group), group.len().saturating_sub(2));
        }

        let pruned = prune(SparsityPattern::Blocks { channels: 4, sparsity: 0.5 });
        for rows in pruned.chunks(4 * k) {
            for column in 0..k {
                let n_zeros = rows.iter().skip(column).step_by(k).filter(|w| **w == 0.0).count();
                prop_assert!(n_zeros == 0 || n_zeros == rows.len() / k);
            }
        }
    }

    #[test]
    fn refitting_keeps_the_mask_and_helps(seed in any::<u64>(), k in 8_usize..80) {
        let layer = Layer::new(12, k, 3 * k, seed);
        let curvature = layer.curvature(OPTIONS);
        let target = layer.target(&curvature);
        let magnitude = |weights: &[f32]| -> Vec<f32> {
            let mut sizes: Vec<f32> = weights.iter().map(|w| w.abs()).collect();
            sizes.sort_by(f32::total_cmp);
            let threshold = sizes[sizes.len() / 2];
            weights.iter().map(|w| if w.abs() < threshold { 0.0 } else { *w }).collect()
        };
        let pattern = SparsityPattern::Unstructured { sparsity: 0.5 };
        let compensated = PruneWork::new(&target, curvature.clone(), pattern).unwrap().finish().unwrap();
        let plain = magnitude(&target);
        prop_assert!(total(&curvature, &compensated, &target) < total(&curvature, &plain, &target));
        for pruned in [compensated, plain] {
            let mut last = curvature.errors(&pruned, &target);
            for n_steps in [1, 4, 16] {
                let work = RefitWork::new(pruned.clone(), target.clone(), curvature.clone(), n_steps);
                let refitted = work.unwrap().finish().unwrap();
                prop_assert!(pruned.iter().zip(&refitted).all(|(p, r)| *p != 0.0 || *r == 0.0));
                let errors = curvature.errors(&refitted, &target);
                for (error, before) in errors.iter().zip(&last) {
                    prop_assert!(*error <= before * 1.001 + 1e-6, "{} after {}", error, before);
                }
                last = errors;
            }
        }
    }

    #[test]
    fn zeros_stay_where_they_must(seed in any::<u64>()) {
        let layer = Layer::new(16, 40, 120, seed);
        let curvature = layer.curvature(CurvatureOptions { order: Order::DescendingVariance, ..OPTIONS });
        let pattern = SparsityPattern::Unstructured { sparsity: 0.6 };
        let pruned = PruneWork::new(&layer.weights, curvature.clone(), pattern).unwrap().finish().unwrap();
        let kept = |values: &[f32]| pruned.iter().zip(values).all(|(p, v)| *p != 0.0 || *v == 0.0);
        let importance = curvature.importance();
        for scope in [Scope::Tensor, Scope::Channel] {
            let codebooks = ClusterWork::new(pruned.clone(), importance.clone(), scope, 5, Zeros::Kept)
                .unwrap().finish().unwrap();
            let work = RoundWork::new(pruned.clone(), curvature.clone(), Grid::Codebooks(codebooks), Zeros::Kept);
            prop_assert!(kept(&work.unwrap().finish().unwrap().values));
        }
        for group_len in [None, Some(16)] {
            let grid = Grid::Integer(IntegerGrid { bits: 4, group_len });
            let work = RoundWork::new(pruned.clone(), curvature.clone(), grid, Zeros::Kept);
            prop_assert!(kept(&work.unwrap().finish().unwrap().values));
        }
        let options = RateOptions { steps: vec![0.1], trade: FAIR_TRADE, n_passes: 2, zeros: Zeros::Kept };
        let rounded = RateWork::new(pruned.clone(), curvature, options).unwrap().finish().unwrap();
        prop_assert!(kept(&rounded.values));
    }

    #[test]
    fn clusters_are_the_best_there_are(
        mut weights in prop::collection::vec(-1.0_f32..1.0, 1..9), n_clusters in 2_usize..5,
    ) {
        weights.sort_by(f32::total_cmp);
        let cost = |values: &[f32]| -> f64 {
            let squared = |w: f32| values.iter().map(|v| f64::from(w - v).powi(2)).fold(f64::INFINITY, f64::min);
            weights.iter().map(|w| squared(*w)).sum()
        };
        // Every split of the sorted weights into runs, each a cluster; one of the clusters may be zero instead.
        let (mut free, mut kept) = (f64::INFINITY, f64::INFINITY);
        for cuts in 0_u32..1 << (weights.len() - 1) {
            let mut means = Vec::new();
            let mut run = vec![weights[0]];
            for (idx, weight) in weights.iter().enumerate().skip(1) {
                if cuts >> (idx - 1) & 1 == 1 {
                    means.push(run.iter().sum::<f32>() / run.len() as f32);
                    run.clear();
                }
                run.push(*weight);
            }
            means.push(run.iter().sum::<f32>() / run.len() as f32);
            if means.len() <= n_clusters {
                free = free.min(cost(&means));
            }
            for zero in 0..means.len() {
                let mut with_zero = means.clone();
                with_zero[zero] = 0.0;
                if means.len() <= n_clusters {
                    kept = kept.min(cost(&with_zero));
                }
                if means.len() < n_clusters {
                    with_zero = means.clone();
                    with_zero.push(0.0);
                    kept = kept.min(cost(&with_zero));
                }
            }
        }
        let values = cluster(&weights, n_clusters, Zeros::Free).unwrap();
        prop_assert!(values.is_sorted() && values.len() == n_clusters);
        prop_assert!(close(cost(&values), free, 1e-3), "{:?} cost {}, best {}", values, cost(&values), free);
        let values = cluster(&weights, n_clusters, Zeros::Kept).unwrap();
        prop_assert!(values.is_sorted() && values.len() == n_clusters && values.contains(&0.0));
        prop_assert!(close(cost(&values), kept, 1e-3), "{:?} cost {}, best {}", values, cost(&values), kept);
    }
}

#[test]
fn clusters_of_many_weights_are_local_optima() {
    let mut noise = Noise(17);
    let weights: Vec<f32> = (0..40_000).map(|_| noise.next() * noise.next() * noise.next()).collect();
    let codebook = |values: Vec<f32>| Codebooks { n_clusters: values.len(), values };
    let cost = |values: &Codebooks| -> f64 {
        weights.iter().map(|w| f64::from(w - values.nearest(0, *w).1).powi(2)).sum()
    };
    let found = codebook(cluster(&weights, 16, Zeros::Free).unwrap());
    // Lloyd's iteration from there gains next to nothing.
    let mut polished = found.clone();
    for _ in 0..50 {
        let mut sums = [(0.0_f64, 0.0_f64); 16];
        for weight in &weights {
            let sum = &mut sums[usize::from(polished.nearest(0, *weight).0)];
            *sum = (sum.0 + f64::from(*weight), sum.1 + 1.0);
        }
        polished.values = sums.iter().map(|(sum, n)| (sum / n) as f32).collect();
    }
    assert!(cost(&found) <= cost(&polished) * 1.001, "{} {}", cost(&found), cost(&polished));
}

#[test]
fn fewer_weights_than_clusters_are_kept_exactly() {
    assert_eq!(cluster(&[0.5, -0.25, 0.5], 4, Zeros::Free).unwrap(), [-0.25, 0.5, 0.5, 0.5]);
    assert_eq!(cluster(&[0.5, -0.25, 0.5], 4, Zeros::Kept).unwrap(), [-0.25, 0.0, 0.5, 0.5]);
    assert!(cluster(&[0.0, 0.0], 2, Zeros::Kept).unwrap().contains(&0.0));
    assert!(cluster(&[1.0], 1, Zeros::Free).is_err());
    assert!(cluster(&[f32::INFINITY], 2, Zeros::Free).is_err());
}

#[test]
fn counting_bits_saves_bits_at_the_same_error() {
    let mut layer = Layer::new(64, 96, 400, 31);
    // Most weights of trained layers are small; of evenly spread ones no level is likelier than another.
    layer.weights.iter_mut().for_each(|weight| *weight = weight.powi(3));
    let curvature = layer.curvature(OPTIONS);
    let run = |step: f32, trade: f32| {
        let options = RateOptions { steps: vec![step], trade, n_passes: 2, zeros: Zeros::Free };
        RateWork::new(layer.weights.clone(), curvature.clone(), options).unwrap().finish().unwrap()
    };
    let plain = run(0.25, 0.0);
    // The coarsest step whose error with counted bits is still below that of the plain one.
    let counted = (1..40)
        .map(|idx| run(0.25 * 0.98_f32.powi(idx), FAIR_TRADE))
        .find(|rounded| rounded.error <= plain.error)
        .unwrap();
    assert!(counted.bits < 0.99 * plain.bits, "{} bits against {}", counted.bits, plain.bits);
    assert!(close(plain.error, total(&curvature, &plain.values, &layer.weights), 1e-2));
    for (value, level) in counted.values.iter().zip(&counted.levels) {
        assert_eq!(*value, f32::from(*level) * counted.scales[0]);
    }
}

#[test]
fn entropy_and_steps_agree() {
    assert_eq!(entropy_bits(&[1, 1, 1, 1]), 0.0);
    assert_eq!(entropy_bits(&[1, -1, 0, 127]), 8.0);
    let weights = Noise(5).vec(10_000);
    for bits in [1.0, 3.0, 6.0] {
        let step = step_for_bits(&weights, bits).unwrap();
        let levels: Vec<i8> = weights.iter().map(|w| (w / step).round_ties_even() as i8).collect();
        assert!((entropy_bits(&levels) / 10_000.0 - bits).abs() < 0.15);
    }
    assert_eq!(step_for_bits(&[0.0; 4], 2.0), None);
    assert_eq!(step_for_bits(&[1.0; 4], f64::NAN), None);
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
fn options_out_of_range_are_refused() {
    let layer = Layer::new(4, 8, 30, 4);
    for ridge in [0.0, -1.0, f64::NAN, 1e9] {
        assert!(CurvatureWork::new(&layer.moments, CurvatureOptions { ridge, ..OPTIONS }).is_err());
    }
    let curvature = layer.curvature(CurvatureOptions { order: Order::DescendingVariance, ..OPTIONS });
    for pattern in [
        SparsityPattern::Unstructured { sparsity: 1.1 },
        SparsityPattern::Blocks { channels: 0, sparsity: 0.5 },
        SparsityPattern::NOfM { n: 2, m: 4 },
    ] {
        let reversed = curvature.order.iter().enumerate().any(|(at, input)| at != *input);
        assert!(reversed);
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
