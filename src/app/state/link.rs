//! What an address carries behind its place, as in `#course/3/2?v=1&m=everyday-60&r=int8-per-tensor&l=de&h=ps`: the
//! model, the recipe, the language, and the controls that a teacher hides. The address always says what is on screen; the
//! share dialog writes one for others. What an address says and the page does not know is left out and named.
//!
//! | name | is |
//! | --- | --- |
//! | `v` | the version of this table, 1; without it nothing else counts |
//! | `m` | a served model, by its id |
//! | `r` | a preset by its name, or `~` and a recipe: its JSON, deflated, in base64url |
//! | `l` | `en` or `de` |
//! | `h` | one letter for each hidden control, see [`Control`] |

use super::recipe_code::{code_of, recipe_of};
use super::{
    Action, Control, Draft, Effect, LayersAction, ModelChoice, Notice, PRESETS, Place, State, View,
    course_steps, model, recipe,
};
use crate::app::words::Language;

const VERSION: &str = "1";

/// What the page knows of its address, and of the one that is being written for others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Link {
    /// Controls that the address hides, each once.
    pub hidden: Vec<Control>,
    /// The model that the address asks for, until the list of models is there.
    pub model: Option<String>,
    /// The share dialog, while it is open.
    pub share: Option<Share>,
    /// The language came with the address.
    speaks: bool,
    /// What the address was last written for.
    written: Option<(Option<ModelChoice>, Draft, usize)>,
}

/// A link for others, while it is being put together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Share {
    /// Controls that it hides.
    pub hidden: Vec<Control>,
    /// The lesson that it opens; without one, the present view.
    pub lesson: Option<u8>,
    /// The preset that it opens with; without one, the present recipe.
    pub preset: Option<&'static str>,
    /// The text that was copied last.
    pub copied: Option<String>,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq)]
pub enum LinkAction {
    /// An address with this behind its place, without `?`; empty where there is nothing.
    Arrived(String),
    /// An address with a place that the page does not have.
    Nowhere(String),
    /// The share dialog opens or closes.
    Open(bool),
    /// A control is shown or hidden in the link.
    Toggle(Control),
    /// The link opens a lesson, or the present view.
    Lesson(Option<u8>),
    /// The link opens with a preset, or with the present recipe.
    Preset(Option<&'static str>),
    /// A text goes to the clipboard.
    Copy(String),
    /// It is there.
    Copied(String),
}

/// What has to be done in the browser.
#[derive(Clone, Debug, PartialEq)]
pub enum LinkEffect {
    /// The address says what is on screen, without a new entry in the history.
    PutAddress,
    /// Language and hidden controls go to the document.
    Show,
    /// Puts a text onto the clipboard.
    Copy(String),
}

/// What an address carries.
#[derive(Clone, Debug, Default, PartialEq)]
struct Carried {
    model: Option<String>,
    draft: Option<Draft>,
    language: Option<Language>,
    hidden: Vec<Control>,
}

impl Carried {
    /// What is understood, and the parts that are not, as they stand in the address.
    fn read(query: &str) -> (Self, Vec<String>) {
        let (mut carried, mut strange) = (Self::default(), Vec::new());
        let parts: Vec<(&str, &str)> = query
            .split('&')
            .filter(|part| !part.is_empty())
            .map(|part| part.split_once('=').unwrap_or((part, "")))
            .collect();
        match parts.iter().find(|(name, _)| *name == "v") {
            Some((_, VERSION)) => {}
            Some((name, version)) => return (carried, vec![short(name, version)]),
            None => return (carried, parts.iter().map(|(name, value)| short(name, value)).collect()),
        }
        for (name, value) in parts {
            let understood = match name {
                "v" => true,
                "m" => {
                    carried.model = Some(value.to_owned()).filter(|id| !id.is_empty());
                    carried.model.is_some()
                }
                "r" => {
                    carried.draft = match value.strip_prefix('~') {
                        Some(code) => recipe_of(code).map(|recipe| Draft::of(&recipe)),
                        None => Draft::preset(value),
                    };
                    carried.draft.is_some()
                }
                "l" => {
                    let known = [Language::English, Language::German];
                    carried.language = known.into_iter().find(|language| language.tag() == value);
                    carried.language.is_some()
                }
                "h" => {
                    let known: Vec<Option<Control>> = value.chars().map(Control::of_letter).collect();
                    carried.hidden =
                        Control::ALL.into_iter().filter(|it| known.contains(&Some(*it))).collect();
                    known.iter().all(Option::is_some)
                }
                _ => false,
            };
            if !understood {
                strange.push(short(name, value));
            }
        }
        (carried, strange)
    }

