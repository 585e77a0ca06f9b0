//! All layers of the original as a strip: one column each, multiply-adds up and bytes down, depthwise layers hatched. Where a
//! step asks for milliseconds, a button measures them, by kind of layer.

use ::course::{Kind, Metric};
use pipeline::LayerFacts;
use yew::prelude::*;

use super::super::layers::measure_button;
use super::Context;
use crate::app::state::{kind_of_layer, layer_share};
use crate::app::words::{Words, key};
use crate::bridge::LayerTime;

/// The strip, and below it the shares of the kinds where the step colours by them.
pub fn layers(context: &Context<'_>) -> Html {
    let Context { words, state, step, .. } = context;
    let Some(model) = &state.model.current else {
        return html! { <p class="note">{ words.text("waiting-model") }</p> };
    };
    let layers = &model.layers;
    let measured = !step.control.metric.contains(&Metric::Kind);
    let most =
        |quantity: fn(&LayerFacts) -> u64| layers.iter().map(quantity).max().unwrap_or(1).max(1) as f64;
    let (most_macs, most_bytes) = (most(|layer| layer.macs), most(|layer| layer.bytes));
    let height = |value: u64, most: f64| {
        let share = if measured { value as f64 / most } else { 0.5 };
        format!("height:{:.1}%", 100.0 * share.max(0.02))
    };
    let column = |layer: &LayerFacts| {
        html! {
            <span class={kind_of_layer(layer).map_or("other", Kind::name)}>
                <i class="up"><b ~style={height(layer.macs, most_macs)} /></i>
                <i class="down"><b ~style={height(layer.bytes, most_bytes)} /></i>
            </span>
        }
    };
    let n = words.count(layers.len() as u64);
    let label = words.text_with("course-strip-label", &[("n", (&n).into())]);
    html! {
        <>
        if measured { <p class="note">{ words.text("course-strip-up") }</p> }
        <div class="layer-strip" role="img" aria-label={label}>{ for layers.iter().map(column) }</div>
        if measured { <p class="note">{ words.text("course-strip-down") }</p> }
        { kinds(words, layers, measured) }
        if step.control.metric.iter().any(|it| matches!(it, Metric::Ms | Metric::MsOriginal)) { { times(context, layers) } }
        </>
    }
}

/// What is timed as one: layers of one kind, an expansion with the depthwise layer behind it, or all else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Timed {
    Kind(Kind),
    Joined,
    Rest,
}

impl Timed {
    /// Calls by what they run, with multiply-adds and milliseconds of each; only what there is.
    fn sums(calls: &[LayerTime], kind_of: impl Fn(&str) -> Option<Kind>) -> Vec<(Self, u64, f64)> {
        let timed = |call: &LayerTime| match call.is_joined() {
            true => Self::Joined,
            false => kind_of(&call.node).map_or(Self::Rest, Self::Kind),
        };
        let all = Kind::ALL.iter().map(|kind| Self::Kind(*kind)).chain([Self::Joined, Self::Rest]);
        let sum = |what: Self| {
            let calls = calls.iter().filter(|call| timed(call) == what);
            let start = (what, 0, 0.0);
            calls.fold(start, |(what, macs, millis), call| (what, macs + call.macs, millis + call.millis))
        };
        all.map(sum).filter(|(_, _, millis)| *millis > 0.0).collect()
    }

    fn text(self) -> &'static str {
        match self {
            Self::Kind(kind) => kind_text(kind),
            Self::Joined => key("course-kind-joined"),
            Self::Rest => key("course-kind-rest"),
        }
    }
}

/// Measured times of the original by kind of layer, and the button that measures.
fn times(context: &Context<'_>, layers: &[LayerFacts]) -> Html {
    let Context { words, tools, state, .. } = context;
    let table = state.layers.profile.as_ref().map(|profile| {
        let kind_of = |node: &str| layers.iter().find(|layer| layer.node == node).and_then(kind_of_layer);
        let sums = Timed::sums(&profile.original, kind_of);
        let macs: u64 = sums.iter().map(|(_, macs, _)| macs).sum();
        let millis: f64 = sums.iter().map(|(_, _, millis)| millis).sum();
        let share = |part: f64, all: f64| words.percent(part / all.max(f64::MIN_POSITIVE), 1);
        let rows = sums.iter().map(|(what, its_macs, its_millis)| html! {
            <tr><th scope="row">{ words.text(what.text()) }</th><td>{ words.millis(*its_millis) }</td><td>{ share(*its_macs as f64, macs as f64) }</td><td>{ share(*its_millis, millis) }</td></tr>
        });
        let note = words.text_with("course-ms-note", &[("runs", (&words.count(profile.runs.into())).into())]);
        html! {
            <>
            <table class="t wrapped" data-testid="kind-times">
                <thead><tr><th scope="col">{ words.text("course-kind") }</th><th scope="col">{ words.text("course-ms") }</th><th scope="col">{ words.text("course-macs") }</th><th scope="col">{ words.text("course-ms-share") }</th></tr></thead>
                <tbody>{ for rows }</tbody>
            </table>
            <p class="note">{ note }</p>
            </>
        }
    });
    html! {
        <>
        { for table }
        { measure_button(words, tools, &state.layers, "kind-times-measure") }
        </>
    }
}

fn kinds(words: &Words, layers: &[LayerFacts], measured: bool) -> Html {
    let row = |kind: Kind| {
        let n = layers.iter().filter(|layer| kind_of_layer(layer) == Some(kind)).count();
        let share = |quantity: fn(&LayerFacts) -> u64| words.percent(layer_share(layers, kind, quantity), 1);
        html! {
            <tr>
                <th scope="row"><i class={classes!("layer-key", kind.name())} />{ words.text(kind_text(kind)) }</th>
                <td>{ words.count(n as u64) }</td>
                if measured { <td>{ share(|layer| layer.bytes) }</td><td>{ share(|layer| layer.macs) }</td> }
            </tr>
        }
    };
    html! {
        <table class="t wrapped">
            <thead><tr><th scope="col">{ words.text("course-kind") }</th><th scope="col">{ words.text("course-kind-layers") }</th>if measured { <th scope="col">{ words.text("course-kind-bytes") }</th><th scope="col">{ words.text("course-macs") }</th> }</tr></thead>
            <tbody>{ for Kind::ALL.iter().map(|kind| row(*kind)) }</tbody>
        </table>
    }
}

/// The name of a kind of layer.
pub fn kind_text(kind: Kind) -> &'static str {
    match kind {
        Kind::First => key("course-kind-first"),
        Kind::Depthwise => key("course-kind-depthwise"),
        Kind::Pointwise => key("course-kind-pointwise"),
        Kind::Classifier => key("course-kind-classifier"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expansion_and_its_depthwise_layer_have_one_time() {
        let call = |node: &str, macs, millis| LayerTime {
            node: node.into(),
            kernel: "gemm".into(),
            is_integer: false,
            macs,
            weight_bytes: 0,
            millis,
            ceiling_millis: 0.0,
        };
        let calls = [
            call("project 1", 10, 1.0),
            call("expand + depthwise", 30, 4.0),
            call("project 2", 20, 2.0),
            call("softmax", 0, 0.5),
        ];
        let kind_of = |node: &str| node.starts_with("project").then_some(Kind::Pointwise);
        let sums = Timed::sums(&calls, kind_of);
        assert_eq!(
            sums,
            [(Timed::Kind(Kind::Pointwise), 30, 3.0), (Timed::Joined, 30, 4.0), (Timed::Rest, 0, 0.5)]
        );
    }
}
