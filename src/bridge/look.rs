//! What the page is shown of the inside of models: maps, layers' outputs, sensitivities, changed answers.

use serde::{Deserialize, Serialize};

use super::Prediction;

/// Where in the picture a class's score comes from, by a class activation map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heat {
    /// The class, this side's first answer.
    pub class: u32,
    /// Rows.
    pub height: u32,
    /// Columns.
    pub width: u32,
    /// Contributions to the class's score, row by row; negative ones speak against it.
    pub values: Vec<f32>,
}

/// What one layer's compression alone does to the answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sensitivity {
    /// The layer's node.
    pub node: String,
    /// Pictures with the same first answer.
    pub same: u32,
    /// Mean divergence from the original's probabilities, nats.
    pub divergence: f64,
    /// Root of the mean square of the weights' change over that of the weights.
    pub weight_error: f64,
}

/// Channels of one layer on the last frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Maps {
    /// The layer's node.
    pub node: String,
    /// Channels of the layer.
    pub n_channels: u32,
    /// Those of largest mean magnitude in the original.
    pub channels: Vec<MapPair>,
    /// How far the compressed model's activations are from the original's: root of the mean square of the difference
    /// over that of the original; `None` where they cannot be compared.
    pub relative_error: Option<f64>,
}

/// One channel in both models.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapPair {
    /// Its number in the layer.
    pub channel: u32,
    /// Rows.
    pub height: u32,
    /// Columns.
    pub width: u32,
    /// The original's, row by row.
    pub original: Vec<f32>,
    /// The compressed model's, where it has the channel.
    pub compressed: Option<Vec<f32>>,
}

/// A picture of a fixed set whose first answer is another one on the other side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flip {
    /// Position of the view in the set.
    pub position: u32,
    /// The left side's five answers, with the other side's probability for each.
    pub left: Vec<Prediction>,
    /// The compressed side's five answers, likewise.
    pub right: Vec<Prediction>,
}
