//! What skipping zeros gives, measured once on one machine: this page cannot measure single kernels. The figures are those
//! of `docs/performance.md`, SIMD128, for the seven pointwise layers there; `cargo xtask bench-kernels --only sparse`
//! prints those of another machine.

use yew::prelude::*;

use crate::app::tools::use_words;

/// Share of zeros, and dense time over sparse time, the smallest and the largest of the layers: zeros anywhere, and in
/// blocks of 4x1 where that was measured.
const GAINS: [(f64, [f64; 2], Option<[f64; 2]>); 4] = [
    (0.5, [1.19, 1.60], None),
    (0.7, [1.90, 2.41], None),
    (0.8, [2.52, 3.30], Some([2.53, 3.84])),
    (0.9, [3.24, 5.99], Some([3.20, 6.96])),
];

/// See the module.
#[component]
pub fn KernelGains() -> Html {
    let words = use_words();
    let range = |gains: Option<[f64; 2]>| match gains {
        Some([least, most]) => {
            let (least, most) = (words.number(least, 1), words.number(most, 1));
            words.text_with("course-kernel-range", &[("least", (&least).into()), ("most", (&most).into())])
        }
        None => "–".to_owned(),
    };
    html! {
        <>
        <div class="wide" tabindex="0" role="group" aria-label={words.text("course-kernel-gains")} data-testid="kernel-gains">
            <table class="t">
                <thead><tr><th scope="col">{ words.text("course-kernel-zeros") }</th><th scope="col">{ words.text("course-kernel-anywhere") }</th><th scope="col">{ words.text("course-kernel-blocks") }</th></tr></thead>
                <tbody>{ for GAINS.map(|(zeros, anywhere, blocks)| html! {
                    <tr><td>{ words.percent(zeros, 0) }</td><td>{ range(Some(anywhere)) }</td><td>{ range(blocks) }</td></tr>
                }) }</tbody>
            </table>
        </div>
        <p class="note">{ words.text("course-kernel-source") }</p>
        </>
    }
}
