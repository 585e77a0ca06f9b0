//! The list of models with their facts: served ones, ones from the web, the visitor's own file.

use web_sys::HtmlDialogElement;
use yew::prelude::*;

use super::icon::{Icon, icon};
use super::picker::{Entry, Picker};
use super::progress_bar::ProgressBar;
use super::side_head::served_name;
use super::storage::{Storage, StoragePanel};
use crate::app::lists::{CatalogEntry, ServedModel};
use crate::app::state::{Action, ModelChoice, ModelState};
use crate::app::tools::{use_tools, use_words};
use crate::app::words::Words;
use crate::bridge::{ModelFacts, Normalization};

/// Properties of [`ModelDialog`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// It is open.
    pub open: bool,
    /// Models in the served folder.
    pub served: Option<Vec<ServedModel>>,
    /// Models on the web.
    pub catalog: Vec<CatalogEntry>,
    /// The original.
    pub model: ModelState,
    /// What is kept for times without a network.
    pub storage: Storage,
}

/// See the module.
#[component]
pub fn ModelDialog(props: &Props) -> Html {
    let (words, tools, dialog) = (use_words(), use_tools(), use_node_ref());
    {
        let dialog = dialog.clone();
        use_effect_with(props.open, move |open| {
            if let Some(dialog) = dialog.cast::<HtmlDialogElement>() {
                match (*open, dialog.open()) {
                    (true, false) => drop(dialog.show_modal()),
                    (false, true) => dialog.close(),
                    _ => {}
                }
            }
        });
    }
    let chosen = props.model.shown_choice();
    let choose = |key: &str| tools.on::<MouseEvent>(Action::ChooseModel(key.to_owned()));
    let row = |name: String, about: String, key: &str, action: String| {
        let current = chosen.is_some_and(|choice| choice.key() == key);
        html! {
            <li class="model-row" key={key.to_owned()}>
                <div><b>{ name }</b><p class="note">{ about }</p></div>
                if current {
                    <span class="row note">{ icon(Icon::Check) }{ words.text("model-current") }</span>
                } else {
                    <button class="btn" type="button" data-model={key.to_owned()} onclick={choose(key)}>{ action }</button>
                }
            </li>
        }
    };
    let served = props.served.iter().flatten().map(|model| {
        let size = words.size(model.bytes);
        let about = words.optional_text(&format!("model-about-{}", model.id));
        let about = about.map_or_else(|| size.clone(), |about| format!("{about} {size}."));
        row(served_name(&words, &model.id), about, &model.id, words.text("model-use"))
    });
    let catalog = props.catalog.iter().map(|entry| {
        let size = words.size(entry.bytes);
        let about = words.text_with(
            "model-about-web",
            &[
                ("origin", (&entry.origin).into()),
                ("licence", (&entry.licence).into()),
                ("size", (&size).into()),
            ],
        );
        row(entry.name.clone(), about, &entry.id, words.text("model-download"))
    });
    html! {
        <dialog ref={&dialog} class="dialog models" aria-labelledby="models-heading" onclose={tools.on(Action::Models(false))}>
            <header class="row between">
                <h2 id="models-heading">{ words.text("models-title") }</h2>
                <button class="btn quiet icon" type="button" aria-label={words.text("close")} onclick={tools.on(Action::Models(false))}>{ icon(Icon::Close) }</button>
            </header>
            if let Some(loading) = &props.model.loading {
                <ProgressBar title={loading_title(&words, &loading.choice)} progress={loading.progress} oncancel={tools.on(Action::CancelLoading)} />
            }
            <ul class="models-list">{ for served }{ for catalog }
                <li class="model-row">
                    <div><b>{ words.text("model-own") }</b><p class="note">{ words.text("model-own-about") }</p></div>
                    <button class="btn" type="button" onclick={tools.open_model.reform(|_: MouseEvent| ())}>{ icon(Icon::File) }{ words.text("choose-file") }</button>
                </li>
            </ul>
            <StoragePanel storage={props.storage.clone()} />
            if let Some(facts) = &props.model.current { <Facts facts={facts.clone()} /> }
        </dialog>
    }
}

/// What is being loaded, in words.
pub fn loading_title(words: &Words, choice: &ModelChoice) -> String {
    let name = match choice {
        ModelChoice::Served(id) => served_name(words, id),
        ModelChoice::Catalog(name) | ModelChoice::Own(name) => name.clone(),
    };
    words.text_with("loading-model", &[("name", (&name).into())])
}

#[derive(Properties, PartialEq)]
struct FactsProps {
    facts: std::rc::Rc<ModelFacts>,
}

/// The loaded model's facts, and the preparation of pictures where its file does not say.
#[component]
fn Facts(props: &FactsProps) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let facts = &props.facts;
    let side = words.count(facts.input_size.into());
    let line =
        |name: String, value: String| html! { <tr><th scope="row">{ name }</th><td>{ value }</td></tr> };
    let dispatch = tools.dispatch.clone();
    let onchoose = Callback::from(move |value: String| {
        if let Some((normalization, _)) = NORMALIZATIONS.into_iter().find(|(_, name)| *name == value) {
            dispatch.emit(Action::Normalize(normalization));
        }
    });
    let name_of = |normalization: Normalization| match normalization {
        Normalization::Recorded => words.text("normalization-recorded"),
        Normalization::MinusOneToOne => words.text("normalization-minus-one"),
        Normalization::ImageNet => words.text("normalization-imagenet"),
    };
    let entries: Vec<Entry> = NORMALIZATIONS
        .into_iter()
        .filter(|(normalization, _)| {
            *normalization != Normalization::Recorded || !facts.normalization_assumed
        })
        .map(|(normalization, value)| Entry {
            value: value.into(),
            label: name_of(normalization).into(),
            disabled: false,
        })
        .collect();
    let chosen =
        NORMALIZATIONS.into_iter().find(|(it, _)| *it == facts.normalization).map_or("", |(_, value)| value);
    html! {
        <section class="facts" aria-label={words.text("facts-title")}>
            <h3>{ words.text("facts-title") }</h3>
            <table class="t wrapped"><tbody>
                { line(words.text("fact-name"), facts.name.clone()) }
                { line(words.text("fact-origin"), facts.origin.clone()) }
                { line(words.text("fact-licence"), if facts.licence.is_empty() { words.text("fact-licence-own") } else { facts.licence.clone() }) }
                { line(words.text("fact-bytes"), words.size(facts.file_bytes)) }
                { line(words.text("fact-input"), words.text_with("fact-input-value", &[("size", (&side).into())])) }
                { line(words.text("fact-classes"), words.count(facts.n_classes.into())) }
                { line(words.text("fact-parameters"), millions(&words, facts.n_parameters)) }
                { line(words.text("fact-multiply-adds"), millions(&words, facts.n_multiply_adds)) }
                if !facts.normalization_assumed { { line(words.text("normalization"), name_of(facts.normalization)) } }
            </tbody></table>
            if facts.normalization_assumed {
                <p class="note">{ words.text("normalization-assumed") }</p>
                <Picker label={words.text("normalization")} {entries} {chosen} {onchoose} testid="normalization" />
            }
        </section>
    }
}

const NORMALIZATIONS: [(Normalization, &str); 3] = [
    (Normalization::Recorded, "recorded"),
    (Normalization::MinusOneToOne, "minus-one-to-one"),
    (Normalization::ImageNet, "imagenet"),
];

fn millions(words: &Words, value: u64) -> String {
    let digits = words.number(value as f64 / 1e6, if value < 10_000_000 { 2 } else { 0 });
    words.text_with("millions", &[("n", (&digits).into())])
}
