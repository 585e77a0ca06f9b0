//! The view *Experiments*: what every finished recipe made of the loaded model, as a history. An experiment is a recipe with
//! its figures, never the model's bytes; opening one runs its recipe again.

use pipeline::Recipe;
use serde::{Deserialize, Serialize};

use super::{Agreement, Cell, Draft, Effect, State, want};
use crate::bridge::FixedSet;

/// Experiments kept; the oldest go first.
const MAX_EXPERIMENTS: usize = 200;

/// Everything that is kept over reloads.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Experiments {
    /// In the order in which they were made.
    pub nodes: Vec<Experiment>,
    pub(super) next: u32,
}

/// One recipe and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Experiment {
    /// Unique among those kept.
    pub id: u32,
    /// The model that it was made from, by its name.
    pub model: String,
    /// The recipe.
    pub recipe: Recipe,
    /// Shipped bytes.
    pub bytes: u64,
    /// Time of the network, once enough frames were counted.
    pub latency: Option<Millis>,
    /// How often it gave the original's answer, once enough frames were counted.
    pub agreement: Option<Same>,
}

/// A median.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Millis {
    /// Milliseconds.
    pub median: f64,
    /// Frames.
    pub n: u32,
}

/// A count of same answers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Same {
    /// Pictures with the same first answer.
    pub same: u32,
    /// All of them.
    pub n: u32,
    /// They are a fixed set, not live frames.
    pub fixed: bool,
}

impl Same {
    /// The share, 0..1.
    pub fn share(self) -> f64 {
        f64::from(self.same) / f64::from(self.n.max(1))
    }
}

/// What can happen in the view.
#[derive(Clone, Debug, PartialEq)]
pub enum ExperimentsAction {
    /// Those of an earlier visit were read.
    Restored(Experiments),
    /// Runs an experiment's recipe again, by its id.
    Open(u32),
    /// Forgets an experiment, by its id.
    Remove(u32),
    /// Gives the visitor the table.
    SaveCsv,
    /// Gives the visitor a report with the chart.
    SaveReport,
}

/// The state after `action`.
pub(super) fn act(state: &mut State, action: ExperimentsAction, effects: &mut Vec<Effect>) {
    match action {
        ExperimentsAction::Restored(earlier) => {
            // What this visit has made already comes after what was there.
            let made = std::mem::replace(&mut state.experiments, earlier);
            let changed = !made.nodes.is_empty();
            for experiment in made.nodes {
                if position(&state.experiments, &experiment.model, &experiment.recipe).is_none() {
                    state.experiments.add(experiment);
                }
            }
            if changed {
                effects.push(Effect::KeepExperiments(state.experiments.clone()));
            }
        }
        ExperimentsAction::Open(id) => {
            let found = state.experiments.nodes.iter().find(|node| node.id == id);
            if let Some(recipe) = found.map(|node| node.recipe.clone()) {
                want(state, Draft::of(&recipe), effects);
            }
        }
        ExperimentsAction::Remove(id) => {
            state.experiments.nodes.retain(|node| node.id != id);
            effects.push(Effect::KeepExperiments(state.experiments.clone()));
        }
        ExperimentsAction::SaveReport => effects.push(Effect::SaveReport),
        ExperimentsAction::SaveCsv => {
            if let Some(model) = &state.model.current {
                let text = csv(&state.experiments.of_model(&model.name));
                effects.push(Effect::Save { name: "tinylens-experiments.csv".to_owned(), text });
            }
        }
    }
}

/// Notes what the dock shows of the compressed model. New experiments, and new figures of one, are kept.
pub(super) fn follow(state: &mut State, effects: &mut Vec<Effect>) {
    // Beside another recipe than the original, agreement says something else.
    if !state.compare.left.is_original() {
        return;
    }
    let (Some(model), Some(facts)) = (&state.model.current, state.recipe.current()) else { return };
    let latency = match state.numbers.latency_compressed {
        Cell::Known(latency) => Some(Millis { median: latency.median, n: latency.n as u32 }),
        Cell::Missing(_) => None,
    };
    let fixed = state.fixed.result.filter(|result| result.set == FixedSet::BuiltIn);
    let agreement = match (fixed, state.numbers.agreement) {
        (Some(result), _) => Some(Same { same: result.agreement.same, n: result.agreement.n, fixed: true }),
        (None, Cell::Known(Agreement { same, n, .. })) => Some(Same { same, n, fixed: false }),
        (None, Cell::Missing(_)) => None,
    };
    let Some(at) = position(&state.experiments, &model.name, &facts.recipe) else {
        state.experiments.add(Experiment {
            id: 0,
            model: model.name.clone(),
            recipe: facts.recipe.clone(),
            bytes: facts.sizes.shipped,
            latency,
            agreement,
        });
        effects.push(Effect::KeepExperiments(state.experiments.clone()));
        return;
    };
    let node = &mut state.experiments.nodes[at];
    let before = (node.latency.is_some(), node.agreement.map(|it| it.fixed));
    node.bytes = facts.sizes.shipped;
    node.latency = latency.or(node.latency);
    // A fixed set says more than frames.
    node.agreement = match (agreement, node.agreement) {
        (Some(new), Some(old)) if old.fixed && !new.fixed => Some(old),
        (new, old) => new.or(old),
    };
    if before != (node.latency.is_some(), node.agreement.map(|it| it.fixed)) {
        effects.push(Effect::KeepExperiments(state.experiments.clone()));
    }
}

