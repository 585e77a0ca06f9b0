//! Something long: its name, how far, a bar with steps, and a way out.

use yew::prelude::*;

use super::width_style;
use crate::app::state::Progress;
use crate::app::tools::use_words;
use crate::app::words::Words;
use crate::bridge::Stage;

/// Properties of [`ProgressBar`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// What goes on.
    pub title: AttrValue,
    /// How far.
    pub progress: Progress,
    /// Ends it.
    pub oncancel: Callback<MouseEvent>,
}

/// See the module.
#[component]
pub fn ProgressBar(props: &Props) -> Html {
    let words = use_words();
    let share = props.progress.share();
    let percent = share.map(|share| format!("{:.0}", 100.0 * share));
    html! {
        <div class="prog">
            <b>{ &props.title }</b>
            <button class="btn" type="button" data-testid="cancel" onclick={props.oncancel.clone()}>{ words.text("cancel") }</button>
            <span class="bar" role="progressbar" aria-label={&props.title} aria-valuemin="0" aria-valuemax="100" aria-valuenow={percent}>
                <i ~style={width_style(share.unwrap_or(0.0))} />
            </span>
            <span class="note">{ sentence(&words, props.progress) }</span>
        </div>
    }
}

fn sentence(words: &Words, progress: Progress) -> String {
    let Some(stage) = progress.stage else { return words.text("stage-waits") };
    if stage == Stage::Download {
        let done = words.megabytes(progress.done);
        return match progress.total {
            Some(total) => words.text_with(
                "stage-download-of",
                &[("done", (&done).into()), ("size", (&words.size(total)).into())],
            ),
            None => words.text_with("stage-download", &[("size", (&words.size(progress.done)).into())]),
        };
    }
    let (done, of) = (words.count(progress.done), words.count(progress.total.unwrap_or(progress.done)));
    let values = [("done", (&done).into()), ("of", (&of).into())];
    match stage {
        Stage::Download => String::new(),
        Stage::Read => words.text("stage-read"),
        Stage::Calibrate => words.text_with("stage-calibrate", &values),
        Stage::Weights => words.text_with("stage-weights", &values),
        Stage::Repair => words.text_with("stage-repair", &values),
        Stage::Sizes => words.text("stage-sizes"),
        Stage::FixedSet => words.text_with("stage-fixed-set", &values),
        Stage::Scan => words.text_with("stage-scan", &values),
    }
}
