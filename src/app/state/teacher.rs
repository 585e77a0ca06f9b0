//! For whoever stands in front: the projector layout and the map of keys.

use super::{Effect, State};

/// What is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Teacher {
    /// The projector layout instead of the view.
    pub projector: bool,
    /// The map of keys.
    pub keys: bool,
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TeacherAction {
    /// The projector layout begins or ends.
    ToggleProjector,
    /// The browser left the full screen.
    LeftFullScreen,
    /// The map of keys opens or closes.
    Keys(bool),
}

/// What has to be done in the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TeacherEffect {
    /// The layout changes; the browser's full screen goes along where it can.
    Projector(bool),
}

/// The state after `action`.
pub(super) fn act(state: &mut State, action: TeacherAction, effects: &mut Vec<Effect>) {
    let teacher = &mut state.teacher;
    match action {
        TeacherAction::ToggleProjector => {
            teacher.projector = !teacher.projector;
            teacher.keys = false;
            state.link.share = None;
            effects.push(Effect::Teacher(TeacherEffect::Projector(state.teacher.projector)));
        }
        TeacherAction::LeftFullScreen => {
            if teacher.projector {
                teacher.projector = false;
                effects.push(Effect::Teacher(TeacherEffect::Projector(false)));
            }
        }
        TeacherAction::Keys(open) => teacher.keys = open,
    }
}
