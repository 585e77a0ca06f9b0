//! What the page knows, and how it changes: a state, actions, and a pure transition that also says what has to be done
//! in the browser ([`Effect`]). Nothing here touches the browser, so all of it is tested natively. Start with
//! [`State`], then [`reduce`] in `reduce.rs`.

mod compare;
mod course;
mod course_steps;
#[cfg(test)]
mod course_tests;
mod draft;
mod experiments;
#[cfg(test)]
mod experiments_tests;
mod figures;
mod layers;
#[cfg(test)]
mod layers_tests;
mod link;
mod live;
mod model;
mod numbers;
mod offline;
#[cfg(test)]
mod offline_tests;
mod recipe;
#[cfg(test)]
mod recipe_tests;
mod reduce;
mod room;
mod scans;
mod source;
mod teacher;
#[cfg(test)]
mod tests;
mod view;

pub use compare::{CompareAction, CompareMode, CompareState, LeftSide};
#[cfg(test)]
pub use course::CourseProgress;
pub use course::{CourseState, CourseText, Place, Turn};
pub use draft::{
    Draft, DraftStep, MAX_SPARSITY_PERCENT, PASSES, PRESETS, StepChange, format_preset, sparsity_percent,
};
pub use experiments::{Experiment, Experiments, ExperimentsAction, Same, front};
pub use figures::{Absent, Value, kind_of_layer, layer_share};
pub use layers::{LayersAction, LayersState, Metric, Profile};
pub use link::{Control, Link, LinkAction, LinkEffect, Share};
pub use live::{Live, Pair, Spoken};
pub use model::{Loading, ModelChoice, ModelState};
pub use numbers::{Agreement, Cell, Numbers, Reason};
pub use offline::{Estimate, Group, Offline, OfflineAction, OfflineEffect, StoredFile, Support, Update};
pub use recipe::{Attempt, RecipeState};
pub use reduce::reduce;
pub use room::{CodeError, Room, RoomAction, RoomEffect, Run};
pub use scans::{ScanAction, Scans};
pub use source::{Camera, CameraState, CameraTrouble, Source};
pub use teacher::{Teacher, TeacherAction, TeacherEffect};
pub use view::{View, layer_of_fragment};

use ::course::{CourseRecipe, SliderName};
use reduce::want;

use super::lists::{CatalogEntry, ClassNames, Naming, PictureFacts, ServedModel};
use super::words::Language;
use pipeline::{CompressError, NumberFormat, Storage};

use crate::bridge::{
    Answer, Failure, FixedSet, Flip, Labels, Normalization, Request, RequestId, Runtime, SideResult, Stage,
};

/// Everything that the page shows follows from this.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// The view on screen.
    pub view: View,
    /// The language of all words.
    pub language: Language,
    /// Light, dark, or as the system says.
    pub theme: Theme,
    /// How the worker is.
    pub worker: WorkerState,
    /// Models in the served folder; `None` until the list has arrived.
    pub served: Option<Vec<ServedModel>>,
    /// Models that can be fetched from the web.
    pub catalog: Vec<CatalogEntry>,
    /// Built-in pictures; `None` until the list has arrived, empty where none are served.
    pub pictures: Option<Vec<PictureFacts>>,
    /// The original.
    pub model: ModelState,
    /// Names of its classes.
    pub naming: Naming,
    /// What is done to it.
    pub recipe: RecipeState,
    /// Where frames come from.
    pub source: Source,
    /// Cameras and the visitor's choice among them.
    pub camera: Camera,
    /// Frames stand still.
    pub paused: bool,
    /// The visitor's choice; `None` follows the source.
    pub mirror: Option<bool>,
    /// Answers and windows over the last frames.
    pub live: Live,
    /// What the dock shows.
    pub numbers: Numbers,
    /// Which two models are compared, and how the picture shows them.
    pub compare: CompareState,
    /// What recipes have made so far.
    pub experiments: Experiments,
    /// The view of layers.
    pub layers: LayersState,
    /// The check on a fixed set.
    pub fixed: FixedState,
    /// The visitor's own pictures that the worker has.
    pub n_own_pictures: u32,
    /// The course.
    pub course: CourseState,
    /// What is kept for times without a network.
    pub offline: Offline,
    /// What the address carries.
    pub link: Link,
    /// For whoever stands in front.
    pub teacher: Teacher,
    /// Results of a class.
    pub room: Room,
    /// Something went wrong and is not tied to the stage or the recipe.
    pub notice: Option<Notice>,
    /// The model dialog is open.
    pub models_open: bool,
    /// Files are being dragged over the page.
    pub dragging: bool,
    /// Rises whenever answers before and after must not be counted together.
    pub pair: u32,
    next_request: u32,
    tried_models: Vec<String>,
}

/// Light or dark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// As the system says.
    Auto,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// How the worker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerState {
    /// Started; it has not said that it listens.
    Starting,
    /// It listens.
    Ready(Runtime),
    /// It is gone.
    Lost,
}

