//! A recipe in words: presets, steps with their parameters, what is refused, what is given away.

use pipeline::{
    ClusterGranularity, CompressError, Distribution, Granularity, RangeMethod, Repair, Step, Storage,
    Structure, Warning,
};

use crate::app::state::{Draft, DraftStep, sparsity_percent};
use crate::app::words::{Words, key};

/// The name of a preset.
pub fn preset_name(words: &Words, preset: &str) -> String {
    words.optional_text(&format!("preset-name-{preset}")).unwrap_or_else(|| preset.to_owned())
}

/// What a preset does, one line.
pub fn preset_about(words: &Words, preset: &str) -> String {
    words.optional_text(&format!("preset-about-{preset}")).unwrap_or_default()
}

/// The name of a recipe: its preset's, or from which preset it was edited.
pub fn draft_name(words: &Words, draft: &Draft) -> String {
    if let Some(preset) = draft.unedited() {
        return preset_name(words, preset);
    }
    let Some(origin) = draft.origin else { return words.text("preset-own") };
    let name = preset_name(words, origin);
    match draft.plain_format() {
        Some(format) if draft.clone().with_format(format).steps == draft.steps => {
            let percent = words.percent(f64::from(draft.sparsity_percent()) / 100.0, 0);
            words.text_with("recipe-pruned", &[("name", (&name).into()), ("percent", (&percent).into())])
        }
        _ => words.text_with("preset-own-from", &[("name", (&name).into())]),
    }
}

/// The name of a pass.
pub fn pass_name(words: &Words, pass: &str) -> String {
    words.optional_text(&format!("pass-{pass}")).unwrap_or_else(|| pass.to_owned())
}

/// The name of a step: its pass, and what it makes.
pub fn step_name(words: &Words, step: &Step) -> String {
    match step {
        Step::QuantizeWeights { bits, .. } => {
            let format = format!("INT{bits}");
            words.text_with("step-quantize-weights", &[("format", (&format).into())])
        }
        other => pass_name(words, other.pass()),
    }
}

/// A step's parameters in words.
pub fn step_note(words: &Words, entry: &DraftStep, storage: Storage) -> String {
    if !entry.included() {
        let pruning = matches!(entry.step, Step::Prune { .. });
        return words.text(if pruning { key("step-prune-off") } else { key("step-off") });
    }
    let parts: Vec<String> = match &entry.step {
        Step::RemoveDeadChannels {} => vec![words.text("note-remove-dead-channels")],
        Step::Equalize {} => vec![words.text("note-equalize")],
        Step::AbsorbBiases {} => vec![words.text("note-absorb-biases")],
        Step::ReestimateBatchNorms {} => vec![words.text("note-reestimate-batch-norms")],
        Step::RepairStatistics {} => vec![words.text("note-repair-statistics")],
        Step::RemoveChannels { share, refit } => {
            let percent = words.percent(*share, 0);
            let fitted = if *refit { key("refit-on") } else { key("refit-off") };
            let removed = words.text_with("note-remove-channels", &[("percent", (&percent).into())]);
            vec![removed, words.text(fitted)]
        }
        Step::Prune { structure, distribution, repair, schedule, layers, .. } => {
            let percent = words.percent(f64::from(sparsity_percent(&entry.step)) / 100.0, 0);
            let mut parts = vec![words.text_with("note-zeros", &[("percent", (&percent).into())])];
            if *structure != Structure::Unstructured {
                parts.push(structure_text(words, *structure));
            }
            parts.push(words.text(distribution_text(*distribution)));
            if !layers.is_empty() {
                let n = words.count(layers.len() as u64);
                parts.push(words.text_with("note-shares", &[("n", (&n).into())]));
            }
            if let Some(schedule) = schedule {
                parts.push(increments_text(words, schedule.steps));
            }
            parts.push(words.text(repair_text(*repair)));
            if storage == Storage::Plain {
                parts.push(words.text("step-prune-note"));
            }
            parts
        }
        Step::Cluster { clusters, granularity, repair } => {
            let n = words.count(*clusters as u64);
            let shared = [("n", (&n).into())];
            let shared = match granularity {
                ClusterGranularity::PerTensor => words.text_with("note-clusters-layer", &shared),
                ClusterGranularity::PerChannel => words.text_with("note-clusters-channel", &shared),
            };
            vec![shared, words.text(repair_text(*repair))]
        }
        Step::QuantizeWeights { bits, granularity, repair, layers } => {
            let mut parts = vec![words.text(granularity_text(*granularity))];
            if *bits < 8 {
                parts.push(words.text("note-others-int8"));
            }
            if !layers.is_empty() {
                let n = words.count(layers.len() as u64);
                parts.push(words.text_with("note-mixed", &[("n", (&n).into())]));
            }
            parts.push(words.text(repair_text(*repair)));
            parts
        }
        Step::QuantizeForSize { .. } => vec![words.text("note-quantize-for-size")],
        Step::QuantizeActivations { ranges } => vec![words.text(ranges_text(*ranges))],
        Step::CorrectBiases {} => vec![words.text("note-correct-biases")],
        Step::Float16 {} => vec![words.text("note-float16")],
        Step::Bfloat16 {} => vec![words.text("note-bfloat16")],
    };
    parts.join("; ")
}

