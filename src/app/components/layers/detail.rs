//! One layer from inside: the width of its channels, its weights before and after, and the arithmetic of one weight.

use std::rc::Rc;

use pipeline::{LayerFacts, LayerView, StoredWeight};
use yew::prelude::*;

use super::about;
use super::ranges::{FEW_LEVELS, histogram_chart, narrow_channels, order, ranges_chart};
use crate::app::state::{Action, LayersAction};
use crate::app::tools::{use_tools, use_words};
use crate::app::words::Words;

/// Properties of [`Detail`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The layer's position.
    pub number: usize,
    /// What it is.
    pub facts: LayerFacts,
    /// What it is in the compressed model.
    pub compressed: Option<LayerFacts>,
    /// Its weights, once the worker has looked.
    pub view: Option<Rc<LayerView>>,
}

/// See the module.
#[component]
pub fn Detail(props: &Props) -> Html {
    let words = use_words();
    let number = words.count(props.number as u64);
    let heading = words.text_with("layer-number", &[("number", (&number).into())]);
    html! {
        <div class="layer-detail" data-testid="layer-detail" data-layer={props.number.to_string()} data-ready={props.view.is_some().to_string()}>
            <section class="box">
                <header><h2>{ heading }{ " " }<span class="thin">{ about(&words, &props.facts) }</span></h2></header>
                <p class="note mono">{ &props.facts.node }</p>
                { match &props.view {
                    Some(view) => widths(&words, view),
                    None => html! { <p class="note">{ words.text("layer-loading") }</p> },
                } }
            </section>
            <div class="stack">
                <section class="box">
                    <header><h2>{ words.text("weight-heading") }</h2></header>
                    if let Some(view) = &props.view { <Arithmetic view={view.clone()} /> }
                </section>
                <section class="box">
                    <header><h2>{ words.text("histogram-heading") }</h2></header>
                    if let Some(view) = &props.view { { histogram(&words, view) } }
                </section>
            </div>
        </div>
    }
}

fn widths(words: &Words, view: &LayerView) -> Html {
    let places = order(&view.original);
    let n = view.original.ranges.len();
    let narrow = narrow_channels(&view.original);
    let (narrow_text, n_text) = (words.count(narrow as u64), words.count(n as u64));
    let levels = words.count(FEW_LEVELS as u64);
    let lead = words.text_with(
        "ranges-lead",
        &[("narrow", (&narrow_text).into()), ("n", (&n_text).into()), ("levels", (&levels).into())],
    );
    let step = |limit: f32| words.number(f64::from(limit) / 127.0, 5);
    let pair = |before: String, after: Option<String>| match after {
        Some(after) => {
            words.text_with("before-after", &[("before", (&before).into()), ("after", (&after).into())])
        }
        None => before,
    };
    let after = view.compressed.as_ref();
    let narrow_after = after.map(|spread| words.count(narrow_channels(spread) as u64));
    html! {
        <>
        <p class="layer-lead">{ lead }</p>
        <h3><i class="mk a" aria-hidden="true" />{ words.text("ranges-before") }</h3>
        <div class="plot-row"><span class="axis" aria-hidden="true"><span>{ "127" }</span><span>{ "0" }</span><span>{ "\u{2212}127" }</span></span>{ ranges_chart(&view.original, &places, "a", words.text("ranges-before")) }</div>
        if let Some(after) = after {
            <h3><i class="mk b" aria-hidden="true" />{ words.text("ranges-after") }</h3>
            <div class="plot-row"><span class="axis" aria-hidden="true"><span>{ "127" }</span><span>{ "0" }</span><span>{ "\u{2212}127" }</span></span>{ ranges_chart(after, &places, "b", words.text("ranges-after")) }</div>
        }
        <p class="ends note"><span>{ words.text("ranges-widest") }</span><span>{ words.text("ranges-narrowest") }</span></p>
        <dl class="layer-facts">
            <div><dt>{ words.text_with("ranges-narrow", &[("levels", (&levels).into())]) }</dt><dd data-testid="narrow-channels" data-value={narrow.to_string()} data-n={n.to_string()}>{ pair(narrow_text, narrow_after) }</dd></div>
            <div><dt>{ words.text("ranges-step") }</dt><dd>{ pair(step(view.original.widest()), after.map(|spread| step(spread.widest()))) }</dd></div>
        </dl>
        </>
    }
}

