//! A small network, pictures for it, and how far another network's outputs are from its own.

use std::sync::Arc;

use pipeline::{Classifier, Compressed, Graph, Recipe, RecipeRun, zoo};

/// MobileNetV1 of a quarter of the width on small pictures, weights drawn from a seed.
pub fn network() -> Arc<Graph> {
    Arc::new(zoo::mobilenet_v1(0.25, 64, 5))
}

/// Smooth patterns, another for each number.
pub fn pictures(graph: &Graph, numbers: std::ops::Range<usize>) -> Vec<Vec<f32>> {
    let len = Classifier::preparer(graph).tensor_len();
    let value = |n: usize, i: usize| {
        let (x, y, c) = ((i / 3 % 64) as f64, (i / 192) as f64, (i % 3) as f64);
        let (fx, fy) = (0.05 + 0.03 * (n % 7) as f64, 0.04 + 0.05 * (n % 5) as f64);
        ((fx * x + n as f64).sin() * (fy * y + c).cos() + 0.3 * (0.9 * x - 0.7 * y + n as f64).sin()) as f32
    };
    numbers.map(|n| (0..len).map(|i| value(n, i)).collect()).collect()
}

pub fn run(graph: &Arc<Graph>, recipe: Recipe) -> Compressed {
    let calibration = pictures(graph, 0..16).into();
    RecipeRun::new(graph.clone(), recipe, calibration).unwrap().finish().unwrap()
}

/// Mean square of the difference between both networks' outputs, as a share of the spread of the first one's.
pub fn relative_error(float: &Graph, changed: &Graph) -> f64 {
    let outputs = |graph: &Graph| -> Vec<Vec<f32>> {
        let mut classifier = Classifier::new(graph).unwrap();
        let run = |picture: &Vec<f32>| classifier.output(picture).unwrap().to_vec();
        pictures(float, 100..116).iter().map(run).collect()
    };
    let (want, have) = (outputs(float), outputs(changed));
    let mean: Vec<f64> = (0..want[0].len())
        .map(|c| want.iter().map(|output| f64::from(output[c])).sum::<f64>() / want.len() as f64)
        .collect();
    let square = |difference: &dyn Fn(usize, usize) -> f64| -> f64 {
        (0..want.len())
            .flat_map(|n| (0..mean.len()).map(move |c| (n, c)))
            .map(|(n, c)| difference(n, c).powi(2))
            .sum()
    };
    square(&|n, c| f64::from(want[n][c]) - f64::from(have[n][c]))
        / square(&|n, c| f64::from(want[n][c]) - mean[c])
}
