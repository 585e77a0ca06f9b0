//! The heads of both sides: which model is the original, which recipe makes the compressed one.

use yew::prelude::*;

use super::picker::{Entry, Picker};
use super::recipe_rail::on_preset;
use super::recipe_words::{draft_name, preset_name};
use crate::app::lists::{CatalogEntry, ServedModel};
use crate::app::state::{Action, Draft, ModelChoice, ModelState, PRESETS};
use crate::app::tools::{use_tools, use_words};
use crate::app::words::Words;

/// The value of a recipe that is no preset.
const OWN: &str = "own";

/// Properties of [`OriginalHead`].
#[derive(Properties, PartialEq)]
pub struct OriginalProps {
    /// Models in the served folder.
    pub served: Vec<ServedModel>,
    /// Models on the web.
    pub catalog: Vec<CatalogEntry>,
    /// The loaded model.
    pub model: ModelState,
}

/// The original's name and the choice of models.
#[component]
pub fn OriginalHead(props: &OriginalProps) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let mut entries: Vec<Entry> = Vec::new();
    if let Some(ModelChoice::Own(name)) = props.model.shown_choice() {
        entries.push(Entry { value: "own".into(), label: name.clone().into(), disabled: false });
    }
    for model in &props.served {
        entries.push(entry(&model.id, served_name(&words, &model.id)));
    }
    for model in &props.catalog {
        let size = words.size(model.bytes);
        let label =
            words.text_with("model-from-web", &[("name", (&model.name).into()), ("size", (&size).into())]);
        entries.push(entry(&model.id, label));
    }
    let chosen = props.model.shown_choice().map(|choice| choice.key().to_owned()).unwrap_or_default();
    let onchoose = tools.dispatch.reform(Action::ChooseModel);
    html! {
        <div class="side side-a">
            <p class="row"><span class="mk a" />{ words.text("original") }</p>
            <Picker label={words.text("model-choice")} {entries} {chosen} {onchoose} testid="model-choice" />
        </div>
    }
}

/// Properties of [`CompressedHead`].
#[derive(Properties, PartialEq)]
pub struct CompressedProps {
    /// What is wanted.
    pub wanted: Draft,
}

/// The compressed model's name and the choice of presets.
#[component]
pub fn CompressedHead(props: &CompressedProps) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let (entries, chosen) = preset_entries(&words, &props.wanted);
    html! {
        <div class="side side-b">
            <p class="row"><span class="mk b" />{ words.text("compressed") }</p>
            <Picker label={words.text("recipe-choice")} {entries} {chosen} onchoose={on_preset(&tools)} />
        </div>
    }
}

/// All presets, and the recipe itself once it is none of them; which one it is.
pub fn preset_entries(words: &Words, draft: &Draft) -> (Vec<Entry>, &'static str) {
    let mut entries = PRESETS.map(|preset| entry(preset, preset_name(words, preset))).to_vec();
    let chosen = draft.unedited().unwrap_or(OWN);
    if chosen == OWN {
        entries.push(entry(OWN, draft_name(words, draft)));
    }
    (entries, chosen)
}

/// The name of a served model, or its id where it has none.
pub fn served_name(words: &Words, id: &str) -> String {
    words.optional_text(&format!("model-name-{id}")).unwrap_or_else(|| id.to_owned())
}

fn entry(value: &str, label: String) -> Entry {
    Entry { value: value.to_owned().into(), label: label.into(), disabled: false }
}
