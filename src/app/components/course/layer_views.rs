//! Views of one layer of the loaded model: its weights on the ruler of 8 bits, the bits of one weight, how weights are
//! spread, how wide channels are, and how often which symbols occur. All of it is what the view *Layers* looks into.

use half::f16;
use pipeline::{LayerView, Spread};
use yew::prelude::*;

use super::super::layers::{about, histogram_chart, narrow_channels, order, ranges_chart};
use super::super::picker::{Entry, Picker};
use super::Context;
use crate::app::state::{Action, LayersAction};
use crate::app::words::{Words, key};

// The drawings, in their own units.
const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 120.0;

/// The codes of 8 bits that are drawn with a number.
const MARKS: [i32; 5] = [-127, -64, 0, 64, 127];

/// The list of layers, and below it what `show` makes of the open one.
pub fn with_layer(context: &Context<'_>, show: impl Fn(&Words, &LayerView) -> Html) -> Html {
    let Context { words, tools, state, .. } = context;
    let Some(model) = &state.model.current else {
        return html! { <p class="note">{ words.text("waiting-model") }</p> };
    };
    let entries: Vec<Entry> = model
        .layers
        .iter()
        .enumerate()
        .map(|(idx, layer)| {
            let (number, about) = (words.count(idx as u64), about(words, layer));
            let label =
                words.text_with("course-layer", &[("number", (&number).into()), ("about", (&about).into())]);
            Entry { value: idx.to_string().into(), label: label.into(), disabled: false }
        })
        .collect();
    let chosen = state.layers.chosen;
    let onchoose = {
        let dispatch = tools.dispatch.clone();
        Callback::from(move |value: String| {
            if let Ok(layer) = value.parse() {
                dispatch.emit(Action::Layers(LayersAction::Choose(layer)));
            }
        })
    };
    let node = model.layers.get(chosen).map(|layer| &layer.node);
    let view = state.layers.view.as_deref().filter(|view| Some(&view.node) == node);
    html! {
        <div class="course-layer" data-testid="course-layer" data-layer={chosen.to_string()} data-ready={view.is_some().to_string()}>
            <Picker label={words.text("layer")} {entries} chosen={chosen.to_string()} {onchoose} testid="course-layer-choice" />
            { match view {
                Some(view) => show(words, view),
                None => html! { <p class="note">{ words.text("layer-loading") }</p> },
            } }
        </div>
    }
}

/// Two names with their values, as a table.
fn facts(rows: impl IntoIterator<Item = (String, String)>) -> Html {
    html! { <table class="t"><tbody>{ for rows.into_iter().map(|(name, value)| html! { <tr><th scope="row">{ name }</th><td>{ value }</td></tr> }) }</tbody></table> }
}

/// The codes of one scale for the layer, and how many weights lie where.
pub fn ruler(words: &Words, view: &LayerView) -> Html {
    let limit = f64::from(view.original.widest()).max(f64::MIN_POSITIVE);
    let step = limit / 127.0;
    let x = |code: f64| WIDTH * (code + 127.0) / 254.0;
    let ticks: String = (-127..=127)
        .map(|code| format!("M{:.2} {HEIGHT}v{}", x(f64::from(code)), if code % 16 == 0 { -9 } else { -4 }))
        .collect();
    let largest = view.original.histogram.iter().copied().max().unwrap_or(1).max(1);
    let n = view.original.histogram.len().max(1) as f64;
    // Bins divide the range of both sides; the ruler ends at the original's.
    let reach = f64::from(view.limit) / limit;
    let bars: String = view
        .original
        .histogram
        .iter()
        .enumerate()
        .filter(|(_, count)| **count > 0)
        .map(|(bin, count)| {
            let from = (2.0 * bin as f64 / n - 1.0) * reach * 127.0;
            let to = (2.0 * (bin as f64 + 1.0) / n - 1.0) * reach * 127.0;
            let height = (HEIGHT - 14.0) * (f64::from(*count) / f64::from(largest)).sqrt();
            format!(
                "M{:.2} {}h{:.2}v-{height:.2}H{:.2}z",
                x(from),
                HEIGHT - 10.0,
                x(to) - x(from) - 0.6,
                x(from)
            )
        })
        .collect();
    let (step_text, limit_text) = (words.number(step, 5), words.number(limit, 3));
    let label = words
        .text_with("course-ruler-label", &[("step", (&step_text).into()), ("limit", (&limit_text).into())]);
    html! {
        <>
        <svg class="plot" viewBox={format!("-12 -2 {} {}", WIDTH + 24.0, HEIGHT + 18.0)} role="img" aria-label={label.clone()}>
            <path class="filled" d={bars} /><path class="axis" d={ticks} />
            { for MARKS.iter().map(|code| html! { <text x={format!("{:.1}", x(f64::from(*code)))} y={(HEIGHT + 13.0).to_string()} text-anchor="middle">{ words.number(f64::from(*code), 0) }</text> }) }
        </svg>
        <p class="note">{ label }</p>
        <p class="note">{ words.text("histogram-axis") }</p>
        </>
    }
}

