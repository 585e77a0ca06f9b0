//! What the page says about something that went wrong beside the stage and the recipe.

use std::rc::Rc;

use pipeline::CompressError;

use super::ModelChoice;
use crate::bridge::Failure;

/// Something that went wrong beside the stage and the recipe.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// A model could not be loaded.
    Model {
        /// The one that was asked for.
        choice: ModelChoice,
        /// Why.
        failure: Failure,
        /// A former model goes on.
        former: bool,
    },
    /// No model is served and none was chosen.
    NoModels,
    /// The worker did not start in time.
    WorkerSlow,
    /// The worker ended.
    WorkerLost,
    /// The worker has not answered a frame for long.
    WorkerSilent,
    /// A file is neither a model, a picture nor a video.
    FileUnknown {
        /// Its name.
        name: String,
    },
    /// Parts of the address say nothing that this page knows.
    Link {
        /// As they stand there.
        parts: Vec<String>,
    },
    /// A file holds no recipe.
    NoRecipe {
        /// Its name.
        name: String,
        /// What is wrong, and where.
        error: Rc<CompressError>,
    },
    /// A picture or video could not be decoded.
    FileUnreadable {
        /// Its name.
        name: String,
    },
}
