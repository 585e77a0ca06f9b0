//! The right side of a step: its view, its sliders, its recipes. A view that this page does not have is a sentence,
//! never a drawing of invented numbers.

use std::rc::Rc;

use ::course::{Kind, Part, Pick, Series, SliderName, View};
use web_sys::HtmlCanvasElement;
use yew::prelude::*;

use super::super::experiments::{Pareto, marks};
use super::super::layers::Arithmetic as WeightArithmetic;
use super::super::size_ladder::SizeLadder;
use super::super::width_style;
use super::Context;
use super::arithmetic::Arithmetic;
use super::both::Both;
use super::figure::figure;
use super::kernel_gains::KernelGains;
use super::layer_views::{self, with_layer};
use super::layers::{kind_text, layers};
use super::published::Published;
use super::runs::runs;
use super::scan_views;
use super::schedule::Schedule;
use super::slider::CourseSlider;
use super::toys::{EqualizePair, IntegerSum, OneSum, ScoreLists};
use crate::app::state::{Action, kind_of_layer};
use crate::app::words::key;
use crate::bridge::CompressedFacts;

/// Everything on the right.
pub fn side(context: &Context<'_>, canvas: Option<HtmlCanvasElement>) -> Html {
    let Context { words, state, step, .. } = context;
    let view = step.control.view;
    let title = title(context);
    let live = matches!(view, View::Compare | View::Timing | View::Recipe | View::ScoreLists);
    let shown = step.control.show.iter().map(|at| {
        html! { <li><span>{ words.optional_text(&format!("course-figure-{}", at.figure.to_string().replace('.', "-"))) }</span>{ " " }{ figure(context, at) }</li> }
    });
    html! {
        <>
        <section class="box" data-testid="side" data-value={view.name()} aria-label={title.clone()}>
            <header><h2>{ title }</h2></header>
            { sliders(context) }
            { content(context) }
            if !step.control.show.is_empty() && step.control.recipes().is_empty() { <ul class="shown">{ for shown }</ul> }
            { runs(context) }
            if step.control.switches.iter().any(|switch| switch.recipes().is_some()) { <p class="note">{ words.text("course-switches") }</p> }
            if step.control.switches.iter().any(|switch| switch.recipes().is_none()) { <p class="note">{ words.text("course-switches-missing") }</p> }
        </section>
        if live {
            <section class="box"><header><h2>{ words.text("course-both-see") }</h2></header>
                <Both {canvas} pair={state.live.shown.clone()} naming={state.naming.clone()} />
            </section>
        }
        </>
    }
}

/// What the box shows. Charts are of different things, and their tables say of what.
fn title(Context { words, step, .. }: &Context<'_>) -> String {
    match step.control.view {
        View::Chart if step.control.series.contains(&Series::Published) => words.text("course-published"),
        View::Chart => words.text("course-kernel-gains"),
        view => words.optional_text(&format!("course-view-{}", view.name())).unwrap_or_default(),
    }
}

fn content(context: &Context<'_>) -> Html {
    let Context { words, state, step, .. } = context;
    let control = &step.control;
    match control.view {
        View::Compare | View::Recipe | View::Timing => html! {},
        View::Experiments if !control.compare.is_empty() => html! {},
        View::Ladder => html! { <SizeLadder facts={state.recipe.current().cloned()} /> },
        View::Layers => layers(context),
        View::Schedule => html! { <Schedule /> },
        View::Chart if control.series.contains(&Series::Published) => html! { <Published /> },
        View::Arithmetic => match control.pick {
            Some(Pick::Weight) if control.live.is_empty() => html! { <Arithmetic /> },
            Some(Pick::Weight) => {
                html! { <>{ with_layer(context, |_, view| html! { <WeightArithmetic view={Rc::new(view.clone())} /> }) }<Arithmetic /></> }
            }
            Some(Pick::OutputValue) => html! { <IntegerSum /> },
            Some(Pick::Position | Pick::Layer) | None => html! { <OneSum /> },
        },
        View::Ruler => with_layer(context, layer_views::ruler),
        View::WeightBits => with_layer(context, layer_views::weight_bits),
        View::WeightHistogram => with_layer(context, layer_views::weight_histogram),
        View::ChannelRanges => with_layer(context, layer_views::channel_ranges),
        View::SymbolFrequencies => with_layer(context, layer_views::symbol_frequencies),
        View::LayerError => scan_views::layer_error(context),
        View::ActivationRanges => scan_views::activation_ranges(context),
        View::OutputShift => scan_views::output_shift(context),
        View::EqualizePair => html! { <EqualizePair /> },
        View::ScoreLists => {
            let with_temperature = control.all_sliders().any(|slider| slider.name == SliderName::Temperature);
            html! { <ScoreLists pair={state.live.shown.clone()} naming={state.naming.clone()} {with_temperature} /> }
        }
        View::Experiments => pareto(context),
        View::Recover => {
            html! { <p class="note" data-testid="view-missing">{ words.text("course-no-training") }</p> }
        }
        View::FileParts if control.show.is_empty() && control.live.iter().all(|at| at.recipe.is_none()) => {
            file_parts(context)
        }
        View::FileParts => {
            let facts = state.recipe.current().cloned();
            html! { <><SizeLadder facts={facts.clone()} />{ facts.map(|facts| bytes_by_kind(context, &facts)) }</> }
        }
        View::Chart => html! { <KernelGains /> },
    }
}