    /// The opposite of [`Carried::read`]; empty where there is nothing to say.
    fn write(&self) -> String {
        let mut parts = Vec::new();
        if let Some(model) = &self.model {
            parts.push(format!("m={model}"));
        }
        if let Some(draft) = &self.draft {
            let recipe =
                draft.unedited().map_or_else(|| format!("~{}", code_of(&draft.recipe())), str::to_owned);
            parts.push(format!("r={recipe}"));
        }
        if let Some(language) = self.language {
            parts.push(format!("l={}", language.tag()));
        }
        if !self.hidden.is_empty() {
            parts.push(format!("h={}", self.hidden.iter().map(|it| it.letter()).collect::<String>()));
        }
        if parts.is_empty() { String::new() } else { format!("v={VERSION}&{}", parts.join("&")) }
    }
}

/// A part of an address as it is shown, cut where it is long.
fn short(name: &str, value: &str) -> String {
    let value: String = value.chars().take(24).collect();
    if value.is_empty() { name.chars().take(24).collect() } else { format!("{name}={value}") }
}

impl State {
    /// The present place, and behind it what is not as ever; without `#`.
    pub fn fragment(&self) -> String {
        joined(self.place(), &self.carried().write())
    }

    /// The fragment for others, as the share dialog has put it together.
    pub fn share_fragment(&self, share: &Share) -> String {
        let place = match share.lesson {
            Some(lesson) => Place { lesson, step: 1 }.fragment(),
            None => self.place(),
        };
        let draft = share.preset.and_then(Draft::preset).unwrap_or_else(|| self.recipe.wanted.clone());
        let model = match &self.model.choice {
            Some(ModelChoice::Served(id)) => Some(id.clone()),
            Some(ModelChoice::Catalog(_) | ModelChoice::Own(_)) | None => None,
        };
        let hidden = share.hidden.clone();
        joined(place, &Carried { model, draft: Some(draft), language: Some(self.language), hidden }.write())
    }

    /// A link hides this control.
    pub fn hides(&self, control: Control) -> bool {
        self.link.hidden.contains(&control)
    }

    /// A link hides this view's tab.
    pub(super) fn hides_view(&self, view: View) -> bool {
        Control::of_view(view).is_some_and(|control| self.hides(control))
    }

