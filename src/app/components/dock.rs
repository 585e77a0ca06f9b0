//! The scale bar at the bottom of every view: shipped bytes, latency, same answer. Bars are to one scale per cell; a
//! number that is not known for the present pair is a dash with its reason.

use yew::prelude::*;

use super::recipe_words::draft_name;
use super::side_head::left_name;
use super::width_style;
use crate::app::state::{Agreement, Cell, Draft, LeftSide, Numbers, Reason};
use crate::app::statistics::{Latency, honest_percent, wilson_interval};
use crate::app::tools::use_words;
use crate::app::words::{Words, key};
use crate::bridge::{FixedSet, Stage};

/// The share of a cell's width that the longest whisker takes; the rest is for its label.
const WHISKER_SHARE: f64 = 0.72;

/// Speeds that differ by less than this are called the same.
const SAME_SPEED: f64 = 0.05;

/// Properties of [`Dock`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The three numbers.
    pub numbers: Numbers,
    /// Frames stand still.
    pub paused: bool,
    /// What runs on the left side.
    pub left: LeftSide,
    /// The recipe on the right side.
    pub recipe: Draft,
}

/// See the module.
#[component]
pub fn Dock(props: &Props) -> Html {
    let words = use_words();
    let numbers = &props.numbers;
    html! {
        <section class="dock" aria-label={words.text("dock")}>
            { bytes_cell(&words, numbers, &props.left) }
            { latency_cell(&words, numbers, props) }
            { agreement_cell(&words, numbers, props) }
        </section>
    }
}

fn bytes_cell(words: &Words, numbers: &Numbers, left: &LeftSide) -> Html {
    let (original, compressed) = (known(numbers.bytes_original), known(numbers.bytes_compressed));
    let largest = original.unwrap_or(0).max(compressed.unwrap_or(0)).max(1) as f64;
    let pair = |side: &Pair, cell: Cell<u64>| {
        let value = known(cell);
        let title = value.map(|bytes| {
            let count = words.count(bytes);
            words.text_with("exact-bytes", &[("bytes", (&count).into())])
        });
        html! {
            <div class={classes!("pair", side.class)}>
                <span class={classes!("mk", side.class)} aria-hidden="true" />
                <span class="n" data-testid={side.bytes} data-value={value.map(|bytes| bytes.to_string())} {title}>
                    <span class="sr">{ side.name(words, left) }{ " " }</span>
                    { digits(value.map(|bytes| words.megabytes(bytes)), &words.text("unit-megabytes"), None) }
                </span>
                <span class="sc">{ match cell {
                    Cell::Known(bytes) => html! { <i ~style={width_style(bytes as f64 / largest)} /> },
                    Cell::Missing(reason) => why(words, reason),
                } }</span>
            </div>
        }
    };
    let delta = match (original, compressed) {
        (Some(original), Some(compressed)) => size_words(words, original, compressed),
        _ => String::new(),
    };
    html! {
        <div class="cell">
            <header><h2><span class="lg">{ words.text("dock-bytes") }</span><span class="sm">{ words.text("dock-bytes-short") }</span></h2><span class="delta">{ delta }</span></header>
            { pair(&ORIGINAL, numbers.bytes_original) }
            { pair(&COMPRESSED, numbers.bytes_compressed) }
        </div>
    }
}

