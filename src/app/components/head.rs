//! The head: mark, views, model, runtime, language, theme.

use yew::prelude::*;

use super::icon::{Icon, icon};
use super::runtime::{RuntimeBadge, RuntimeTable};
use super::segmented::{Choice, Segmented};
use super::side_head::served_name;
use crate::app::state::{
    Action, LinkAction, ModelChoice, ModelState, TeacherAction, Theme, View, WorkerState,
};
use crate::app::tools::{use_tools, use_words};
use crate::app::words::{Language, Words, key};

/// The name of the project; its letters narrow from left to right.
const WORDMARK: &str = "Tinylens";

/// Properties of [`Head`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The view on screen.
    pub view: View,
    /// How the worker is.
    pub worker: WorkerState,
    /// The original.
    pub model: ModelState,
    /// The language.
    pub language: Language,
    /// Light or dark.
    pub theme: Theme,
}

/// See the module.
#[component]
pub fn Head(props: &Props) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let tab = |view: View| {
        let name = words.text(match view {
            View::Start => key("view-start"),
            View::Live => key("view-live"),
            View::Layers => key("view-layers"),
            View::Experiments => key("view-experiments"),
            View::Course => key("view-course"),
            View::Class => key("class-title"),
        });
        let current = (props.view == view).then_some("page");
        let testid = format!("view-{}", view.name());
        html! { <a href={format!("#{}", view.name())} aria-current={current} data-testid={testid}>{ name }</a> }
    };
    let choice = |language: Language, label: &'static str, name: &'static str, testid| Choice {
        value: language.tag(),
        label: label.into(),
        name: Some(name.into()),
        lang: Some(language.tag()),
        testid: Some(testid),
    };
    // Names of languages stand in their own language, whatever the page speaks.
    let languages = vec![
        choice(Language::English, "EN", "English", "language-en"),
        choice(Language::German, "DE", "Deutsch", "language-de"),
    ];
    let theme = match props.theme {
        Theme::Auto => words.text("theme-auto"),
        Theme::Light => words.text("theme-light"),
        Theme::Dark => words.text("theme-dark"),
    };
    html! {
        <header class="head">
            <a class="brand" href="#start" aria-label={WORDMARK}>
                <svg viewBox="0 0 24 24" aria-hidden="true"><g fill="none" stroke="currentColor" stroke-width="2.9"><path d="M12 3.600a8.400 8.400 0 0 0 0 16.800" /><path d="M12 3.600h3.600v2.400h2.400v3h2.400v6h-2.400v3h-2.400v2.400H12" /></g><circle cx="12" cy="12" r="1.9" fill="currentColor" /></svg>
                <span aria-hidden="true">{ for WORDMARK.chars().map(|letter| html! { <i>{ letter }</i> }) }</span>
            </a>
            <nav class="tabs" aria-label={words.text("views")}>
                { for View::TABS.map(tab) }
            </nav>
            <span class="grow" />
            <button class="chip model-chip" type="button" aria-haspopup="dialog" title={words.text("model-open")} onclick={tools.on(Action::Models(true))}>
                { icon(Icon::Layers) }<span>{ model_label(&words, &props.model) }</span>
            </button>
            <RuntimeBadge worker={props.worker} />
            <RuntimeTable worker={props.worker} />
            <Segmented class="small" label={words.text("language")} choices={languages} chosen={props.language.tag()} onchoose={tools.dispatch.reform(|tag: &'static str| Action::Speak(Language::from_tag(tag)))} />
            <span class="row head-tools">
                <button class="btn quiet icon" type="button" data-testid="share-link" aria-haspopup="dialog" aria-label={words.text("share-open")} title={words.text("share-open")} onclick={tools.on(Action::Link(LinkAction::Open(true)))}>{ icon(Icon::Share) }</button>
                <button class="btn quiet icon wide-only" type="button" data-testid="open-projector" aria-label={words.text("project")} title={words.text("project")} onclick={tools.on(Action::Teacher(TeacherAction::ToggleProjector))}>{ icon(Icon::Screen) }</button>
                <button class="btn quiet icon wide-only" type="button" data-testid="open-keys" aria-haspopup="dialog" aria-label={words.text("keys-title")} title={words.text("keys-title")} onclick={tools.on(Action::Teacher(TeacherAction::Keys(true)))}>{ icon(Icon::Keys) }</button>
            </span>
            <button class="btn quiet icon" type="button" data-testid="theme" aria-label={theme.clone()} title={theme} onclick={tools.on(Action::NextTheme)}>{ icon(Icon::Theme) }</button>
        </header>
    }
}

fn model_label(words: &Words, model: &ModelState) -> Html {
    match (&model.loading, &model.current) {
        (Some(loading), _) => {
            let name = match &loading.choice {
                ModelChoice::Served(id) => served_name(words, id),
                ModelChoice::Catalog(name) | ModelChoice::Own(name) => name.clone(),
            };
            html! { <><b>{ name }</b>{ " " }{ words.text("model-loading") }</> }
        }
        (None, Some(facts)) => {
            let (size, classes) = (words.count(facts.input_size.into()), words.count(facts.n_classes.into()));
            let about =
                words.text_with("model-chip", &[("size", (&size).into()), ("classes", (&classes).into())]);
            let name = match &model.choice {
                Some(ModelChoice::Served(id)) => served_name(words, id),
                Some(ModelChoice::Catalog(_) | ModelChoice::Own(_)) | None => facts.name.clone(),
            };
            html! { <><b>{ name }</b>{ " " }{ about }</> }
        }
        (None, None) => html! { <b>{ words.text("model-none") }</b> },
    }
}
