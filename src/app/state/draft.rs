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

fn default_step(pass: &str) -> Option<Step> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn preset(name: &str) -> Draft {
        Draft::preset(name).unwrap()
    }

    fn position(draft: &Draft, pass: &str) -> usize {
        draft.steps.iter().position(|entry| entry.step.pass() == pass).unwrap()
    }

    #[test]
    fn every_preset_is_offered_and_asks_for_its_own_recipe() {
        for name in pipeline::PRESETS {
            assert_eq!(preset(name).recipe(), Recipe::preset(name).unwrap(), "{name}");
        }
        assert_eq!(PRESETS.len(), pipeline::PRESETS.len() + 1);
        assert_eq!(preset("fp32").recipe(), Recipe::identity());
        for name in PRESETS {
            assert_eq!(preset(name).unedited(), Some(name));
            assert_eq!(Draft::of(&preset(name).recipe()), preset(name));
        }
        assert_eq!(Draft::preset("int7"), None);
    }

    #[test]
    fn the_slider_ends_where_recipes_end_and_prunes_like_the_controls() {
        assert_eq!(f64::from(MAX_SPARSITY_PERCENT) / 100.0, pipeline::MAX_SPARSITY);
        for format in [NumberFormat::Float32, NumberFormat::Float16, NumberFormat::Int8] {
            for percent in [0, 1, 67, 95, 200] {
                let draft = Draft::format(format).with_change(0, StepChange::Sparsity(percent));
                let shown = f64::from(percent.min(MAX_SPARSITY_PERCENT)) / 100.0;
                assert_eq!(draft.recipe(), Recipe::from_controls(format, shown));
                assert_eq!(draft.refusal(), None);
                assert_eq!(draft.unedited().is_some(), percent == 0);
            }
        }
    }

    #[test]
    fn a_step_that_is_off_is_left_out_and_keeps_its_parameters() {
        let draft = preset("int4");
        let weights = position(&draft, "quantize-weights");
        let off = draft.clone().with_change(weights, StepChange::On(false));
        assert_eq!(off.recipe().steps.len(), draft.recipe().steps.len() - 1);
        assert_eq!((off.origin, off.unedited()), (Some("int4"), None));
        assert_eq!(off.with_change(weights, StepChange::On(true)), draft);
    }

    #[test]
    fn every_repair_can_be_switched_off() {
        for name in PRESETS {
            let mut draft = preset(name);
            for position in 0..draft.steps.len() {
                draft = draft.with_change(position, StepChange::Repair(Repair::Off));
            }
            for step in draft.recipe().steps {
                let (Step::Prune { repair, .. }
                | Step::Cluster { repair, .. }
                | Step::QuantizeWeights { repair, .. }) = step
                else {
                    continue;
                };
                assert_eq!(repair, Repair::Off, "{name}");
            }
            assert_eq!(draft.refusal(), None, "{name}");
        }
    }

    #[test]
    fn switching_pruning_on_prunes_something() {
        let draft = preset("fp16").with_change(0, StepChange::On(true));
        assert_eq!(draft.sparsity_percent(), 50);
        assert_eq!(draft.recipe().storage, Storage::SparseCoded);
        let plain = draft.with_storage(Storage::Plain);
        assert_eq!(plain.recipe().warnings(), [pipeline::Warning::ZerosStoredPlain]);
    }

    #[test]
    fn plain_formats_keep_the_pruning_and_presets_do_not() {
        let pruned = preset("int8").with_change(0, StepChange::Sparsity(40));
        let half = pruned.with_format(NumberFormat::Float16);
        assert_eq!(half.recipe(), Recipe::from_controls(NumberFormat::Float16, 0.4));
        assert_eq!(preset("prune50").with_format(NumberFormat::Int8), preset("int8"));
    }

    #[test]
    fn added_passes_stand_where_they_make_sense_or_are_refused() {
        let draft = preset("int8-per-tensor");
        assert!(draft.addable().contains(&"equalize") && !draft.addable().contains(&"prune"));
        let repaired =
            draft.clone().with_pass("equalize").with_pass("remove-dead-channels").with_pass("correct-biases");
        let passes: Vec<_> = repaired.recipe().steps.iter().map(Step::pass).collect();
        let order = [
            "remove-dead-channels",
            "equalize",
            "quantize-activations",
            "quantize-weights",
            "correct-biases",
        ];
        assert_eq!(passes, order);
        assert_eq!((repaired.refusal(), repaired.recipe().warnings()), (None, vec![]));
        let twice = draft.with_pass("float16");
        assert!(matches!(twice.refusal(), Some(CompressError::Order { pass: "float16", .. })));
        let refused = twice.refused_step().map(|position| twice.steps[position].step.pass());
        assert_eq!((refused, repaired.refused_step()), (Some("float16"), None));
        for pass in PASSES {
            assert_eq!(default_step(pass).map(|step| step.pass()), Some(pass));
        }
    }

    #[test]
    fn what_a_step_does_not_have_changes_nothing() {
        let draft = preset("fp16");
        let half = position(&draft, "float16");
        assert_eq!(draft.clone().with_change(half, StepChange::Bits(4)), draft);
        assert_eq!(draft.clone().with_change(9, StepChange::On(false)), draft);
    }

    #[test]
    fn increments_go_with_reconstruction_only() {
        let draft = preset("prune50").with_change(0, StepChange::Increments(4));
        let steps = |draft: &Draft| match draft.steps[0].step {
            Step::Prune { schedule, .. } => schedule.map(|schedule| schedule.steps),
            _ => None,
        };
        assert_eq!((steps(&draft), draft.refusal()), (Some(4), None));
        let unrepaired = draft.with_change(0, StepChange::Repair(Repair::Off));
        assert_eq!((steps(&unrepaired), unrepaired.refusal()), (None, None));
    }

    #[test]
    fn channels_that_go_are_set_in_per_cent() {
        let draft = preset("int8").with_pass("remove-channels");
        let place = position(&draft, "remove-channels");
        let draft =
            draft.with_change(place, StepChange::Share(20)).with_change(place, StepChange::Refit(false));
        assert_eq!(draft.steps[place].step, Step::RemoveChannels { share: 0.2, refit: false });
        assert_eq!(draft.refusal(), None);
    }

    #[test]
    fn two_of_four_means_half_until_the_slider_says_otherwise() {
        let change = |change| move |draft: Draft| draft.with_change(0, change);
        let draft = change(StepChange::Structure(Structure::TWO_OF_FOUR))(preset("prune30"));
        assert_eq!((draft.sparsity_percent(), draft.refusal()), (50, None));
        let moved = change(StepChange::Sparsity(60))(draft);
        assert!(matches!(moved.refusal(), Some(CompressError::Parameter { name: "sparsity", .. })));
    }
}
