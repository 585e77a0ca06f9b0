//! The recipe while it is being edited: a preset, its steps with a switch each, and the form that ships.
//!
//! A draft may be a recipe that is refused; [`Draft::refusal`] says why. Steps that are switched off stay in the draft
//! with their parameters and are left out of the recipe. Pruning always has its place, since its slider is always there.

use std::collections::BTreeMap;

use pipeline::{
    ClusterGranularity, CompressError, Distribution, Granularity, NumberFormat, RECIPE_VERSION, RangeMethod,
    Recipe, Repair, Schedule, Step, Storage, Structure,
};

/// The largest sparsity of the slider, per cent; `pipeline::MAX_SPARSITY` as a whole number.
pub const MAX_SPARSITY_PERCENT: u32 = 95;

/// The presets in the order in which they are offered: the model as it is, and `pipeline::PRESETS`.
pub const PRESETS: [&str; 1 + pipeline::PRESETS.len()] = {
    let mut presets = ["fp32"; 1 + pipeline::PRESETS.len()];
    let mut idx = 0;
    while idx < pipeline::PRESETS.len() {
        presets[idx + 1] = pipeline::PRESETS[idx];
        idx += 1;
    }
    presets
};

/// Passes that can be added, in the order in which they make sense.
pub const PASSES: [&str; 14] = [
    "reestimate-batch-norms",
    "remove-dead-channels",
    "equalize",
    "absorb-biases",
    "remove-channels",
    "prune",
    "repair-statistics",
    "quantize-activations",
    "quantize-weights",
    "cluster",
    "quantize-for-size",
    "float16",
    "bfloat16",
    "correct-biases",
];

/// Zeros of a pruning step that is switched on while its slider stands at none.
const SWITCHED_ON_SPARSITY: f64 = 0.5;

/// What the visitor edits.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// The preset it began as, one of [`PRESETS`]; `None` where a file was opened.
    pub origin: Option<&'static str>,
    /// All steps in their order, those switched off too.
    pub steps: Vec<DraftStep>,
    /// The form that its origin ships in.
    storage: Storage,
    /// The form that the visitor chose instead.
    chosen_storage: Option<Storage>,
}

/// A step and its switch.
#[derive(Clone, Debug, PartialEq)]
pub struct DraftStep {
    /// The step.
    pub step: Step,
    /// False where it is left out of the recipe.
    pub on: bool,
}

/// A change of one step. What the step does not have changes nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StepChange {
    /// Its switch.
    On(bool),
    /// Zeros, per cent; none switches pruning off.
    Sparsity(u32),
    /// Where zeros may stand.
    Structure(Structure),
    /// How zeros are spread.
    Distribution(Distribution),
    /// What is done about the error.
    Repair(Repair),
    /// Distinct weights.
    Clusters(usize),
    /// Who shares them.
    ClusterGranularity(ClusterGranularity),
    /// Bits of weights.
    Bits(u8),
    /// Who shares a scale.
    Granularity(Granularity),
    /// How the range of an activation is found.
    Ranges(RangeMethod),
    /// Multiply-adds of bottlenecks that go, per cent.
    Share(u32),
    /// Whether what reads removed channels is fitted again.
    Refit(bool),
    /// Increments of pruning; 1 for all at once.
    Increments(usize),
}

impl Default for Draft {
    fn default() -> Self {
        Self::format(NumberFormat::Int8)
    }
}

impl Draft {
    /// A preset as it is, `None` where [`PRESETS`] lacks the name.
    pub fn preset(name: &str) -> Option<Self> {
        let name = PRESETS.into_iter().find(|preset| *preset == name)?;
        let recipe = preset_recipe(name)?;
        let storage = recipe.storage;
        Some(Self { origin: Some(name), steps: steps_of(recipe.steps), storage, chosen_storage: None })
    }

    /// The preset of a number format alone.
    pub fn format(format: NumberFormat) -> Self {
        let recipe = Recipe::from_controls(format, 0.0);
        Self {
            origin: Some(format_preset(format)),
            steps: steps_of(recipe.steps),
            storage: recipe.storage,
            chosen_storage: None,
        }
    }

    /// A recipe from elsewhere. One that is a preset is that preset.
    pub fn of(recipe: &Recipe) -> Self {
        let named = PRESETS.into_iter().find(|name| preset_recipe(name).as_ref() == Some(recipe));
        named.and_then(Self::preset).unwrap_or_else(|| Self {
            origin: None,
            steps: steps_of(recipe.steps.clone()),
            storage: recipe.storage,
            chosen_storage: None,
        })
    }

    /// As the worker is asked for it: the steps that are on.
    pub fn recipe(&self) -> Recipe {
        let included = self.steps.iter().filter(|entry| entry.included());
        Recipe {
            version: RECIPE_VERSION,
            steps: included.map(|entry| entry.step.clone()).collect(),
            storage: self.storage(),
        }
    }

