//! All layers as bars: up the original's value, down the compressed model's, to one scale. Depthwise layers are hatched.

use pipeline::LayerKind;
use web_sys::HtmlElement;
use yew::prelude::*;

use super::rows::{Row, Side};
use super::{about, metric_name, metric_value};
use crate::app::browser;
use crate::app::state::{Action, LayersAction, Metric};
use crate::app::tools::{use_tools, use_words};
use crate::app::words::Words;

/// Half the strip's height, pixels.
const HALF: f64 = 96.0;

/// The bars of one layer.
#[derive(Clone, PartialEq)]
pub struct Bar {
    original: Option<f64>,
    compressed: Option<f64>,
    hatched: bool,
    name: AttrValue,
}

/// The bars of all layers; values are shares of the largest one.
pub fn bars(rows: &[Row<'_>], metric: Metric, words: &Words) -> Vec<Bar> {
    let value = |side: Side<'_>| side.value(metric);
    let values = rows.iter().flat_map(|row| [value(row.original), row.compressed.and_then(value)]);
    let largest = values.flatten().fold(0.0_f64, f64::max);
    let share = |value: Option<f64>| value.map(|value| if largest > 0.0 { value / largest } else { 0.0 });
    rows.iter()
        .enumerate()
        .map(|(idx, row)| {
            let (original, compressed) = (value(row.original), row.compressed.and_then(value));
            let text = |value: Option<f64>| {
                value.map_or_else(|| "–".to_owned(), |value| metric_value(words, metric, value))
            };
            let (number, about) = (words.count(idx as u64), about(words, row.original.facts));
            let name = words.text_with(
                "layer-bar",
                &[
                    ("number", (&number).into()),
                    ("about", (&about).into()),
                    ("original", (&text(original)).into()),
                    ("compressed", (&text(compressed)).into()),
                ],
            );
            Bar {
                original: share(original),
                compressed: share(compressed),
                hatched: row.original.facts.kind == LayerKind::Depthwise,
                name: name.into(),
            }
        })
        .collect()
}

/// Properties of [`Strip`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// One for each layer.
    pub bars: Vec<Bar>,
    /// What they show.
    pub metric: Metric,
    /// The open layer.
    pub chosen: usize,
}

/// See the module.
#[component]
pub fn Strip(props: &Props) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let list = use_node_ref();
    {
        let list = list.clone();
        use_effect_with(props.chosen, move |chosen| {
            let option = list.cast::<HtmlElement>().and_then(|list| list.children().item(*chosen as u32));
            if let Some(option) = option {
                browser::reveal(&option);
            }
        });
    }
    let choose = |layer: usize| tools.on(Action::Layers(LayersAction::Choose(layer)));
    let onkeydown = {
        let (dispatch, chosen, n) = (tools.dispatch.clone(), props.chosen, props.bars.len());
        Callback::from(move |event: KeyboardEvent| {
            let layer = match event.key().as_str() {
                "ArrowLeft" | "ArrowUp" => chosen.saturating_sub(1),
                "ArrowRight" | "ArrowDown" => (chosen + 1).min(n.saturating_sub(1)),
                "Home" => 0,
                "End" => n.saturating_sub(1),
                _ => return,
            };
            event.prevent_default();
            dispatch.emit(Action::Layers(LayersAction::Choose(layer)));
        })
    };
    let height = |share: Option<f64>| format!("height:{:.1}px", share.map_or(0.0, |it| (it * HALF).max(1.0)));
    let known = props.bars.iter().any(|bar| bar.original.or(bar.compressed).is_some());
    let metric = metric_name(&words, props.metric);
    let readout = props.bars.get(props.chosen).map(|bar| bar.name.clone());
    html! {
        <section class="box strip-box">
            <div class="strip-scroll">
                <div ref={&list} class="strip" role="listbox" tabindex="0" aria-orientation="horizontal" aria-label={words.text_with("layers-strip", &[("metric", (&metric).into())])} aria-activedescendant={format!("layer-{}", props.chosen)} {onkeydown}>
                    { for props.bars.iter().enumerate().map(|(idx, bar)| html! {
                        <div key={idx} id={format!("layer-{idx}")} class={classes!("strip-bar", bar.hatched.then_some("dw"))} role="option" aria-selected={(idx == props.chosen).to_string()} aria-label={bar.name.clone()} title={bar.name.clone()} data-testid={format!("layer-{idx}")} onclick={choose(idx)}>
                            <span class="up"><i ~style={height(bar.original)} /></span>
                            <span class="no">{ if idx % 4 == 0 || idx == props.chosen { words.count(idx as u64) } else { String::new() } }</span>
                            <span class="down"><i ~style={height(bar.compressed)} /></span>
                        </div>
                    }) }
                </div>
            </div>
            <p class="legend">
                <span><i class="mk a" aria-hidden="true" />{ words.text("layers-up") }</span>
                <span><i class="mk b" aria-hidden="true" />{ words.text("layers-down") }</span>
                <span><i class="sw hatch" aria-hidden="true" />{ words.text("kind-depthwise") }</span>
                <span>{ words.text("layers-keys") }</span>
            </p>
            <p class="note" data-testid="layer-readout">{ match readout {
                Some(_) if !known && props.metric == Metric::Millis => AttrValue::from(words.text("layers-not-measured")),
                Some(_) if !known => AttrValue::from(words.text("layers-not-scanned")),
                Some(readout) => readout,
                None => AttrValue::default(),
            } }</p>
        </section>
    }
}
