//! The picture of the view *Live*: shared by a divider or shown twice, with the names of both first answers and, on
//! request, where these come from.

use std::rc::Rc;

use web_sys::HtmlCanvasElement;
use yew::prelude::*;

use super::camera_card::CameraCard;
use super::class_name;
use super::divider::Divider;
use super::heat_map::HeatMap;
use super::predictions::Side;
use super::segmented::{Choice, Segmented};
use super::stage::Stage;
use crate::app::lists::Naming;
use crate::app::state::{Action, CompareAction, CompareMode, CompareState, Pair, Source};
use crate::app::tools::{use_tools, use_words};
use crate::app::words::{Words, key};

/// Properties of [`CompareBar`].
#[derive(Properties, PartialEq)]
pub struct BarProps {
    /// How both sides share the picture.
    pub mode: CompareMode,
    /// Maps lie over it.
    pub heat: bool,
}

/// How both sides share the picture, and whether maps lie over it.
#[component]
pub fn CompareBar(props: &BarProps) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let choices = CompareMode::ALL.map(|mode| Choice {
        value: mode.name(),
        label: words.text(mode_text(mode)).into(),
        name: None,
        lang: None,
        testid: None,
    });
    let onchoose = tools.dispatch.reform(|name| Action::Compare(CompareAction::Show(name)));
    html! {
        <div class="viewbar">
            <Segmented label={words.text("compare-mode")} choices={choices.to_vec()} chosen={props.mode.name()} {onchoose} testid="compare-mode" />
            <button class="btn" type="button" data-testid="heat-switch" aria-pressed={props.heat.to_string()} title={words.text("heat-about")} onclick={tools.on(Action::Compare(CompareAction::Heat))}>{ words.text("heat") }</button>
        </div>
    }
}

fn mode_text(mode: CompareMode) -> &'static str {
    match mode {
        CompareMode::Divider => key("compare-divider"),
        CompareMode::SideBySide => key("compare-side-by-side"),
    }
}

/// Properties of [`Compare`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The frame loop's canvas, and the copy of it.
    pub canvas: Option<(HtmlCanvasElement, HtmlCanvasElement)>,
    /// How both sides share it.
    pub compare: CompareState,
    /// The answers that the words show.
    pub shown: Option<Rc<Pair>>,
    /// The answers to the last frame.
    pub latest: Option<Rc<Pair>>,
    /// Names of classes.
    pub naming: Naming,
    /// Where frames come from.
    pub source: Source,
    /// There are built-in pictures.
    pub has_pictures: bool,
    /// Frames that were counted, those with the same answer first.
    pub counted: Option<(u32, u32)>,
}

/// See the module.
#[component]
pub fn Compare(props: &Props) -> Html {
    let words = use_words();
    let holds = matches!(&props.source, Source::None | Source::Camera(_)) && !props.source.gives_frames();
    let card = || {
        if holds {
            html! { <CameraCard source={props.source.clone()} has_pictures={props.has_pictures} counted={props.counted} /> }
        } else {
            html! {}
        }
    };
    let canvas = |first: bool| props.canvas.clone().map(|(one, two)| if first { one } else { two });
    let heat = |parts: Vec<(Side, f64, f64)>| {
        if props.compare.heat {
            html! { <HeatMap pair={props.latest.clone()} {parts} /> }
        } else {
            html! {}
        }
    };
    let picture = match props.compare.mode {
        CompareMode::Divider => {
            let share = props.compare.divider / 100.0;
            let parts = vec![(Side::Original, 0.0, share), (Side::Compressed, share, 1.0)];
            html! {
                <div class="frame-wrap" key="divider">
                    <div class="frame">
                        <Stage canvas={canvas(true)} class="fill" />
                        { heat(parts) }
                        if !holds { <Divider value={props.compare.divider} /> }
                    </div>
                    { card() }
                    { tag(&words, props, Side::Original) }
                    { tag(&words, props, Side::Compressed) }
                </div>
            }
        }
        CompareMode::SideBySide => html! {
            <div class="frame-wrap two" key="two">
                <div class="frame round">
                    <Stage canvas={canvas(true)} class="fill" />
                    { heat(vec![(Side::Original, 0.0, 1.0)]) }
                    { tag(&words, props, Side::Original) }
                </div>
                <div class="frame stepped">
                    <Stage canvas={canvas(false)} class="fill" twin=true />
                    { heat(vec![(Side::Compressed, 0.0, 1.0)]) }
                    { tag(&words, props, Side::Compressed) }
                </div>
                { card() }
            </div>
        },
    };
    html! {
        <div class="pic">
            { picture }
            if props.compare.heat { <p class="heat-note note">{ heat_words(&words, props) }</p> }
        </div>
    }
}

/// A side's mark and its first answer, on the picture. The lists beside it say the same to screen readers.
fn tag(words: &Words, props: &Props, side: Side) -> Html {
    let first = props.shown.as_deref().and_then(|pair| side.of(pair)).and_then(|side| side.top.first());
    let name = first.map_or_else(|| "–".to_owned(), |first| class_name(&props.naming, first.class, words));
    let class = if side == Side::Original { "a" } else { "b" };
    html! { <span class={classes!("tag", class)} aria-hidden="true"><i class={classes!("mk", class)} /><span>{ name }</span></span> }
}

/// What the marks over the picture stand for, or why there are none.
fn heat_words(words: &Words, props: &Props) -> String {
    let Some(pair) = &props.shown else { return words.text("waiting-frame") };
    let name = |side: Side| {
        let heat = side.of(pair)?.heat.as_ref()?;
        Some(class_name(&props.naming, heat.class, words))
    };
    match (name(Side::Original), name(Side::Compressed)) {
        (None, None) => words.text("heat-none"),
        (left, right) => {
            let dash = || "–".to_owned();
            let (left, right) = (left.unwrap_or_else(dash), right.unwrap_or_else(dash));
            words.text_with("heat-legend", &[("left", (&left).into()), ("right", (&right).into())])
        }
    }
}