fn latency_cell(words: &Words, numbers: &Numbers, props: &Props) -> Html {
    let (original, compressed) = (known(numbers.latency_original), known(numbers.latency_compressed));
    let longest =
        [original, compressed].into_iter().flatten().map(|it| it.p95.max(it.median)).fold(1e-9, f64::max);
    let scale = WHISKER_SHARE / longest;
    let pair = |side: &Pair, cell: Cell<Latency>| {
        let value = known(cell);
        let (median, p95) = (value.map(|it| words.millis(it.median)), value.map(|it| words.millis(it.p95)));
        let short = p95.as_ref().map(|p95| format!(" ({p95})"));
        html! {
            <div class={classes!("pair", side.class)}>
                <span class={classes!("mk", side.class)} aria-hidden="true" />
                <span class="n" data-testid={side.latency} data-value={value.map(|it| it.median.to_string())} data-p95={value.map(|it| it.p95.to_string())} data-n={value.map(|it| it.n.to_string())}>
                    <span class="sr">{ side.name(words, &props.left) }{ " " }</span>
                    { digits(median, &words.text("unit-milliseconds"), short) }
                </span>
                <span class="sc">{ match cell {
                    Cell::Known(latency) => whisker(words, latency, scale),
                    Cell::Missing(reason) => why(words, reason),
                } }</span>
            </div>
        }
    };
    let delta = match (original, compressed) {
        (Some(original), Some(compressed)) => speed_words(words, original.median, compressed.median),
        _ => String::new(),
    };
    let heading = match original.or(compressed) {
        _ if props.paused => words.text("dock-latency-paused"),
        Some(latency) => {
            let n = words.count(latency.n as u64);
            words.text_with("dock-latency-of", &[("n", (&n).into())])
        }
        None => words.text("dock-latency"),
    };
    html! {
        <div class="cell">
            <header><h2><span class="lg">{ heading }</span><span class="sm">{ words.text("dock-latency-short") }</span></h2><span class="delta">{ delta }</span></header>
            { pair(&ORIGINAL, numbers.latency_original) }
            { pair(&COMPRESSED, numbers.latency_compressed) }
        </div>
    }
}

/// A bar to the median and a thin line to the 95th percentile.
fn whisker(words: &Words, latency: Latency, scale: f64) -> Html {
    let (median, p95) = (latency.median * scale, latency.p95.max(latency.median) * scale);
    let line = if p95 > 0.0 { 100.0 * (p95 - median) / p95 } else { 0.0 };
    let digits = words.millis(latency.p95);
    html! {
        <>
        <i ~style={width_style(median)} />
        <i class="p95" ~style={format!("{};--w:{line:.2}%", width_style(p95))} />
        <em ~style={format!("left:{:.2}%", 100.0 * p95)}>{ words.text_with("p95", &[("millis", (&digits).into())]) }</em>
        </>
    }
}

fn agreement_cell(words: &Words, numbers: &Numbers, props: &Props) -> Html {
    let agreement = known(numbers.agreement);
    let share = agreement.filter(|it| it.n > 0).map(|it| f64::from(it.same) / f64::from(it.n));
    let percent = agreement.map(|it| words.number(honest_percent(it.same, it.n), 1));
    let different = agreement.map(|it| {
        let n = it.n.saturating_sub(it.same);
        let count = words.count(n.into());
        words.text_with("dock-different", &[("n", (&count).into())])
    });
    let heading =
        if props.paused { words.text("dock-agreement-paused") } else { words.text("dock-agreement") };
    let (left, right) = (left_name(words, &props.left), draft_name(words, &props.recipe));
    let between = words.text_with("dock-between", &[("left", (&left).into()), ("right", (&right).into())]);
    let how = match numbers.agreement {
        Cell::Known(agreement) => interval(words, agreement),
        Cell::Missing(reason) => html! { <span class="wait">{ reason_words(words, reason) }</span> },
    };
    html! {
        <div class="cell">
            <header><h2><span class="lg">{ heading }</span><span class="sm">{ words.text("dock-agreement-short") }</span>{ " " }<span class="between" data-testid="between" title={between.clone()}>{ &between }</span></h2><span class="delta lg">{ different }</span></header>
            <div class="agree">
                <span class="n" data-testid="agreement" data-value={share.map(|share| share.to_string())} data-n={agreement.map(|it| it.n.to_string())}>
                    { digits(percent, &words.text("unit-percent"), None) }
                </span>
                <div class="how">{ how }</div>
            </div>
        </div>
    }
}

fn interval(words: &Words, agreement: Agreement) -> Html {
    let (low, high) = wilson_interval(agreement.same, agreement.n);
    let (same, n) = (words.count(agreement.same.into()), words.count(agreement.n.into()));
    let values = [("same", (&same).into()), ("n", (&n).into())];
    let of = match agreement.set {
        None => words.text_with("of-frames", &values),
        Some(FixedSet::BuiltIn) => words.text_with("of-views", &values),
        Some(FixedSet::Own) => words.text_with("of-own", &values),
    };
    let (low_text, high_text) = (words.number(100.0 * low, 1), words.percent(high, 1));
    let range = words.text_with("range", &[("low", (&low_text).into()), ("high", (&high_text).into())]);
    let share = f64::from(agreement.same) / f64::from(agreement.n.max(1));
    html! {
        <>
        { of }
        <span class="more"><br />{ range }</span>
        <div class="ci" aria-hidden="true">
            <i ~style={format!("left:{:.2}%;{}", 100.0 * low, width_style(high - low))} />
            <u ~style={format!("left:{:.2}%", 100.0 * share)} />
        </div>
        </>
    }
}

