//! Descent over grids that are easy to see through.

use super::*;
use crate::reconstruct::descent::{Descent, Lattice};

/// Whole multiples of a step for each output channel.
struct Steps {
    steps: Vec<f32>,
    own: bool,
    k: usize,
    levels: Vec<f32>,
}

impl Lattice for Steps {
    fn choose(&mut self, row: usize, input: usize, x: f32) -> f32 {
        self.levels[row * self.k + input] = (x / self.steps[row]).round();
        self.value(row, input)
    }

    fn value(&self, row: usize, input: usize) -> f32 {
        self.levels[row * self.k + input] * self.steps[row]
    }

    fn stretch(&mut self, row: usize, factor: f32) -> bool {
        if self.own {
            self.steps[row] *= factor;
        }
        self.own
    }
}

/// The nearest values, and what descent makes of them: values and error.
fn descend(layer: &Layer, curvature: &Arc<Curvature>, step: f32, own: bool) -> (Vec<f32>, Vec<f32>, f64) {
    let n_out = layer.weights.len() / layer.k;
    let levels = layer.weights.iter().map(|w| (w / step).round()).collect();
    let mut steps = Steps { steps: vec![step; n_out], own, k: layer.k, levels };
    let nearest: Vec<f32> =
        (0..layer.weights.len()).map(|at| steps.value(at / layer.k, at % layer.k)).collect();
    let mut descent = Descent::new(nearest.clone(), layer.weights.clone(), curvature.clone());
    while !descent.is_done() {
        descent.rows(&mut steps);
    }
    assert_eq!(descent.progress(), 1.0);
    let (values, error) = descent.into_values();
    for (at, value) in values.iter().enumerate() {
        assert_eq!(*value, steps.value(at / layer.k, at % layer.k));
    }
    (nearest, values, error)
}

#[test]
fn each_weight_makes_up_for_all_others() {
    for seed in 0..12 {
        let layer = Layer::new(8, 3 + seed as usize * 5, 300, seed);
        let curvature = layer.curvature(OPTIONS);
        let (nearest, values, error) = descend(&layer, &curvature, 0.4, false);
        let before = total(&curvature, &nearest, &layer.weights);
        assert!(error < 0.8 * before, "{error} of {before}");
        assert!(close(error, total(&curvature, &values, &layer.weights), 1e-2));
    }
}

#[test]
fn a_grid_follows_its_weights() {
    let mut layer = Layer::new(3, 20, 200, 4);
    for (at, weight) in layer.weights.iter_mut().enumerate() {
        *weight = 0.107 * ((at * 7 % 5) as f32 - 2.0);
    }
    let curvature = layer.curvature(OPTIONS);
    let fixed = descend(&layer, &curvature, 0.1, false).2;
    let (_, values, error) = descend(&layer, &curvature, 0.1, true);
    assert!(error < 1e-4 * fixed, "{error} against {fixed}");
    assert!(values.iter().zip(&layer.weights).all(|(value, weight)| (value - weight).abs() < 1e-4));
}
