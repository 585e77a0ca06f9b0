//! The live figures that prose may name.

use std::fmt;
use std::str::FromStr;

use crate::CourseRecipe;
use crate::names::named;

named! {
    /// A kind of layer.
    Kind, "a kind of layer", {
        /// The convolution that sees the picture.
        First = "first",
        /// One filter for each channel.
        Depthwise = "depthwise",
        /// 1x1 convolutions.
        Pointwise = "pointwise",
        /// The layer that makes one score for each name.
        Classifier = "classifier",
    }
}

named! {
    /// What a kind of layer has a share of.
    Quantity, "what layers have a share of", {
        /// Weights.
        Weights = "weights",
        /// Multiply-adds.
        Macs = "macs",
        /// Time of the network.
        Ms = "ms",
    }
}

named! {
    /// A part of a file.
    Part, "a part of a file", {
        /// Weights, or codes in their place.
        Weights = "weights",
        /// Scales of codes.
        Scales = "scales",
        /// Codebooks.
        Codebook = "codebook",
        /// Which weights are zero.
        Mask = "mask",
        /// Tables of a coder.
        Tables = "tables",
        /// Everything else.
        Other = "other",
    }
}

named! {
    /// A rung of the ladder of sizes.
    Rung, "a rung", {
        /// Zeros written out.
        Dense = "dense",
        /// The dense file through gzip.
        Gzip = "gzip",
        /// A mask, and what is not zero.
        Coded = "coded",
        /// A network without the channels.
        Removed = "removed",
    }
}

/// A live figure.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Figure {
    /// Weights of the model.
    ModelWeights,
    /// Multiply-adds for one picture.
    ModelMacs,
    /// Multiply-adds per weight and picture.
    ModelReuse,
    /// The share of a kind of layer.
    Share(Quantity, Kind),
    /// Shipped bytes of the original.
    BytesOriginal,
    /// Shipped bytes of the compressed model.
    BytesCompressed,
    /// Original / compressed.
    BytesRatio,
    /// Bytes after entropy coding.
    BytesCoded,
    /// Bytes of a part of the file.
    BytesPart(Part),
    /// Median and p95 of the original, milliseconds.
    MsOriginal,
    /// Median and p95 of the compressed model, milliseconds.
    MsCompressed,
    /// Original / compressed, above 1 is faster.
    MsRatio,
    /// Share of the fixed pictures with the same first answer.
    AgreementFixed,
    /// How many fixed pictures there are.
    AgreementN,
    /// Right first answers of the original on labelled pictures.
    AccuracyOriginal,
    /// Right first answers of the compressed model.
    AccuracyCompressed,
    /// Agreement on the pictures that were learned from, before.
    SeenBefore,
    /// The same afterwards.
    SeenAfter,
    /// Agreement on the pictures that were kept back, before.
    HeldoutBefore,
    /// The same afterwards.
    HeldoutAfter,
    /// Calibration pictures.
    CalibrationN,
    /// Name of the picked layer.
    LayerName,
    /// Largest magnitude of its widest channel.
    LayerRangeWidest,
    /// Largest magnitude of its narrowest channel.
    LayerRangeNarrowest,
    /// Widest / narrowest.
    LayerRangeRatio,
    /// Codes that the narrowest channel uses.
    LayerCodesNarrowest,
    /// The picked weight.
    WeightValue,
    /// Its scale.
    WeightScale,
    /// Its code.
    WeightCode,
    /// Scale times code.
    WeightRestored,
    /// Restored - value.
    WeightError,
    /// Bytes of a rung.
    LadderBytes(Rung),
    /// Milliseconds of a rung.
    LadderMs(Rung),
    /// Share of zeros among weights.
    Sparsity,
    /// Groups of weights.
    Clusters,
    /// Bits per weight by the entropy of its symbols.
    BitsEntropy,
    /// Bits per weight that ship.
    BitsShipped,
    /// Time to unpack the coded file, milliseconds.
    DecodeMs,
    /// Share of zeros from which the sparse kernel is faster.
    BreakevenSparsity,
    /// Minutes until a room has the original: laptops × bytes / rate. Computed, not measured.
    RoomMinutesOriginal,
    /// The path in use.
    Runtime,
    /// Recipes that were run.
    ExperimentsCount,
    /// The learner's guess.
    Guess(String),
}

