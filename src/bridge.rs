//! The messages between the page and the worker.
//!
//! Requests carry an id and every answer to a request carries the same id. Frames are the exception in transport
//! only: a [`Request::Frame`] travels with a `VideoFrame` or an `ImageBitmap` that is transferred, never serialized.
//! Neither side's internals appear here; both depend on this module and it depends on nothing of theirs.

mod look;

pub use look::{Flip, Heat, MapPair, Maps, Sensitivity};

use std::fmt;

use pipeline::{LayerFacts, LayerOutputs, LayerView, NumberFormat, Recipe};
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
        recipe: Recipe,
    },
    /// Puts another model in place of the original on the left side: what this recipe makes of the original, or the
    /// original itself. The former left side stays until the new one is ready.
    SetLeft {
        /// Repeated by [`Answer::LeftSet`], [`Answer::Progress`] or [`Answer::Failed`].
        id: RequestId,
        /// The recipe; `None` for the original.
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

/// What one kernel call cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerTime {
    /// The node of the graph that it runs, or two joined by ` + `.
    pub node: String,
    /// The kernel.
    pub kernel: String,
    /// Whether it computes on integers.
    pub is_integer: bool,
    /// Multiply-adds.
    pub macs: u64,
    /// Bytes of its weights as the kernel holds them.
    pub weight_bytes: u64,
    /// Milliseconds.
    pub millis: f64,
    /// Milliseconds that one thread needs for the multiply-adds at least.
    pub ceiling_millis: f64,
}

/// Bytes that a model takes while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelMemory {
    /// Its weights as the kernels hold them.
    pub weights: u64,
    /// Its activations and scratch.
    pub arena: u64,
}

/// Bytes that the worker takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// For the original.
    pub original: ModelMemory,
    /// For the compressed model, where there is one.
    pub compressed: Option<ModelMemory>,
    /// The worker's whole memory, which never shrinks: both models, their graphs, pictures, and what reading and
    /// compressing needed at their peak.
    pub peak: u64,
}

/// The runtime badge's facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runtime {
    /// The engine's instruction set runs here (else the worker would not have started).
    pub simd128: bool,
    /// This browser has relaxed SIMD.
    pub relaxed_simd_available: bool,
    /// The engine uses relaxed SIMD.
    pub relaxed_simd_used: bool,
    /// The page is cross-origin isolated.
    pub isolated: bool,
    /// Logical processors the browser reports.
    pub hardware_threads: u32,
    /// Threads the engine uses.
    pub threads: u32,
    /// Why it uses one only.
    pub single_thread: Option<SingleThread>,
}

/// Why the engine uses one thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SingleThread {
    /// The address asks for one.
    Asked,
    /// The browser reports one processor.
    OneProcessor,
    /// The page is not cross-origin isolated, and only such pages may share memory.
    NotIsolated,
    /// This browser cannot share WebAssembly memory.
    NoSharedMemory,
    /// The engine with threads or its helper threads did not start, or not in time.
    HelpersFailed,
}

impl SingleThread {
    /// The variant of this name, as `static/worker.js` gives it.
    pub fn from_name(name: &str) -> Option<Self> {
        let all =
            [Self::Asked, Self::OneProcessor, Self::NotIsolated, Self::NoSharedMemory, Self::HelpersFailed];
        all.into_iter().find(|it| format!("{it:?}") == name)
    }
}

/// The loaded model, as the page shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelFacts {
    /// Its name, e.g. `EfficientNet-Lite0`.
    pub name: String,
    /// Where it comes from, one line.
    pub origin: String,
    /// Its licence, one line; empty for an own file.
    pub licence: String,
    /// Bytes of the file it was read from.
    pub file_bytes: u64,
    /// Side of the square input, pixels.
    pub input_size: u32,
    /// Number of outputs that are classes (a background output is not counted).
    pub n_classes: u32,
    /// Weights and biases.
    pub n_parameters: u64,
    /// Multiply-adds per picture.
    pub n_multiply_adds: u64,
    /// Which labels name its classes.
    pub labels: Labels,
    /// True where the file did not say how pictures are prepared.
    pub normalization_assumed: bool,
    /// The preparation in use.
    pub normalization: Normalization,
    /// Bytes of the original written as a plain file with the weights it runs with (float32, unless the user's own
    /// file holds others). The bundled model's own file is half of that: it is kept in half precision.
    pub shipped_bytes: u64,
    /// Its layers, with their bytes in that plain file.
    pub layers: Vec<LayerFacts>,
}

/// A set of class names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Labels {
    /// `labels/everyday-60.json`.
    Everyday60,
    /// `labels/imagenet.json`.
    ImageNet,
    /// None known: classes are shown by number.
    Numbers,
}

