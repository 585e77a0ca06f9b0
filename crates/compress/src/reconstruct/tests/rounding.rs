//! Rounding against brute force, and against the nearest values.

use proptest::prelude::*;

use super::*;

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
    let curvature = layer.curvature(OPTIONS);
    for (bits, group_len) in [(8, None), (4, None), (2, None), (4, Some(32)), (2, Some(9)), (4, Some(100))] {
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
        let curvature = layer.curvature(OPTIONS);
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

    #[test]
    fn zeros_stay_where_they_must(seed in any::<u64>()) {
        let layer = Layer::new(16, 40, 120, seed);
        let curvature = layer.curvature(OPTIONS);
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
fn entropy_is_that_of_the_histogram() {
    assert_eq!(entropy_bits(&[1, 1, 1, 1]), 0.0);
    assert_eq!(entropy_bits(&[1, -1, 0, 127]), 8.0);
}
