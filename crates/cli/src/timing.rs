//! Milliseconds.

use std::time::Instant;

use anyhow::Result;
use pipeline::{Classifier, Graph};

/// The median; 0 of nothing. Of an even number the mean of the two in the middle.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        n if n.is_multiple_of(2) => (values[middle - 1] + values[middle]) / 2.0,
        _ => values[middle],
    }
}

/// A clock in milliseconds.
pub fn clock() -> impl Fn() -> f64 {
    let start = Instant::now();
    move || start.elapsed().as_secs_f64() * 1000.0
}

/// A picture to time with: waves over the usual range of prepared pictures. Zeros would be no fair picture, since
/// kernels may meet values that processors take longer for.
pub fn tensor(graph: &Graph) -> Vec<f32> {
    let len = graph.value(graph.input).shape.len();
    (0..len).map(|i| (i as f32 * 0.013).sin() * 1.5).collect()
}

/// Times one classifier after the other on its tensor, in turns, `n_runs` times after a few that are not counted; returns
/// each one's median in milliseconds.
///
/// # Errors
/// When a model does not run.
pub fn medians(models: &mut [(Classifier, &[f32])], n_runs: usize) -> Result<Vec<f64>> {
    const WARM_UP: usize = 2;
    let now = clock();
    let mut times = vec![Vec::with_capacity(n_runs); models.len()];
    for run in 0..WARM_UP + n_runs {
        for ((classifier, tensor), times) in models.iter_mut().zip(&mut times) {
            let start = now();
            classifier.probabilities(tensor)?;
            if run >= WARM_UP {
                times.push(now() - start);
            }
        }
    }
    Ok(times.into_iter().map(median).collect())
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn medians_of_small_lists() {
        assert_eq!(median(vec![]), 0.0);
        assert_eq!(median(vec![3.0]), 3.0);
        assert_eq!(median(vec![4.0, 1.0]), 2.5);
        assert_eq!(median(vec![9.0, 1.0, 2.0]), 2.0);
    }
}
