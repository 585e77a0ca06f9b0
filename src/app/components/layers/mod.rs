//! The view *Layers*: all layers as a strip with a table, and one of them from inside.

mod detail;
mod difference;
mod maps;
mod ranges;
mod rows;
mod scan_bar;
mod strip;
mod table;

use std::rc::Rc;

use pipeline::{LayerFacts, LayerKind};
use web_sys::HtmlCanvasElement;
use yew::prelude::*;

use super::picker::{Entry, Picker};
use crate::app::state::{Action, LayersAction, LayersState, Metric};
use crate::app::tools::{Tools, use_tools, use_words};
use crate::app::words::{Words, key};
use crate::bridge::{CompressedFacts, ModelFacts};
pub use detail::Arithmetic;
use detail::Detail;
use maps::FeatureMaps;
pub use ranges::{histogram_chart, narrow_channels, order, ranges_chart};
use scan_bar::ScanBar;
use strip::Strip;
use table::LayerTable;

/// Properties of [`Layers`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The frame loop's canvas.
    pub canvas: Option<HtmlCanvasElement>,
    /// The original.
    pub model: Option<Rc<ModelFacts>>,
    /// The compressed model, where it is what the recipe says.
    pub compressed: Option<Rc<CompressedFacts>>,
    /// What is chosen and known.
    pub layers: LayersState,
    /// Threads that share a kernel's work.
    pub threads: u32,
}

/// See the module.
#[component]
pub fn Layers(props: &Props) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let Some(model) = props.model.as_ref().filter(|model| !model.layers.is_empty()) else {
        return html! {
            <div class="viewhead"><div><h1>{ words.text("view-layers") }</h1><p>{ words.text("layers-none") }</p></div></div>
        };
    };
    let compressed = props.compressed.as_ref().map(|facts| facts.layers.as_slice());
    let rows = rows::rows(&model.layers, compressed, &props.layers, props.threads);
    let chosen = props.layers.chosen.min(rows.len().saturating_sub(1));
    let entries = Metric::ALL.map(|metric| Entry {
        value: metric.name().into(),
        label: metric_name(&words, metric).into(),
        disabled: false,
    });
    html! {
        <>
        <div class="viewhead">
            <div><h1>{ words.text("view-layers") }</h1><p>{ words.text("layers-lead") }</p></div>
            <span class="grow" />
            <Picker
                label={words.text("layers-metric")}
                entries={entries.to_vec()}
                chosen={props.layers.metric.name()}
                onchoose={tools.dispatch.reform(|name| Action::Layers(LayersAction::Show(name)))}
                testid="layer-metric"
            />
            { measure_button(&words, &tools, &props.layers, "layers-measure") }
        </div>
        <ScanBar metric={props.layers.metric} scans={props.layers.scans.clone()} ready={props.compressed.is_some()} />
        <Strip bars={strip::bars(&rows, props.layers.metric, &words)} metric={props.layers.metric} {chosen} />
        <Detail
            number={chosen}
            facts={rows[chosen].original.facts.clone()}
            compressed={rows[chosen].compressed.map(|side| side.facts.clone())}
            view={props.layers.view.clone().filter(|view| view.node == rows[chosen].original.facts.node)}
        />
        <FeatureMaps
            canvas={props.canvas.clone()}
            difference={props.layers.difference}
            maps={props.layers.scans.maps.clone().filter(|maps| maps.node == rows[chosen].original.facts.node)}
        />
        <LayerTable lines={table::lines(&rows, &words)} {chosen} measured={props.layers.profile.as_ref().map(|profile| (profile.runs, profile.memory))} />
        </>
    }
}

/// What a metric is called.
fn metric_name(words: &Words, metric: Metric) -> String {
    words.text(match metric {
        Metric::Bytes => key("metric-bytes"),
        Metric::Macs => key("metric-macs"),
        Metric::Millis => key("metric-millis"),
        Metric::Zeros => key("metric-zeros"),
        Metric::Bits => key("metric-bits"),
        Metric::Error => key("metric-error"),
        Metric::Sensitivity => key("metric-sensitivity"),
    })
}

/// What a layer does, in words.
fn kind_name(words: &Words, kind: LayerKind) -> String {
    words.text(match kind {
        LayerKind::First => key("kind-first"),
        LayerKind::Depthwise => key("kind-depthwise"),
        LayerKind::Pointwise => key("kind-pointwise"),
        LayerKind::Classifier => key("kind-classifier"),
        LayerKind::Other => key("kind-other"),
    })
}

/// `depthwise 3 × 3, 144 channels`.
pub fn about(words: &Words, facts: &LayerFacts) -> String {
    let kernel = match facts.weight_shape[..] {
        [_, _, height, width] => format!("{height} × {width}"),
        _ => "1 × 1".to_owned(),
    };
    let (kind, channels) = (kind_name(words, facts.kind), words.count(facts.output.channels() as u64));
    words.text_with(
        "layer-about",
        &[("kind", (&kind).into()), ("kernel", (&kernel).into()), ("channels", (&channels).into())],
    )
}

/// A value of a metric with its unit.
fn metric_value(words: &Words, metric: Metric, value: f64) -> String {
    match metric {
        Metric::Bytes => {
            let bytes = words.count(value as u64);
            words.text_with("exact-bytes", &[("bytes", (&bytes).into())])
        }
        Metric::Macs => {
            let millions = words.number(value / 1e6, 2);
            words.text_with("millions", &[("n", (&millions).into())])
        }
        Metric::Millis => format!("{}\u{a0}{}", words.number(value, 3), words.text("unit-milliseconds")),
        Metric::Zeros | Metric::Error => words.percent(value, 1),
        Metric::Sensitivity => {
            let nats = words.number(value, 4);
            words.text_with("nats", &[("n", (&nats).into())])
        }
        Metric::Bits => {
            let bits = words.count(value as u64);
            words.text_with("bits-each", &[("bits", (&bits).into())])
        }
    }
}

/// The button that times all layers of both models, and says while it does.
pub fn measure_button(words: &Words, tools: &Tools, layers: &LayersState, testid: &'static str) -> Html {
    let measuring = layers.profiling.is_some();
    html! {
        <button class="btn" type="button" data-testid={testid} disabled={measuring} onclick={tools.on(Action::Layers(LayersAction::Measure))}>
            { words.text(if measuring { key("layers-measuring") } else { key("layers-measure") }) }
        </button>
    }
}
