//! The original: which model is loaded, which one is on its way.

use std::rc::Rc;

use super::Progress;
use crate::bridge::{ModelFacts, ModelSource, RequestId};

/// The original, and what may become it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelState {
    /// The loaded model.
    pub current: Option<Rc<ModelFacts>>,
    /// Where the loaded model comes from.
    pub choice: Option<ModelChoice>,
    /// The model on its way.
    pub loading: Option<Loading>,
    /// The model that was chosen before the worker was there.
    pub queued: Option<ModelChoice>,
    /// The model that was on its way when it was cancelled. The worker may have been done by then.
    pub abandoned: Option<Loading>,
}

/// A model on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Loading {
    /// The request.
    pub id: RequestId,
    /// Which model.
    pub choice: ModelChoice,
    /// How far.
    pub progress: Progress,
}

/// Where a model comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelChoice {
    /// The served folder, by id.
    Served(String),
    /// The catalogue, by id.
    Catalog(String),
    /// The visitor's own file, by name.
    Own(String),
}

/// The key of an own file in the list of models; no id may be this.
pub const OWN_MODEL_KEY: &str = "own";

impl ModelChoice {
    /// Its key in the list of models.
    pub fn key(&self) -> &str {
        match self {
            Self::Served(id) | Self::Catalog(id) => id,
            Self::Own(_) => OWN_MODEL_KEY,
        }
    }

    /// As the worker is asked for it.
    pub fn source(&self) -> ModelSource {
        match self.clone() {
            Self::Served(id) => ModelSource::Served { id },
            Self::Catalog(id) => ModelSource::Catalog { id },
            Self::Own(name) => ModelSource::File { name },
        }
    }
}

impl ModelState {
    /// What the list of models shows as chosen: the model on its way, else the loaded one.
    pub fn shown_choice(&self) -> Option<&ModelChoice> {
        self.queued.as_ref().or(self.loading.as_ref().map(|loading| &loading.choice)).or(self.choice.as_ref())
    }
}
