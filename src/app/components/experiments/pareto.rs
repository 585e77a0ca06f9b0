//! Bytes against agreement: one mark for each experiment, larger where it is slower, and a dotted line through those that
//! nothing beats in both. The table beside it holds the same figures.

use pipeline::Recipe;
use yew::prelude::*;

use super::Experiment;
use crate::app::components::plot::Plot;
use crate::app::drawings;
use crate::app::state::{Action, ExperimentsAction, Same, front};
use crate::app::statistics::wilson_interval;
use crate::app::tools::{use_tools, use_words};
use crate::app::words::Words;

const PLOT: Plot = Plot { width: 640.0, height: 380.0, left: 48.0, right: 24.0, top: 28.0, bottom: 44.0 };

/// The chart's id in the document, for the report.
pub const PARETO_ID: &str = "pareto";

/// One experiment in the chart.
#[derive(Clone, PartialEq)]
pub struct Mark {
    pub(super) id: u32,
    pub(super) name: AttrValue,
    pub(super) bytes: u64,
    pub(super) agreement: Same,
    pub(super) millis: Option<f64>,
    pub(super) current: bool,
    pub(super) on_front: bool,
}

/// The marks of those whose agreement is known.
pub fn marks(words: &Words, tree: &[(usize, &Experiment)], wanted: &Recipe) -> Vec<Mark> {
    let best = front(tree);
    let on_front = |node: &Experiment| best.iter().any(|other| other.id == node.id);
    tree.iter()
        .filter_map(|(_, node)| Mark::of(words, node, node.recipe == *wanted, on_front(node)))
        .collect()
}

/// Properties of [`Pareto`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The experiments.
    pub marks: Vec<Mark>,
    /// Shipped bytes of the original.
    pub original: u64,
}

/// See the module.
#[component]
pub fn Pareto(props: &Props) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let drawing = use_node_ref();
    let scale = Scale::of(&props.marks, props.original);
    let slowest = props.marks.iter().filter_map(|mark| mark.millis).fold(0.0_f64, f64::max);
    let side = |mark: &Mark| match mark.millis {
        Some(millis) if slowest > 0.0 => 6.0 + 12.0 * millis / slowest,
        _ => 8.0,
    };
    let mut best: Vec<&Mark> = props.marks.iter().filter(|mark| mark.on_front).collect();
    best.sort_by_key(|mark| mark.bytes);
    let line: String = best
        .iter()
        .enumerate()
        .map(|(idx, mark)| {
            let (x, y) = scale.place(mark);
            format!("{}{x:.1} {y:.1}", if idx == 0 { 'M' } else { 'L' })
        })
        .collect();
    let save = {
        let drawing = drawing.clone();
        Callback::from(move |_: MouseEvent| {
            if let Some(element) = drawing.cast::<web_sys::Element>() {
                drawings::save_svg("tinylens-experiments.svg", &element);
            }
        })
    };
    let save_png = {
        let drawing = drawing.clone();
        Callback::from(move |_: MouseEvent| {
            if let Some(element) = drawing.cast::<web_sys::Element>() {
                drawings::save_png("tinylens-experiments.png", &element, (PLOT.width, PLOT.height));
            }
        })
    };
    let (n, n_best) = (words.count(props.marks.len() as u64), words.count(best.len() as u64));
    let finding = words.text_with("pareto-finding", &[("n", (&n).into()), ("best", (&n_best).into())]);
    html! {
        <section class="box">
            <header>
                <h2>{ words.text("pareto") }</h2><span class="grow" />
                <button class="btn" type="button" data-testid="pareto-png" onclick={save_png}>{ words.text("pareto-save-png") }</button>
                <button class="btn" type="button" data-testid="pareto-svg" onclick={save}>{ words.text("pareto-save") }</button>
            </header>
            <div class="scroll" tabindex="0" role="region" aria-label={words.text("pareto")}>
                <svg ref={&drawing} id={PARETO_ID} class="pareto" xmlns="http://www.w3.org/2000/svg" width={PLOT.width.to_string()} height={PLOT.height.to_string()} viewBox={PLOT.view_box()} role="img" aria-label={finding} data-testid="pareto" data-n={props.marks.len().to_string()}>
                    { for scale.shares().into_iter().map(|share| PLOT.row(scale.y(share), words.percent(share, 0))) }
                    { for scale.sizes().into_iter().map(|bytes| {
                        let decimals = if bytes < 1e6 { 2 } else { 0 };
                        PLOT.column(scale.x(bytes), words.number(bytes / 1e6, decimals))
                    }) }
                    { PLOT.titles(words.text("pareto-x"), words.text("pareto-y")) }
                    <path class="front" d={line} />
                    <circle class="original" cx={format!("{:.1}", scale.x(props.original as f64))} cy={format!("{:.1}", scale.y(1.0))} r="7"><title>{ words.text("original") }</title></circle>
                    { for props.marks.iter().map(|mark| { let ((x, y), side) = (scale.place(mark), side(mark)); html! {
                        <g key={mark.id}>
                            if mark.current {
                                { whisker(&scale, x, mark) }
                            }
                            <rect class={if mark.current { "now" } else { "mark" }} x={format!("{:.1}", x - side / 2.0)} y={format!("{:.1}", y - side / 2.0)} width={format!("{side:.1}")} height={format!("{side:.1}")} onclick={tools.on(Action::Experiments(ExperimentsAction::Open(mark.id)))}><title>{ &mark.name }</title></rect>
                        </g>
                    } }) }
                </svg>
            </div>
            <p class="note">{ words.text("pareto-note") }</p>
        </section>
    }
}

