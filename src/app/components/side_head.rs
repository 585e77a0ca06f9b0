//! The heads of both sides: which model is the original, which recipe makes the compressed one.

use pipeline::NumberFormat;
use yew::prelude::*;

use super::picker::{Entry, Picker};
use super::recipe_rail::{format_of, format_value};
use crate::app::lists::{CatalogEntry, ServedModel};
use crate::app::state::{Action, Controls, ModelChoice, ModelState};
use crate::app::tools::{use_tools, use_words};
use crate::app::words::Words;

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
    pub wanted: Controls,
}

/// The compressed model's name and the choice of presets.
#[component]
pub fn CompressedHead(props: &CompressedProps) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let entries = [NumberFormat::Float32, NumberFormat::Float16, NumberFormat::Int8]
        .map(|format| {
            let name = preset_name(&words, format);
            let label = if props.wanted.sparsity_percent == 0 {
                name
            } else {
                let percent = words.percent(f64::from(props.wanted.sparsity_percent) / 100.0, 0);
                words.text_with("recipe-pruned", &[("name", (&name).into()), ("percent", (&percent).into())])
            };
            entry(format_value(format), label)
        })
        .to_vec();
    let dispatch = tools.dispatch.clone();
    let onchoose = Callback::from(move |value: String| {
        if let Some(format) = format_of(&value) {
            dispatch.emit(Action::Preset(format));
        }
    });
    html! {
        <div class="side side-b">
            <p class="row"><span class="mk b" />{ words.text("compressed") }</p>
            <Picker label={words.text("recipe-choice")} {entries} chosen={format_value(props.wanted.format)} {onchoose} />
        </div>
    }
}

/// The name of a served model, or its id where it has none.
pub fn served_name(words: &Words, id: &str) -> String {
    words.optional_text(&format!("model-name-{id}")).unwrap_or_else(|| id.to_owned())
}

/// The name of a preset.
pub fn preset_name(words: &Words, format: NumberFormat) -> String {
    match format {
        NumberFormat::Float32 => words.text("preset-fp32"),
        NumberFormat::Float16 => words.text("preset-fp16"),
        NumberFormat::Int8 => words.text("preset-int8"),
    }
}

fn entry(value: &str, label: String) -> Entry {
    Entry { value: value.to_owned().into(), label: label.into(), disabled: false }
}
