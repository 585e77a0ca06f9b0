//! Channels of the open layer on the frame that both models saw last: the original's beside the compressed model's, each
//! pair to one scale, or what differs between them (`difference.rs`).

use std::rc::Rc;

use wasm_bindgen::{Clamped, JsCast};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};
use yew::prelude::*;

use super::super::segmented::{Choice, Segmented};
use super::super::stage::Stage;
use super::difference::Differences;
use crate::app::state::{Action, LayersAction};
use crate::app::tools::{use_tools, use_words};
use crate::app::words::{Words, key};
use crate::bridge::{MapPair, Maps};

/// Properties of [`FeatureMaps`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The frame loop's canvas.
    pub canvas: Option<HtmlCanvasElement>,
    /// The open layer's channels, once there are some.
    pub maps: Option<Rc<Maps>>,
    /// Their difference, not both.
    pub difference: bool,
}

/// Names of both ways to show channels.
const MODES: [(&str, &str); 2] = [("pair", key("maps-pair")), (DIFFERENCE, key("maps-difference"))];
const DIFFERENCE: &str = "difference";

/// See the module.
#[component]
pub fn FeatureMaps(props: &Props) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let (lead, error) = match &props.maps {
        None => (words.text("maps-waiting"), None),
        Some(maps) => {
            let (n, of) = (words.count(maps.channels.len() as u64), words.count(maps.n_channels.into()));
            let lead = if props.difference { key("maps-difference-lead") } else { key("maps-lead") };
            let lead = words.text_with(lead, &[("n", (&n).into()), ("of", (&of).into())]);
            let error = maps.relative_error.map(|error| {
                let percent = words.percent(error, 1);
                (error, words.text_with("maps-error", &[("percent", (&percent).into())]))
            });
            (lead, error)
        }
    };
    let pairs = props.maps.as_ref().map_or(&[][..], |maps| &maps.channels);
    let choices = MODES.map(|(value, text)| Choice {
        value,
        label: words.text(text).into(),
        name: None,
        lang: None,
        testid: None,
    });
    let chosen = if props.difference { DIFFERENCE } else { MODES[0].0 };
    let onchoose = tools.dispatch.reform(|mode| Action::Layers(LayersAction::Difference(mode == DIFFERENCE)));
    html! {
        <section class="box maps-box" data-testid="feature-maps" data-n={pairs.len().to_string()}>
            <header>
                <h2>{ words.text("maps") }</h2>
                <Segmented label={words.text("maps-mode")} choices={choices.to_vec()} {chosen} {onchoose} testid="maps-mode" />
            </header>
            <div class="maps-row">
                <Stage canvas={props.canvas.clone()} class="maps-frame" />
                <div class="maps-body">
                    <p class="note">{ lead }</p>
                    if props.difference {
                        <Differences pairs={pairs.to_vec()} />
                    } else {
                        { side_by_side(&words, pairs) }
                    }
                    if let Some((error, text)) = error { <p data-testid="activation-error" data-value={error.to_string()}>{ text }</p> }
                </div>
            </div>
        </section>
    }
}

fn side_by_side(words: &Words, pairs: &[MapPair]) -> Html {
    html! {
        <>
        <ul class="maps">
            { for pairs.iter().map(|pair| {
                let (low, high) = range(pair);
                html! {
                    <li key={pair.channel}>
                        <span class="two-maps">
                            <MapCanvas class="a" height={pair.height} width={pair.width} values={pair.original.clone()} {low} {high} />
                            if let Some(values) = &pair.compressed {
                                <MapCanvas class="b" height={pair.height} width={pair.width} values={values.clone()} {low} {high} />
                            }
                        </span>
                        <span class="note">{ channel_name(words, pair) }</span>
                    </li>
                }
            }) }
        </ul>
        <p class="legend"><span><i class="mk a" aria-hidden="true" />{ words.text("original") }</span><span><i class="mk b" aria-hidden="true" />{ words.text("compressed") }</span><span>{ words.text("maps-scale") }</span></p>
        </>
    }
}

/// `channel 5`.
pub(super) fn channel_name(words: &Words, pair: &MapPair) -> String {
    let number = words.count(pair.channel.into());
    words.text_with("maps-channel", &[("channel", (&number).into())])
}

/// Smallest and largest value of both sides.
fn range(pair: &MapPair) -> (f32, f32) {
    let all = pair.original.iter().chain(pair.compressed.iter().flatten());
    all.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)))
}

#[derive(Properties, PartialEq)]
struct MapProps {
    class: &'static str,
    height: u32,
    width: u32,
    values: Vec<f32>,
    low: f32,
    high: f32,
}

/// One channel: black for the smallest value of both sides, white for the largest.
#[component]
fn MapCanvas(props: &MapProps) -> Html {
    let canvas = use_node_ref();
    {
        let canvas = canvas.clone();
        let (width, height) = (props.width, props.height);
        let pixels = pixels(&props.values, props.low, props.high);
        use_effect(move || {
            let draw = || {
                let canvas = canvas.cast::<HtmlCanvasElement>()?;
                let context = canvas.get_context("2d").ok()??;
                let context = context.dyn_into::<CanvasRenderingContext2d>().ok()?;
                let data =
                    ImageData::new_with_u8_clamped_array_and_sh(Clamped(&pixels), width, height).ok()?;
                context.put_image_data(&data, 0.0, 0.0).ok()
            };
            // Without a canvas the numbers below still tell.
            let _ = draw();
        });
    }
    html! { <canvas ref={canvas} class={classes!("map", props.class)} width={props.width.to_string()} height={props.height.to_string()} aria-hidden="true" /> }
}

/// RGBA of values between `low` and `high`.
fn pixels(values: &[f32], low: f32, high: f32) -> Vec<u8> {
    let span = if high > low { high - low } else { 1.0 };
    values
        .iter()
        .flat_map(|value| {
            let light = (255.0 * (value - low) / span).round() as u8;
            [light, light, light, 255]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_share_one_scale() {
        let pair = MapPair {
            channel: 0,
            height: 1,
            width: 2,
            original: vec![0.0, 2.0],
            compressed: Some(vec![-2.0, 1.0]),
        };
        let (low, high) = range(&pair);
        assert_eq!((low, high), (-2.0, 2.0));
        assert_eq!(pixels(&pair.original, low, high), [128, 128, 128, 255, 255, 255, 255, 255]);
        assert_eq!(pixels(&[3.0], 3.0, 3.0), [0, 0, 0, 255], "a constant channel");
    }
}