/// The interval of the chosen one's agreement.
fn whisker(scale: &Scale, x: f64, mark: &Mark) -> Html {
    let (low, high) = wilson_interval(mark.agreement.same, mark.agreement.n);
    let (top, bottom) = (scale.y(high), scale.y(low));
    let d = format!("M{x:.1} {top:.1}V{bottom:.1}M{0:.1} {top:.1}h8M{0:.1} {bottom:.1}h8", x - 4.0);
    html! { <path class="whisker" {d} /> }
}

/// Where figures lie: bytes on a logarithmic axis, shares on a plain one that ends at 1.
struct Scale {
    /// Powers of two of bytes at both ends.
    from: f64,
    to: f64,
    /// The lowest share.
    lowest: f64,
}

impl Scale {
    fn of(marks: &[Mark], original: u64) -> Self {
        let sizes = || marks.iter().map(|mark| mark.bytes).chain([original]).map(|bytes| bytes.max(1) as f64);
        let smallest = sizes().fold(f64::INFINITY, f64::min);
        let largest = sizes().fold(1.0, f64::max);
        let lowest = marks.iter().map(|mark| wilson_interval(mark.agreement.same, mark.agreement.n).0);
        let lowest = lowest.fold(0.9, f64::min);
        Self {
            from: (smallest / 1e6).log2().floor(),
            to: (largest / 1e6).log2().ceil().max((smallest / 1e6).log2().floor() + 1.0),
            lowest: (lowest * 10.0).floor() / 10.0,
        }
    }

    fn x(&self, bytes: f64) -> f64 {
        let share = ((bytes.max(1.0) / 1e6).log2() - self.from) / (self.to - self.from);
        PLOT.x(share.clamp(0.0, 1.0))
    }

    fn y(&self, share: f64) -> f64 {
        PLOT.y(((share - self.lowest) / (1.0 - self.lowest)).clamp(0.0, 1.0))
    }

    fn place(&self, mark: &Mark) -> (f64, f64) {
        (self.x(mark.bytes as f64), self.y(mark.agreement.share()))
    }

    /// Each line doubles.
    fn sizes(&self) -> Vec<f64> {
        (self.from as i32..=self.to as i32).map(|power| 1e6 * f64::from(power).exp2()).collect()
    }

    /// Five lines or so.
    fn shares(&self) -> Vec<f64> {
        let step = if self.lowest < 0.55 {
            0.2
        } else if self.lowest < 0.85 {
            0.1
        } else {
            0.05
        };
        let n = ((1.0 - self.lowest) / step + 1e-9).floor() as u32;
        (0..=n).map(|idx| 1.0 - f64::from(idx) * step).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(bytes: u64, same: u32) -> Mark {
        Mark {
            id: 0,
            name: "".into(),
            bytes,
            agreement: Same { same, n: 100, fixed: true },
            millis: None,
            current: false,
            on_front: false,
        }
    }

    #[test]
    fn every_mark_lies_between_the_axes() {
        for marks in [vec![], vec![mark(0, 0)], vec![mark(1_000_000, 100), mark(3_400_000, 40)]] {
            let scale = Scale::of(&marks, 18_000_000);
            for mark in &marks {
                let (x, y) = scale.place(mark);
                let Plot { width, height, left, right, top, bottom } = PLOT;
                assert!((left..=width - right).contains(&x) && (top..=height - bottom).contains(&y));
            }
            assert!(scale.sizes().len() >= 2 && scale.shares().len() >= 2);
            assert!(scale.x(18e6) <= PLOT.width - PLOT.right && scale.y(1.0) == PLOT.top);
        }
    }

    #[test]
    fn twice_the_bytes_are_always_as_far() {
        let scale = Scale::of(&[mark(1_000_000, 90)], 16_000_000);
        let steps: Vec<f64> =
            scale.sizes().windows(2).map(|pair| scale.x(pair[1]) - scale.x(pair[0])).collect();
        assert!(steps.windows(2).all(|pair| (pair[0] - pair[1]).abs() < 1e-9), "{steps:?}");
    }
}
