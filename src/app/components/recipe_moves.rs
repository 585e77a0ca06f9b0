//! Moving steps of the recipe: by dragging their grip, by keys on it, or by the buttons in their settings.

use wasm_bindgen::JsCast;
use web_sys::Element;
use yew::prelude::*;

use super::recipe_words::step_name;
use crate::app::state::{Action, Draft};
use crate::app::tools::Tools;
use crate::app::words::Words;

/// A step on its way: where it was, where it would go, and whether a pointer holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifted {
    from: usize,
    to: usize,
    dragged: bool,
}

/// What a row shows while a step is lifted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RowMark {
    /// Nothing.
    #[default]
    None,
    /// It is the lifted one.
    Lifted,
    /// The lifted one would go before it.
    Before,
    /// The lifted one would go behind it.
    Behind,
}

impl RowMark {
    /// The row's class.
    pub fn class(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Lifted => Some("lifted"),
            Self::Before => Some("drop-before"),
            Self::Behind => Some("drop-behind"),
        }
    }
}

impl Lifted {
    /// What the row at `position` shows.
    pub fn mark(&self, position: usize) -> RowMark {
        match position {
            _ if position == self.from => RowMark::Lifted,
            _ if position != self.to => RowMark::None,
            _ if self.to < self.from => RowMark::Before,
            _ => RowMark::Behind,
        }
    }

    /// What is said to those who do not see it.
    pub fn said(&self, words: &Words, draft: &Draft) -> String {
        let name = draft.steps.get(self.from).map(|entry| step_name(words, &entry.step)).unwrap_or_default();
        let (place, of) = (words.count(self.to as u64 + 1), words.count(draft.steps.len() as u64));
        let values = [("name", (&name).into()), ("place", (&place).into()), ("of", (&of).into())];
        words.text_with("step-lifted", &values)
    }
}

/// What happens to a grip.
#[derive(Clone)]
pub enum Grip {
    /// A key on the grip of this step.
    Key(usize, KeyboardEvent),
    /// A pointer took it.
    Take(usize, PointerEvent),
    /// The pointer moved.
    Drag(PointerEvent),
    /// The pointer let go, or was taken away.
    Drop(bool),
    /// The focus has left.
    Leave,
}

/// Lifts, moves and drops steps of a list whose first `n` rows they are.
pub fn grip_moves(
    list: &NodeRef,
    lifted: &UseStateHandle<Option<Lifted>>,
    tools: &Tools,
    n: usize,
) -> Callback<Grip> {
    let (list, lifted, dispatch) = (list.clone(), lifted.clone(), tools.dispatch.clone());
    Callback::from(move |grip: Grip| {
        let drop = |to: Option<Lifted>| {
            lifted.set(None);
            if let Some(Lifted { from, to, .. }) = to.filter(|lifted| lifted.from != lifted.to) {
                dispatch.emit(Action::MoveStep(from, to));
            }
        };
        match grip {
            Grip::Key(position, event) => {
                let held = lifted.filter(|held| held.from == position);
                let to = |to: usize| {
                    lifted.set(Some(Lifted { from: position, to: to.min(n - 1), dragged: false }))
                };
                match (event.key().as_str(), held) {
                    (" " | "Enter", None) => to(position),
                    (" " | "Enter", Some(held)) => drop(Some(held)),
                    ("ArrowUp", Some(held)) => to(held.to.saturating_sub(1)),
                    ("ArrowDown", Some(held)) => to(held.to + 1),
                    ("Home", Some(_)) => to(0),
                    ("End", Some(_)) => to(n - 1),
                    ("Escape", Some(_)) => drop(None),
                    _ => return,
                }
                event.prevent_default();
            }
            Grip::Take(position, event) => {
                if event.button() == 0
                    && let Some(grip) = grip_of(&event)
                    && grip.set_pointer_capture(event.pointer_id()).is_ok()
                {
                    lifted.set(Some(Lifted { from: position, to: position, dragged: true }));
                }
            }
            Grip::Drag(event) => {
                if let Some(held) = lifted.filter(|held| held.dragged)
                    && let Some(to) = row_at(&list, f64::from(event.client_y()), n)
                    && to != held.to
                {
                    lifted.set(Some(Lifted { to, ..held }));
                }
            }
            Grip::Drop(here) => {
                if let Some(held) = lifted.filter(|held| held.dragged) {
                    drop(here.then_some(held));
                }
            }
            Grip::Leave => {
                if lifted.is_some_and(|held| !held.dragged) {
                    lifted.set(None);
                }
            }
        }
    })
}

