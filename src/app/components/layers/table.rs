//! The table beside the strip: every figure of every layer.

use pipeline::WeightFormat;
use yew::prelude::*;

use super::kind_name;
use super::rows::{Row, Side};
use crate::app::state::{Action, LayersAction};
use crate::app::tools::{use_tools, use_words};
use crate::app::words::Words;
use crate::bridge::{Memory, ModelMemory};

/// A line's cells, the layer's number left out.
pub type Line = Vec<String>;

/// The lines of all layers.
pub fn lines(rows: &[Row<'_>], words: &Words) -> Vec<Line> {
    rows.iter()
        .map(|row| {
            let facts = row.original.facts;
            let shape = facts.weight_shape.iter().map(usize::to_string).collect::<Vec<_>>().join("×");
            let millions = words.number(facts.macs as f64 / 1e6, 2);
            let compressed = row.compressed.map(|side| side.facts);
            let dash = || "–".to_owned();
            let mut line = vec![
                kind_name(words, facts.kind),
                shape,
                millions,
                words.count(facts.bytes),
                compressed.map_or_else(dash, |facts| words.count(facts.bytes)),
                compressed.map_or_else(dash, |facts| format_name(words, facts.format)),
                compressed.map_or_else(dash, |facts| words.percent(facts.sparsity, 1)),
            ];
            line.extend(times(words, Some(row.original)));
            line.extend(times(words, row.compressed));
            line
        })
        .collect()
}

/// Milliseconds, GMAC/s and share of the ceiling.
fn times(words: &Words, side: Option<Side<'_>>) -> [String; 3] {
    match side.and_then(|side| side.time) {
        None => [(); 3].map(|()| "–".to_owned()),
        Some(time) if time.joined && !time.leads => [(); 3].map(|()| words.text("layer-joined")),
        Some(time) => [
            words.number(time.millis, 3),
            words.number(time.gmacs, 1),
            words.percent(time.share_of_ceiling, 0),
        ],
    }
}

/// `int8, 144 scales`.
fn format_name(words: &Words, format: WeightFormat) -> String {
    match format {
        WeightFormat::Float32 => "FP32".to_owned(),
        WeightFormat::Float16 => "FP16".to_owned(),
        WeightFormat::Bfloat16 => "BF16".to_owned(),
        WeightFormat::Integer { bits, n_scales, group_len } => {
            let (bits, scales) = (words.count(bits.into()), words.count(n_scales as u64));
            let values = [("bits", (&bits).into()), ("scales", (&scales).into())];
            match group_len {
                None => words.text_with("format-integer", &values),
                Some(_) => words.text_with("format-groups", &values),
            }
        }
        WeightFormat::Clustered { n_clusters, .. } => {
            let n = words.count(n_clusters as u64);
            words.text_with("format-clustered", &[("n", (&n).into())])
        }
    }
}

/// Properties of [`LayerTable`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// One for each layer.
    pub lines: Vec<Line>,
    /// The open layer.
    pub chosen: usize,
    /// Runs of which times are medians, and what the models take, where they were measured.
    pub measured: Option<(u32, Memory)>,
}

/// See the module.
#[component]
pub fn LayerTable(props: &Props) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let (a, b) = (words.text("original"), words.text("compressed"));
    let of = |name: String, side: &str| format!("{name}, {side}");
    let (bytes, millis) = (words.text("metric-bytes"), words.text("unit-milliseconds"));
    let (rate, ceiling) = (words.text("layer-rate"), words.text("layer-ceiling"));
    let heads = [
        words.text("layer-kind"),
        words.text("layer-weights"),
        words.text("metric-macs-millions"),
        of(bytes.clone(), &a),
        of(bytes, &b),
        words.text("layer-format"),
        words.text("metric-zeros"),
        of(millis.clone(), &a),
        of(rate.clone(), &a),
        of(ceiling.clone(), &a),
        of(millis, &b),
        of(rate, &b),
        of(ceiling, &b),
    ];
    let notes = match props.measured {
        Some((runs, memory)) => measured_notes(&words, runs, memory),
        None => vec![words.text("layers-not-measured")],
    };
    html! {
        <section class="box layer-table">
            <header><h2>{ words.text("layers-table") }</h2></header>
            <div data-testid="layers-notes">{ for notes.into_iter().map(|note| html! { <p class="note">{ note }</p> }) }</div>
            <div class="scroll" tabindex="0" role="region" aria-label={words.text("layers-table")}>
                <table class="t" data-testid="layer-table">
                    <thead><tr><th scope="col">{ words.text("layer") }</th>{ for heads.iter().map(|head| html! { <th scope="col">{ head }</th> }) }</tr></thead>
                    <tbody>{ for props.lines.iter().enumerate().map(|(idx, line)| html! {
                        <tr key={idx} aria-current={(idx == props.chosen).then_some("true")}>
                            <th scope="row"><button class="link" type="button" onclick={tools.on(Action::Layers(LayersAction::Choose(idx)))}>{ words.count(idx as u64) }</button></th>
                            { for line.iter().map(|cell| html! { <td>{ cell }</td> }) }
                        </tr>
                    }) }</tbody>
                </table>
            </div>
        </section>
    }
}

/// What the times are, and the memory beside them.
fn measured_notes(words: &Words, runs: u32, memory: Memory) -> Vec<String> {
    let of = |side: &'static str, ModelMemory { weights, arena }: ModelMemory| {
        let [weights, arena] = [weights, arena].map(|bytes| words.megabytes(bytes));
        let side = words.text(side);
        let values = [("side", (&side).into()), ("weights", (&weights).into()), ("arena", (&arena).into())];
        words.text_with("layers-memory", &values)
    };
    let (runs, peak) = (words.count(runs.into()), words.megabytes(memory.peak));
    let mut notes = vec![words.text_with("layers-measured", &[("runs", (&runs).into())])];
    notes.push(of("original", memory.original));
    notes.extend(memory.compressed.map(|compressed| of("compressed", compressed)));
    notes.push(words.text_with("layers-memory-peak", &[("peak", (&peak).into())]));
    notes
}