/// Why a recipe is refused, and what to do.
pub fn refusal(words: &Words, error: &CompressError) -> String {
    match error {
        CompressError::Order { step, pass, earlier } => {
            let (step, pass, earlier) =
                (words.count(*step as u64), pass_name(words, pass), pass_name(words, earlier));
            let values = [("step", (&step).into()), ("pass", (&pass).into()), ("earlier", (&earlier).into())];
            words.text_with("refused-order", &values)
        }
        CompressError::Parameter { step, pass, name, given, .. } => {
            let (step, pass) = (words.count(*step as u64), pass_name(words, pass));
            let text = match *name {
                "sparsity" => key("refused-n-of-m"),
                "clusters" => key("refused-clusters"),
                "noise" => key("refused-noise"),
                "share" => key("refused-share"),
                "schedule" | "schedule.steps" | "layers" => key("refused-schedule"),
                _ => key("refused-bits"),
            };
            words.text_with(
                text,
                &[("step", (&step).into()), ("pass", (&pass).into()), ("given", given.into())],
            )
        }
        CompressError::Folded { step, pass, earlier } => {
            let (step, pass, earlier) =
                (words.count(*step as u64), pass_name(words, pass), pass_name(words, earlier));
            let values = [("step", (&step).into()), ("pass", (&pass).into()), ("earlier", (&earlier).into())];
            words.text_with("refused-folded", &values)
        }
        CompressError::Sparsity(_) => words.text("refused-sparsity"),
        CompressError::Version(version) => {
            let version = version.to_string();
            let ours = pipeline::RECIPE_VERSION.to_string();
            words.text_with("refused-version", &[("version", (&version).into()), ("ours", (&ours).into())])
        }
        CompressError::Json { place, detail } => {
            let place = if place == "." { words.text("refused-start") } else { place.clone() };
            words.text_with("refused-json", &[("place", (&place).into()), ("detail", detail.into())])
        }
        other => words.text_with("recipe-failed", &[("detail", (&other.to_string()).into())]),
    }
}

/// What a valid recipe gives away.
pub fn warning(words: &Words, warning: Warning) -> String {
    let at = |text, step: usize| {
        let step = words.count(step as u64);
        words.text_with(text, &[("step", (&step).into())])
    };
    match warning {
        Warning::ZerosStoredPlain => words.text("warning-zeros-plain"),
        Warning::DeadChannelsAfterEqualization { step } => at(key("warning-dead-late"), step),
        Warning::RangesBeforeChange { step } => at(key("warning-ranges-early"), step),
        Warning::ChannelsAfterPruning { step } => at(key("warning-channels-late"), step),
        Warning::RewriteAfterLoss { step, .. } => at(key("warning-rewrite-late"), step),
        Warning::Inexact { step } => at(key("warning-inexact"), step),
    }
}

/// What is done about a step's error.
pub fn repair_text(repair: Repair) -> &'static str {
    match repair {
        Repair::Off => key("repair-off"),
        Repair::Biases => key("repair-biases"),
        Repair::Reconstruct => key("repair-reconstruct"),
    }
}

/// Where zeros may stand.
pub fn structure_text(words: &Words, structure: Structure) -> String {
    match structure {
        Structure::Unstructured => words.text("structure-anywhere"),
        Structure::Blocks4x1 => words.text("structure-blocks"),
        Structure::NOfM { kept, of } => {
            let (zeros, all) = (words.count(of.saturating_sub(kept).into()), words.count(of.into()));
            words.text_with("structure-n-of-m", &[("zeros", (&zeros).into()), ("all", (&all).into())])
        }
    }
}

/// In how many increments zeros grow; 1 for all at once.
pub fn increments_text(words: &Words, steps: usize) -> String {
    if steps <= 1 {
        return words.text("increments-none");
    }
    let n = words.count(steps as u64);
    words.text_with("increments-some", &[("n", (&n).into())])
}

/// How zeros are spread.
pub fn distribution_text(distribution: Distribution) -> &'static str {
    match distribution {
        Distribution::Global => key("distribution-global"),
        Distribution::Uniform => key("distribution-uniform"),
        Distribution::Weighted => key("distribution-weighted"),
        Distribution::Measured => key("distribution-measured"),
    }
}

/// Who shares a scale.
pub fn granularity_text(granularity: Granularity) -> &'static str {
    match granularity {
        Granularity::PerTensor => key("scale-layer"),
        Granularity::PerChannel => key("scale-channel"),
        Granularity::Groups32 => key("scale-groups"),
    }
}

