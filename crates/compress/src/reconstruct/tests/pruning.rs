//! Patterns of zeros, and the weights that are left.

use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

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
}