/// Figures without parts, by name.
const PLAIN: &[(&str, Figure)] = &[
    ("model.weights", Figure::ModelWeights),
    ("model.macs", Figure::ModelMacs),
    ("model.reuse", Figure::ModelReuse),
    ("bytes.original", Figure::BytesOriginal),
    ("bytes.compressed", Figure::BytesCompressed),
    ("bytes.ratio", Figure::BytesRatio),
    ("bytes.coded", Figure::BytesCoded),
    ("ms.original", Figure::MsOriginal),
    ("ms.compressed", Figure::MsCompressed),
    ("ms.ratio", Figure::MsRatio),
    ("agreement.fixed", Figure::AgreementFixed),
    ("agreement.n", Figure::AgreementN),
    ("accuracy.original", Figure::AccuracyOriginal),
    ("accuracy.compressed", Figure::AccuracyCompressed),
    ("seen.before", Figure::SeenBefore),
    ("seen.after", Figure::SeenAfter),
    ("heldout.before", Figure::HeldoutBefore),
    ("heldout.after", Figure::HeldoutAfter),
    ("calibration.n", Figure::CalibrationN),
    ("layer.name", Figure::LayerName),
    ("layer.range.widest", Figure::LayerRangeWidest),
    ("layer.range.narrowest", Figure::LayerRangeNarrowest),
    ("layer.range.ratio", Figure::LayerRangeRatio),
    ("layer.codes.narrowest", Figure::LayerCodesNarrowest),
    ("weight.value", Figure::WeightValue),
    ("weight.scale", Figure::WeightScale),
    ("weight.code", Figure::WeightCode),
    ("weight.restored", Figure::WeightRestored),
    ("weight.error", Figure::WeightError),
    ("sparsity", Figure::Sparsity),
    ("clusters", Figure::Clusters),
    ("bits.entropy", Figure::BitsEntropy),
    ("bits.shipped", Figure::BitsShipped),
    ("decode.ms", Figure::DecodeMs),
    ("breakeven.sparsity", Figure::BreakevenSparsity),
    ("room.minutes.original", Figure::RoomMinutesOriginal),
    ("runtime", Figure::Runtime),
    ("experiments.count", Figure::ExperimentsCount),
];

impl FromStr for Figure {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        if let Some((_, figure)) = PLAIN.iter().find(|(plain, _)| *plain == name) {
            return Ok(figure.clone());
        }
        match name.split('.').collect::<Vec<_>>()[..] {
            ["share", quantity, kind] => Ok(Self::Share(quantity.parse()?, kind.parse()?)),
            ["bytes", "part", part] => Ok(Self::BytesPart(part.parse()?)),
            ["ladder", rung, "bytes"] => Ok(Self::LadderBytes(rung.parse()?)),
            ["ladder", rung, "ms"] => Ok(Self::LadderMs(rung.parse()?)),
            ["guess", ..] if name.len() > "guess.".len() => {
                Ok(Self::Guess(name["guess.".len()..].to_owned()))
            }
            _ => Err(format!("`{name}` is not a live figure")),
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share(quantity, kind) => write!(f, "share.{}.{}", quantity.name(), kind.name()),
            Self::BytesPart(part) => write!(f, "bytes.part.{}", part.name()),
            Self::LadderBytes(rung) => write!(f, "ladder.{}.bytes", rung.name()),
            Self::LadderMs(rung) => write!(f, "ladder.{}.ms", rung.name()),
            Self::Guess(id) => write!(f, "guess.{id}"),
            plain => f.write_str(PLAIN.iter().find(|(_, it)| it == plain).map_or("", |(name, _)| name)),
        }
    }
}

/// A figure of the present comparison, or of the latest run of a recipe: `NAME` or `NAME @ RECIPE`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FigureAt {
    /// The figure.
    pub figure: Figure,
    /// The recipe.
    pub recipe: Option<CourseRecipe>,
}

impl FromStr for FigureAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (figure, recipe) = match text.split_once('@') {
            Some((figure, recipe)) => (figure, Some(recipe.trim().parse()?)),
            None => (text, None),
        };
        Ok(Self { figure: figure.trim().parse()?, recipe })
    }
}

impl fmt::Display for FigureAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.recipe {
            Some(recipe) => write!(f, "{} @ {}", self.figure, recipe.name()),
            None => self.figure.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_being_read_and_written() {
        let parts = ["share.ms.depthwise", "bytes.part.mask", "ladder.removed.ms", "guess.g2.agreement"];
        for name in PLAIN.iter().map(|(name, _)| *name).chain(parts) {
            assert_eq!(name.parse::<Figure>().map(|figure| figure.to_string()), Ok(name.to_owned()));
        }
        let at: FigureAt = "agreement.fixed @ int8-per-tensor/cle".parse().unwrap();
        assert_eq!(at.to_string(), "agreement.fixed @ int8-per-tensor/cle");
    }

    #[test]
    fn what_does_not_exist_is_refused() {
        for wrong in
            ["", "bytes", "bytes.orginal", "share.weights", "share.weights.third", "guess.", "ladder.x.ms"]
        {
            assert!(wrong.parse::<Figure>().is_err(), "{wrong}");
        }
        assert!("bytes.original @ int7".parse::<FigureAt>().unwrap_err().contains("int7"));
    }
}
