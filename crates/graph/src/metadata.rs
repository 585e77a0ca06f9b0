//! What is known about a model besides its arithmetic.

use serde::{Deserialize, Serialize};

use crate::GraphError;

/// Facts for people, and how pictures become the network's input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// The model's name.
    pub name: String,
    /// Where the weights come from, one line.
    pub origin: String,
    /// Under which terms they may be used, one line; empty where unknown.
    pub licence: String,
    /// Which labels name its classes.
    pub labels: LabelSet,
    /// True where output 0 is "background" and class `c` is output `c + 1`.
    pub background_class: bool,
    /// How pictures are prepared.
    pub preprocessing: Preprocessing,
}

/// A set of class names that the page has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LabelSet {
    /// The sixty classes of the bundled model.
    #[serde(rename = "everyday-60")]
    Everyday60,
    /// ImageNet's thousand classes in the order of their WordNet ids.
    #[serde(rename = "imagenet")]
    ImageNet,
    /// None: classes are numbers.
    Numbers,
}

/// How a picture becomes the network's input: shorter side to `resize_shorter`, centre square of `crop`, then
/// `(x - mean) / std` per channel for RGB values `x` in `0..=255`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocessing {
    /// Length of the shorter side before the crop, pixels.
    pub resize_shorter: usize,
    /// Side of the network's square input, pixels.
    pub crop: usize,
    /// Subtracted, per channel (R, G, B).
    pub mean: [f32; 3],
    /// Divided by, per channel.
    pub std: [f32; 3],
    /// True where the model's file does not say and these are a guess.
    #[serde(default)]
    pub assumed: bool,
}

impl Preprocessing {
    /// Mean and deviation that bring `0..=255` to `-1.0..=1.0`.
    pub const MINUS_ONE_TO_ONE: ([f32; 3], [f32; 3]) = ([127.5; 3], [127.5; 3]);
    /// ImageNet's mean and standard deviation per channel, in units of `0..=255`.
    pub const IMAGENET: ([f32; 3], [f32; 3]) = ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375]);

    /// The usual preparation for a network of input side `crop`: shorter side to `crop / 0.875`.
    pub fn usual(crop: usize, (mean, std): ([f32; 3], [f32; 3])) -> Self {
        Self { resize_shorter: (crop * 8).div_ceil(7), crop, mean, std, assumed: false }
    }

    /// Checks that sizes and deviations can be used.
    ///
    /// # Errors
    /// [`GraphError::Preprocessing`] when a side is 0 or over 4096, the crop exceeds the resized side, or a
    /// deviation is not finite and positive.
    pub fn validate(&self) -> Result<(), GraphError> {
        let Self { resize_shorter, crop, mean, std, assumed: _ } = self;
        if *crop == 0 || *resize_shorter > 4096 || crop > resize_shorter {
            let detail =
                format!("crop {crop} is not within 1..=resize_shorter ({resize_shorter}, at most 4096)");
            return Err(GraphError::Preprocessing(detail));
        }
        if mean.iter().any(|m| !m.is_finite()) || std.iter().any(|s| !s.is_finite() || *s <= 0.0) {
            let detail = format!("mean {mean:?} must be finite and std {std:?} finite and positive");
            return Err(GraphError::Preprocessing(detail));
        }
        Ok(())
    }
}
