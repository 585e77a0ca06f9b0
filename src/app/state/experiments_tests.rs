//! The history of experiments, without a browser.

use pipeline::{Recipe, Step};

use super::tests::Page;
use super::*;

fn kept(page: &Page) -> Option<&Experiments> {
    page.effects.iter().find_map(|effect| match effect {
        Effect::KeepExperiments(experiments) => Some(experiments),
        _ => None,
    })
}

fn run(page: &mut Page, preset: &'static str) {
    page.act(Action::Preset(preset));
    let revision = page.state.recipe.revision;
    page.act(Action::RecipeDue { revision });
    page.finish_recipe();
}

fn experiment(steps: &[Step], bytes: u64, same: u32) -> Experiment {
    Experiment {
        id: 0,
        model: "Model".into(),
        recipe: Recipe { steps: steps.to_vec(), ..Recipe::identity() },
        bytes,
        latency: None,
        agreement: Some(Same { same, n: 100, fixed: true }),
    }
}

fn of(nodes: Vec<Experiment>) -> Experiments {
    let mut page = Page::ready();
    let nodes: Vec<Experiment> =
        nodes.into_iter().enumerate().map(|(id, node)| Experiment { id: id as u32, ..node }).collect();
    page.act(Action::Experiments(ExperimentsAction::Restored(Experiments {
        nodes,
        ..Experiments::default()
    })));
    page.state.experiments.nodes.retain(|node| node.agreement.is_some());
    page.state.experiments
}

#[test]
fn every_finished_recipe_is_an_experiment_once() {
    let mut page = Page::ready();
    assert_eq!(page.state.experiments.nodes.len(), 1);
    assert!(kept(&page).is_some());
    run(&mut page, "fp16");
    assert_eq!(page.state.experiments.nodes.len(), 2);
    run(&mut page, "cluster16");
    run(&mut page, "fp16");
    assert_eq!(page.state.experiments.nodes.len(), 3);
    let ids: Vec<u32> = page.state.experiments.nodes.iter().map(|node| node.id).collect();
    assert_eq!(ids, [0, 1, 2]);
}

#[test]
fn opening_an_experiment_wants_its_recipe() {
    let mut page = Page::ready();
    run(&mut page, "cluster16");
    run(&mut page, "fp16");
    let node = page.state.experiments.nodes[1].clone();
    page.act(Action::Experiments(ExperimentsAction::Open(node.id)));
    assert_eq!(page.state.recipe.wanted.recipe(), node.recipe);
    let before = page.state.recipe.wanted.clone();
    page.act(Action::Experiments(ExperimentsAction::Open(99)));
    assert_eq!(page.state.recipe.wanted, before);
}

#[test]
fn what_was_kept_comes_before_what_this_visit_made() {
    let mut page = Page::ready();
    let earlier = page.state.experiments.clone();
    run(&mut page, "fp16");
    page.act(Action::Experiments(ExperimentsAction::Restored(earlier)));
    assert_eq!(page.state.experiments.nodes.len(), 2, "the one that both have stands once");
    page.act(Action::Experiments(ExperimentsAction::Remove(0)));
    assert_eq!(kept(&page).unwrap().nodes.len(), 1);
    let json = serde_json::to_string(&page.state.experiments).unwrap();
    assert_eq!(serde_json::from_str::<Experiments>(&json).unwrap(), page.state.experiments);
}

#[test]
fn a_recipe_goes_on_from_the_longest_that_it_begins_with() {
    let (dead, equal, half) = (Step::RemoveDeadChannels {}, Step::Equalize {}, Step::Float16 {});
    let experiments = of(vec![
        experiment(std::slice::from_ref(&dead), 1, 90),
        experiment(std::slice::from_ref(&half), 2, 90),
        experiment(&[dead.clone(), equal.clone()], 3, 90),
        experiment(&[dead, equal, half], 4, 90),
    ]);
    let tree: Vec<(usize, u64)> =
        experiments.of_model("Model").into_iter().map(|(depth, node)| (depth, node.bytes)).collect();
    assert_eq!(tree, [(1, 1), (2, 3), (3, 4), (1, 2)]);
    assert_eq!(experiments.of_model("Other"), []);
}

#[test]
fn the_front_holds_what_nothing_beats() {
    let steps = [Step::RemoveDeadChannels {}, Step::Equalize {}, Step::Float16 {}, Step::CorrectBiases {}];
    let experiments = of(vec![
        experiment(&steps[..1], 400, 99),
        experiment(&steps[1..2], 100, 80),
        experiment(&steps[2..3], 200, 80),
        experiment(&steps[3..], 300, 95),
    ]);
    let nodes = experiments.of_model("Model");
    let front: Vec<u64> = front(&nodes).into_iter().map(|node| node.bytes).collect();
    assert_eq!(front, [100, 300, 400]);
}

#[test]
fn the_table_is_given_as_text() {
    let mut page = Page::ready();
    page.act(Action::Experiments(ExperimentsAction::SaveCsv));
    let text = page.effects.iter().find_map(|effect| match effect {
        Effect::Save { text, .. } => Some(text.clone()),
        _ => None,
    });
    let text = text.unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines.len(), lines[0].split(',').count()), (2, 9));
    assert!(lines[1].starts_with("0,\"Model\",1000000,,,,,,\"{\"\""), "{}", lines[1]);
}
