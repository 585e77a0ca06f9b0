//! Drafts of recipes.

use pipeline::{CompressError, NumberFormat, Recipe, Repair, Step, Storage, Structure};

use super::draft::{default_step, *};

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
    let order =
        ["remove-dead-channels", "equalize", "quantize-activations", "quantize-weights", "correct-biases"];
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
    let draft = draft.with_change(place, StepChange::Share(20)).with_change(place, StepChange::Refit(false));
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
