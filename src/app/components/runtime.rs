//! What the engine uses of this browser, and for everything that is off, why. The chip opens the table; on narrow
//! screens the same table opens from the head's last button.

use yew::prelude::*;

use super::icon::{Icon, icon};
use crate::app::state::{Action, LinkAction, TeacherAction, WorkerState};
use crate::app::tools::{use_tools, use_words};
use crate::app::words::{Words, key};
use crate::bridge::{Runtime, SingleThread};

/// The table's element; chips name it in `popovertarget`, which needs no script.
const TABLE_ID: &str = "runtime-table";

/// Squares of the badge.
const SQUARES: u32 = 4;

/// Properties of [`RuntimeBadge`] and [`RuntimeTable`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// How the worker is.
    pub worker: WorkerState,
}

/// The chip, and the narrow screen's button.
#[component]
pub fn RuntimeBadge(props: &Props) -> Html {
    let words = use_words();
    let (threads, label) = match props.worker {
        WorkerState::Starting => (0, words.text("runtime-starting")),
        WorkerState::Lost => (0, words.text("runtime-lost")),
        WorkerState::Ready(runtime) => (runtime.threads, ready_label(&words, runtime)),
    };
    html! {
        <>
        <button class="chip wide-only" type="button" popovertarget={TABLE_ID} data-testid="runtime" title={words.text("runtime-title")}>
            <span class="badge-dots" aria-hidden="true">{ for (0..SQUARES).map(|square| html! { <i class={(square < threads).then_some("on")} /> }) }</span>
            { label }
        </button>
        <button class="btn quiet icon narrow-only" type="button" popovertarget={TABLE_ID} aria-label={words.text("more")} title={words.text("more")}>{ icon(Icon::More) }</button>
        </>
    }
}

/// The table.
#[component]
pub fn RuntimeTable(props: &Props) -> Html {
    let (words, tools) = (use_words(), use_tools());
    html! {
        <div id={TABLE_ID} class="dialog pop" popover="auto" aria-label={words.text("runtime-title")}>
            <button class="btn narrow-only" type="button" onclick={tools.on(Action::Models(true))}>{ icon(Icon::Layers) }{ words.text("model-open") }</button>
            <button class="btn narrow-only" type="button" data-testid="share-link-more" onclick={tools.on(Action::Link(LinkAction::Open(true)))}>{ icon(Icon::Share) }{ words.text("share-open") }</button>
            <button class="btn narrow-only" type="button" onclick={tools.on(Action::Teacher(TeacherAction::ToggleProjector))}>{ icon(Icon::Screen) }{ words.text("project") }</button>
            <button class="btn narrow-only" type="button" onclick={tools.on(Action::Teacher(TeacherAction::Keys(true)))}>{ icon(Icon::Keys) }{ words.text("keys-title") }</button>
            <h2>{ words.text("runtime-title") }</h2>
            { match props.worker {
                WorkerState::Starting => html! { <p>{ words.text("runtime-starting") }</p> },
                WorkerState::Lost => html! {
                    <><p>{ words.text("runtime-lost") }</p><button class="btn" type="button" onclick={tools.on(Action::RestartWorker)}>{ words.text("restart") }</button></>
                },
                WorkerState::Ready(runtime) => table(&words, runtime),
            } }
        </div>
    }
}

fn ready_label(words: &Words, runtime: Runtime) -> String {
    let count = words.count(runtime.threads.into());
    let instructions = words.text(match runtime.relaxed_simd_used {
        true => key("instructions-relaxed"),
        false => key("instructions-simd128"),
    });
    words.text_with(
        "runtime-ready",
        &[
            ("threads", u64::from(runtime.threads).into()),
            ("count", (&count).into()),
            ("instructions", (&instructions).into()),
        ],
    )
}

fn table(words: &Words, runtime: Runtime) -> Html {
    let (threads, hardware) =
        (words.count(runtime.threads.into()), words.count(runtime.hardware_threads.into()));
    let counts = [("threads", (&threads).into()), ("hardware", (&hardware).into())];
    let simd = if runtime.simd128 { words.text("on") } else { words.text("off") };
    let relaxed = match (runtime.relaxed_simd_used, runtime.relaxed_simd_available) {
        (true, _) => words.text("on"),
        (false, true) => words.text("relaxed-unused"),
        (false, false) => words.text("relaxed-missing"),
    };
    let threads = match runtime.single_thread {
        None => key("threads-on"),
        Some(SingleThread::Asked) => key("threads-asked"),
        Some(SingleThread::OneProcessor) => key("threads-one-processor"),
        Some(SingleThread::NotIsolated) => key("threads-not-isolated"),
        Some(SingleThread::NoSharedMemory) => key("threads-no-shared-memory"),
        Some(SingleThread::HelpersFailed) => key("threads-helpers-failed"),
    };
    let isolated = if runtime.isolated { words.text("yes") } else { words.text("isolated-no") };
    html! {
        <table class="t"><tbody>
            <tr><th scope="row">{ words.text("runtime-simd") }</th><td>{ simd }</td></tr>
            <tr><th scope="row">{ words.text("runtime-relaxed") }</th><td>{ relaxed }</td></tr>
            <tr><th scope="row">{ words.text("runtime-threads") }</th><td data-testid="runtime-threads" data-value={runtime.threads.to_string()}>{ words.text_with(threads, &counts) }</td></tr>
            <tr><th scope="row">{ words.text("runtime-isolated") }</th><td>{ isolated }</td></tr>
        </tbody></table>
    }
}
