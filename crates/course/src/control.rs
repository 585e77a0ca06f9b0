//! The control block of a step: what is on the right, what may be moved, what is asked.

use std::str::FromStr;

use serde::Deserialize;

use crate::names::{named, optional, text, texts};
use crate::{Ask, CourseRecipe, FigureAt, Guess};

/// A step's control block.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// A stable id, the same in every language: `l4.3`.
    pub step: String,
    /// What the right side shows.
    #[serde(deserialize_with = "text")]
    pub view: View,
    /// What is loaded on the right.
    #[serde(default, deserialize_with = "texts")]
    pub recipe: Vec<CourseRecipe>,
    /// Recipes side by side.
    #[serde(default, deserialize_with = "texts")]
    pub compare: Vec<CourseRecipe>,
    /// Models side by side.
    #[serde(default, deserialize_with = "texts")]
    pub models: Vec<Model>,
    /// Presets that are offered.
    #[serde(default, deserialize_with = "texts")]
    pub presets: Vec<CourseRecipe>,
    /// What colours the layers.
    #[serde(default, deserialize_with = "texts")]
    pub metric: Vec<Metric>,
    /// Number formats side by side.
    #[serde(default, deserialize_with = "texts")]
    pub format: Vec<Format>,
    /// Axes of a chart.
    #[serde(default, deserialize_with = "texts")]
    pub axes: Vec<Axis>,
    /// What a chart holds.
    #[serde(default, deserialize_with = "texts")]
    pub series: Vec<Series>,
    /// The chart beside the list.
    #[serde(default, deserialize_with = "optional")]
    pub chart: Option<Chart>,
    /// What is drawn over the view.
    #[serde(default, deserialize_with = "optional")]
    pub overlay: Option<Overlay>,
    /// What lies below the view.
    #[serde(default, deserialize_with = "optional")]
    pub tray: Option<Tray>,
    /// The layer that is picked at first.
    #[serde(default, deserialize_with = "optional")]
    pub default: Option<DefaultLayer>,
    /// What the learner moves.
    #[serde(default, deserialize_with = "optional")]
    pub slider: Option<Slider>,
    /// The same, several.
    #[serde(default, deserialize_with = "texts")]
    pub sliders: Vec<Slider>,
    /// What the learner switches.
    #[serde(default, deserialize_with = "texts")]
    pub switches: Vec<Switch>,
    /// What the learner picks.
    #[serde(default, deserialize_with = "optional")]
    pub pick: Option<Pick>,
    /// What the learner starts.
    #[serde(default, deserialize_with = "optional")]
    pub action: Option<Action>,
    /// Every live figure of the prose.
    #[serde(deserialize_with = "texts")]
    pub live: Vec<FigureAt>,
    /// Further figures, shown beside the view.
    #[serde(default, deserialize_with = "texts")]
    pub show: Vec<FigureAt>,
    /// A question.
    #[serde(default)]
    pub ask: Option<Ask>,
    /// A guess.
    #[serde(default)]
    pub guess: Option<Guess>,
    /// The source of what the step states without an inline key.
    #[serde(default)]
    pub source: Option<String>,
    /// What goes into the learner's collection.
    #[serde(default, deserialize_with = "keeps")]
    pub keep: Vec<Keep>,
}

impl Control {
    /// The sliders, one or several.
    pub fn all_sliders(&self) -> impl Iterator<Item = &Slider> {
        self.slider.iter().chain(&self.sliders)
    }

    /// Every recipe that the view loads, compares, offers or switches to, each once.
    pub fn recipes(&self) -> Vec<CourseRecipe> {
        let mut all = Vec::new();
        let switched = self.switches.iter().filter_map(|switch| switch.recipes()).flatten();
        for recipe in self.recipe.iter().chain(&self.compare).chain(&self.presets).copied().chain(switched) {
            if !all.contains(&recipe) {
                all.push(recipe);
            }
        }
        all
    }
}

