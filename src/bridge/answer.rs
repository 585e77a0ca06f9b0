//! What the worker tells the page.

use pipeline::{LayerOutputs, LayerView};
use serde::{Deserialize, Serialize};

use super::{
    CompressedFacts, Failure, FixedSet, Flip, FramePixels, LayerTime, Maps, Memory, ModelFacts, ModelMemory,
    RequestId, Runtime, Sensitivity, SideResult, Stage,
};

/// What the worker tells the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// The worker listens. Sent once, before anything else; requests before it are lost.
    Ready {
        /// What this browser gives the engine.
        runtime: Runtime,
    },
    /// A model is the original now. A former compressed model is gone.
    ModelLoaded {
        /// The request.
        id: RequestId,
        /// Facts about the model.
        model: ModelFacts,
    },
    /// A compressed model is ready and runs from the next frame on.
    Compressed {
        /// The request.
        id: RequestId,
        /// Facts about it.
        facts: CompressedFacts,
    },
    /// The left side is another one from the next frame on.
    LeftSet {
        /// The request.
        id: RequestId,
        /// Facts about it; `None` for the original.
        facts: Option<CompressedFacts>,
    },
    /// Something long goes on.
    Progress {
        /// The request.
        id: RequestId,
        /// Which stage.
        stage: Stage,
        /// Done so far, in the stage's unit.
        done: u64,
        /// All there is, or `None` while it is not known.
        total: Option<u64>,
    },
    /// One frame went through. A frame sent while no model is loaded is answered with two `None`.
    FrameResult {
        /// The request.
        id: RequestId,
        /// The original's answer.
        original: Option<SideResult>,
        /// The compressed model's answer, where there is one.
        compressed: Option<SideResult>,
        /// Time from the frame to the tensor that both models see, milliseconds; `None` where it did not get there.
        prepare_millis: Option<f64>,
        /// What the frame was prepared from, likewise.
        pixels: Option<FramePixels>,
    },
    /// The fixed set went through.
    FixedSetResult {
        /// The request.
        id: RequestId,
        /// Which set.
        set: FixedSet,
        /// Pictures or views in it.
        n: u32,
        /// Those on which both sides gave the same first answer.
        same: u32,
        /// The others.
        #[serde(default)]
        flips: Vec<Flip>,
    },
    /// The user's own pictures are there.
    OwnPicturesSet {
        /// The request.
        id: RequestId,
        /// How many.
        n: u32,
    },
    /// A model was timed.
    Measured {
        /// The request.
        id: RequestId,
        /// Milliseconds of each run.
        millis: Vec<f64>,
        /// The network's output.
        output: Vec<f32>,
        /// Further runs, layer by layer.
        layers: Vec<LayerTime>,
        /// What the model takes.
        memory: ModelMemory,
        /// Bytes of the worker's whole memory, which never shrinks.
        peak_bytes: u64,
    },
    /// The layers of both models were timed.
    LayersProfiled {
        /// The request.
        id: RequestId,
        /// Runs of which each time is the median.
        runs: u32,
        /// The original's kernel calls.
        original: Vec<LayerTime>,
        /// The compressed model's, where there is one.
        compressed: Option<Vec<LayerTime>>,
        /// What both models take.
        memory: Memory,
    },
    /// The weights of one layer.
    LayerInspected {
        /// The request.
        id: RequestId,
        /// What was seen.
        view: LayerView,
    },
    /// The layers' outputs were compared.
    OutputsScanned {
        /// The request.
        id: RequestId,
        /// Pictures.
        n: u32,
        /// The original's layers.
        layers: Vec<LayerOutputs>,
    },
    /// The layers' sensitivities were measured.
    SensitivityScanned {
        /// The request.
        id: RequestId,
        /// Pictures.
        n: u32,
        /// The layers that the recipe changed.
        layers: Vec<Sensitivity>,
    },
    /// Channels of one layer; `None` before a frame was seen.
    MapsShown {
        /// The request.
        id: RequestId,
        /// The channels.
        maps: Option<Maps>,
    },
    /// A request came to nothing; what was before goes on.
    Failed {
        /// The request.
        id: RequestId,
        /// Why.
        failure: Failure,
    },
}