/// How the range of an activation is found.
pub fn ranges_text(ranges: RangeMethod) -> &'static str {
    match ranges {
        RangeMethod::MinMax => key("ranges-min-max"),
        RangeMethod::Percentile => key("ranges-percentile"),
        RangeMethod::Mse => key("ranges-mse"),
        RangeMethod::Entropy => key("ranges-entropy"),
    }
}

/// The form that ships: what it is called there, and what it holds.
pub fn storage_texts(storage: Storage) -> (&'static str, &'static str) {
    match storage {
        Storage::Plain => (key("size-dense"), key("step-plain-note")),
        Storage::Gzip => (key("size-gzip"), key("step-gzip-note")),
        Storage::SparseCoded => (key("size-sparse"), key("step-sparse-note")),
        Storage::EntropyCoded => (key("size-coded"), key("step-coded-note")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::state::{PASSES, PRESETS, StepChange};
    use crate::app::words::Language;

    const BOTH: [Language; 2] = [Language::English, Language::German];

    #[test]
    fn presets_and_passes_have_names_in_both_languages() {
        for words in BOTH.map(Words::new) {
            for preset in PRESETS {
                assert!(words.optional_text(&format!("preset-name-{preset}")).is_some(), "{preset}");
                assert!(!preset_about(&words, preset).is_empty(), "{preset}");
            }
            for pass in PASSES {
                assert_ne!(pass_name(&words, pass), pass);
            }
        }
    }

    #[test]
    fn every_step_of_every_preset_is_said_in_words() {
        for words in BOTH.map(Words::new) {
            for preset in PRESETS {
                let draft = Draft::preset(preset).unwrap();
                for entry in &draft.steps {
                    assert!(!step_note(&words, entry, draft.storage()).is_empty());
                    assert!(!step_name(&words, &entry.step).contains('{'));
                }
            }
        }
    }

    #[test]
    fn every_pass_that_can_be_added_is_said_in_words() {
        for words in BOTH.map(Words::new) {
            for pass in PASSES {
                let draft = Draft::preset("fp32").unwrap().with_pass(pass);
                for entry in &draft.steps {
                    let note = step_note(&words, entry, draft.storage());
                    assert!(!note.is_empty() && !note.contains('{'), "{pass}: {note}");
                }
                for warned in draft.recipe().warnings() {
                    assert!(warning(&words, warned).ends_with('.'), "{pass}");
                }
            }
            for structure in [Structure::TWO_OF_FOUR, Structure::NOfM { kept: 1, of: 4 }] {
                assert!(structure_text(&words, structure).contains('4'));
            }
        }
    }

    #[test]
    fn what_is_refused_names_both_steps_in_the_page_s_language() {
        let error = Draft::preset("int8").unwrap().with_pass("float16").refusal().unwrap();
        let [english, german] = BOTH.map(|language| refusal(&Words::new(language), &error));
        assert!(english.contains("Step 3") && english.contains("FP16"), "{english}");
        assert!(german.contains("Schritt 3") && german.contains("Gewichte quantisieren"), "{german}");
        for error in [
            CompressError::Sparsity(2.0),
            CompressError::Version(1),
            CompressError::Json { place: "steps[0]".into(), detail: "unknown field".into() },
            CompressError::Parameter {
                step: 1,
                pass: "cluster",
                name: "clusters",
                given: "1".into(),
                expected: "",
            },
            CompressError::Parameter {
                step: 1,
                pass: "prune",
                name: "sparsity",
                given: "1".into(),
                expected: "",
            },
            CompressError::Parameter {
                step: 1,
                pass: "quantize-weights",
                name: "bits",
                given: "7".into(),
                expected: "",
            },
            CompressError::Parameter {
                step: 1,
                pass: "remove-channels",
                name: "share",
                given: "2".into(),
                expected: "",
            },
            CompressError::Parameter {
                step: 1,
                pass: "prune",
                name: "schedule",
                given: String::new(),
                expected: "",
            },
            CompressError::Folded { step: 2, pass: "reestimate-batch-norms", earlier: "equalize" },
        ] {
            let [english, german] = BOTH.map(|language| refusal(&Words::new(language), &error));
            assert!(
                english != german && english.ends_with('.') && german.ends_with('.'),
                "{english} {german}"
            );
        }
    }

    #[test]
    fn an_edited_preset_says_what_it_was() {
        let words = Words::new(Language::English);
        let pruned = Draft::preset("int8").unwrap().with_change(0, StepChange::Sparsity(50));
        assert_eq!(draft_name(&words, &pruned), "INT8, 50\u{a0}% zeros");
        let unrepaired = Draft::preset("int8").unwrap().with_change(2, StepChange::Repair(Repair::Off));
        assert_eq!(draft_name(&words, &unrepaired), "Own, from INT8");
        assert_eq!(draft_name(&words, &Draft::preset("int4").unwrap()), "INT4");
    }
}
