//! Mixed precision, or zeros layer by layer, to a budget: greedy over what a sensitivity scan has measured.
//!
//! Knows neither graphs nor clocks: what each choice of a layer costs comes in as [`LayerChoices`], measured by
//! [`crate::SensitivityScan`] and the files' lengths. Start with [`plan_to_budget`].

use std::collections::BTreeMap;

use compress::{Distribution, Granularity, RangeMethod, Recipe, Repair, Step, Storage, Structure};

use crate::PipelineError;

/// What must not be exceeded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Budget {
    /// The file's length.
    Bytes(u64),
    /// The sum of the layers' mean KL, nats.
    Kl(f64),
    /// Milliseconds for a picture, as a sum over layers.
    Millis(f64),
}

/// What becomes of a layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LayerForm {
    /// Weights of so many bits; 32 for a layer that stays as it is.
    Bits(u8),
    /// A share of zeros.
    Sparsity(f64),
}

/// One form of a layer and what it was measured to cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// The form.
    pub form: LayerForm,
    /// Mean KL of the original with this layer alone in this form.
    pub kl: f64,
    /// Bytes of the layer in this form.
    pub bytes: u64,
    /// Milliseconds of the layer in this form; 0 where they were not measured.
    pub millis: f64,
}

/// A layer and its choices, the one without any loss first.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerChoices {
    /// The layer's node.
    pub node: String,
    /// At least one.
    pub choices: Vec<Choice>,
}

/// What the rest of the model costs, whatever is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rest {
    /// Bytes of the file beside the layers with choices.
    pub bytes: u64,
    /// Milliseconds beside those layers.
    pub millis: f64,
}

/// What was chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Each layer's form, in the order of the layers.
    pub layers: Vec<(String, LayerForm)>,
    /// Sum of the layers' mean KL. Losses of layers add up nearly while they are small.
    pub kl: f64,
    /// Bytes of layers and rest.
    pub bytes: u64,
    /// Milliseconds of layers and rest.
    pub millis: f64,
    /// Which layers got another form, in the order of the decisions.
    pub moves: Vec<(String, LayerForm)>,
}

/// Chooses a form for each layer.
///
/// From all first choices on, the change goes next that costs least KL for each byte (or, towards a budget of
/// milliseconds, for each millisecond) that it saves; it may skip choices. Towards bytes or milliseconds this ends once the budget
/// is kept, towards KL when no change fits any more.
///
/// Source: greedy multiple-choice knapsack (Kellerer, Pferschy & Pisinger 2004, section 11.2), on measured KL instead of
/// proxies.
///
/// # Errors
/// [`PipelineError::Budget`] when all layers at their cheapest exceed it, with what they reach.
pub fn plan_to_budget(layers: &[LayerChoices], rest: Rest, budget: Budget) -> Result<Plan, PipelineError> {
    let cost = |choice: &Choice| match budget {
        Budget::Bytes(_) | Budget::Kl(_) => choice.bytes as f64,
        Budget::Millis(_) => choice.millis,
    };
    let layers: Vec<&LayerChoices> = layers.iter().filter(|layer| !layer.choices.is_empty()).collect();
    let mut picks: Vec<Choice> = layers.iter().map(|layer| layer.choices[0]).collect();
    let mut moves = Vec::new();
    loop {
        let kl: f64 = picks.iter().map(|pick| pick.kl).sum();
        let bytes = rest.bytes + picks.iter().map(|pick| pick.bytes).sum::<u64>();
        let millis = rest.millis + picks.iter().map(|pick| pick.millis).sum::<f64>();
        let is_kept = match budget {
            Budget::Bytes(limit) => bytes <= limit,
            Budget::Millis(limit) => millis <= limit,
            Budget::Kl(_) => false,
        };
        let fits = |added: f64| match budget {
            Budget::Kl(limit) => kl + added <= limit,
            Budget::Bytes(_) | Budget::Millis(_) => true,
        };
        let mut best: Option<(f64, usize, Choice)> = None;
        for (idx, (layer, pick)) in layers.iter().zip(&picks).enumerate() {
            for choice in &layer.choices {
                let (saved, added) = (cost(pick) - cost(choice), choice.kl - pick.kl);
                let price = added / saved;
                if saved > 0.0 && fits(added) && best.is_none_or(|(least, ..)| price < least) {
                    best = Some((price, idx, *choice));
                }
            }
        }
        match best.filter(|_| !is_kept) {
            Some((_, idx, choice)) => {
                picks[idx] = choice;
                moves.push((layers[idx].node.clone(), choice.form));
            }
            None => {
                let (kept, reached) = match budget {
                    Budget::Bytes(_) => (is_kept, bytes as f64),
                    Budget::Millis(_) => (is_kept, millis),
                    Budget::Kl(limit) => (kl <= limit, kl),
                };
                if !kept {
                    return Err(PipelineError::Budget { budget, reached });
                }
                let named = layers.iter().zip(&picks).map(|(layer, pick)| (layer.node.clone(), pick.form));
                return Ok(Plan { layers: named.collect(), kl, bytes, millis, moves });
            }
        }
    }
}

