//! The messages between the page and the worker.
//!
//! Requests carry an id and every answer to a request carries the same id. Frames are the exception in transport
//! only: a [`Request::Frame`] travels with a `VideoFrame` or an `ImageBitmap` that is transferred, never serialized.
//! Neither side's internals appear here; both depend on this module and it depends on nothing of theirs.

mod answer;
mod as_json;
mod facts;
mod failure;
mod frame;
mod look;
mod runtime;

pub use answer::Answer;
pub use facts::{CalibrationSource, CompressedFacts, Labels, ModelFacts, Sizes, StepFacts};
pub use failure::{Failure, Stage};
pub use frame::{FramePixels, Prediction, SideResult};
pub use look::{Flip, Heat, MapPair, Maps, Sensitivity};
pub use runtime::{LayerTime, Memory, ModelMemory, Runtime, SingleThread};

use std::fmt;

use pipeline::Recipe;
use serde::{Deserialize, Serialize};

/// Names a request; answers repeat it. Unique over one page's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RequestId(pub u32);

/// What the page asks of the worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// Makes a model the original. The former model stays until the new one is ready.
    LoadModel {
        /// Repeated by [`Answer::ModelLoaded`], [`Answer::Progress`] or [`Answer::Failed`].
        id: RequestId,
        /// Where it comes from.
        source: ModelSource,
    },
    /// Changes how pictures are prepared for the loaded model (own files do not say).
    SetNormalization {
        /// Repeated by [`Answer::ModelLoaded`].
        id: RequestId,
        /// The new preparation.
        normalization: Normalization,
    },
    /// Compresses the loaded model; the former compressed model stays until the new one is ready.
    Compress {
        /// Repeated by [`Answer::Compressed`], [`Answer::Progress`] or [`Answer::Failed`].
        id: RequestId,
        /// What to do.
        #[serde(with = "as_json")]
        recipe: Recipe,
    },
    /// Puts another model in place of the original on the left side: what this recipe makes of the original, or the
    /// original itself. The former left side stays until the new one is ready.
    SetLeft {
        /// Repeated by [`Answer::LeftSet`], [`Answer::Progress`] or [`Answer::Failed`].
        id: RequestId,
        /// The recipe; `None` for the original.
        #[serde(with = "as_json")]
        recipe: Option<Recipe>,
    },
    /// Runs both sides on one frame. With the message comes a camera's or a video's `VideoFrame` as the property
    /// `frame`, whose centred square both models see, or that square itself as an `ImageBitmap`, the property `bitmap`.
    Frame {
        /// Repeated by [`Answer::FrameResult`].
        id: RequestId,
        /// True for the user's camera, video or picture, whose frames may calibrate; false for the built-in pictures,
        /// for which fixed views do.
        calibrates: bool,
        /// The models are to see it mirrored left to right; false for a bitmap that is mirrored already.
        mirrored: bool,
        /// Each side also says where in the picture its first answer comes from.
        #[serde(default)]
        heat: bool,
    },
    /// Runs both sides on a fixed set of pictures.
    RunFixedSet {
        /// Repeated by [`Answer::FixedSetResult`], [`Answer::Progress`] or [`Answer::Failed`].
        id: RequestId,
        /// Which pictures.
        set: FixedSet,
    },
    /// Replaces the user's own pictures; `ImageBitmap`s come with the message as the property `bitmaps`.
    SetOwnPictures {
        /// Repeated by [`Answer::OwnPicturesSet`].
        id: RequestId,
    },
    /// Runs one model over and over on one input, which comes with the message as the property `bytes` (a transferred
    /// `ArrayBuffer` of float32, `nhwc`, normalised), and times it. Frames wait meanwhile.
    Measure {
        /// Repeated by [`Answer::Measured`] or [`Answer::Failed`].
        id: RequestId,
        /// Which model.
        #[serde(default)]
        side: Side,
        /// How often, 1000 times at most.
        runs: u32,
    },
    /// Times every layer of both models on the last frame. Frames are answered between runs.
    ProfileLayers {
        /// Repeated by [`Answer::LayersProfiled`] or [`Answer::Failed`].
        id: RequestId,
        /// How often, 100 times at most.
        runs: u32,
    },
    /// Looks at the weights of one layer in both models.
    InspectLayer {
        /// Repeated by [`Answer::LayerInspected`] or [`Answer::Failed`].
        id: RequestId,
        /// The layer's node; `None` for the depthwise layer whose channels differ most.
        node: Option<String>,
        /// The output channel whose largest weight is followed; without one, that of median width.
        channel: Option<usize>,
    },
    /// Compares what every layer of the original and of the compressed model writes, on views of the built-in pictures.
    ScanOutputs {
        /// Repeated by [`Answer::OutputsScanned`], [`Answer::Progress`] or [`Answer::Failed`].
        id: RequestId,
    },
    /// Measures how much each layer's compression alone changes the original's answers, on views of the built-in pictures.
    ScanSensitivity {
        /// Repeated by [`Answer::SensitivityScanned`], [`Answer::Progress`] or [`Answer::Failed`].
        id: RequestId,
    },
    /// Shows channels of one layer on the last frame, in the original and in the compressed model.
    ShowMaps {
        /// Repeated by [`Answer::MapsShown`] or [`Answer::Failed`].
        id: RequestId,
        /// The layer's node.
        node: String,
    },
    /// Ends a running request; it answers with [`Failure::Cancelled`].
    Cancel {
        /// The request to end.
        id: RequestId,
    },
}

/// One of the two models.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Side {
    /// The loaded one.
    #[default]
    Original,
    /// What a recipe made of it.
    Compressed,
}

/// Where a model comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ModelSource {
    /// One of the served folder's `models/index.json`, by its id there.
    Served {
        /// `everyday-60` or `efficientnet-lite0`.
        id: String,
    },
    /// The entry of `catalog.json` with this id, from the web or from Cache Storage.
    Catalog {
        /// The entry's id.
        id: String,
    },
    /// The user's own file, ONNX or a Tinylens model. Its bytes come with the message as the property `bytes`
    /// (a transferred `ArrayBuffer`).
    File {
        /// The file's name, for messages.
        name: String,
    },
}

/// How pixel values become the network's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Normalization {
    /// As the model's file records it.
    Recorded,
    /// `(x - 127.5) / 127.5`.
    MinusOneToOne,
    /// ImageNet's mean and standard deviation per channel.
    ImageNet,
}

/// A set of pictures for numbers that can be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FixedSet {
    /// Deterministic views (crops, flips, exposure) of the built-in pictures.
    BuiltIn,
    /// The user's own pictures.
    Own,
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
