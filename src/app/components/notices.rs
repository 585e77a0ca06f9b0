//! What floats above the dock: one error at a time, a model that loads, the sign that files may be dropped. Errors become
//! words here.

use yew::prelude::*;

use super::card::Card;
use super::icon::{Icon, icon};
use super::model_dialog::loading_title;
use super::progress_bar::ProgressBar;
use super::recipe_words::refusal;
use super::side_head::served_name;
use super::storage::UpdateCard;
use crate::app::state::{Action, Loading, ModelChoice, Notice, Update, View};
use crate::app::tools::{use_tools, use_words};
use crate::app::words::{Words, key};
use crate::bridge::Failure;

/// Properties of [`Notices`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The error.
    pub notice: Option<Notice>,
    /// The model on its way.
    pub loading: Option<Loading>,
    /// The view on screen.
    pub view: View,
    /// Another version of the page.
    pub update: Update,
}

/// See the module.
#[component]
pub fn Notices(props: &Props) -> Html {
    let (words, tools) = (use_words(), use_tools());
    // On Start the lens itself says that a served model loads.
    let announced =
        |loading: &&Loading| props.view == View::Live || !matches!(loading.choice, ModelChoice::Served(_));
    let loading = props.loading.as_ref().filter(announced);
    html! {
        <div class="notices">
            if let Some(loading) = loading {
                <div class="floating later"><ProgressBar title={loading_title(&words, &loading.choice)} progress={loading.progress} oncancel={tools.on(Action::CancelLoading)} /></div>
            }
            if props.update != Update::None { <UpdateCard update={props.update} /> }
            if let Some(notice) = &props.notice { <NoticeCard notice={notice.clone()} /> }
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct CardProps {
    notice: Notice,
}

#[component]
fn NoticeCard(props: &CardProps) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let content = content(&words, &props.notice);
    let action = match content.action {
        Fix::Model => {
            html! { <button class="btn main" type="button" onclick={tools.open_model.reform(|_: MouseEvent| ())}>{ icon(Icon::File) }{ words.text("choose-other-file") }</button> }
        }
        Fix::File => {
            html! { <button class="btn main" type="button" onclick={tools.open_file.reform(|_: MouseEvent| ())}>{ icon(Icon::File) }{ words.text("choose-other-file") }</button> }
        }
        Fix::Again(key) => {
            html! { <button class="btn main" type="button" onclick={tools.on(Action::ChooseModel(key))}>{ words.text("try-again") }</button> }
        }
        Fix::List => {
            html! { <button class="btn main" type="button" onclick={tools.on(Action::Models(true))}>{ icon(Icon::Layers) }{ words.text("model-open") }</button> }
        }
        Fix::None => html! {},
        Fix::Restart => {
            html! { <button class="btn main" type="button" data-testid="restart" onclick={tools.on(Action::RestartWorker)}>{ words.text("restart") }</button> }
        }
    };
    html! {
        <div class="floating">
            <Card icon={content.icon} title={content.title} text={content.text} error=true details={content.details}>
                { action }
                <button class="btn" type="button" data-testid="close-error" onclick={tools.on(Action::CloseNotice)}>{ words.text("close") }</button>
            </Card>
        </div>
    }
}

/// The way on that an error offers.
enum Fix {
    Model,
    File,
    Again(String),
    List,
    Restart,
    None,
}

struct Content {
    icon: Icon,
    title: String,
    text: String,
    details: Option<(AttrValue, AttrValue)>,
    action: Fix,
}

fn content(words: &Words, notice: &Notice) -> Content {
    let plain = |icon, title, text, action| Content { icon, title, text, details: None, action };
    match notice {
        Notice::Model { choice, failure, former } => model_content(words, choice, failure, *former),
        Notice::NoModels => {
            plain(Icon::Layers, words.text("no-models-title"), words.text("no-models-text"), Fix::List)
        }
        Notice::WorkerSlow => plain(
            Icon::Warning,
            words.text("worker-slow-title"),
            words.text("worker-slow-text"),
            Fix::Restart,
        ),
        Notice::WorkerLost => plain(
            Icon::Warning,
            words.text("worker-lost-title"),
            words.text("worker-lost-text"),
            Fix::Restart,
        ),
        Notice::WorkerSilent => plain(
            Icon::Warning,
            words.text("worker-silent-title"),
            words.text("worker-silent-text"),
            Fix::Restart,
        ),
        Notice::FileUnknown { name } => plain(
            Icon::File,
            words.text_with("file-unknown-title", &[("name", name.into())]),
            words.text("file-unknown-text"),
            Fix::File,
        ),
        Notice::NoRecipe { name, error } => plain(
            Icon::File,
            words.text_with("no-recipe-title", &[("name", name.into())]),
            format!("{} {}", refusal(words, error), words.text("no-recipe-text")),
            Fix::File,
        ),
        Notice::Link { parts } => plain(
            Icon::Share,
            words.text("link-trouble-title"),
            words.text_with("link-trouble-text", &[("parts", (&parts.join(", ")).into())]),
            Fix::None,
        ),
        Notice::FileUnreadable { name } => plain(
            Icon::File,
            words.text_with("file-unreadable-title", &[("name", name.into())]),
            words.text("file-unreadable-text"),
            Fix::File,
        ),
    }
}

fn model_content(words: &Words, choice: &ModelChoice, failure: &Failure, former: bool) -> Content {
    let asked = match choice {
        ModelChoice::Served(id) => served_name(words, id),
        ModelChoice::Catalog(name) | ModelChoice::Own(name) => name.clone(),
    };
    let named = |name: &String| if name.is_empty() { asked.clone() } else { name.clone() };
    let title = |key, name: &String| {
        let name = named(name);
        words.text_with(key, &[("name", (&name).into())])
    };
    let mut details = None;
    let mut fold = |text: &str| {
        details = Some((AttrValue::from(words.text("details")), AttrValue::from(text.to_owned())))
    };
    let (title, text) = match failure {
        Failure::Unreadable { name, detail } => {
            fold(detail);
            (title(key("model-unreadable-title"), name), words.text("model-unreadable-text"))
        }
        Failure::CutOff { name, expected, actual } => {
            let actual = words.count(*actual);
            let text = match expected {
                Some(expected) => {
                    let expected = words.count(*expected);
                    words.text_with(
                        "model-cut-off-of",
                        &[("expected", (&expected).into()), ("actual", (&actual).into())],
                    )
                }
                None => words.text_with("model-cut-off", &[("actual", (&actual).into())]),
            };
            (title(key("model-cut-off-title"), name), text)
        }
        Failure::Unsupported { name, node, feature } => {
            let text = words
                .text_with("model-unsupported-text", &[("node", node.into()), ("feature", feature.into())]);
            (title(key("model-unsupported-title"), name), text)
        }
        Failure::Http { name, status } => {
            let status = status.to_string();
            (
                title(key("model-http-title"), name),
                words.text_with("model-http-text", &[("status", (&status).into())]),
            )
        }
        Failure::Network { name } => {
            (title(key("model-network-title"), name), words.text("model-network-text"))
        }
        Failure::WrongHash { name } => (title(key("model-hash-title"), name), words.text("model-hash-text")),
        Failure::Cancelled | Failure::NoModel | Failure::NoPictures => {
            (title(key("model-failed-title"), &asked), words.text("model-failed-text"))
        }
        Failure::Compression { detail } | Failure::Internal { detail } => {
            fold(detail);
            (title(key("model-failed-title"), &asked), words.text("model-failed-text"))
        }
    };
    let text = if former { format!("{text} {}", words.text("model-former-stays")) } else { text };
    let action = match choice {
        ModelChoice::Own(_) => Fix::Model,
        ModelChoice::Served(key) | ModelChoice::Catalog(key) => Fix::Again(key.clone()),
    };
    Content { icon: Icon::File, title, text, details, action }
}

/// Shown while files are dragged over the page.
#[component]
pub fn DropZone() -> Html {
    let words = use_words();
    html! { <div class="drop" aria-hidden="true"><p>{ icon(Icon::File) }{ words.text("drop-here") }</p></div> }
}
