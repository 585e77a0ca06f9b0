//! The heads of both sides: which model is the original, which recipe makes the compressed one.

use pipeline::Recipe;
use yew::prelude::*;

use super::picker::{Entry, Picker};
use super::progress_bar::ProgressBar;
use super::recipe_rail::on_preset;
use super::recipe_words::{draft_name, preset_name};
use crate::app::lists::{CatalogEntry, ServedModel};
use crate::app::state::{
    Action, CompareAction, Draft, ExperimentsAction, LeftSide, ModelChoice, ModelState, PRESETS,
};
use crate::app::tools::{Tools, use_tools, use_words};
use crate::app::words::Words;

/// The value of a recipe that is no preset.
const OWN: &str = "own";
/// The value of the original among what may stand on the left side.
const ORIGINAL: &str = "original";
/// The values of experiments begin with this; their id follows.
const EXPERIMENT: &str = "experiment-";

/// Properties of [`OriginalHead`].
#[derive(Properties, PartialEq)]
pub struct OriginalProps {
    /// Models in the served folder.
    pub served: Vec<ServedModel>,
    /// Models on the web.
    pub catalog: Vec<CatalogEntry>,
    /// The loaded model.
    pub model: ModelState,
    /// What runs on the left side.
    pub left: LeftSide,
    /// Recipes of the history.
    pub experiments: Vec<(u32, Recipe)>,
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
            <p class="row"><span class="mk a" />{ left_name(&words, &props.left) }</p>
            <Picker label={words.text("model-choice")} {entries} {chosen} {onchoose} testid="model-choice" />
            { left_picker(&words, &tools, props) }
        </div>
    }
}

/// Properties of [`CompressedHead`].
#[derive(Properties, PartialEq)]
pub struct CompressedProps {
    /// What is wanted.
    pub wanted: Draft,
    /// Recipes of the history.
    pub experiments: Vec<(u32, Recipe)>,
}

/// The compressed model's name and the choice of presets.
#[component]
pub fn CompressedHead(props: &CompressedProps) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let (mut entries, mut chosen) = preset_entries(&words, &props.wanted);
    let wanted = props.wanted.recipe();
    let own = props.experiments.iter().filter(|(_, recipe)| Draft::of(recipe).unedited().is_none());
    for (id, recipe) in own {
        let value = format!("{EXPERIMENT}{id}");
        if *recipe == wanted {
            entries.retain(|entry| entry.value != OWN);
            chosen = value.clone().into();
        }
        entries.push(entry(&value, numbered_name(&words, *id, recipe)));
    }
    let (presets, dispatch) = (on_preset(&tools), tools.dispatch.clone());
    let onchoose = Callback::from(move |value: String| {
        match value.strip_prefix(EXPERIMENT).and_then(|id| id.parse().ok()) {
            Some(id) => dispatch.emit(Action::Experiments(ExperimentsAction::Open(id))),
            None => presets.emit(value),
        }
    });
    html! {
        <div class="side side-b">
            <p class="row"><span class="mk b" />{ words.text("compressed") }</p>
            <Picker label={words.text("recipe-choice")} {entries} {chosen} {onchoose} testid="right-choice" />
        </div>
    }
}

/// All presets, and the recipe itself once it is none of them; which one it is.
pub fn preset_entries(words: &Words, draft: &Draft) -> (Vec<Entry>, AttrValue) {
    let mut entries = PRESETS.map(|preset| entry(preset, preset_name(words, preset))).to_vec();
    let chosen = draft.unedited().unwrap_or(OWN);
    if chosen == OWN {
        entries.push(entry(OWN, draft_name(words, draft)));
    }
    (entries, chosen.into())
}

/// What runs on the left side, in words.
pub fn left_name(words: &Words, left: &LeftSide) -> String {
    match &left.facts {
        Some(facts) => draft_name(words, &Draft::of(&facts.recipe)),
        None => words.text("original"),
    }
}

/// The name of an experiment; recipes that are no presets would all have one.
pub fn numbered_name(words: &Words, id: u32, recipe: &Recipe) -> String {
    let draft = Draft::of(recipe);
    let name = draft_name(words, &draft);
    if draft.unedited().is_some() {
        return name;
    }
    let number = words.count(u64::from(id) + 1);
    words.text_with("experiment-numbered", &[("name", (&name).into()), ("number", (&number).into())])
}

/// The choice of what runs on the left side: the original, or any recipe of the history.
fn left_picker(words: &Words, tools: &Tools, props: &OriginalProps) -> Html {
    let mut entries = vec![entry(ORIGINAL, words.text("left-original"))];
    let mut chosen = AttrValue::from(ORIGINAL);
    for (id, recipe) in &props.experiments {
        let value = format!("{EXPERIMENT}{id}");
        if props.left.wanted.as_ref() == Some(recipe) {
            chosen = value.clone().into();
        }
        entries.push(entry(&value, numbered_name(words, *id, recipe)));
    }
    let onchoose = tools.dispatch.reform(|value: String| {
        let id = value.strip_prefix(EXPERIMENT).and_then(|id| id.parse().ok());
        Action::Compare(CompareAction::Left(id))
    });
    html! {
        <>
        <Picker label={words.text("left-choice")} {entries} {chosen} {onchoose} testid="left-choice" />
        if let Some((_, progress)) = props.left.running {
            <ProgressBar title={words.text("left-runs")} {progress} oncancel={tools.on(Action::Compare(CompareAction::CancelLeft))} />
        }
        </>
    }
}

/// The name of a served model, or its id where it has none.
pub fn served_name(words: &Words, id: &str) -> String {
    words.optional_text(&format!("model-name-{id}")).unwrap_or_else(|| id.to_owned())
}

fn entry(value: &str, label: String) -> Entry {
    Entry { value: value.to_owned().into(), label: label.into(), disabled: false }
}
