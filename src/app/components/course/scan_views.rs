//! Views of all layers at once, from a scan that the learner starts: errors of outputs, ranges of activations, shifts of
//! means.

use pipeline::LayerOutputs;
use yew::prelude::*;

use super::super::progress_bar::ProgressBar;
use super::super::recipe_words::draft_name;
use super::Context;
use crate::app::state::{Action, LayersAction, ScanAction};
use crate::app::words::{Words, key};

// The drawings, in their own units.
const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 140.0;

/// The scan, and what `show` makes of it.
fn scanned(context: &Context<'_>, show: impl Fn(&Words, &[LayerOutputs]) -> Html) -> Html {
    let Context { words, tools, state, .. } = context;
    let scan = &state.layers.scans.outputs;
    let act = |action| tools.on(Action::Layers(LayersAction::Scan(action)));
    let ready = state.recipe.is_current() && state.has_pictures();
    let (left, right) = (words.text("original"), draft_name(words, &state.recipe.wanted));
    let between = words.text_with("dock-between", &[("left", (&left).into()), ("right", (&right).into())]);
    html! {
        <div class="course-scan">
            <p class="note">{ between }</p>
            if let Some((_, progress)) = scan.running {
                <ProgressBar title={words.text("scan-outputs")} {progress} oncancel={act(ScanAction::Cancel)} />
            } else {
                <button class="btn" type="button" data-testid="run-scan" data-n={scan.found.as_ref().map(|found| found.0.to_string())} disabled={!ready} onclick={act(ScanAction::Outputs)}>{ words.text("scan-run") }</button>
            }
            if scan.failure.is_some() { <p class="note" role="status">{ words.text("scan-failed") }</p> }
            if let Some(found) = &scan.found {
                { show(words, &found.1) }
                <p class="note">{ words.text_with("scan-done", &[("n", (&words.count(found.0.into())).into())]) }</p>
            }
        </div>
    }
}

/// How far each layer's output is from the original's.
pub fn layer_error(context: &Context<'_>) -> Html {
    scanned(context, |words, layers| {
        let value = |layer: &LayerOutputs| layer.relative_error;
        bars(words, layers, value, key("course-layer-error-label"), |value| words.percent(value, 2))
    })
}

/// How far the means of each layer's channels have moved.
pub fn output_shift(context: &Context<'_>) -> Html {
    scanned(context, |words, layers| {
        let value = |layer: &LayerOutputs| layer.shifts.as_ref().map(|shift| f64::from(shift.typical));
        bars(words, layers, value, key("course-shift-label"), |value| words.number(value, 3))
    })
}

/// Smallest and largest activation behind each layer.
pub fn activation_ranges(context: &Context<'_>) -> Html {
    scanned(context, |words, layers| {
        let low = layers.iter().map(|layer| layer.range[0]).fold(0.0_f32, f32::min);
        let high = layers.iter().map(|layer| layer.range[1]).fold(0.0_f32, f32::max);
        let span = f64::from(high - low).max(f64::MIN_POSITIVE);
        let y = |value: f32| HEIGHT * (1.0 - f64::from(value - low) / span);
        let n = layers.len().max(1) as f64;
        let lines: String = layers
            .iter()
            .enumerate()
            .map(|(idx, layer)| {
                let x = WIDTH * (idx as f64 + 0.5) / n;
                format!(
                    "M{x:.1} {:.1}V{:.1}",
                    y(layer.range[1]),
                    y(layer.range[0]).max(y(layer.range[1]) + 0.5)
                )
            })
            .collect();
        let label = words.text("course-ranges-label");
        let rows = layers.iter().enumerate().map(|(idx, layer)| {
            let [low, high] = layer.range.map(|bound| words.number(f64::from(bound), 2));
            html! { <tr><th scope="row">{ words.count(idx as u64) }</th><td>{ low }</td><td>{ high }</td></tr> }
        });
        html! {
            <>
            <svg class="plot" viewBox={format!("-2 -2 {} {}", WIDTH + 4.0, HEIGHT + 4.0)} role="img" aria-label={label.clone()}>
                <path class="axis" d={format!("M0 {0:.1}H{WIDTH}", y(0.0))} /><path class="thick" d={lines} />
            </svg>
            <p class="note">{ label }</p>
            <details><summary>{ words.text("course-as-table") }</summary>
                <table class="t"><thead><tr><th scope="col">{ words.text("layer") }</th><th scope="col">{ words.text("course-smallest") }</th><th scope="col">{ words.text("course-largest") }</th></tr></thead><tbody>{ for rows }</tbody></table>
            </details>
            </>
        }
    })
}

/// One bar for each layer, the largest value named, and a table.
fn bars(
    words: &Words,
    layers: &[LayerOutputs],
    value: impl Fn(&LayerOutputs) -> Option<f64>,
    text: &'static str,
    write: impl Fn(f64) -> String,
) -> Html {
    let values: Vec<Option<f64>> = layers.iter().map(value).collect();
    let most = values.iter().flatten().copied().fold(0.0_f64, f64::max);
    let at = values.iter().position(|value| *value == Some(most)).unwrap_or(0);
    let (n, scale) = (values.len().max(1) as f64, if most > 0.0 { HEIGHT / most } else { 0.0 });
    let bars: String = values
        .iter()
        .enumerate()
        .filter_map(|(idx, value)| Some((idx, (*value)?)))
        .map(|(idx, value)| {
            let (x, w) = (WIDTH * (idx as f64 + 0.1) / n, 0.8 * WIDTH / n);
            format!("M{x:.1} {HEIGHT}h{w:.1}v-{:.1}h-{w:.1}z", (value * scale).max(0.5))
        })
        .collect();
    let (number, largest) = (words.count(at as u64), write(most));
    let label = words.text_with(text, &[("number", (&number).into()), ("largest", (&largest).into())]);
    let rows = values.iter().enumerate().map(|(idx, value)| {
        let value = value.map_or_else(|| "–".to_owned(), &write);
        html! { <tr><th scope="row">{ words.count(idx as u64) }</th><td>{ value }</td></tr> }
    });
    html! {
        <>
        <svg class="plot" viewBox={format!("-2 -2 {} {}", WIDTH + 4.0, HEIGHT + 4.0)} role="img" aria-label={label.clone()}>
            <path class="filled" d={bars} /><path class="axis" d={format!("M0 {HEIGHT}H{WIDTH}")} />
        </svg>
        <p class="note">{ label }</p>
        <details><summary>{ words.text("course-as-table") }</summary>
            <table class="t"><thead><tr><th scope="col">{ words.text("layer") }</th><th scope="col">{ words.text("course-measured") }</th></tr></thead><tbody>{ for rows }</tbody></table>
        </details>
        </>
    }
}