/// Bytes of one model in four forms, each counted from the file that would be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    /// Every weight at full width.
    pub dense: u64,
    /// The dense file through gzip.
    pub gzip: u64,
    /// Masks and non-zero weights.
    pub sparse: u64,
    /// Entropy-coded.
    pub coded: u64,
    /// The form that ships: one of the four above.
    pub shipped: u64,
}

/// The compressed model, as the page shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompressedFacts {
    /// The recipe that made it.
    pub recipe: Recipe,
    /// Its sizes.
    pub sizes: Sizes,
    /// How its weights are stored and executed.
    pub format: NumberFormat,
    /// Share of zeros among the weights of convolutions and classifier, 0..1, counted after the recipe.
    pub sparsity: f64,
    /// Mean bits of each weight by the entropy of its layer's levels or codes, where it has such.
    pub entropy_bits: Option<f64>,
    /// Time the recipe took, milliseconds.
    pub millis: f64,
    /// Frames that calibrated it, 0 where the recipe needs none.
    pub n_calibration: u32,
    /// Where they came from.
    pub calibration: CalibrationSource,
    /// Its layers, with their bytes in the file that ships; in the plain file inside where that is a gzip file.
    pub layers: Vec<LayerFacts>,
    /// What each step left, in the recipe's order.
    pub steps: Vec<StepFacts>,
}

/// The model behind a step of the recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepFacts {
    /// Length of the plain file.
    pub bytes: u64,
    /// Weights that are zero.
    pub zeros: u64,
    /// Multiply-adds for a picture.
    pub multiply_adds: u64,
}

/// Where calibration frames came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CalibrationSource {
    /// The recipe needed none.
    None,
    /// The frames seen last.
    Frames,
    /// Views of the built-in pictures.
    BuiltIn,
}

/// One model's answer to one frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SideResult {
    /// The five classes of highest probability, highest first.
    pub top: Vec<Prediction>,
    /// Time of the network alone, without preparing the picture, milliseconds.
    pub millis: f64,
    /// Where its first answer comes from, where that was asked for and the model can say it.
    #[serde(default)]
    pub heat: Option<Heat>,
}

/// What a frame was prepared from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FramePixels {
    /// Planes Y, U, V.
    I420,
    /// A plane Y and a plane UV.
    Nv12,
    /// One plane R, G, B, A.
    Rgba,
    /// One plane B, G, R, A.
    Bgra,
    /// Drawn onto a canvas and read back.
    Canvas,
}

/// One class of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// Class number, background not counted.
    pub class: u32,
    /// This model's probability, 0..1.
    pub probability: f32,
    /// The other model's probability for the same class, where the other model ran.
    pub other: Option<f32>,
}

/// A stage of something long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Bytes of a download.
    Download,
    /// Reading and checking a model.
    Read,
    /// Calibration frames.
    Calibrate,
    /// Layers pruned or quantized.
    Weights,
    /// Layers repaired on calibration frames.
    Repair,
    /// Writing the files that are counted.
    Sizes,
    /// Pictures of a fixed set.
    FixedSet,
    /// Pictures or layers of a scan.
    Scan,
}

/// Why a request came to nothing. The page turns it into words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Failure {
    /// The page asked for it.
    Cancelled,
    /// A request that needs a model came before one.
    NoModel,
    /// The file is not a model that Tinylens reads; `detail` says what and where.
    Unreadable {
        /// The file.
        name: String,
        /// One line, lower case.
        detail: String,
    },
    /// The file ends before its contents do.
    CutOff {
        /// The file.
        name: String,
        /// Bytes that should be there, where known.
        expected: Option<u64>,
        /// Bytes that are.
        actual: u64,
    },
    /// A node uses something the engine lacks.
    Unsupported {
        /// The file.
        name: String,
        /// The node, `212, "Resize_3"`.
        node: String,
        /// The operator or attribute that is missing.
        feature: String,
    },
    /// The server answered with an HTTP status.
    Http {
        /// What was asked for.
        name: String,
        /// The status.
        status: u16,
    },
    /// No answer from the network.
    Network {
        /// What was asked for.
        name: String,
    },
    /// The bytes are not the ones that were promised.
    WrongHash {
        /// The file.
        name: String,
    },
    /// A compression step failed.
    Compression {
        /// One line, lower case.
        detail: String,
    },
    /// No pictures for the set or for calibration.
    NoPictures,
    /// Anything else; a defect.
    Internal {
        /// One line.
        detail: String,
    },
}

impl FramePixels {
    /// A name for tests and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::I420 => "I420",
            Self::Nv12 => "NV12",
            Self::Rgba => "RGBA",
            Self::Bgra => "BGRA",
            Self::Canvas => "canvas",
        }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