named! {
    /// A view of the right side.
    View, "a view", {
        /// Both models on one picture.
        Compare = "compare",
        /// Bytes of the file by part.
        FileParts = "file-parts",
        /// All layers as a strip.
        Layers = "layers",
        /// One computation, step by step.
        Arithmetic = "arithmetic",
        /// The marks of a quantizer.
        Ruler = "ruler",
        /// The bits of a number.
        WeightBits = "weight-bits",
        /// How often which weights occur.
        WeightHistogram = "weight-histogram",
        /// Errors of layers' outputs.
        LayerError = "layer-error",
        /// Ranges of activations.
        ActivationRanges = "activation-ranges",
        /// Ranges of a layer's channels.
        ChannelRanges = "channel-ranges",
        /// A channel between two layers.
        EqualizePair = "equalize-pair",
        /// Mean shift of outputs.
        OutputShift = "output-shift",
        /// Times of single runs.
        Timing = "timing",
        /// Four sizes of one model.
        Ladder = "ladder",
        /// Figures that were measured elsewhere.
        Chart = "chart",
        /// Sparsity over training.
        Schedule = "schedule",
        /// How often which symbols occur.
        SymbolFrequencies = "symbol-frequencies",
        /// Both models' scores.
        ScoreLists = "score-lists",
        /// Training to recover.
        Recover = "recover",
        /// A recipe's steps.
        Recipe = "recipe",
        /// Recipes that were run.
        Experiments = "experiments",
    }
}

named! {
    /// A model of the course.
    Model, "a model", {
        /// The loaded one.
        Original = "original",
        /// A narrower one.
        NarrowerWidth = "narrower width from the catalogue",
        /// One with smaller pictures.
        SmallerInput = "smaller input",
    }
}

named! {
    /// What colours layers.
    Metric, "a metric", {
        /// The kind of layer.
        Kind = "kind",
        /// Bytes.
        Bytes = "bytes",
        /// Multiply-adds.
        Macs = "macs",
        /// Milliseconds.
        Ms = "ms",
        /// Milliseconds of the original.
        MsOriginal = "ms original",
        /// Milliseconds of the compressed model.
        MsCompressed = "ms compressed",
    }
}

named! {
    /// A number format.
    Format, "a number format", {
        /// 32 bits.
        Fp32 = "fp32",
        /// 16 bits.
        Fp16 = "fp16",
    }
}

named! {
    /// An axis of a chart.
    Axis, "an axis", {
        /// Share of zeros.
        Sparsity = "sparsity",
        /// Milliseconds.
        Ms = "ms",
        /// Weights.
        Weights = "weights",
        /// Multiply-adds.
        Macs = "macs",
    }
}

named! {
    /// What a chart holds.
    Series, "a series", {
        /// The kernel that multiplies zeros too.
        DenseKernel = "dense kernel",
        /// The kernel that skips them.
        SparseKernel = "sparse kernel",
        /// The same for blocks of four.
        SparseBlocks = "sparse kernel 4x1 blocks",
        /// Models that others published.
        Published = "published models",
    }
}

named! {
    /// A chart.
    Chart, "a chart", {
        /// Points that no other point beats.
        Pareto = "pareto",
        /// The strip of layers.
        Layers = "layers",
        /// The ladder of sizes.
        Ladder = "ladder",
        /// The file by part.
        FileParts = "file-parts",
    }
}

named! {
    /// What is drawn over a view.
    Overlay, "an overlay", {
        /// Factors of batch norms.
        BatchNorms = "batch-norm factors where the model still has them",
    }
}

named! {
    /// What lies below a view.
    Tray, "a tray", {
        /// Pictures whose first answer changed.
        Flips = "flips",
    }
}

named! {
    /// The layer that is picked at first.
    DefaultLayer, "a layer to begin with", {
        /// The depthwise layer whose channels differ most.
        WidestRatio = "depthwise layer with the largest layer.range.ratio",
    }
}

named! {
    /// What a learner switches.
    Switch, "a switch", {
        /// Depthwise layers.
        Depthwise = "depthwise int8|float",
        /// Pointwise layers.
        Pointwise = "pointwise int8|float",
        /// The first convolution.
        First = "first int8|float",
        /// The classifier.
        Classifier = "classifier int8|float",
        /// Equalization.
        Equalize = "equalize on|off",
        /// Bias correction.
        CorrectBias = "correct-bias on|off",
        /// The format of pruned weights.
        Weights = "weights fp32|int8",
        /// Remaining weights are readjusted.
        Reconstruct = "reconstruct on|off",
        /// Mean and spread are set right.
        RepairStatistics = "repair-statistics on|off",
        /// Clustering keeps zeros.
        PreserveSparsity = "preserve-sparsity on|off",
    }
}