impl Plan {
    /// The recipe that gives each layer its form: 8-bit activations and weights of the bits chosen, stored plainly, or zeros,
    /// stored entropy-coded.
    pub fn recipe(&self, repair: Repair) -> Recipe {
        let bits: BTreeMap<String, u8> = self
            .layers
            .iter()
            .filter_map(|(node, form)| match form {
                LayerForm::Bits(bits) => Some((node.clone(), *bits)),
                LayerForm::Sparsity(_) => None,
            })
            .collect();
        let shares: BTreeMap<String, f64> = self
            .layers
            .iter()
            .filter_map(|(node, form)| match form {
                LayerForm::Sparsity(share) => Some((node.clone(), *share)),
                LayerForm::Bits(_) => None,
            })
            .collect();
        let mut recipe = Recipe::identity();
        if !shares.is_empty() {
            recipe.storage = Storage::EntropyCoded;
            recipe.steps.push(Step::Prune {
                sparsity: 0.0,
                structure: Structure::Unstructured,
                distribution: Distribution::Uniform,
                repair,
                schedule: None,
                layers: shares,
            });
        }
        if !bits.is_empty() {
            recipe.steps.extend([
                Step::QuantizeActivations { ranges: RangeMethod::MinMax },
                Step::QuantizeWeights { bits: 8, granularity: Granularity::PerChannel, repair, layers: bits },
            ]);
        }
        recipe
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(node: &str, choices: &[(u8, f64, u64, f64)]) -> LayerChoices {
        let choice = |&(bits, kl, bytes, millis): &(u8, f64, u64, f64)| Choice {
            form: LayerForm::Bits(bits),
            kl,
            bytes,
            millis,
        };
        LayerChoices { node: node.to_owned(), choices: choices.iter().map(choice).collect() }
    }

    fn layers() -> Vec<LayerChoices> {
        vec![
            layer("large", &[(32, 0.0, 4000, 4.0), (8, 0.01, 1000, 1.0), (4, 0.5, 500, 1.0)]),
            layer("small", &[(32, 0.0, 400, 1.0), (8, 0.002, 100, 0.9), (4, 0.003, 50, 0.9)]),
            layer("robust", &[(32, 0.0, 800, 2.0), (8, 0.001, 200, 0.5), (4, 0.0011, 100, 0.5)]),
        ]
    }

    const REST: Rest = Rest { bytes: 100, millis: 0.5 };

    #[test]
    fn changes_go_in_the_order_of_kl_for_each_byte() {
        let plan = plan_to_budget(&layers(), REST, Budget::Bytes(1350)).unwrap();
        // 1.6e-6 for each byte of the robust layer, 3.3e-6 of the large one, 6.7e-6 (or 8.6e-6 at 4 bits) of the small one.
        let moves: Vec<_> = plan.moves.iter().map(|(node, form)| (node.as_str(), *form)).collect();
        let expected = [("robust", 4), ("large", 8), ("small", 8)];
        assert_eq!(moves, expected.map(|(node, bits)| (node, LayerForm::Bits(bits))));
        assert_eq!(plan.bytes, 100 + 1000 + 100 + 100);
        assert!((plan.kl - 0.0131).abs() < 1e-9);
    }

    #[test]
    fn every_budget_is_kept_or_refused() {
        for limit in [760, 800, 1250, 1300, 2000, 5300, 9000] {
            let plan = plan_to_budget(&layers(), REST, Budget::Bytes(limit)).unwrap();
            assert!(plan.bytes <= limit, "{limit}: {plan:?}");
        }
        let error = plan_to_budget(&layers(), REST, Budget::Bytes(749)).unwrap_err();
        assert!(error.to_string().contains("750"), "{error}");
        for limit in [0.0, 0.001, 0.0135, 0.6] {
            let plan = plan_to_budget(&layers(), REST, Budget::Kl(limit)).unwrap();
            assert!(plan.kl <= limit, "{limit}: {plan:?}");
        }
        let all = plan_to_budget(&layers(), REST, Budget::Kl(1.0)).unwrap();
        assert_eq!(all.bytes, 750);
        let plan = plan_to_budget(&layers(), REST, Budget::Millis(3.5)).unwrap();
        assert!(plan.millis <= 3.5);
        // Fewer bits save no time.
        assert!(plan.layers.iter().all(|(_, form)| *form != LayerForm::Bits(4)));
        assert!(plan_to_budget(&layers(), REST, Budget::Millis(2.8)).is_err());
        let none = plan_to_budget(&layers(), REST, Budget::Bytes(9000)).unwrap();
        assert_eq!((none.moves.len(), none.kl), (0, 0.0));
    }

    #[test]
    fn plans_are_recipes() {
        let plan = plan_to_budget(&layers(), REST, Budget::Bytes(1350)).unwrap();
        let recipe = plan.recipe(Repair::Reconstruct);
        recipe.validate().unwrap();
        let Some(Step::QuantizeWeights { layers, .. }) = recipe.steps.last() else { panic!("{recipe:?}") };
        assert_eq!(layers["large"], 8);
        let zeros = Plan { layers: vec![("a".to_owned(), LayerForm::Sparsity(0.4))], ..plan };
        let recipe = zeros.recipe(Repair::Off);
        recipe.validate().unwrap();
        assert_eq!(recipe.steps.len(), 1);
    }
}
