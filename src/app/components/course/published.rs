//! What others published about compact networks; the lesson names the sources.

use yew::prelude::*;

use crate::app::tools::use_words;

/// Name, millions of weights, millions of multiply-adds, right first answers in per cent, key of the source.
const MODELS: [(&str, f64, f64, f64, &str); 5] = [
    ("MobileNetV2 1.0, 224", 3.47, 300.0, 71.8, "slim tables"),
    ("MobileNetV2 0.75, 224", 2.61, 209.0, 69.8, "slim tables"),
    ("MobileNetV2 0.5, 224", 1.95, 97.0, 65.4, "slim tables"),
    ("MobileNetV2 1.0, 128", 3.47, 99.0, 65.3, "slim tables"),
    ("SqueezeNet 1.0, 224", 1.25, 820.0, 58.1, "torchvision"),
];

/// See the module.
#[component]
pub fn Published() -> Html {
    let words = use_words();
    let million = |value: f64, decimals| {
        let digits = words.number(value, decimals);
        words.text_with("course-million", &[("n", (&digits).into())])
    };
    html! {
        <div class="wide" tabindex="0" role="group" aria-label={words.text("course-published")}>
            <table class="t">
                <thead><tr><th scope="col">{ words.text("course-published") }</th><th scope="col">{ words.text("course-weights") }</th><th scope="col">{ words.text("course-macs") }</th><th scope="col">{ words.text("course-correct") }</th></tr></thead>
                <tbody>{ for MODELS.map(|(name, weights, macs, right, source)| html! {
                    <tr><td>{ name }<br /><span class="dim">{ format!("[{source}]") }</span></td><td>{ million(weights, 2) }</td><td>{ million(macs, 0) }</td><td>{ words.percent(right / 100.0, 1) }</td></tr>
                }) }</tbody>
            </table>
        </div>
    }
}