/// The experiments with the loaded model by bytes and agreement.
fn pareto(context: &Context<'_>) -> Html {
    let Context { words, state, .. } = context;
    let Some(model) = &state.model.current else {
        return html! { <p class="note">{ words.text("waiting-model") }</p> };
    };
    let tree = state.experiments.of_model(&model.name);
    let marks = marks(words, &tree, &state.recipe.wanted.recipe());
    html! { <Pareto {marks} original={model.shipped_bytes} /> }
}

/// The original's file: four bytes for each weight, and the rest.
fn file_parts(context: &Context<'_>) -> Html {
    let Context { words, state, .. } = context;
    let Some(model) = &state.model.current else {
        return html! { <p class="note">{ words.text("waiting-model") }</p> };
    };
    let total = model.shipped_bytes;
    let weights = 4 * model.n_parameters;
    if weights > total {
        return html! { <p class="note">{ words.text("course-file-not-float") }</p> };
    }
    let row = |part: Part, name: &'static str, bytes: u64| {
        html! {
            <li data-figure={part.name()} data-value={bytes.to_string()}>
                <span>{ words.text(name) }</span><span class="bytes">{ words.size(bytes) }</span>
                <span class="bar"><i ~style={width_style(bytes as f64 / total.max(1) as f64)} /></span>
            </li>
        }
    };
    html! {
        <ul class="ladder">
            { row(Part::Weights, key("course-part-weights"), weights) }
            { row(Part::Other, key("course-part-other"), total - weights) }
        </ul>
    }
}

/// The compressed model's file by kind of layer. What belongs to no single layer is the rest.
fn bytes_by_kind(context: &Context<'_>, facts: &CompressedFacts) -> Html {
    let words = context.words;
    let total = facts.sizes.shipped;
    let row = |name: &'static str, bytes: u64| {
        html! {
            <li>
                <span>{ words.text(name) }</span><span class="bytes">{ words.size(bytes) }</span>
                <span class="bar"><i ~style={width_style(bytes as f64 / total.max(1) as f64)} /></span>
            </li>
        }
    };
    let of_kind = |kind: Kind| {
        let layers = facts.layers.iter().filter(|layer| kind_of_layer(layer) == Some(kind));
        layers.map(|layer| layer.bytes).sum::<u64>()
    };
    let rest = total.saturating_sub(Kind::ALL.iter().map(|kind| of_kind(*kind)).sum());
    html! {
        <>
        <h3>{ words.text("course-file-by-kind") }</h3>
        <ul class="ladder">
            { for Kind::ALL.iter().map(|kind| row(kind_text(*kind), of_kind(*kind))) }
            { row(key("course-part-rest"), rest) }
        </ul>
        </>
    }
}

/// The sliders that set something beyond their own view.
fn sliders(context: &Context<'_>) -> Html {
    let Context { words, tools, state, step, .. } = context;
    step.control
        .all_sliders()
        .filter_map(|slider| {
            let course = &state.course;
            let (label, value) = match slider.name {
                SliderName::RoomLaptops => (words.text("course-slider-laptops"), course.room.0),
                SliderName::RoomMbit => (words.text("course-slider-mbit"), course.room.1),
                SliderName::Sparsity => (words.text("course-slider-sparsity"), 100.0 * course.settings.sparsity),
                SliderName::Clusters => (words.text("course-slider-clusters"), course.settings.clusters as f64),
                SliderName::ChannelsRemoved
                | SliderName::ChannelScale
                | SliderName::Time
                | SliderName::Temperature => return None,
            };
            let name = slider.name;
            let onslide = tools.dispatch.reform(move |value| Action::Slide(name, value));
            Some(html! {
                <CourseSlider {label} text={words.number(value, 0)} low={slider.low} high={slider.high} step=1.0 {value} {onslide} testid={name.name()} />
            })
        })
        .collect()
}