    /// The form that ships: the chosen one, else the origin's, save that zeros are worth coding.
    pub fn storage(&self) -> Storage {
        let prunes = || self.steps.iter().any(|entry| entry.included() && is_prune(&entry.step));
        self.chosen_storage.unwrap_or_else(|| match self.storage {
            Storage::Plain if self.origin.is_some() && prunes() => Storage::SparseCoded,
            storage => storage,
        })
    }

    /// Why it is not a recipe.
    pub fn refusal(&self) -> Option<CompressError> {
        self.recipe().validate().err()
    }

    /// The position of the step that is refused, where it is a single one.
    pub fn refused_step(&self) -> Option<usize> {
        let (CompressError::Order { step, .. }
        | CompressError::Folded { step, .. }
        | CompressError::Parameter { step, .. }) = self.refusal()?
        else {
            return None;
        };
        let mut included = self.steps.iter().enumerate().filter(|(_, entry)| entry.included());
        included.nth(step.checked_sub(1)?).map(|(position, _)| position)
    }

    /// The preset that it is, unedited; `None` once it is one's own.
    pub fn unedited(&self) -> Option<&'static str> {
        self.origin.filter(|name| preset_recipe(name).as_ref() == Some(&self.recipe()))
    }

    /// The number format whose preset it began as, where that is one of the three plain ones.
    pub fn plain_format(&self) -> Option<NumberFormat> {
        [NumberFormat::Float32, NumberFormat::Float16, NumberFormat::Int8]
            .into_iter()
            .find(|format| self.origin == Some(format_preset(*format)))
    }

    /// The first pruning step's zeros, per cent; 0 where it is off.
    pub fn sparsity_percent(&self) -> u32 {
        let prune = self.steps.iter().filter(|entry| entry.included());
        prune.map(|entry| sparsity_percent(&entry.step)).find(|percent| *percent > 0).unwrap_or(0)
    }

    /// With another number format. Between the plain formats pruning stays as it is set.
    pub fn with_format(&self, format: NumberFormat) -> Self {
        let mut draft = Self::format(format);
        let prune = self.steps.iter().find(|entry| is_prune(&entry.step));
        if let (Some(_), Some(prune)) = (self.plain_format(), prune)
            && let Some(place) = draft.steps.iter_mut().find(|entry| is_prune(&entry.step))
        {
            *place = prune.clone();
        }
        draft
    }

    /// With one step changed.
    pub fn with_change(mut self, position: usize, change: StepChange) -> Self {
        if let Some(entry) = self.steps.get_mut(position) {
            entry.change(change);
        }
        self
    }

    /// With the step at `from` moved to position `to`.
    pub fn with_move(mut self, from: usize, to: usize) -> Self {
        if from < self.steps.len() && to < self.steps.len() {
            let entry = self.steps.remove(from);
            self.steps.insert(to, entry);
        }
        self
    }

    /// Without the step at this position.
    pub fn without(mut self, position: usize) -> Self {
        if position < self.steps.len() {
            self.steps.remove(position);
        }
        self
    }

    /// With another form to ship.
    pub fn with_storage(self, storage: Storage) -> Self {
        Self { chosen_storage: Some(storage), ..self }
    }

    /// Passes that it does not hold yet.
    pub fn addable(&self) -> Vec<&'static str> {
        let holds = |pass: &str| self.steps.iter().any(|entry| entry.step.pass() == pass);
        PASSES.into_iter().filter(|pass| !holds(pass)).collect()
    }

    /// With one more pass, at the place where it makes sense.
    pub fn with_pass(mut self, pass: &str) -> Self {
        if let Some(step) = default_step(pass) {
            let later = self.steps.iter().position(|entry| rank(&entry.step) > rank(&step));
            let place = later.unwrap_or(self.steps.len());
            self.steps.insert(place, DraftStep { step, on: true });
        }
        self
    }
}

impl DraftStep {
    /// True where the recipe holds it: switched on, and not pruning of nothing.
    pub fn included(&self) -> bool {
        self.on && !matches!(&self.step, Step::Prune { sparsity: 0.0, layers, .. } if layers.is_empty())
    }