impl Switch {
    /// The recipes that its positions stand for on this page, `None` where it has none for them.
    pub fn recipes(self) -> Option<[CourseRecipe; 2]> {
        use CourseRecipe::{
            Int8PerTensor, Int8PerTensorCle, Int8PerTensorOnlyCle, KeepClassifier, KeepDepthwise, KeepFirst,
            KeepPointwise, Prune50, Prune50Plain,
        };
        match self {
            Self::Depthwise => Some([Int8PerTensor, KeepDepthwise]),
            Self::Pointwise => Some([Int8PerTensor, KeepPointwise]),
            Self::First => Some([Int8PerTensor, KeepFirst]),
            Self::Classifier => Some([Int8PerTensor, KeepClassifier]),
            Self::Equalize => Some([Int8PerTensorOnlyCle, Int8PerTensor]),
            Self::CorrectBias => Some([Int8PerTensorCle, Int8PerTensorOnlyCle]),
            // Both repairs come together.
            Self::Reconstruct | Self::RepairStatistics => Some([Prune50, Prune50Plain]),
            Self::Weights | Self::PreserveSparsity => None,
        }
    }
}

named! {
    /// What a learner picks.
    Pick, "what can be picked", {
        /// A layer.
        Layer = "layer",
        /// A weight.
        Weight = "weight",
        /// An output.
        OutputValue = "output value",
        /// A place in the picture.
        Position = "position",
    }
}

named! {
    /// What a learner starts.
    Action, "an action", {
        /// Calibration.
        Calibrate = "calibrate",
        /// Training to recover.
        Recover = "recover",
    }
}

named! {
    /// What a slider sets.
    SliderName, "a slider", {
        /// Laptops in the room.
        RoomLaptops = "room.laptops",
        /// The room's network, Mbit/s.
        RoomMbit = "room.mbit",
        /// Zeros, per cent.
        Sparsity = "sparsity",
        /// Groups of weights.
        Clusters = "clusters",
        /// Channels removed, per cent.
        ChannelsRemoved = "channels removed",
        /// The factor of equalization of one channel.
        ChannelScale = "s of one channel",
        /// Time of training, 0 to 1.
        Time = "t",
        /// The temperature of scores.
        Temperature = "temperature",
    }
}

/// A slider and its ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slider {
    /// What it sets.
    pub name: SliderName,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl FromStr for Slider {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || format!("`{text}` is not a slider such as `sparsity 0..95`");
        let (name, range) = text.trim_end_matches(" %").rsplit_once(' ').ok_or_else(refuse)?;
        let (low, high) = range.split_once("..").ok_or_else(refuse)?;
        let (low, high) = (low.parse().map_err(|_| refuse())?, high.parse().map_err(|_| refuse())?);
        if low < high { Ok(Self { name: name.parse()?, low, high }) } else { Err(refuse()) }
    }
}

/// What goes into the learner's collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// A recipe, as a file.
    Recipe(CourseRecipe),
    /// The learner's own recipe.
    OwnRecipe,
    /// A chart.
    Chart(Chart),
    /// The report of the session.
    Report,
}

impl FromStr for Keep {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(' ') {
            Some(("recipe", "own")) => Ok(Self::OwnRecipe),
            Some(("recipe", name)) => name.parse().map(Self::Recipe),
            Some(("chart", name)) => name.parse().map(Self::Chart),
            Some(("report", "session")) => Ok(Self::Report),
            _ => {
                Err(format!("`{text}` cannot be kept; `recipe NAME`, `chart NAME` and `report session` can"))
            }
        }
    }
}

fn keeps<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<Keep>, D::Error> {
    let all: String = Deserialize::deserialize(from)?;
    all.split(", ").map(|text| text.parse().map_err(serde::de::Error::custom)).collect()
}