/// The grip that a pointer took; its drawing is what the pointer meets.
fn grip_of(event: &PointerEvent) -> Option<Element> {
    event.target()?.dyn_into::<Element>().ok()?.closest(".grip").ok().flatten()
}

/// The row among the first `n` that lies at this height; the first or last one beyond.
fn row_at(list: &NodeRef, y: f64, n: usize) -> Option<usize> {
    let rows = list.cast::<Element>()?.children();
    let below = |idx: usize| {
        let row = rows.item(idx as u32);
        row.is_some_and(|row| y < row.get_bounding_client_rect().bottom())
    };
    Some((0..n).find(|idx| below(*idx)).unwrap_or(n.checked_sub(1)?))
}

/// The grip of a step.
pub fn grip_button(words: &Words, name: &str, position: usize, grip: &Callback<Grip>) -> Html {
    let label = words.text_with("step-grip", &[("name", name.into())]);
    html! {
        <button
            class="grip" type="button" data-testid="grip" aria-label={label} title={words.text("step-grip-about")}
            onkeydown={grip.reform(move |event| Grip::Key(position, event))}
            onpointerdown={grip.reform(move |event| Grip::Take(position, event))}
            onpointermove={grip.reform(Grip::Drag)}
            onpointerup={grip.reform(|_: PointerEvent| Grip::Drop(true))}
            onpointercancel={grip.reform(|_: PointerEvent| Grip::Drop(false))}
            onblur={grip.reform(|_: FocusEvent| Grip::Leave)}
        >
            <svg class="ico" viewBox="0 0 20 20" aria-hidden="true"><path d="M7.5 5v.01M12.5 5v.01M7.5 10v.01M12.5 10v.01M7.5 15v.01M12.5 15v.01" /></svg>
        </button>
    }
}

/// Buttons that move or remove a step without dragging.
pub fn places(words: &Words, tools: &Tools, name: &str, position: usize, n: usize) -> Html {
    let button = |testid: &'static str, label: String, action: Action, disabled: bool| {
        let spoken = format!("{name}: {label}");
        html! { <button class="btn" type="button" data-testid={testid} aria-label={spoken} {disabled} onclick={tools.on(action)}>{ label }</button> }
    };
    html! {
        <div class="row wrap">
            { button("step-up", words.text("step-up"), Action::MoveStep(position, position.saturating_sub(1)), position == 0) }
            { button("step-down", words.text("step-down"), Action::MoveStep(position, position + 1), position + 1 >= n) }
            { button("step-remove", words.text("step-remove"), Action::RemoveStep(position), false) }
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::words::Language;

    #[test]
    fn a_lifted_step_marks_where_it_would_go() {
        let lifted = Lifted { from: 2, to: 0, dragged: false };
        let marks: Vec<RowMark> = (0..4).map(|position| lifted.mark(position)).collect();
        assert_eq!(marks, [RowMark::Before, RowMark::None, RowMark::Lifted, RowMark::None]);
        assert_eq!(Lifted { from: 0, to: 1, dragged: true }.mark(1), RowMark::Behind);
        assert_eq!(Lifted { from: 1, to: 1, dragged: true }.mark(1), RowMark::Lifted);
    }

    #[test]
    fn what_moves_is_said_with_its_place() {
        let draft = Draft::preset("int8").unwrap();
        let n = draft.steps.len();
        for language in [Language::English, Language::German] {
            let said = Lifted { from: 0, to: n - 1, dragged: false }.said(&Words::new(language), &draft);
            assert!(said.contains(&n.to_string()) && !said.contains('{'), "{said}");
        }
    }
}
