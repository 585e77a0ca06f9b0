//! The cubic schedule of gradual pruning: `s = s_end · (1 − (1 − t)³)`. A formula, not a measurement.

use yew::prelude::*;

use super::slider::CourseSlider;
use crate::app::tools::use_words;

/// The sparsity at the end, as in the lesson's question.
const END: f64 = 0.8;

// The drawing, in its own units.
const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 160.0;

/// See the module.
#[component]
pub fn Schedule() -> Html {
    let words = use_words();
    let time = use_state(|| 0.25);
    let sparsity = |t: f64| END * (1.0 - (1.0 - t).powi(3));
    let point = |t: f64, s: f64| format!("{:.1} {:.1}", WIDTH * t, HEIGHT * (1.0 - s));
    let curve: Vec<String> =
        (0..=40).map(|idx| point(f64::from(idx) / 40.0, sparsity(f64::from(idx) / 40.0))).collect();
    let (t, s) = (words.number(*time, 2), words.percent(sparsity(*time), 0));
    let label = words.text_with("course-schedule-label", &[("time", (&t).into()), ("sparsity", (&s).into())]);
    let onslide = {
        let time = time.clone();
        Callback::from(move |value| time.set(value))
    };
    html! {
        <>
        <CourseSlider label={words.text("course-slider-t")} text={t} low=0.0 high=1.0 step=0.01 value={*time} {onslide} testid="t" />
        <svg class="plot" viewBox={format!("-4 -4 {} {}", WIDTH + 8.0, HEIGHT + 8.0)} role="img" aria-label={label.clone()}>
            <path class="axis" d={format!("M0 0V{HEIGHT}H{WIDTH}")} />
            <path class="aim" d={format!("M0 {0}H{WIDTH}", HEIGHT * (1.0 - END))} />
            <path class="straight" d={format!("M{}L{}", point(0.0, 0.0), point(1.0, END))} />
            <path class="curve" d={format!("M{}", curve.join("L"))} />
            <circle cx={format!("{:.1}", WIDTH * *time)} cy={format!("{:.1}", HEIGHT * (1.0 - sparsity(*time)))} r="5" />
        </svg>
        <p class="note">{ label }</p>
        </>
    }
}
