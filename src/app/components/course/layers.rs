//! All layers of the original as a strip: one column each, multiply-adds up and bytes down, depthwise layers hatched.

use ::course::{Kind, Metric};
use pipeline::LayerFacts;
use yew::prelude::*;

use super::Context;
use crate::app::state::{kind_of_layer, layer_share};
use crate::app::words::{Words, key};

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
