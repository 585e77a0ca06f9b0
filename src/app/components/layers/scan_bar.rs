//! Metrics that are measured on request: a button in place of the missing bars, progress with a way out, the result's n.

use yew::prelude::*;

use super::super::progress_bar::ProgressBar;
use crate::app::state::{Action, LayersAction, Metric, Progress, ScanAction, Scans};
use crate::app::tools::{use_tools, use_words};
use crate::bridge::Failure;

/// Properties of [`ScanBar`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// What the strip shows.
    pub metric: Metric,
    /// What is known.
    pub scans: Scans,
    /// There is a compressed model.
    pub ready: bool,
}

/// See the module; nothing for metrics that need no scan.
#[component]
pub fn ScanBar(props: &Props) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let (action, title, about, running, n, failure): (_, _, _, Option<Progress>, _, Option<&Failure>) =
        match props.metric {
            Metric::Error => {
                let scan = &props.scans.outputs;
                let n = scan.found.as_ref().map(|found| found.0);
                let running = scan.running.map(|(_, progress)| progress);
                let (title, about) = (words.text("scan-outputs"), words.text("scan-outputs-about"));
                (ScanAction::Outputs, title, about, running, n, scan.failure.as_ref())
            }
            Metric::Sensitivity => {
                let scan = &props.scans.sensitivity;
                let n = scan.found.as_ref().map(|found| found.0);
                let running = scan.running.map(|(_, progress)| progress);
                let (title, about) = (words.text("scan-sensitivity"), words.text("scan-sensitivity-about"));
                (ScanAction::Sensitivity, title, about, running, n, scan.failure.as_ref())
            }
            Metric::Bytes | Metric::Macs | Metric::Millis | Metric::Zeros | Metric::Bits => return html! {},
        };
    let act = |action| tools.on(Action::Layers(LayersAction::Scan(action)));
    let outcome = match (failure, n) {
        (Some(Failure::NoPictures), _) => words.text("no-pictures-reason"),
        (Some(_), _) => words.text("scan-failed"),
        (None, Some(n)) => {
            let n = words.count(n.into());
            words.text_with("scan-done", &[("n", (&n).into())])
        }
        (None, None) => String::new(),
    };
    html! {
        <div class="scan-bar">
            <p class="note">{ about }</p>
            if let Some(progress) = running {
                <ProgressBar {title} {progress} oncancel={act(ScanAction::Cancel)} />
            } else {
                <button class="btn" type="button" data-testid="run-scan" data-n={n.map(|n| n.to_string())} disabled={!props.ready} onclick={act(action)}>{ words.text("scan-run") }</button>
                <span class="note" role="status">{ outcome }</span>
            }
        </div>
    }
}
