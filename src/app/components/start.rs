//! The view *Start*: the promise, three ways to begin, and the lens that already runs.

use std::rc::Rc;

use web_sys::HtmlCanvasElement;
use yew::prelude::*;

use super::class_name;
use super::icon::{Icon, icon};
use super::predictions::Side;
use super::privacy::Privacy;
use super::stage::Stage;
use super::verdict::registration_mark;
use crate::app::lists::{Naming, PictureFacts};
use crate::app::state::{Action, Pair};
use crate::app::tools::{use_tools, use_words};

/// The rim's two halves in a square of 520: smooth, and the same curve in steps.
const ROUND_RIM: &str = "M260 14A246 246 0 0 0 260 506";
const STEPPED_RIM: &str = "M260 14H342V56H390V88H432V136H464V178H506V342H464V384H432V432H390V464H342V506H260";

/// Properties of [`Start`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The frame loop's canvas.
    pub canvas: Option<HtmlCanvasElement>,
    /// The answers that the words show.
    pub pair: Option<Rc<Pair>>,
    /// Names of classes.
    pub naming: Naming,
    /// Built-in pictures; `None` until the list has arrived.
    pub pictures: Option<Vec<PictureFacts>>,
    /// The model is on its way.
    pub loading: bool,
}

/// See the module.
#[component]
pub fn Start(props: &Props) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let no_pictures = props.pictures.as_ref().is_some_and(Vec::is_empty);
    let side = |side: Side| {
        let (class, mark, name, testid) = match side {
            Side::Original => ("hero-a", "mk a", words.text("original"), "predictions-original"),
            Side::Compressed => ("hero-b", "mk b", words.text("compressed"), "predictions-compressed"),
        };
        let first =
            props.pair.as_deref().and_then(|pair| side.of(pair)).and_then(|side| side.top.first().copied());
        html! {
            <div {class}>
                <p class="note"><span class={mark} />{ " " }{ name }</p>
                <p class="answer" data-testid={testid}>
                    if let Some(first) = first {
                        <span class="what">{ class_name(&props.naming, first.class, &words) }</span>{ " " }<span class="num">{ words.percent(first.probability.into(), 0) }</span>
                    } else { <span class="dim">{ "–" }</span> }
                </p>
            </div>
        }
    };
    let note = match props.pair.as_deref() {
        Some(pair) if pair.compressed.is_some() => words.text("hero-running"),
        Some(_) => words.text("hero-compressing"),
        None if props.loading => words.text("hero-loading"),
        None => words.text("waiting-frame"),
    };
    html! {
        <div class="start">
            <div class="promise">
                <h1>{ words.text("start-heading") }</h1>
                <p class="lead">{ words.text("start-lead") }</p>
                <div class="cta">
                    <button class="btn main big" type="button" data-testid="start-camera" onclick={tools.on(Action::StartCamera)}>{ icon(Icon::Camera) }{ words.text("start-camera") }</button>
                    <button class="btn big" type="button" data-testid="use-pictures" disabled={no_pictures} onclick={tools.on(Action::UsePictures)}>{ icon(Icon::Pictures) }{ words.text("use-pictures") }</button>
                    <button class="btn big quiet" type="button" data-testid="open-file" onclick={tools.open_file.reform(|_: MouseEvent| ())}>{ icon(Icon::File) }{ words.text("open-file") }</button>
                </div>
                if no_pictures { <p class="note why">{ words.text("no-pictures-reason") }</p> }
                <Privacy />
            </div>
            <ol class="three">
                <li><b>{ words.text("step-look-title") }</b><span>{ words.text("step-look-text") }</span></li>
                <li><b>{ words.text("step-shrink-title") }</b><span>{ words.text("step-shrink-text") }</span></li>
                <li><b>{ words.text("step-compare-title") }</b><span>{ words.text("step-compare-text") }</span></li>
            </ol>
            <figure class="hero">
                <div class="lens">
                    <Stage canvas={props.canvas.clone()} class="glass" />
                    <svg class="rim" viewBox="0 0 520 520" aria-hidden="true"><path class="sa" d={ROUND_RIM} /><path class="sb" d={STEPPED_RIM} /></svg>
                </div>
                <figcaption class="hero-row">
                    { side(Side::Original) }
                    { registration_mark(props.pair.as_deref().and_then(Pair::same)) }
                    { side(Side::Compressed) }
                </figcaption>
                <p class="note dim hero-note">
                    { note }
                </p>
            </figure>
        </div>
    }
}