/// The check on a fixed set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FixedState {
    /// The running check.
    pub running: Option<FixedRun>,
    /// The last complete result for the present pair of models.
    pub result: Option<FixedResult>,
    /// The pictures of the last complete run whose first answers differ.
    pub flips: std::rc::Rc<Vec<Flip>>,
    /// Why the last one came to nothing.
    pub failure: Option<Failure>,
}

/// A running check on a fixed set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FixedRun {
    /// The request.
    pub id: RequestId,
    /// Pictures done.
    pub done: u64,
    /// Pictures in all.
    pub total: Option<u64>,
}

/// The result of a fixed set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FixedResult {
    /// Which set.
    pub set: FixedSet,
    /// Both counts.
    pub agreement: Agreement,
}

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
        error: std::rc::Rc<CompressError>,
    },
    /// A picture or video could not be decoded.
    FileUnreadable {
        /// Its name.
        name: String,
    },
}

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
    NamesArrived(Labels, std::rc::Rc<ClassNames>),
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

impl State {
    /// A page that has just opened.
    pub fn new(view: View, language: Language, theme: Theme) -> Self {
        let mut state = Self {
            view,
            language,
            theme,
            worker: WorkerState::Starting,
            served: None,
            catalog: Vec::new(),
            pictures: None,
            model: ModelState::default(),
            naming: Naming::default(),
            recipe: RecipeState::default(),
            source: Source::None,
            camera: Camera::default(),
            paused: false,
            mirror: None,
            live: Live::default(),
            numbers: Numbers::default(),
            compare: CompareState::default(),
            experiments: Experiments::default(),
            layers: LayersState::default(),
            fixed: FixedState::default(),
            n_own_pictures: 0,
            course: CourseState::new(),
            offline: Offline::default(),
            link: Link::default(),
            teacher: Teacher::default(),
            room: Room::default(),
            notice: None,
            models_open: false,
            dragging: false,
            pair: 0,
            next_request: 1,
            tried_models: Vec::new(),
        };
        state.numbers = Numbers::of(&state);
        state
    }

    /// The picture is mirrored: the visitor's choice, else a camera that looks at the visitor.
    pub fn mirrored(&self) -> bool {
        self.mirror.unwrap_or(matches!(
            self.source,
            Source::Camera(
                CameraState::Running { towards_user: true } | CameraState::Unplugged { towards_user: true }
            )
        ))
    }

    /// The place in the address's fragment, without `#`.
    fn place(&self) -> String {
        match self.view {
            View::Course => self.course.place.fragment(),
            View::Layers if self.layers.chosen > 0 => view::layer_fragment(self.layers.chosen),
            View::Start | View::Live | View::Layers | View::Experiments | View::Class => {
                self.view.name().to_owned()
            }
        }
    }

    /// The worker listens.
    pub fn worker_ready(&self) -> bool {
        matches!(self.worker, WorkerState::Ready(_))
    }

    /// Threads that share a kernel's work.
    pub fn threads(&self) -> u32 {
        match self.worker {
            WorkerState::Ready(runtime) => runtime.threads,
            WorkerState::Starting | WorkerState::Lost => 1,
        }
    }

    /// There are built-in pictures.
    pub fn has_pictures(&self) -> bool {
        self.pictures.as_ref().is_some_and(|pictures| !pictures.is_empty())
    }

    /// A number that names a new request. Frames number themselves from the other end; see `frames.rs`.
    fn request_id(&mut self) -> RequestId {
        let id = RequestId(self.next_request);
        self.next_request = self.next_request.wrapping_add(1) & FRAME_ID_BIT.wrapping_sub(1);
        id
    }
}

/// Both models are there, and one experiment, for tests of what is made of a state.
#[cfg(test)]
pub fn ready_state() -> State {
    tests::Page::ready().state
}

/// Ids of frames have this bit, ids of all other requests do not, so that both can be counted independently.
pub const FRAME_ID_BIT: u32 = 1 << 31;

/// Progress of something long, in the unit of its stage.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Progress {
    /// Which stage, `None` before the first report.
    pub stage: Option<Stage>,
    /// Done so far.
    pub done: u64,
    /// All there is, where known.
    pub total: Option<u64>,
}

impl Progress {
    /// The share that is done, `0..=1`, where known.
    pub fn share(&self) -> Option<f64> {
        let total = self.total.filter(|&total| total > 0)?;
        Some((self.done as f64 / total as f64).clamp(0.0, 1.0))
    }
}

impl Theme {
    /// The theme after this one: automatic, light, dark.
    pub fn next(self) -> Self {
        match self {
            Self::Auto => Self::Light,
            Self::Light => Self::Dark,
            Self::Dark => Self::Auto,
        }
    }

    /// Its name in storage and in the document.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The theme of this name, else automatic.
    pub fn from_name(name: &str) -> Self {
        [Self::Light, Self::Dark].into_iter().find(|theme| theme.name() == name).unwrap_or(Self::Auto)
    }
}
