//! Arithmetic to try out, with small numbers of its own: one sum of a convolution, one sum on integers, one channel
//! between two layers, and scores at a temperature (of the models' own five first answers).

use std::rc::Rc;

use yew::prelude::*;

use super::super::class_name;
use super::super::predictions::Side;
use super::slider::CourseSlider;
use crate::app::lists::Naming;
use crate::app::state::Pair;
use crate::app::tools::use_words;

/// A picture of 5 × 5 and a filter of 3 × 3.
const PICTURE: [[i32; 5]; 5] =
    [[0, 1, 2, 1, 0], [1, 3, 4, 3, 1], [2, 4, 9, 4, 2], [1, 3, 4, 3, 1], [0, 1, 2, 1, 0]];
const FILTER: [[i32; 3]; 3] = [[0, 1, 0], [1, -4, 1], [0, 1, 0]];

/// Scale and zero point of the example's output, and the scale of its products.
const PRODUCT_SCALE: f64 = 0.002;
const OUTPUT_SCALE: f64 = 0.05;
const OUTPUT_ZERO: f64 = -10.0;

/// The filter's nine products at one position of the picture.
fn products(row: usize, column: usize) -> Vec<(i32, i32)> {
    let places = (0..9).map(|idx| (idx / 3, idx % 3));
    places.map(|(y, x)| (PICTURE[row + y][column + x], FILTER[y][x])).collect()
}

/// One position of the picture: nine multiply-adds make one output.
#[component]
pub fn OneSum() -> Html {
    let words = use_words();
    let at = use_state(|| (1_usize, 1_usize));
    let (row, column) = *at;
    let products = products(row, column);
    let sum: i32 = products.iter().map(|(value, weight)| value * weight).sum();
    let terms: Vec<String> = products
        .iter()
        .map(|(value, weight)| {
            format!("{}\u{a0}·\u{a0}{}", words.number((*value).into(), 0), words.number((*weight).into(), 0))
        })
        .collect();
    let cell = |y: usize, x: usize| {
        let inside = (row..row + 3).contains(&y) && (column..column + 3).contains(&x);
        let value = words.number(PICTURE[y][x].into(), 0);
        // The filter stays on the picture: its corner goes no further than the third row and column.
        let to = (y.saturating_sub(1).min(2), x.saturating_sub(1).min(2));
        let onclick = {
            let at = at.clone();
            Callback::from(move |_: MouseEvent| at.set(to))
        };
        let (row_text, column_text) = (words.count(y as u64 + 1), words.count(x as u64 + 1));
        let label = words.text_with(
            "course-position",
            &[("row", (&row_text).into()), ("column", (&column_text).into()), ("value", (&value).into())],
        );
        html! { <td><button class={classes!("cell-btn", inside.then_some("inside"))} type="button" aria-label={label} aria-pressed={inside.to_string()} {onclick}>{ value.clone() }</button></td> }
    };
    html! {
        <>
        <p class="note">{ words.text("course-own-numbers") }</p>
        <table class="toy" data-testid="one-sum" data-value={sum.to_string()}><tbody>{ for (0..5).map(|y| html! { <tr>{ for (0..5).map(|x| cell(y, x)) }</tr> }) }</tbody></table>
        <p>{ words.text_with("course-sum", &[("terms", (&terms.join(" + ")).into()), ("sum", (&words.number(sum.into(), 0)).into())]) }</p>
        </>
    }
}

/// One output on integers: products of codes, an accumulator of 32 bits, and back to 8.
#[component]
pub fn IntegerSum() -> Html {
    let words = use_words();
    let codes = use_state(|| [12.0, -7.0, 100.0]);
    let weights = [90.0, -120.0, 45.0];
    let sum: f64 = codes.iter().zip(weights).map(|(code, weight)| code * weight).sum();
    let real = PRODUCT_SCALE * sum;
    let output = (real / OUTPUT_SCALE).round_ties_even() + OUTPUT_ZERO;
    let code = output.clamp(-128.0, 127.0);
    let slider = |idx: usize| {
        let codes_now = codes.clone();
        let onslide = Callback::from(move |value| {
            let mut next = *codes_now;
            next[idx] = value;
            codes_now.set(next);
        });
        let number = words.count(idx as u64 + 1);
        let label = words.text_with(
            "course-input-code",
            &[("number", (&number).into()), ("weight", (&words.number(weights[idx], 0)).into())],
        );
        html! { <CourseSlider {label} text={words.number(codes[idx], 0)} low={-128.0} high=127.0 step=1.0 value={codes[idx]} {onslide} testid={format!("code-{idx}")} /> }
    };
    let row =
        |name: String, value: String| html! { <tr><th scope="row">{ name }</th><td>{ value }</td></tr> };
    html! {
        <>
        <p class="note">{ words.text("course-own-numbers") }</p>
        { for (0..3).map(slider) }
        <table class="t"><tbody>
            { row(words.text("course-accumulator"), words.number(sum, 0)) }
            { row(words.text("course-both-scales"), words.number(PRODUCT_SCALE, 3)) }
            { row(words.text("course-real-value"), words.number(real, 3)) }
            { row(words.text("course-output-scale"), words.number(OUTPUT_SCALE, 2)) }
            { row(words.text("course-output-zero"), words.number(OUTPUT_ZERO, 0)) }
            { row(words.text("course-output-code"), words.number(code, 0)) }
        </tbody></table>
        </>
    }
}

