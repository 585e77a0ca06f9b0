//! The transition, where the recipe's steps are edited.

use pipeline::{Recipe, Repair, Step, Storage, Structure};

use super::tests::{Page, facts_of};
use super::*;
use crate::bridge::{Answer, Request};

/// The position of a pass in the wanted recipe.
fn position(page: &Page, pass: &str) -> usize {
    page.state.recipe.wanted.steps.iter().position(|entry| entry.step.pass() == pass).unwrap()
}

fn due(page: &mut Page) {
    page.act(Action::RecipeDue { revision: page.state.recipe.revision });
}

#[test]
fn every_preset_is_asked_for_as_it_is() {
    for name in PRESETS {
        let mut page = Page::ready();
        page.act(Action::Preset(name));
        if name == "int8" {
            assert!(page.state.recipe.is_current(), "it is finished already");
            continue;
        }
        assert!(!page.state.recipe.is_current() && page.posted().is_empty(), "{name}");
        due(&mut page);
        let wanted = Recipe::preset(name).unwrap_or_else(Recipe::identity);
        assert!(
            matches!(page.posted()[..], [Request::Compress { recipe, .. }] if *recipe == wanted),
            "{name}"
        );
        page.finish_recipe();
        assert_eq!(page.state.recipe.current().unwrap().recipe, wanted);
    }
}

#[test]
fn a_name_that_is_no_preset_changes_nothing() {
    let mut page = Page::ready();
    let before = page.state.clone();
    page.act(Action::Preset("int7"));
    assert_eq!(page.state, before);
}

#[test]
fn a_repair_that_is_switched_off_is_not_asked_for() {
    let mut page = Page::ready();
    let weights = position(&page, "quantize-weights");
    page.act(Action::ChangeStep(weights, StepChange::Repair(Repair::Off)));
    due(&mut page);
    let [Request::Compress { recipe, .. }] = page.posted()[..] else { panic!("one request") };
    assert!(matches!(recipe.steps[1], Step::QuantizeWeights { repair: Repair::Off, .. }));
    page.act(Action::ChangeStep(weights, StepChange::Repair(Repair::Biases)));
    assert!(page.state.recipe.is_current() && page.state.recipe.running.is_none(), "back to what answers");
}

#[test]
fn what_is_refused_cancels_what_runs_is_not_asked_for_and_comes_to_nothing() {
    let mut page = Page::loaded();
    let running = page.running();
    page.act(Action::AddStep("float16"));
    assert_eq!(page.posted(), [&Request::Cancel { id: running }]);
    assert!(page.state.recipe.wanted.refusal().is_some());
    assert_eq!(page.state.numbers.bytes_compressed, Cell::Missing(Reason::RecipeStopped));
    due(&mut page);
    page.act(Action::RetryRecipe);
    assert!(page.posted().is_empty() && page.state.recipe.running.is_none());
    let half = position(&page, "float16");
    page.act(Action::ChangeStep(half, StepChange::On(false)));
    due(&mut page);
    assert!(
        matches!(page.posted()[..], [Request::Compress { recipe, .. }] if *recipe == Recipe::preset("int8").unwrap())
    );
}

#[test]
fn a_switch_that_changes_no_recipe_starts_nothing() {
    let mut page = Page::ready();
    let revision = page.state.recipe.revision;
    page.act(Action::ChangeStep(0, StepChange::On(false)));
    assert_eq!(page.state.recipe.revision, revision);
    assert!(page.state.recipe.is_current() && page.posted().is_empty());
}

#[test]
fn the_form_that_ships_is_part_of_the_recipe() {
    let mut page = Page::ready();
    page.act(Action::Ship(Storage::EntropyCoded));
    assert!(!page.state.recipe.is_current());
    due(&mut page);
    assert!(
        matches!(page.posted()[..], [Request::Compress { recipe, .. }] if recipe.storage == Storage::EntropyCoded)
    );
}

#[test]
fn cancelling_by_hand_brings_the_finished_steps_back() {
    let mut page = Page::ready();
    page.act(Action::Preset("int4"));
    due(&mut page);
    page.finish_recipe();
    let finished = page.state.recipe.wanted.clone();
    page.act(Action::AddStep("equalize"));
    due(&mut page);
    page.act(Action::CancelRecipe);
    assert_eq!(page.state.recipe.wanted, finished);
    assert!(page.state.recipe.is_current());
}

