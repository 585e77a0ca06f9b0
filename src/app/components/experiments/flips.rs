//! Changed answers: the pictures of the fixed set whose first answer is another one on the compressed side, each with
//! both sides' scores for both answers, the largest change first.

use vision::{View, fixed_views};
use wasm_bindgen::JsCast;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageBitmap};
use yew::prelude::*;

use super::super::progress_bar::ProgressBar;
use super::super::{class_name, width_style};
use crate::app::lists::Naming;
use crate::app::state::{Action, FixedState, Progress};
use crate::app::tools::{use_tools, use_words};
use crate::app::words::Words;
use crate::bridge::{FixedSet, Flip, Prediction, Stage};

/// Side of a drawn view, pixels.
const SIDE: u32 = 112;

/// Properties of [`Flips`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The check on a fixed set.
    pub fixed: FixedState,
    /// Names of classes.
    pub naming: Naming,
    /// The built-in pictures, those that are decoded.
    pub pictures: Vec<ImageBitmap>,
    /// Both models are there.
    pub ready: bool,
}

/// See the module.
#[component]
pub fn Flips(props: &Props) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let fixed = &props.fixed;
    let views = fixed_views(props.pictures.len());
    let result = fixed.result.filter(|result| result.set == FixedSet::BuiltIn);
    let mut flips: Vec<&Flip> = fixed.flips.iter().collect();
    flips.sort_by(|a, b| change(b).total_cmp(&change(a)));
    let about = match result {
        None => words.text("flips-not-run"),
        Some(result) => {
            let (n, of) = (words.count(flips.len() as u64), words.count(result.agreement.n.into()));
            words.text_with("flips-found", &[("n", (&n).into()), ("of", (&of).into())])
        }
    };
    html! {
        <section class="box flips-box" data-testid="flips" data-n={result.map(|_| flips.len().to_string())}>
            <header><h2>{ words.text("flips") }</h2><span class="grow" />
                if fixed.running.is_none() {
                    <button class="btn" type="button" data-testid="flips-run" disabled={!props.ready || props.pictures.is_empty()} onclick={tools.on(Action::RunFixed(FixedSet::BuiltIn))}>{ words.text("flips-run") }</button>
                }
            </header>
            if let Some(run) = fixed.running {
                <ProgressBar title={words.text("flips-runs")} progress={Progress { stage: Some(Stage::FixedSet), done: run.done, total: run.total }} oncancel={tools.on(Action::CancelFixed)} />
            } else {
                <p class="note" role="status">{ if props.pictures.is_empty() { words.text("no-pictures-reason") } else { about } }</p>
            }
            if result.is_some() {
                <ul class="flips">
                    { for flips.into_iter().map(|flip| html! {
                        <li key={flip.position}>
                            if let Some((picture, view)) = views.get(flip.position as usize) {
                                if let Some(bitmap) = props.pictures.get(*picture) {
                                    <ViewCanvas bitmap={bitmap.clone()} view={*view} />
                                }
                            }
                            <div class="flip-scores">{ scores(&words, &props.naming, flip) }</div>
                        </li>
                    }) }
                </ul>
            }
        </section>
    }
}

/// How much probability both first answers lost and won together.
fn change(flip: &Flip) -> f32 {
    let moved =
        |side: &[Prediction]| side.first().map_or(0.0, |it| (it.probability - it.other.unwrap_or(0.0)).abs());
    moved(&flip.left) + moved(&flip.right)
}

/// Both first answers with both sides' scores.
fn scores(words: &Words, naming: &Naming, flip: &Flip) -> Html {
    let left = flip.left.first().map(|it| (it.class, Some(it.probability), it.other));
    let right = flip.right.first().map(|it| (it.class, it.other, Some(it.probability)));
    let bar = |class: &'static str, name: String, value: Option<f32>| {
        let value = f64::from(value.unwrap_or(0.0));
        html! {
            <span class="flip-bar">
                <i class={classes!("mk", class)} aria-hidden="true" /><span class="sr">{ name }{ " " }</span>
                <span class="flip-track"><i class={class} ~style={width_style(value)} /></span>
                <span class="pct">{ words.percent(value, 0) }</span>
            </span>
        }
    };
    html! {
        { for left.into_iter().chain(right).map(|(class, left, right)| html! {
            <div key={class}>
                <b>{ class_name(naming, class, words) }</b>
                { bar("a", words.text("original"), left) }
                { bar("b", words.text("compressed"), right) }
            </div>
        }) }
    }
}

#[derive(Properties, PartialEq)]
struct ViewProps {
    bitmap: ImageBitmap,
    view: View,
}

/// What the models saw of a picture.
#[component]
fn ViewCanvas(props: &ViewProps) -> Html {
    let canvas = use_node_ref();
    {
        let (canvas, bitmap, view) = (canvas.clone(), props.bitmap.clone(), props.view);
        use_effect(move || {
            let draw = || {
                let canvas = canvas.cast::<HtmlCanvasElement>()?;
                let context = canvas.get_context("2d").ok()??;
                let context = context.dyn_into::<CanvasRenderingContext2d>().ok()?;
                let (width, height) = (f64::from(bitmap.width()), f64::from(bitmap.height()));
                let side = width.min(height) * f64::from(view.side);
                let left = (width - side) * f64::from(view.horizontal);
                let top = (height - side) * f64::from(view.vertical);
                let to = f64::from(SIDE);
                context.set_filter(&format!("brightness({})", view.exposure));
                let (scale, shift) = if view.mirrored { (-1.0, to) } else { (1.0, 0.0) };
                context.set_transform(scale, 0.0, 0.0, 1.0, shift, 0.0).ok()?;
                context
                    .draw_image_with_image_bitmap_and_sw_and_sh_and_dx_and_dy_and_dw_and_dh(
                        &bitmap, left, top, side, side, 0.0, 0.0, to, to,
                    )
                    .ok()
            };
            // Without its picture a change still has its scores.
            let _ = draw();
        });
    }
    html! { <canvas ref={canvas} width={SIDE.to_string()} height={SIDE.to_string()} aria-hidden="true" /> }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moved_most_comes_first() {
        let side = |probability, other| vec![Prediction { class: 0, probability, other: Some(other) }];
        let flip = |left, right| Flip { position: 0, left, right };
        let small = flip(side(0.5, 0.4), side(0.5, 0.4));
        let large = flip(side(0.9, 0.1), side(0.8, 0.0));
        assert!(change(&large) > change(&small) && (change(&small) - 0.2).abs() < 1e-6);
    }
}
