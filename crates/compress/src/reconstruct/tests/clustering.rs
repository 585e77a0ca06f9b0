//! Clusters against every way of splitting.

use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

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