#[test]
fn a_recipe_nobody_waits_for_any_more_is_known_by_its_steps() {
    let mut page = Page::ready();
    page.act(Action::Preset("cluster16"));
    due(&mut page);
    let id = page.running();
    page.act(Action::Preset("fp16"));
    page.hear(Answer::Compressed { id, facts: facts_of(&Draft::preset("cluster16").unwrap(), 9) });
    let finished = page.state.recipe.finished.clone().unwrap();
    assert_eq!(finished.0.unedited(), Some("cluster16"));
    assert!(!page.state.recipe.is_current());
}

#[test]
fn a_saved_recipe_can_be_opened_and_other_json_says_where_it_is_none() {
    let mut page = Page::ready();
    page.act(Action::Preset("cluster32")).act(Action::ChangeStep(1, StepChange::Clusters(8)));
    let wanted = page.state.recipe.wanted.recipe();
    page.act(Action::SaveRecipe);
    let [Effect::Save { name, text }] = &page.effects[..] else { panic!("{:?}", page.effects) };
    assert_eq!(name, "tinylens-recipe.json");
    let read = |json: &str| Action::RecipeRead { name: "a.json".into(), json: json.into() };
    let (saved, wrong) = (read(text), read(&text.replace("clusters", "clutters")));
    let mut page = Page::ready();
    page.act(wrong);
    let Some(Notice::NoRecipe { error, .. }) = &page.state.notice else { panic!("{:?}", page.state.notice) };
    assert!(error.to_string().contains("steps[0]"), "{error}");
    assert!(page.state.recipe.is_current(), "what ran goes on");
    page.act(saved);
    assert_eq!((page.state.recipe.wanted.recipe(), page.state.notice.clone()), (wanted, None));
    assert_eq!(page.state.recipe.wanted.origin, None);
}

#[test]
fn a_recipe_with_shares_of_single_layers_is_kept_as_it_was_read() {
    let json = r#"{"version":2,"steps":[{"pass":"prune","sparsity":0.0,"layers":{"classifier":0.5},"repair":"reconstruct"}],
        "storage":"entropy-coded"}"#;
    let mut page = Page::ready();
    page.act(Action::RecipeRead { name: "plan.json".into(), json: json.into() });
    assert_eq!(page.state.recipe.wanted.recipe(), Recipe::from_json(json).unwrap());
    page.act(Action::ChangeStep(0, StepChange::Structure(Structure::NOfM { kept: 2, of: 4 })));
    let recipe = page.state.recipe.wanted.recipe();
    recipe.validate().unwrap();
    assert!(matches!(&recipe.steps[..], [Step::Prune { layers, .. }] if layers.is_empty()));
}

#[test]
fn every_change_can_be_undone_and_a_movement_is_one() {
    let mut page = Page::ready();
    let before = page.state.recipe.wanted.clone();
    assert!(page.state.recipe.before.is_empty());
    page.act(Action::MoveStep(0, 1));
    for percent in [10, 20, 30] {
        page.act(Action::ChangeStep(1, StepChange::Sparsity(percent)));
    }
    assert_ne!(page.state.recipe.wanted, before);
    let revision = page.state.recipe.revision;
    page.act(Action::RecipeDue { revision });
    let moved = page.state.recipe.wanted.clone();
    page.act(Action::RemoveStep(1));
    assert_eq!(page.state.recipe.wanted.steps.len(), before.steps.len() - 1);
    page.act(Action::UndoRecipe);
    assert_eq!(page.state.recipe.wanted, moved);
    while !page.state.recipe.before.is_empty() {
        page.act(Action::UndoRecipe);
    }
    assert_eq!(page.state.recipe.wanted, before);
    page.act(Action::UndoRecipe);
    assert_eq!(page.state.recipe.wanted, before, "nothing is left to undo");
}

#[test]
fn a_finished_recipe_can_be_run_once_more() {
    let mut page = Page::ready();
    page.act(Action::RetryRecipe);
    assert!(matches!(page.posted()[..], [Request::Compress { .. }]));
    assert!(page.state.recipe.is_current(), "the former result stays meanwhile");
}
