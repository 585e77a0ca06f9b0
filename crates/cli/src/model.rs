//! A model file, read and made ready for pictures.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use pipeline::{Graph, Preprocessing, read_model};
use serde::Serialize;

use crate::arguments::{NamedNormalization, PreparationArguments};
use crate::report::note;

/// A model with its file's length.
#[derive(Debug)]
pub struct Model {
    /// Its file as it was named.
    pub file: String,
    /// Bytes of the file.
    pub bytes: u64,
    /// The network.
    pub graph: Graph,
    /// Where its preparation of pictures comes from.
    pub preparation: PreparationSource,
}

/// Who says how pictures are prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PreparationSource {
    /// The model's file.
    File,
    /// Nobody: it is a guess by the number of classes.
    Assumed,
    /// The command line, in part at least.
    Option,
}

/// How pictures were prepared, for reports.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PreparationReport {
    /// Length of the shorter side before the crop, pixels.
    pub resize_shorter: usize,
    /// Side of the square that the network sees, pixels.
    pub crop: usize,
    /// Subtracted, in `0..=255`.
    pub mean: [f32; 3],
    /// Divided by.
    pub std: [f32; 3],
    /// Who says so.
    pub source: PreparationSource,
}

impl Model {
    /// Reads a model; options about preparation take the place of what the file says.
    ///
    /// # Errors
    /// When the file cannot be read or is no model, and for a preparation that cannot be.
    pub fn read(path: &Path, options: &PreparationArguments) -> Result<Self> {
        let file = path.display().to_string();
        let contents = fs::read(path).with_context(|| format!("model {file}"))?;
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let mut graph = read_model(&contents, &name).with_context(|| format!("model {file}"))?;
        let preparation = prepare(&mut graph.metadata.preprocessing, options);
        graph.metadata.preprocessing.validate().with_context(|| format!("model {file}"))?;
        Ok(Self { file, bytes: contents.len() as u64, graph, preparation })
    }

    /// Says on standard error where the preparation is a guess.
    pub fn tell_preparation(&self) {
        if self.preparation == PreparationSource::Assumed {
            let PreparationReport { resize_shorter, crop, mean, std, .. } = self.preparation_report();
            note(&format!(
                "{}: the file does not say how pictures are prepared; assumed are shorter side {resize_shorter}, crop \
                 {crop}, mean {mean:?}, std {std:?} (--preprocessing, --mean, --std, --resize)",
                self.file
            ));
        }
    }

    /// The preparation in use.
    pub fn preparation_report(&self) -> PreparationReport {
        let Preprocessing { resize_shorter, crop, mean, std, assumed: _ } = self.graph.metadata.preprocessing;
        PreparationReport { resize_shorter, crop, mean, std, source: self.preparation }
    }

    /// Outputs, a background class included.
    pub fn n_outputs(&self) -> usize {
        self.graph.value(self.graph.output).shape.len()
    }
}

impl PreparationReport {
    /// True where both give the same tensor of every picture.
    pub fn prepares_as(&self, other: &Self) -> bool {
        Self { source: other.source, ..*self } == *other
    }
}

impl NamedNormalization {
    fn mean_and_std(self) -> ([f32; 3], [f32; 3]) {
        match self {
            Self::MinusOneToOne => Preprocessing::MINUS_ONE_TO_ONE,
            Self::Imagenet => Preprocessing::IMAGENET,
            Self::ZeroToOne => ([0.0; 3], [255.0; 3]),
        }
    }
}

fn prepare(preprocessing: &mut Preprocessing, options: &PreparationArguments) -> PreparationSource {
    let mut wanted = Preprocessing { assumed: false, ..*preprocessing };
    if let Some(name) = options.preprocessing {
        (wanted.mean, wanted.std) = name.mean_and_std();
    }
    wanted.mean = options.mean.unwrap_or(wanted.mean);
    wanted.std = options.std.unwrap_or(wanted.std);
    wanted.resize_shorter = options.resize.unwrap_or(wanted.resize_shorter);
    let PreparationArguments { preprocessing: name, mean, std, resize } = options;
    if name.is_some() || mean.is_some() || std.is_some() || resize.is_some() {
        *preprocessing = wanted;
        PreparationSource::Option
    } else if preprocessing.assumed {
        PreparationSource::Assumed
    } else {
        PreparationSource::File
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_take_the_place_of_what_the_file_says() {
        let assumed =
            || Preprocessing { assumed: true, ..Preprocessing::usual(224, Preprocessing::IMAGENET) };
        let mut preprocessing = assumed();
        assert_eq!(prepare(&mut preprocessing, &PreparationArguments::default()), PreparationSource::Assumed);
        assert_eq!(preprocessing, assumed());

        let options = PreparationArguments {
            preprocessing: Some(NamedNormalization::ZeroToOne),
            mean: Some([1.0, 2.0, 3.0]),
            std: None,
            resize: Some(232),
        };
        assert_eq!(prepare(&mut preprocessing, &options), PreparationSource::Option);
        let expected = Preprocessing {
            resize_shorter: 232,
            crop: 224,
            mean: [1.0, 2.0, 3.0],
            std: [255.0; 3],
            assumed: false,
        };
        assert_eq!(preprocessing, expected);
    }
}