fn histogram(words: &Words, view: &LayerView) -> Html {
    let limit = words.number(f64::from(view.limit), 3);
    html! {
        <>
        { histogram_chart(&view.original, view.compressed.as_ref(), words.text("histogram-heading")) }
        <p class="ends note"><span>{ "\u{2212}" }{ &limit }</span><span>{ "0" }</span><span>{ &limit }</span></p>
        <p class="legend">
            <span><i class="mk a" aria-hidden="true" />{ words.text("original") }</span>
            if view.compressed.is_some() { <span><i class="mk b" aria-hidden="true" />{ words.text("compressed") }</span> }
        </p>
        <p class="note">{ words.text("histogram-axis") }</p>
        </>
    }
}

/// Properties of [`Arithmetic`].
#[derive(Properties, PartialEq)]
pub struct ArithmeticProps {
    /// The layer.
    pub view: Rc<LayerView>,
}

/// The largest weight of one channel: its value, scale, level, restored value and error.
#[component]
pub fn Arithmetic(props: &ArithmeticProps) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let weight = &props.view.weight;
    let n = props.view.original.ranges.len();
    let last = n.saturating_sub(1);
    let to = |channel: usize| tools.on(Action::Layers(LayersAction::Channel(channel)));
    let (channel, position) = (words.count(weight.channel as u64), words.count(weight.position as u64 + 1));
    let of = words.count(weight.channel_len as u64);
    let place = words.text_with(
        "weight-place",
        &[("channel", (&channel).into()), ("position", (&position).into()), ("of", (&of).into())],
    );
    let number = |value: f32| words.number(f64::from(value), 5);
    let line = |name: String, value: String| html! { <div><span>{ name }</span><span class="mono">{ value }</span></div> };
    let steps = match weight.stored {
        None => html! { <div><span>{ words.text("weight-gone") }</span></div> },
        Some(StoredWeight::Float { bits, value }) => {
            let bits = words.count(bits.into());
            line(words.text_with("weight-float", &[("bits", (&bits).into())]), number(value))
        }
        Some(StoredWeight::Level { bits, scale, multiplier, level, value }) => {
            let bits = words.count(bits.into());
            let step = scale * f32::from(multiplier);
            let quotient = if step > 0.0 { weight.value / step } else { 0.0 };
            html! {
                <>
                { line(words.text("weight-scale"), number(scale)) }
                if multiplier != 1 { { line(words.text("weight-multiplier"), words.count(multiplier.into())) } }
                { line(words.text("weight-zero-point"), words.count(0)) }
                { line(words.text("weight-quotient"), words.number(f64::from(quotient), 3)) }
                { line(words.text_with("weight-level", &[("bits", (&bits).into())]), words.number(level.into(), 0)) }
                { line(words.text("weight-restored"), number(value)) }
                </>
            }
        }
        Some(StoredWeight::Code { code, n_clusters, value }) => {
            let n = words.count(n_clusters as u64);
            html! {
                <>
                { line(words.text_with("weight-code", &[("n", (&n).into())]), words.count(code.into())) }
                { line(words.text("weight-restored"), number(value)) }
                </>
            }
        }
    };
    let error = weight.stored.map(|stored| f64::from(stored.value() - weight.value));
    let share = error.filter(|_| weight.value != 0.0).map(|error| error / f64::from(weight.value));
    html! {
        <>
        <div class="weight-row">
            <p class="note">{ place }</p>
            <button class="btn" type="button" aria-label={words.text("channel-before")} disabled={weight.channel == 0} onclick={to(weight.channel.saturating_sub(1))}>{ "\u{2039}" }</button>
            <button class="btn" type="button" aria-label={words.text("channel-after")} disabled={weight.channel >= last} onclick={to((weight.channel + 1).min(last))}>{ "\u{203a}" }</button>
        </div>
        <div class="arith" data-testid="weight-arithmetic">
            { line(words.text("weight-value"), number(weight.value)) }
            { steps }
            if let Some(share) = share { <div><span>{ words.text("weight-error") }</span><b>{ words.percent(share, 2) }</b></div> }
        </div>
        <p class="note">{ words.text("weight-note") }</p>
        </>
    }
}
