//! What comes back for one frame.

use serde::{Deserialize, Serialize};

use super::Heat;

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