fn position(experiments: &Experiments, model: &str, recipe: &Recipe) -> Option<usize> {
    experiments.nodes.iter().position(|node| node.model == model && node.recipe == *recipe)
}

impl Experiments {
    fn add(&mut self, experiment: Experiment) {
        let id = self.next;
        self.next = self.next.wrapping_add(1);
        self.nodes.push(Experiment { id, ..experiment });
        if self.nodes.len() > MAX_EXPERIMENTS {
            self.nodes.remove(0);
        }
    }

    /// The experiments with one model in the order in which they were made: id and recipe.
    pub fn recipes(&self, model: &str) -> Vec<(u32, Recipe)> {
        let nodes = self.nodes.iter().filter(|node| node.model == model);
        nodes.map(|node| (node.id, node.recipe.clone())).collect()
    }

    /// The experiments with one model, each after the one that it goes on from, with its depth in the tree: 1 right
    /// below the original. A recipe goes on from the longest other one whose steps are the first of its own.
    pub fn of_model(&self, model: &str) -> Vec<(usize, &Experiment)> {
        let nodes: Vec<&Experiment> = self.nodes.iter().filter(|node| node.model == model).collect();
        let parents: Vec<Option<usize>> = nodes
            .iter()
            .map(|node| {
                let steps = &node.recipe.steps;
                let before = |other: &&Experiment| {
                    let first = &other.recipe.steps;
                    !first.is_empty() && first.len() < steps.len() && steps.starts_with(first)
                };
                let candidates = (0..nodes.len()).filter(|&idx| before(&nodes[idx]));
                candidates.max_by_key(|&idx| (nodes[idx].recipe.steps.len(), std::cmp::Reverse(idx)))
            })
            .collect();
        let mut tree = Vec::with_capacity(nodes.len());
        let mut open: Vec<(usize, usize)> = Vec::new();
        let children = |parent: Option<usize>, depth: usize| -> Vec<(usize, usize)> {
            let below = (0..nodes.len()).rev().filter(|&idx| parents[idx] == parent);
            below.map(|idx| (depth, idx)).collect()
        };
        open.extend(children(None, 1));
        while let Some((depth, idx)) = open.pop() {
            tree.push((depth, nodes[idx]));
            open.extend(children(Some(idx), depth + 1));
        }
        tree
    }
}

/// Those that no other one beats in bytes and agreement at once, from the smallest on.
pub fn front<'a>(nodes: &[(usize, &'a Experiment)]) -> Vec<&'a Experiment> {
    let mut known: Vec<&Experiment> =
        nodes.iter().map(|(_, node)| *node).filter(|node| node.agreement.is_some()).collect();
    let share = |node: &Experiment| node.agreement.map_or(0.0, Same::share);
    known.sort_by(|a, b| a.bytes.cmp(&b.bytes).then(share(b).total_cmp(&share(a))));
    let mut best = f64::NEG_INFINITY;
    known.retain(|node| {
        let better = share(node) > best;
        best = best.max(share(node));
        better
    });
    known
}

/// The table as text: numbers with points, fields without units.
fn csv(nodes: &[(usize, &Experiment)]) -> String {
    let mut text = String::from("id,model,bytes,median_ms,ms_n,same,same_n,fixed_set,recipe\n");
    let quoted = |field: &str| format!("\"{}\"", field.replace('"', "\"\""));
    for (_, node) in nodes {
        let recipe = serde_json::to_string(&node.recipe).unwrap_or_default();
        let (median, n) =
            node.latency.map_or_else(Default::default, |it| (it.median.to_string(), it.n.to_string()));
        let (same, of, fixed) = node.agreement.map_or_else(Default::default, |it| {
            (it.same.to_string(), it.n.to_string(), it.fixed.to_string())
        });
        let fields = [
            node.id.to_string(),
            quoted(&node.model),
            node.bytes.to_string(),
            median,
            n,
            same,
            of,
            fixed,
            quoted(&recipe),
        ];
        text.push_str(&fields.join(","));
        text.push('\n');
    }
    text
}
