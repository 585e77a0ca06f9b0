//! What has to be done in the browser after a transition; `page/effects.rs` does it.

use super::{Action, Experiments, LinkEffect, OfflineEffect, RoomEffect, TeacherEffect, View};
use crate::app::words::Language;
use crate::bridge::{Labels, Request};

/// What has to be done in the browser after a transition.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Starts a worker in place of any former one.
    StartWorker,
    /// Sends a request.
    Post(Request),
    /// Sends an action later.
    After {
        /// Milliseconds.
        millis: u32,
        /// The action.
        action: Box<Action>,
    },
    /// Fetches names of classes.
    FetchNames(Labels),
    /// Puts the view into the address.
    PutView(View),
    /// Puts the view into the address in place of what stands there, which names no place.
    CorrectAddress,
    /// Fetches a lesson, and with it glossary and sources.
    FetchLesson(Language, u8),
    /// The learner's progress goes into the browser's storage.
    RememberCourse,
    /// Asks for the camera; ends any other source when it runs.
    OpenCamera {
        /// The device, or `None` for any.
        device: Option<String>,
    },
    /// Frames come from the built-in pictures.
    PlayPictures,
    /// Frames come from the visitor's own pictures.
    PlayOwnPictures,
    /// Gives the visitor a report of the session.
    SaveReport,
    /// Gives the visitor a file.
    Save {
        /// Its name.
        name: String,
        /// Its text.
        text: String,
    },
    /// What is kept for times without a network.
    Offline(OfflineEffect),
    /// The address and the clipboard.
    Link(LinkEffect),
    /// The projector.
    Teacher(TeacherEffect),
    /// The results of a class.
    Room(RoomEffect),
    /// Keeps the experiments for the next visit.
    KeepExperiments(Experiments),
    /// Language and theme go to the document and into the browser's storage.
    Remember,
}
