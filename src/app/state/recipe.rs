//! The recipe's two controls: what is wanted, what runs, what is finished.

use std::rc::Rc;

use pipeline::{NumberFormat, Recipe, Step};

use super::Progress;
use crate::bridge::{CompressedFacts, Failure, RequestId};

/// The largest sparsity of the slider, per cent; `pipeline::MAX_SPARSITY` as a whole number.
pub const MAX_SPARSITY_PERCENT: u32 = 95;

/// What the visitor sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Controls {
    /// The preset.
    pub format: NumberFormat,
    /// Weights that become zero, per cent, `0..=95`.
    pub sparsity_percent: u32,
}

impl Default for Controls {
    fn default() -> Self {
        Self { format: NumberFormat::Int8, sparsity_percent: 0 }
    }
}

impl Controls {
    /// The controls that made a compressed model.
    pub fn of(facts: &CompressedFacts) -> Self {
        let sparsity = facts.recipe.steps.iter().map(|step| match step {
            Step::Prune { sparsity, .. } => *sparsity,
            _ => 0.0,
        });
        let percent = 100.0 * sparsity.fold(0.0, f64::max);
        Self { format: facts.format, sparsity_percent: percent.round() as u32 }
    }

    /// As the worker is asked for it.
    pub fn recipe(self) -> Recipe {
        Recipe::from_controls(self.format, f64::from(self.sparsity_percent.min(MAX_SPARSITY_PERCENT)) / 100.0)
    }
}

/// Wanted, running, finished.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecipeState {
    /// What the controls show.
    pub wanted: Controls,
    /// Rises with every change of `wanted`.
    pub revision: u32,
    /// The recipe that the worker runs.
    pub running: Option<Attempt>,
    /// The recipe of the compressed model that answers.
    pub finished: Option<(Controls, Rc<CompressedFacts>)>,
    /// Why the wanted recipe came to nothing.
    pub failure: Option<Failure>,
}

/// A running recipe.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attempt {
    /// The request.
    pub id: RequestId,
    /// What it makes.
    pub controls: Controls,
    /// How far.
    pub progress: Progress,
}

impl RecipeState {
    /// The compressed model's facts where they belong to what the controls show, never older ones.
    pub fn current(&self) -> Option<&Rc<CompressedFacts>> {
        self.finished.as_ref().filter(|(controls, _)| *controls == self.wanted).map(|(_, facts)| facts)
    }

    /// The controls show what answers.
    pub fn is_current(&self) -> bool {
        self.current().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slider_ends_where_recipes_end() {
        assert_eq!(f64::from(MAX_SPARSITY_PERCENT) / 100.0, pipeline::MAX_SPARSITY);
        for format in [NumberFormat::Float32, NumberFormat::Float16, NumberFormat::Int8] {
            for sparsity_percent in [0, 1, 67, 95, 200] {
                let recipe = Controls { format, sparsity_percent }.recipe();
                assert_eq!(recipe.number_format(), format);
                recipe.validate().unwrap();
            }
        }
    }
}