    fn change(&mut self, change: StepChange) {
        match (&mut self.step, change) {
            (Step::Prune { sparsity, layers, .. }, StepChange::On(true))
                if *sparsity == 0.0 && layers.is_empty() =>
            {
                *sparsity = SWITCHED_ON_SPARSITY;
                self.on = true;
            }
            (_, StepChange::On(on)) => self.on = on,
            (Step::Prune { sparsity, .. }, StepChange::Sparsity(percent)) => {
                *sparsity = f64::from(percent.min(MAX_SPARSITY_PERCENT)) / 100.0;
                self.on = percent > 0;
            }
            (Step::Prune { structure, sparsity, schedule, layers, .. }, StepChange::Structure(to)) => {
                *structure = to;
                if let Some(share) = to.sparsity() {
                    // The structure says how many zeros there are, in every layer and at once.
                    (*sparsity, *schedule) = (share, None);
                    layers.clear();
                }
            }
            (Step::Prune { distribution, .. }, StepChange::Distribution(to)) => *distribution = to,
            (Step::Prune { schedule, .. }, StepChange::Increments(steps)) => {
                *schedule = (steps > 1).then_some(Schedule { steps });
            }
            (Step::Prune { repair, schedule, .. }, StepChange::Repair(to)) => {
                *repair = to;
                // Only a fit in between makes increments more than pruning at once.
                *schedule = schedule.filter(|_| to == Repair::Reconstruct);
            }
            (Step::Cluster { repair, .. } | Step::QuantizeWeights { repair, .. }, StepChange::Repair(to)) => {
                *repair = to
            }
            (Step::Cluster { clusters, .. }, StepChange::Clusters(to)) => *clusters = to,
            (Step::Cluster { granularity, .. }, StepChange::ClusterGranularity(to)) => *granularity = to,
            (Step::QuantizeWeights { bits, .. }, StepChange::Bits(to)) => *bits = to,
            (Step::QuantizeWeights { granularity, .. }, StepChange::Granularity(to)) => *granularity = to,
            (Step::QuantizeActivations { ranges }, StepChange::Ranges(to)) => *ranges = to,
            (Step::RemoveChannels { share, .. }, StepChange::Share(percent)) => {
                *share = f64::from(percent.min(MAX_SPARSITY_PERCENT)) / 100.0;
            }
            (Step::RemoveChannels { refit, .. }, StepChange::Refit(to)) => *refit = to,
            _ => {}
        }
    }
}

/// Zeros that a step asks for, per cent.
pub fn sparsity_percent(step: &Step) -> u32 {
    match step {
        Step::Prune { sparsity, .. } => (100.0 * sparsity).round() as u32,
        _ => 0,
    }
}

/// The preset of a plain number format.
pub fn format_preset(format: NumberFormat) -> &'static str {
    match format {
        NumberFormat::Float32 => "fp32",
        NumberFormat::Float16 => "fp16",
        NumberFormat::Int8 => "int8",
    }
}

fn preset_recipe(name: &str) -> Option<Recipe> {
    if name == "fp32" { Some(Recipe::identity()) } else { Recipe::preset(name) }
}

fn is_prune(step: &Step) -> bool {
    matches!(step, Step::Prune { .. })
}

/// All of them on, and a place for pruning, off, where they have none.
fn steps_of(steps: Vec<Step>) -> Vec<DraftStep> {
    let mut steps: Vec<_> = steps.into_iter().map(|step| DraftStep { step, on: true }).collect();
    if !steps.iter().any(|entry| is_prune(&entry.step)) {
        let rewrites = steps.iter().take_while(|entry| rank(&entry.step) < rank(&Step::prune(0.0))).count();
        steps.insert(rewrites, DraftStep { step: Step::prune(0.0), on: false });
    }
    steps
}

/// Where a pass makes sense among the others.
fn rank(step: &Step) -> usize {
    match step {
        Step::ReestimateBatchNorms {} => 0,
        Step::RemoveDeadChannels {} => 1,
        Step::Equalize {} => 2,
        Step::AbsorbBiases {} => 3,
        Step::RemoveChannels { .. } => 4,
        Step::Prune { .. } => 5,
        Step::RepairStatistics {} => 6,
        Step::QuantizeActivations { .. } => 7,
        Step::QuantizeWeights { .. }
        | Step::QuantizeForSize { .. }
        | Step::Cluster { .. }
        | Step::Float16 {}
        | Step::Bfloat16 {} => 8,
        Step::CorrectBiases {} => 9,
    }
}

pub(super) fn default_step(pass: &str) -> Option<Step> {
    Some(match pass {
        "reestimate-batch-norms" => Step::ReestimateBatchNorms {},
        "remove-dead-channels" => Step::RemoveDeadChannels {},
        "absorb-biases" => Step::AbsorbBiases {},
        "remove-channels" => Step::RemoveChannels { share: 0.1, refit: true },
        "repair-statistics" => Step::RepairStatistics {},
        "equalize" => Step::Equalize {},
        "prune" => Step::prune(SWITCHED_ON_SPARSITY),
        "quantize-activations" => Step::QuantizeActivations { ranges: RangeMethod::MinMax },
        "quantize-weights" => Step::QuantizeWeights {
            bits: 8,
            granularity: Granularity::PerChannel,
            repair: Repair::Biases,
            layers: BTreeMap::new(),
        },
        "cluster" => Step::Cluster {
            clusters: 32,
            granularity: ClusterGranularity::PerChannel,
            repair: Repair::Reconstruct,
        },
        // As the preset that consists of it has it.
        "quantize-for-size" => Recipe::preset("smallest-1pt")?.steps.pop()?,
        "float16" => Step::Float16 {},
        "bfloat16" => Step::Bfloat16 {},
        "correct-biases" => Step::CorrectBiases {},
        _ => return None,
    })
}
