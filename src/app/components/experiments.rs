//! The view *Experiments*: the history of recipes with their figures, and a chart of bytes against agreement.

mod flips;
mod pair;
mod pareto;

use std::rc::Rc;

use web_sys::ImageBitmap;
use yew::prelude::*;

use super::recipe_words::draft_name;
use crate::app::lists::Naming;
use crate::app::state::{Action, Draft, Experiment, Experiments, ExperimentsAction, FixedState};
use crate::app::tools::{use_tools, use_words};
use crate::app::words::Words;
use crate::bridge::ModelFacts;
use flips::Flips;
use pair::PairView;
use pareto::Mark;
pub use pareto::{PARETO_ID, Pareto, marks};

/// Levels of the tree that are drawn indented; deeper ones stay there.
const MAX_INDENT: usize = 4;

/// Properties of [`ExperimentsView`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// All of them, those with other models too.
    pub experiments: Experiments,
    /// The original.
    pub model: Option<Rc<ModelFacts>>,
    /// Its median, milliseconds, where it is known.
    pub latency: Option<f64>,
    /// The recipe that is shown as chosen.
    pub wanted: Draft,
    /// A recipe runs.
    pub running: bool,
    /// The check on a fixed set.
    pub fixed: FixedState,
    /// Names of classes.
    pub naming: Naming,
    /// The built-in pictures, those that are decoded.
    pub pictures: Vec<ImageBitmap>,
    /// The compressed model is the one that is chosen.
    pub ready: bool,
}

/// See the module.
#[component]
pub fn ExperimentsView(props: &Props) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let Some(model) = &props.model else {
        return html! {
            <div class="viewhead"><div><h1>{ words.text("view-experiments") }</h1><p>{ words.text("experiments-none") }</p></div></div>
        };
    };
    let tree = props.experiments.of_model(&model.name);
    let wanted = props.wanted.recipe();
    let marks = pareto::marks(&words, &tree, &wanted);
    let count = words.count(tree.len() as u64);
    let counts = [("n", (tree.len() as u64).into()), ("count", (&count).into())];
    let millis = props.latency.map_or_else(|| "–".to_owned(), |millis| words.millis(millis));
    html! {
        <>
        <div class="viewhead">
            <div><h1>{ words.text("view-experiments") }</h1><p>{ words.text("experiments-lead") }</p></div>
            <span class="grow" />
            <button class="btn" type="button" data-testid="experiments-report" onclick={tools.on(Action::Experiments(ExperimentsAction::SaveReport))}>{ words.text("experiments-report") }</button>
            <button class="btn" type="button" data-testid="experiments-csv" onclick={tools.on(Action::Experiments(ExperimentsAction::SaveCsv))}>{ words.text("experiments-csv") }</button>
        </div>
        <div class="experiments">
            <section class="box">
                <header><h2>{ words.text("history") }</h2><span class="note">{ words.text_with("history-n", &counts) }</span></header>
                <div class="scroll" tabindex="0" role="region" aria-label={words.text("history")}>
                    <table class="t" data-testid="history">
                        <thead><tr>
                            <th scope="col">{ words.text("recipe") }</th>
                            <th scope="col">{ words.text("unit-megabytes") }</th>
                            <th scope="col">{ words.text("unit-milliseconds") }</th>
                            <th scope="col">{ words.text("history-same") }</th>
                            <th scope="col"><span class="sr">{ words.text("history-remove") }</span></th>
                        </tr></thead>
                        <tbody>
                            <tr>
                                <th scope="row"><i class="mk a" aria-hidden="true" />{ " " }{ words.text("original") }</th>
                                <td>{ words.megabytes(model.shipped_bytes) }</td><td>{ millis }</td><td>{ words.percent(1.0, 0) }</td><td />
                            </tr>
                            { for tree.iter().map(|&(depth, node)| {
                                row(&words, &tools.dispatch, depth, node, node.recipe == wanted, props.running)
                            }) }
                        </tbody>
                    </table>
                </div>
                <p class="note">{ words.text("history-note") }</p>
            </section>
            <Pareto {marks} original={model.shipped_bytes} />
        </div>
        <PairView nodes={tree.iter().map(|(_, node)| (*node).clone()).collect::<Vec<_>>()} />
        <Flips fixed={props.fixed.clone()} naming={props.naming.clone()} pictures={props.pictures.clone()} ready={props.ready} />
        </>
    }
}

fn row(
    words: &Words,
    dispatch: &Callback<Action>,
    depth: usize,
    node: &Experiment,
    current: bool,
    running: bool,
) -> Html {
    let on = |action: ExperimentsAction| {
        let dispatch = dispatch.clone();
        Callback::from(move |_: MouseEvent| dispatch.emit(Action::Experiments(action.clone())))
    };
    let name = draft_name(words, &Draft::of(&node.recipe));
    let n = |n: u32| format!(" n\u{a0}{}", words.count(n.into()));
    let state = match current {
        true if running => words.text("history-runs"),
        true => words.text("history-now"),
        false => String::new(),
    };
    html! {
        <tr key={node.id} aria-current={current.then_some("true")}>
            <th scope="row" class={format!("depth-{}", depth.min(MAX_INDENT))}>
                <i class={classes!("mk", if current { "b" } else { "open" })} aria-hidden="true" />
                <button class="link" type="button" data-testid={format!("experiment-{}", node.id)} aria-current={current.then_some("true")} onclick={on(ExperimentsAction::Open(node.id))}>{ &name }</button>
                <span class="note">{ state }</span>
            </th>
            <td>{ words.megabytes(node.bytes) }</td>
            <td>{ node.latency.map_or_else(|| html! { "–" }, |it| html! { <>{ words.millis(it.median) }<small>{ n(it.n) }</small></> }) }</td>
            <td>{ node.agreement.map_or_else(|| html! { "–" }, |it| html! { <>{ words.percent(it.share(), 1) }<small>{ n(it.n) }</small></> }) }</td>
            <td><button class="link" type="button" aria-label={words.text_with("history-remove-this", &[("name", (&name).into())])} onclick={on(ExperimentsAction::Remove(node.id))}>{ "\u{d7}" }</button></td>
        </tr>
    }
}

impl Mark {
    /// The mark of an experiment whose agreement is known.
    fn of(words: &Words, node: &Experiment, current: bool, on_front: bool) -> Option<Self> {
        Some(Self {
            id: node.id,
            name: draft_name(words, &Draft::of(&node.recipe)).into(),
            bytes: node.bytes,
            agreement: node.agreement?,
            millis: node.latency.map(|it| it.median),
            current,
            on_front,
        })
    }
}
