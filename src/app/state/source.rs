//! Where frames come from, what can be wrong with a camera, and how one source follows another.

use super::reduce::show;
use super::{Effect, State, View};

/// Where frames come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// Nowhere yet.
    None,
    /// The virtual camera over the built-in pictures.
    Pictures,
    /// A camera.
    Camera(CameraState),
    /// The visitor's own pictures.
    OwnPictures {
        /// How many.
        n: u32,
    },
    /// The visitor's own video.
    OwnVideo {
        /// Its name.
        name: String,
    },
}

impl Source {
    /// Frames come, or will as soon as the tab is visible.
    pub fn gives_frames(&self) -> bool {
        match self {
            Self::None => false,
            Self::Camera(state) => matches!(state, CameraState::Running { .. }),
            Self::Pictures | Self::OwnPictures { .. } | Self::OwnVideo { .. } => true,
        }
    }
}

/// How the camera is.
#[derive(Clone, Debug, PartialEq)]
pub enum CameraState {
    /// The browser asks the visitor, or the device starts.
    Asking,
    /// Frames come.
    Running {
        /// It looks at the visitor.
        towards_user: bool,
    },
    /// It cannot be had.
    Failed(CameraTrouble),
    /// It ran and is gone; the last frame stays.
    Unplugged {
        /// It looked at the visitor.
        towards_user: bool,
    },
}

/// Why a camera cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CameraTrouble {
    /// The page has no secure address, so the browser offers no camera.
    Insecure,
    /// The browser or the system forbids it.
    Denied,
    /// The question was closed without an answer.
    Dismissed,
    /// There is none.
    NotFound,
    /// Another program has it.
    InUse,
    /// The chosen one is not there any more or cannot do what was asked.
    Overconstrained,
    /// Anything else, by the browser's name for it.
    Other(String),
}

impl CameraTrouble {
    /// From the name and the message of the browser's `DOMException`.
    pub fn from_exception(name: &str, message: &str) -> Self {
        match name {
            "NotAllowedError" | "PermissionDeniedError"
                if message.to_ascii_lowercase().contains("dismissed") =>
            {
                Self::Dismissed
            }
            "NotAllowedError" | "PermissionDeniedError" | "SecurityError" => Self::Denied,
            "NotFoundError" | "DevicesNotFoundError" => Self::NotFound,
            "NotReadableError" | "TrackStartError" | "AbortError" => Self::InUse,
            "OverconstrainedError" | "ConstraintNotSatisfiedError" => Self::Overconstrained,
            _ => Self::Other(name.to_owned()),
        }
    }
}

/// The cameras and the choice among them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Camera {
    /// Device and label of each; labels are empty until one was allowed.
    pub devices: Vec<(String, String)>,
    /// The chosen device.
    pub device: Option<String>,
}

pub(super) fn open_camera(state: &mut State, effects: &mut Vec<Effect>) {
    state.source = Source::Camera(CameraState::Asking);
    state.paused = false;
    other_source(state);
    show(state, View::Live, effects);
    effects.push(Effect::OpenCamera { device: state.camera.device.clone() });
}

pub(super) fn list_cameras(state: &mut State, devices: Vec<(String, String)>, effects: &mut Vec<Effect>) {
    let plugged_in = devices.len() > state.camera.devices.len();
    state.camera.devices = devices;
    let waits = matches!(
        state.source,
        Source::Camera(CameraState::Failed(CameraTrouble::NotFound) | CameraState::Unplugged { .. })
    );
    if waits && plugged_in {
        state.camera.device = None;
        open_camera(state, effects);
    }
}

pub(super) fn play(state: &mut State, source: Source, effect: Effect, effects: &mut Vec<Effect>) {
    state.source = source;
    state.paused = false;
    other_source(state);
    effects.push(effect);
}

pub(super) fn other_source(state: &mut State) {
    state.pair = state.pair.wrapping_add(1);
    state.live.other_source();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_become_troubles() {
        for (name, message, trouble) in [
            ("NotAllowedError", "Permission denied", CameraTrouble::Denied),
            ("NotAllowedError", "Permission dismissed", CameraTrouble::Dismissed),
            ("NotFoundError", "Requested device not found", CameraTrouble::NotFound),
            ("NotReadableError", "Could not start video source", CameraTrouble::InUse),
            ("OverconstrainedError", "", CameraTrouble::Overconstrained),
            ("SecurityError", "", CameraTrouble::Denied),
            ("TypeError", "no", CameraTrouble::Other("TypeError".into())),
        ] {
            assert_eq!(CameraTrouble::from_exception(name, message), trouble, "{name}");
        }
    }
}
