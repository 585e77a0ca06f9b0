//! What the page knows, and how it changes: a state, actions, and a pure transition that also says what has to be done
//! in the browser ([`Effect`]). Nothing here touches the browser, so all of it is tested natively. Start with
//! [`State`], then [`reduce`] in `reduce.rs`.

mod action;
mod compare;
mod control;
mod course;
mod course_steps;
#[cfg(test)]
mod course_tests;
mod draft;
#[cfg(test)]
mod draft_tests;
mod effect;
mod experiments;
#[cfg(test)]
mod experiments_tests;
mod figures;
mod fixed;
mod layers;
#[cfg(test)]
mod layers_tests;
mod link;
mod live;
mod model;
mod notice;
mod numbers;
mod offline;
#[cfg(test)]
mod offline_tests;
mod recipe;
mod recipe_code;
#[cfg(test)]
mod recipe_tests;
mod reduce;
mod room;
mod scans;
mod source;
mod teacher;
#[cfg(test)]
mod tests;
mod theme;
mod view;
mod worker;

pub use action::{Action, FrameAnswer};
pub use compare::{CompareAction, CompareMode, CompareState, LeftSide};
pub use control::Control;
#[cfg(test)]
pub use course::CourseProgress;
pub use course::{CourseState, CourseText, Place, Turn};
pub use draft::{
    Draft, DraftStep, MAX_SPARSITY_PERCENT, PASSES, PRESETS, StepChange, format_preset, sparsity_percent,
};
pub use effect::Effect;
pub use experiments::{Experiment, Experiments, ExperimentsAction, Same, front};
pub use figures::{Absent, Value, kind_of_layer, layer_share};
pub use fixed::{FixedResult, FixedRun, FixedState};
pub use layers::{LayersAction, LayersState, Metric, Profile};
pub use link::{Link, LinkAction, LinkEffect, Share};
pub use live::{Live, Pair, Spoken};
pub use model::{Loading, ModelChoice, ModelState};
pub use notice::Notice;
pub use numbers::{Agreement, Cell, Numbers, Reason};
pub use offline::{Estimate, Group, Offline, OfflineAction, OfflineEffect, StoredFile, Support, Update};
#[cfg(test)]
use recipe::Attempt;
pub use recipe::RecipeState;
pub use reduce::reduce;
pub use room::{CodeError, Room, RoomAction, RoomEffect, Run};
pub use scans::{ScanAction, Scans};
pub use source::{Camera, CameraState, CameraTrouble, Source};
pub use teacher::{Teacher, TeacherAction, TeacherEffect};
pub use theme::Theme;
pub use view::{View, layer_of_fragment};
pub use worker::WorkerState;

use recipe::want;

use super::lists::{CatalogEntry, Naming, PictureFacts, ServedModel};
use super::words::Language;
use crate::bridge::{RequestId, Stage};

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