struct Pair {
    class: &'static str,
    bytes: &'static str,
    latency: &'static str,
}

const ORIGINAL: Pair = Pair { class: "a", bytes: "bytes-original", latency: "latency-original" };
const COMPRESSED: Pair = Pair { class: "b", bytes: "bytes-compressed", latency: "latency-compressed" };

impl Pair {
    /// What the side is, for those who do not see its mark.
    fn name(&self, words: &Words, left: &LeftSide) -> String {
        if self.class == "a" { left_name(words, left) } else { words.text("compressed") }
    }
}

fn known<T>(cell: Cell<T>) -> Option<T> {
    match cell {
        Cell::Known(value) => Some(value),
        Cell::Missing(_) => None,
    }
}

/// A number with a small unit, or a dash.
fn digits(number: Option<String>, unit: &str, short: Option<String>) -> Html {
    match number {
        Some(number) => html! {
            <>{ number }<small>{ "\u{a0}" }{ unit }if let Some(short) = short { <span class="sm">{ short }</span> }</small></>
        },
        None => html! { <span class="wait">{ "–" }</span> },
    }
}

fn why(words: &Words, reason: Reason) -> Html {
    html! { <span class="why">{ reason_words(words, reason) }</span> }
}

fn reason_words(words: &Words, reason: Reason) -> String {
    match reason {
        Reason::WorkerStarts => words.text("reason-worker-starts"),
        Reason::WorkerLost => words.text("reason-worker-lost"),
        Reason::ModelLoads => words.text("reason-model-loads"),
        Reason::NoModel => words.text("reason-no-model"),
        Reason::RecipeRuns(None | Some(Stage::Download | Stage::Read | Stage::FixedSet | Stage::Scan)) => {
            words.text("reason-recipe-runs")
        }
        Reason::RecipeRuns(Some(Stage::Calibrate)) => words.text("reason-recipe-calibrates"),
        Reason::RecipeRuns(Some(Stage::Weights)) => words.text("reason-recipe-weights"),
        Reason::RecipeRuns(Some(Stage::Repair)) => words.text("reason-recipe-repairs"),
        Reason::RecipeRuns(Some(Stage::Sizes)) => words.text("reason-recipe-sizes"),
        Reason::RecipeStopped => words.text("reason-recipe-stopped"),
        Reason::NoFrames => words.text("reason-no-frames"),
        Reason::Paused => words.text("reason-paused"),
        Reason::WarmingUp { done, of } => counted(words, key("reason-warming-up"), done, of),
        Reason::Counting { done, of } => counted(words, key("reason-counting"), done, of),
    }
}

fn counted(words: &Words, text: &'static str, done: u32, of: u32) -> String {
    let (done, of) = (words.count(done.into()), words.count(of.into()));
    words.text_with(text, &[("done", (&done).into()), ("of", (&of).into())])
}

fn size_words(words: &Words, original: u64, compressed: u64) -> String {
    let (original, compressed) = (original as f64, compressed as f64);
    let (larger, smaller) = (original.max(compressed), original.min(compressed));
    if larger < smaller * 1.005 {
        return words.text("same-size");
    }
    let factor = words.factor(larger, smaller);
    let values = [("factor", (&factor).into())];
    if original > compressed {
        words.text_with("times-smaller", &values)
    } else {
        words.text_with("times-larger", &values)
    }
}

fn speed_words(words: &Words, original: f64, compressed: f64) -> String {
    let (slower, faster) = (original.max(compressed), original.min(compressed));
    if slower <= faster * (1.0 + SAME_SPEED) {
        return words.text("same-speed");
    }
    let factor = words.factor(slower, faster);
    let values = [("factor", (&factor).into())];
    if original > compressed {
        words.text_with("times-faster", &values)
    } else {
        words.text_with("times-slower", &values)
    }
}