    fn carried(&self) -> Carried {
        let model = match &self.model.choice {
            Some(ModelChoice::Served(id)) if id != model::DEFAULT_MODEL => Some(id.clone()),
            _ => None,
        };
        let wanted = &self.recipe.wanted;
        let usual = *wanted == Draft::default() || wanted.refusal().is_some();
        Carried {
            model,
            draft: (!usual).then(|| wanted.clone()),
            language: self.link.speaks.then_some(self.language),
            hidden: self.link.hidden.clone(),
        }
    }
}

fn joined(place: String, query: &str) -> String {
    if query.is_empty() { place } else { format!("{place}?{query}") }
}

/// The state after `action`.
pub(super) fn act(state: &mut State, action: LinkAction, effects: &mut Vec<Effect>) {
    match action {
        LinkAction::Arrived(query) => arrive(state, &query, effects),
        LinkAction::Nowhere(place) => state.notice = Some(Notice::Link { parts: vec![short(&place, "")] }),
        LinkAction::Open(open) => {
            let lesson = (state.view == View::Course).then_some(state.course.place.lesson);
            let hidden = state.link.hidden.clone();
            state.link.share = open.then(|| Share { hidden, lesson, ..Share::default() });
        }
        LinkAction::Toggle(control) => {
            if let Some(share) = &mut state.link.share {
                let hidden = &mut share.hidden;
                let was = hidden.contains(&control);
                let now = |it: &Control| if *it == control { !was } else { hidden.contains(it) };
                share.hidden = Control::ALL.into_iter().filter(now).collect();
            }
        }
        LinkAction::Lesson(lesson) => {
            if let Some(share) = &mut state.link.share {
                share.lesson = lesson;
            }
        }
        LinkAction::Preset(preset) => {
            if let Some(share) = &mut state.link.share {
                share.preset = preset.filter(|name| PRESETS.contains(name));
            }
        }
        LinkAction::Copy(text) => effects.push(Effect::Link(LinkEffect::Copy(text))),
        LinkAction::Copied(text) => {
            if let Some(share) = &mut state.link.share {
                share.copied = Some(text);
            }
        }
    }
}

fn arrive(state: &mut State, query: &str, effects: &mut Vec<Effect>) {
    if query == state.carried().write() {
        return;
    }
    if query.is_empty() {
        // A place of this page, chosen by hand: what is on screen goes on.
        effects.push(Effect::Link(LinkEffect::PutAddress));
        return;
    }
    let (carried, strange) = Carried::read(query);
    state.link.hidden = carried.hidden;
    if let Some(language) = carried.language {
        state.link.speaks = true;
        state.language = language;
        course_steps::fetch(state, effects);
    }
    effects.push(Effect::Link(LinkEffect::Show));
    if let Some(model) = carried.model {
        state.link.model = Some(model);
        choose_model(state, effects);
    }
    if let Some(draft) = carried.draft {
        recipe::want(state, draft, effects);
    }
    if !strange.is_empty() {
        state.notice = Some(Notice::Link { parts: strange });
    }
}

/// Opens the model that the address asks for, once it is known which there are.
pub(super) fn choose_model(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(served) = &state.served else { return };
    let Some(id) = state.link.model.take() else { return };
    if served.iter().any(|model| model.id == id) {
        model::choose_model(state, &id, effects);
    } else {
        state.notice = Some(Notice::Link { parts: vec![short("m", &id)] });
    }
}

/// Writes the address where what it carries has changed and is settled.
pub(super) fn follow(state: &mut State, effects: &mut Vec<Effect>) {
    let recipe = &state.recipe;
    let settled = recipe.is_current() || recipe.running.as_ref().is_some_and(|it| it.draft == recipe.wanted);
    if !settled || state.model.current.is_none() {
        return;
    }
    let layer = if state.view == View::Layers { state.layers.chosen } else { 0 };
    let now = (state.model.choice.clone(), recipe.wanted.clone(), layer);
    if state.link.written.as_ref() != Some(&now) {
        let first = state.link.written.replace(now).is_none();
        if !first || layer > 0 || !state.carried().write().is_empty() {
            effects.push(Effect::Link(LinkEffect::PutAddress));
        }
    }
}

/// What a key or an address asks for and a link hides.
pub(super) fn refuses(state: &State, action: &Action) -> bool {
    match action {
        Action::Show(view) => state.hides_view(*view),
        Action::Layers(LayersAction::Visit(_)) => state.hides_view(View::Layers),
        Action::ShowStep(_) => state.hides_view(View::Course) && state.view != View::Course,
        Action::Format(_) => state.hides(Control::Presets),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::StepChange;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_written_is_read() {
        for name in PRESETS {
            let draft = Draft::preset(name).expect("a preset");
            let carried = Carried {
                model: Some("everyday-60".into()),
                draft: Some(draft),
                language: Some(Language::German),
                hidden: vec![Control::Models, Control::Course],
            };
            let text = carried.write();
            assert_eq!(Carried::read(&text), (carried, vec![]), "{text}");
        }
        assert_eq!(Carried::default().write(), "");
    }

    #[test]
    fn an_own_recipe_fits_into_a_link() {
        for name in PRESETS {
            let draft = Draft::preset(name).expect("a preset");
            let prune = draft
                .steps
                .iter()
                .position(|entry| entry.step.pass() == "prune")
                .expect("pruning has its place");
            let draft = draft.with_change(prune, StepChange::Sparsity(37));
            let carried = Carried { draft: Some(draft.clone()), ..Carried::default() };
            let text = carried.write();
            let read = Carried::read(&text).0.draft.expect("a recipe");
            assert_eq!(read.recipe(), draft.recipe());
            assert!(text.len() < 700, "{} characters: {text}", text.len());
        }
    }

    #[test]
    fn what_is_not_understood_is_named_and_the_rest_counts() {
        let (carried, strange) = Carried::read("v=1&m=&r=nothing&l=fr&h=mQ&x=1&q");
        assert_eq!(strange, ["m", "r=nothing", "l=fr", "h=mQ", "x=1", "q"]);
        assert_eq!(carried, Carried { hidden: vec![Control::Models], ..Carried::default() });
        assert_eq!(Carried::read("v=2&l=de"), (Carried::default(), vec!["v=2".to_owned()]));
        assert_eq!(Carried::read("l=de"), (Carried::default(), vec!["l=de".to_owned()]));
    }

    proptest! {
        #[test]
        fn nothing_breaks_the_reader(text in "\\PC{0,60}", code in "[A-Za-z0-9_-]{0,60}") {
            let _ = Carried::read(&text);
            let _ = Carried::read(&format!("v=1&r=~{code}"));
        }
    }
}
