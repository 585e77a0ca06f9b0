//! Any two experiments side by side: their figures, their steps, and the way to see both live.

use pipeline::Step;
use yew::prelude::*;

use super::super::picker::{Entry, Picker};
use super::super::recipe_words::step_name;
use super::super::side_head::numbered_name;
use crate::app::state::{Action, CompareAction, Experiment, ExperimentsAction, View};
use crate::app::tools::{use_tools, use_words};
use crate::app::words::Words;

/// Properties of [`PairView`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// All experiments with the loaded model.
    pub nodes: Vec<Experiment>,
}

/// See the module; nothing before there are two.
#[component]
pub fn PairView(props: &Props) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let chosen = use_state(|| (None::<u32>, None::<u32>));
    let nodes = &props.nodes;
    let (Some(first), Some(last)) = (nodes.first(), nodes.last().filter(|_| nodes.len() > 1)) else {
        return html! {};
    };
    let find = |id: Option<u32>, otherwise: &Experiment| {
        nodes.iter().find(|node| Some(node.id) == id).cloned().unwrap_or_else(|| otherwise.clone())
    };
    let (left, right) = (find(chosen.0, first), find(chosen.1, last));
    let entries: Vec<Entry> = nodes
        .iter()
        .map(|node| Entry {
            value: node.id.to_string().into(),
            label: numbered_name(&words, node.id, &node.recipe).into(),
            disabled: false,
        })
        .collect();
    let choose = |is_left: bool| {
        let chosen = chosen.clone();
        Callback::from(move |value: String| {
            let id = value.parse().ok();
            chosen.set(if is_left { (id, chosen.1) } else { (chosen.0, id) });
        })
    };
    let live = {
        let (dispatch, ids) = (tools.dispatch.clone(), (left.id, right.id));
        Callback::from(move |_: MouseEvent| {
            dispatch.emit(Action::Compare(CompareAction::Left(Some(ids.0))));
            dispatch.emit(Action::Experiments(ExperimentsAction::Open(ids.1)));
            dispatch.emit(Action::Show(View::Live));
        })
    };
    let line = |name: String, [left, right]: [String; 2]| html! { <tr><th scope="row">{ name }</th><td>{ left }</td><td>{ right }</td></tr> };
    let both = |of: &dyn Fn(&Experiment) -> String| [of(&left), of(&right)];
    html! {
        <section class="box pair-box" data-testid="pair">
            <header><h2>{ words.text("pair") }</h2><span class="grow" />
                <button class="btn" type="button" data-testid="pair-live" onclick={live}>{ words.text("pair-live") }</button>
            </header>
            <table class="t wrapped">
                <thead><tr>
                    <td />
                    <th scope="col"><i class="mk a" aria-hidden="true" /><Picker label={words.text("pair-left")} entries={entries.clone()} chosen={left.id.to_string()} onchoose={choose(true)} testid="pair-left" /></th>
                    <th scope="col"><i class="mk b" aria-hidden="true" /><Picker label={words.text("pair-right")} {entries} chosen={right.id.to_string()} onchoose={choose(false)} testid="pair-right" /></th>
                </tr></thead>
                <tbody>
                    { line(words.text("dock-bytes"), both(&|node| words.size(node.bytes))) }
                    { line(words.text("dock-latency"), both(&|node| millis(&words, node))) }
                    { line(words.text("history-same"), both(&|node| same(&words, node))) }
                    { for steps(&words, &left, &right).into_iter().enumerate().map(|(idx, pair)| {
                        let number = words.count(idx as u64 + 1);
                        line(words.text_with("pair-step", &[("number", (&number).into())]), pair)
                    }) }
                </tbody>
            </table>
        </section>
    }
}

fn millis(words: &Words, node: &Experiment) -> String {
    node.latency.map_or_else(
        || "–".to_owned(),
        |it| {
            let (millis, n) = (words.millis(it.median), words.count(it.n.into()));
            words.text_with("pair-millis", &[("millis", (&millis).into()), ("n", (&n).into())])
        },
    )
}

fn same(words: &Words, node: &Experiment) -> String {
    node.agreement.map_or_else(
        || "–".to_owned(),
        |it| {
            let (same, n) = (words.count(it.same.into()), words.count(it.n.into()));
            let percent = words.percent(it.share(), 1);
            let values = [("percent", (&percent).into()), ("same", (&same).into()), ("n", (&n).into())];
            words.text_with("pair-same", &values)
        },
    )
}

/// Both recipes' steps in their order; a dash where one has no more.
fn steps(words: &Words, left: &Experiment, right: &Experiment) -> Vec<[String; 2]> {
    let name = |step: Option<&Step>| step.map_or_else(|| "–".to_owned(), |step| step_name(words, step));
    let n = left.recipe.steps.len().max(right.recipe.steps.len());
    (0..n).map(|idx| [name(left.recipe.steps.get(idx)), name(right.recipe.steps.get(idx))]).collect()
}
