//! Everything that can happen.

use std::rc::Rc;

use course::{CourseRecipe, SliderName};
use pipeline::{NumberFormat, Storage};

use super::{
    CameraTrouble, CompareAction, CourseText, ExperimentsAction, LayersAction, LinkAction, OfflineAction,
    Place, RoomAction, StepChange, TeacherAction, Turn, View,
};
use crate::app::lists::{CatalogEntry, ClassNames, PictureFacts, ServedModel};
use crate::app::words::Language;
use crate::bridge::{Answer, FixedSet, Labels, Normalization, SideResult};

/// Everything that can happen.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A view was chosen.
    Show(View),
    /// A step of the course was chosen.
    ShowStep(Place),
    /// One step of the course forwards, or back.
    TurnSteps(Turn),
    /// A text of the course arrived, or did not.
    CourseArrived(Language, CourseText),
    /// An option of a question was chosen.
    ChooseOption {
        /// The question.
        id: String,
        /// The option.
        position: usize,
    },
    /// A guess was made.
    Guess {
        /// Which one.
        id: String,
        /// In the unit of its slider.
        value: f64,
    },
    /// A slider of the course was moved.
    Slide(SliderName, f64),
    /// These recipes are to be measured, one after the other.
    RunRecipes(Vec<CourseRecipe>),
    /// No more recipes are to be measured.
    CancelRuns,
    /// A language was chosen.
    Speak(Language),
    /// The theme after this one.
    NextTheme,
    /// The worker was silent for too long after its start.
    WorkerLate,
    /// The worker ended.
    WorkerDied,
    /// The visitor asks for a new worker.
    RestartWorker,
    /// The worker said something that is not about a frame.
    Worker(Answer),
    /// The worker answered a frame.
    Frame(FrameAnswer),
    /// The worker has not answered a frame for long.
    FrameOverdue,
    /// The list of served models arrived (empty where there is none).
    ServedListed(Vec<ServedModel>),
    /// The catalogue arrived.
    CatalogListed(Vec<CatalogEntry>),
    /// The list of built-in pictures arrived (empty where there is none).
    PicturesListed(Vec<PictureFacts>),
    /// Names of classes arrived.
    NamesArrived(Labels, Rc<ClassNames>),
    /// The model dialog opens or closes.
    Models(bool),
    /// A model was chosen, by its key.
    ChooseModel(String),
    /// The visitor's own model file was read; its bytes wait for the request.
    OwnModelRead {
        /// Its name.
        name: String,
    },
    /// Another preparation for an own model.
    Normalize(Normalization),
    /// Ends the loading of a model.
    CancelLoading,
    /// A preset was chosen, by its name.
    Preset(&'static str),
    /// A plain number format was chosen; pruning stays.
    Format(NumberFormat),
    /// The recipe's step at this position was changed.
    ChangeStep(usize, StepChange),
    /// One more pass, by its name.
    AddStep(&'static str),
    /// The step at the first position goes to the second one.
    MoveStep(usize, usize),
    /// The step at this position goes.
    RemoveStep(usize),
    /// Back to what was wanted before the last change.
    UndoRecipe,
    /// Another form to ship.
    Ship(Storage),
    /// A file that may hold a recipe was read.
    RecipeRead {
        /// Its name.
        name: String,
        /// Its text.
        json: String,
    },
    /// The wanted recipe, as a file.
    SaveRecipe,
    /// A recipe of the course, as a file.
    KeepRecipe(CourseRecipe),
    /// A text, as a file of this name.
    KeepText(String, String),
    /// The 150 ms after change `revision` are over.
    RecipeDue {
        /// Which change.
        revision: u32,
    },
    /// Runs the wanted recipe again.
    RetryRecipe,
    /// Ends the running recipe.
    CancelRecipe,
    /// Something about the two sides.
    Compare(CompareAction),
    /// Something in the view of experiments.
    Experiments(ExperimentsAction),
    /// Something in the view of layers.
    Layers(LayersAction),
    /// Something about what is kept for times without a network.
    Offline(OfflineAction),
    /// Something about the address.
    Link(LinkAction),
    /// Something for whoever stands in front.
    Teacher(TeacherAction),
    /// Something about the results of a class.
    Room(RoomAction),
    /// Runs the fixed set.
    RunFixed(FixedSet),
    /// Ends the running fixed set.
    CancelFixed,
    /// The camera, please.
    StartCamera,
    /// This camera, please.
    ChooseCamera(String),
    /// The camera runs.
    CameraRuns {
        /// The device, where the browser names it.
        device: Option<String>,
        /// It looks at the visitor, as far as one can know.
        towards_user: bool,
    },
    /// The camera cannot be had.
    CameraFailed(CameraTrouble),
    /// A running camera ended.
    CameraEnded,
    /// Cameras that are there: device and label.
    CamerasListed(Vec<(String, String)>),
    /// The built-in pictures, please.
    UsePictures,
    /// The visitor's own pictures were decoded.
    OwnPicturesRead {
        /// How many.
        n: u32,
    },
    /// The visitor's own video plays.
    OwnVideoPlays {
        /// Its name.
        name: String,
    },
    /// A file that the page cannot use.
    FileUnknown {
        /// Its name.
        name: String,
    },
    /// A file that should be a picture or video and is not.
    FileUnreadable {
        /// Its name.
        name: String,
    },
    /// Pause or go on.
    TogglePause,
    /// Mirror or not.
    ToggleMirror,
    /// Files are dragged over the page, or no longer.
    Dragging(bool),
    /// The message is read.
    CloseNotice,
}

/// One answered frame.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameAnswer {
    /// [`State::pair`] when the frame was sent.
    pub pair: u32,
    /// The page's clock, milliseconds.
    pub now: f64,
    /// The tab was hidden meanwhile.
    pub hidden: bool,
    /// The original's answer.
    pub original: Option<SideResult>,
    /// The compressed model's answer.
    pub compressed: Option<SideResult>,
}
