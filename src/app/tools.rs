//! What every component may use: the words, the way to the state, and the two doors for files.

use std::rc::Rc;

use yew::prelude::*;

use super::state::Action;
use super::words::Words;

/// The words in use.
pub type SharedWords = Rc<Words>;

/// The ways from a component to the page.
#[derive(Clone, PartialEq)]
pub struct Tools {
    /// Sends an action through the transition.
    pub dispatch: Callback<Action>,
    /// Opens the file dialog for pictures, videos and models.
    pub open_file: Callback<()>,
    /// Opens the file dialog for models.
    pub open_model: Callback<()>,
}

impl Tools {
    /// A handler that sends always the same action.
    pub fn on<E: 'static>(&self, action: Action) -> Callback<E> {
        let dispatch = self.dispatch.clone();
        Callback::from(move |_| dispatch.emit(action.clone()))
    }
}

/// The words of the page's language.
#[hook]
pub fn use_words() -> SharedWords {
    use_context().expect("the page provides words to all components")
}

/// The page's tools.
#[hook]
pub fn use_tools() -> Tools {
    use_context().expect("the page provides tools to all components")
}