/// The bits of the followed weight as 32 and as 16 bits.
pub fn weight_bits(words: &Words, view: &LayerView) -> Html {
    let value = view.weight.value;
    let half = f16::from_f32(value);
    let number = |value: f64| words.number(value, 7);
    let row = |name: &'static str, bits: String, (exponent, fraction): (usize, usize), value: String| {
        let (sign, rest) = bits.split_at(1);
        let (exponent, fraction) = (&rest[..exponent], &rest[exponent..exponent + fraction]);
        html! {
            <div class="bits">
                <b>{ words.text(name) }</b>
                <span class="mono" data-testid={name}><i class="sign">{ sign.to_owned() }</i>{ " " }<i class="exponent">{ exponent.to_owned() }</i>{ " " }<i class="fraction">{ fraction.to_owned() }</i></span>
                <span class="mono">{ value }</span>
            </div>
        }
    };
    let error = f64::from(half.to_f32()) - f64::from(value);
    html! {
        <>
        { row(key("course-fp32"), format!("{:032b}", value.to_bits()), (8, 23), number(f64::from(value))) }
        { row(key("course-fp16"), format!("{:016b}", half.to_bits()), (5, 10), number(f64::from(half.to_f32()))) }
        <p class="note">{ words.text("course-bits-parts") }</p>
        { facts([(words.text("course-error"), words.number(error, 9))]) }
        </>
    }
}

/// How the weights are spread, before and after.
pub fn weight_histogram(words: &Words, view: &LayerView) -> Html {
    let limit = words.number(f64::from(view.limit), 3);
    let distinct = |counts: &[u32]| words.count(counts.iter().filter(|count| **count > 0).count() as u64);
    let mut rows = vec![(words.text("original"), distinct(&view.original.histogram))];
    rows.extend(
        view.compressed.as_ref().map(|spread| (words.text("compressed"), distinct(&spread.histogram))),
    );
    html! {
        <>
        { histogram_chart(&view.original, view.compressed.as_ref(), words.text("histogram-heading")) }
        <p class="ends note"><span>{ "\u{2212}" }{ &limit }</span><span>{ "0" }</span><span>{ &limit }</span></p>
        <p class="legend"><span><i class="mk a" aria-hidden="true" />{ words.text("original") }</span>if view.compressed.is_some() { <span><i class="mk b" aria-hidden="true" />{ words.text("compressed") }</span> }</p>
        <p class="note">{ words.text("histogram-axis") }</p>
        <h3>{ words.text("course-bins") }</h3>
        { facts(rows) }
        </>
    }
}

/// How wide each channel is in levels of one scale, before and after.
pub fn channel_ranges(words: &Words, view: &LayerView) -> Html {
    let places = order(&view.original);
    let chart = |spread: &Spread, class: &'static str, text: &'static str| {
        html! { <><h3><i class={classes!("mk", class)} aria-hidden="true" />{ " " }{ words.text(text) }</h3>{ ranges_chart(spread, &places, class, words.text(text)) }</> }
    };
    let n = words.count(view.original.ranges.len() as u64);
    let narrow = |spread: &Spread| {
        let narrow = words.count(narrow_channels(spread) as u64);
        words.text_with("course-of", &[("n", (&narrow).into()), ("of", (&n).into())])
    };
    let mut rows = vec![(words.text("original"), narrow(&view.original))];
    rows.extend(view.compressed.as_ref().map(|spread| (words.text("compressed"), narrow(spread))));
    html! {
        <>
        { chart(&view.original, "a", key("ranges-before")) }
        if let Some(after) = &view.compressed { { chart(after, "b", key("ranges-after")) } }
        <p class="ends note"><span>{ words.text("ranges-widest") }</span><span>{ words.text("ranges-narrowest") }</span></p>
        <h3>{ words.text_with("ranges-narrow", &[("levels", (&words.count(8)).into())]) }</h3>
        { facts(rows) }
        </>
    }
}

/// How often which codes occur in the compressed model.
pub fn symbol_frequencies(words: &Words, view: &LayerView) -> Html {
    let Some(symbols) = view.symbols.as_ref().filter(|symbols| !symbols.is_empty()) else {
        return html! { <p class="note">{ words.text("course-no-symbols") }</p> };
    };
    let total: u64 = symbols.iter().map(|(_, count)| u64::from(*count)).sum();
    let most = symbols.iter().map(|(_, count)| *count).max().unwrap_or(1).max(1);
    let (first, last) = (symbols[0].0, symbols[symbols.len() - 1].0);
    let span = f64::from(last - first) + 1.0;
    let bars: String = symbols
        .iter()
        .map(|(symbol, count)| {
            let (x, w) = (WIDTH * f64::from(symbol - first) / span, (0.85 * WIDTH / span).max(0.6));
            format!("M{x:.2} {HEIGHT}h{w:.2}v-{:.2}h-{w:.2}z", HEIGHT * f64::from(*count) / f64::from(most))
        })
        .collect();
    let entropy = pipeline::entropy(symbols.iter().map(|(_, count)| *count));
    let plain = f64::from(symbols.len() as u32).log2();
    let mut common: Vec<&(i16, u32)> = symbols.iter().collect();
    common.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let label = words.text("course-view-symbol-frequencies");
    html! {
        <>
        <svg class="plot" viewBox={format!("-2 -2 {} {}", WIDTH + 4.0, HEIGHT + 18.0)} role="img" aria-label={label}>
            <path class="filled" d={bars} /><path class="axis" d={format!("M0 {HEIGHT}H{WIDTH}")} />
            <text x="0" y={(HEIGHT + 13.0).to_string()}>{ words.number(first.into(), 0) }</text>
            <text x={WIDTH.to_string()} y={(HEIGHT + 13.0).to_string()} text-anchor="end">{ words.number(last.into(), 0) }</text>
        </svg>
        { facts([
            (words.text("course-symbols"), words.count(symbols.len() as u64)),
            (words.text("course-entropy"), words.number(entropy, 2)),
            (words.text("course-entropy-alike"), words.number(plain, 2)),
        ]) }
        <h3>{ words.text("course-symbols-most") }</h3>
        { facts(common.into_iter().take(5).map(|(symbol, count)| {
            (words.number((*symbol).into(), 0), words.percent(f64::from(*count) / total.max(1) as f64, 1))
        })) }
        </>
    }
}