/// One channel between two layers: what the first divides, the second multiplies.
#[component]
pub fn EqualizePair() -> Html {
    let words = use_words();
    let power = use_state(|| 0.0_f64);
    let scale = 10.0_f64.powf(*power);
    // Ranges of the channel in both layers, and what goes through it.
    let (first, second, input) = (12.0_f64, 0.48, 0.5);
    let best = (first / second).sqrt();
    let (divided, multiplied) = (first / scale, second * scale);
    let between = input * divided;
    let onslide = {
        let power = power.clone();
        Callback::from(move |value| power.set(value))
    };
    let row = |name: String, before: f64, after: f64| html! { <tr><th scope="row">{ name }</th><td>{ words.number(before, 3) }</td><td>{ words.number(after, 3) }</td></tr> };
    html! {
        <>
        <p class="note">{ words.text("course-own-numbers") }</p>
        <CourseSlider label={words.text("course-slider-s")} text={words.number(scale, 2)} low={-1.0} high={1.0} step=0.05 value={*power} {onslide} testid="s" />
        <table class="t" data-testid="equalize-pair" data-value={(between * multiplied).to_string()}>
            <thead><tr><td /><th scope="col">{ words.text("course-before") }</th><th scope="col">{ words.text("course-after") }</th></tr></thead>
            <tbody>
                { row(words.text("course-first-range"), first, divided) }
                { row(words.text("course-second-range"), second, multiplied) }
                { row(words.text("course-between"), input * first, between) }
                { row(words.text("course-output"), input * first * second, between * multiplied) }
            </tbody>
        </table>
        <p class="note">{ words.text_with("course-best-s", &[("s", (&words.number(best, 0)).into())]) }</p>
        </>
    }
}

/// Properties of [`ScoreLists`].
#[derive(Properties, PartialEq)]
pub struct ScoreProps {
    /// The answers that the words show.
    pub pair: Option<Rc<Pair>>,
    /// Names of classes.
    pub naming: Naming,
    /// The scores are divided by a temperature that can be moved.
    pub with_temperature: bool,
}

/// Both models' five first answers, at a temperature: `p_i^(1/T)`, made to add up to 1 among the five.
#[component]
pub fn ScoreLists(props: &ScoreProps) -> Html {
    let words = use_words();
    let temperature = use_state(|| 1.0_f64);
    let Some(pair) = &props.pair else {
        return html! { <p class="note">{ words.text("waiting-frame") }</p> };
    };
    let list = |side: Side, name: String, class: &'static str| {
        let top = side.of(pair).map_or(&[][..], |side| &side.top);
        let shares =
            at_temperature(&top.iter().map(|it| f64::from(it.probability)).collect::<Vec<_>>(), *temperature);
        let shown = top.iter().zip(shares).map(|(prediction, share)| {
            let value = if props.with_temperature { share } else { f64::from(prediction.probability) };
            html! { <tr><th scope="row">{ class_name(&props.naming, prediction.class, &words) }</th><td>{ words.percent(value, 1) }</td></tr> }
        });
        html! { <table class="t"><caption><i class={classes!("mk", class)} aria-hidden="true" />{ " " }{ name }</caption><tbody>{ for shown }</tbody></table> }
    };
    let onslide = {
        let temperature = temperature.clone();
        Callback::from(move |value| temperature.set(value))
    };
    html! {
        <>
        if props.with_temperature {
            <CourseSlider label={words.text("course-slider-temperature")} text={words.number(*temperature, 1)} low=1.0 high=20.0 step=0.5 value={*temperature} {onslide} testid="temperature" />
        }
        <div class="two-lists" data-testid="score-lists">
            { list(Side::Original, words.text("original"), "a") }
            { list(Side::Compressed, words.text("compressed"), "b") }
        </div>
        if props.with_temperature { <p class="note">{ words.text("course-among-five") }</p> }
        </>
    }
}

/// `p_i^(1/T)` over their sum.
fn at_temperature(probabilities: &[f64], temperature: f64) -> Vec<f64> {
    let softened: Vec<f64> =
        probabilities.iter().map(|p| p.max(0.0).powf(1.0 / temperature.max(1e-6))).collect();
    let sum: f64 = softened.iter().sum();
    softened.into_iter().map(|p| if sum > 0.0 { p / sum } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_temperature_flattens_and_keeps_the_order() {
        let at = |t| at_temperature(&[0.9, 0.06, 0.02], t);
        let (one, ten) = (at(1.0), at(10.0));
        assert!((one.iter().sum::<f64>() - 1.0).abs() < 1e-12 && (one[0] - 0.9 / 0.98).abs() < 1e-12);
        assert!(ten[0] < one[0] && ten[0] > ten[1] && ten[1] > ten[2]);
        assert_eq!(at_temperature(&[0.0, 0.0], 2.0), [0.0, 0.0]);
    }

    #[test]
    fn the_middle_of_the_picture_answers_strongest() {
        let sum = |row, column| products(row, column).iter().map(|(a, b)| a * b).sum::<i32>();
        assert_eq!(sum(1, 1), 4 * 4 - 4 * 9);
        assert_eq!(sum(0, 0), 1 + 1 + 4 + 4 - 4 * 3);
    }
}
