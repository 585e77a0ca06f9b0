//! The course's live figures: each comes from what this page has measured or counted, or is missing with a reason.

use course::{CourseRecipe, Figure, FigureAt, Kind, Part, Quantity, Rung};
use pipeline::{LayerFacts, LayerKind, Step, StoredWeight};
use vision::n_fixed_views;

use super::course::Measured;
use super::{Agreement, Cell, State, WorkerState};
use crate::app::statistics::Latency;
use crate::bridge::Runtime;

/// A figure that is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A number of things.
    Count(f64),
    /// Bytes.
    Bytes(f64),
    /// A share `0..=1`.
    Share(f64),
    /// A factor.
    Factor(f64),
    /// Median and p95.
    Latency(Latency),
    /// A share of pictures, with how many.
    Agreement(Agreement),
    /// Minutes.
    Minutes(f64),
    /// Bits per weight.
    Bits(f64),
    /// The path in use.
    Runtime(Runtime),
    /// A guess in the unit of its slider.
    Guess(f64),
    /// A weight, or another number of small size.
    Small(f64),
    /// The layer at this position.
    Layer(usize),
}

/// Why a figure is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// The recipe has not run on this device, or not far enough; it can be run.
    NotRun(CourseRecipe),
    /// No recipe is loaded to which it belongs.
    NoRun,
    /// It is on its way.
    Soon,
    /// The learner has not guessed.
    NoGuess,
    /// This page cannot measure it.
    NotHere,
}

impl Value {
    /// As conditions and rules compare it: shares `0..=1`, ratios as factors, times as their median.
    pub fn number(self) -> Option<f64> {
        match self {
            Self::Count(it)
            | Self::Bytes(it)
            | Self::Share(it)
            | Self::Factor(it)
            | Self::Minutes(it)
            | Self::Bits(it)
            | Self::Guess(it)
            | Self::Small(it) => Some(it),
            Self::Layer(position) => Some(position as f64),
            Self::Latency(latency) => Some(latency.median),
            Self::Agreement(Agreement { same, n, .. }) => (n > 0).then(|| f64::from(same) / f64::from(n)),
            Self::Runtime(_) => None,
        }
    }
}

impl State {
    /// A figure, or why it is not there.
    ///
    /// # Errors
    /// [`Absent`].
    pub fn figure(&self, at: &FigureAt) -> Result<Value, Absent> {
        match at.recipe {
            Some(CourseRecipe::Original) | None => self.present_figure(&at.figure),
            Some(name) => {
                if self.course.recipe(name).is_none() {
                    return Err(Absent::NotHere);
                }
                let measured = self.course.measured(name).ok_or(Absent::NotRun(name))?;
                self.measured_figure(&at.figure, measured).map_err(|absent| match absent {
                    Absent::NoRun => Absent::NotRun(name),
                    other => other,
                })
            }
        }
    }

    /// A figure's number, where it is known and is one.
    pub fn figure_number(&self, at: &FigureAt) -> Option<f64> {
        self.figure(at).ok()?.number()
    }

    /// Views of the fixed set.
    pub fn n_fixed_views(&self) -> usize {
        self.pictures.as_ref().map_or(0, |pictures| n_fixed_views(pictures.len()))
    }

    /// Figures of the model, of the page, of the learner, and else of what answers on the compressed side.
    fn present_figure(&self, figure: &Figure) -> Result<Value, Absent> {
        let model = self.model.current.as_ref().ok_or(Absent::Soon);
        match figure {
            Figure::ModelWeights => {
                Ok(Value::Count(model?.layers.iter().map(|layer| layer.n_weights).sum::<u64>() as f64))
            }
            Figure::ModelMacs => Ok(Value::Count(model?.n_multiply_adds as f64)),
            Figure::ModelReuse => {
                let model = model?;
                let n_weights: u64 = model.layers.iter().map(|layer| layer.n_weights).sum();
                Ok(Value::Factor(model.n_multiply_adds as f64 / (n_weights as f64).max(1.0)))
            }
            Figure::Share(Quantity::Weights, kind) => {
                Ok(Value::Share(layer_share(&model?.layers, *kind, |layer| layer.n_weights)))
            }
            Figure::Share(Quantity::Macs, kind) => {
                Ok(Value::Share(layer_share(&model?.layers, *kind, |layer| layer.macs)))
            }
            Figure::Share(Quantity::Ms, _) => Err(Absent::NotHere),
            Figure::BytesOriginal => Ok(Value::Bytes(model?.shipped_bytes as f64)),
            Figure::MsOriginal => match self.numbers.latency_original {
                Cell::Known(latency) => Ok(Value::Latency(latency)),
                Cell::Missing(_) => Err(Absent::Soon),
            },
            Figure::RoomMinutesOriginal => {
                let (laptops, mbit) = self.course.room;
                let bits = 8.0 * model?.shipped_bytes as f64 * laptops;
                Ok(Value::Minutes(bits / (mbit.max(1.0) * 1e6) / 60.0))
            }
            Figure::AgreementN if self.has_pictures() => Ok(Value::Count(self.n_fixed_views() as f64)),
            Figure::AgreementN => Err(Absent::NotHere),
            Figure::Runtime => match self.worker {
                WorkerState::Ready(runtime) => Ok(Value::Runtime(runtime)),
                WorkerState::Starting | WorkerState::Lost => Err(Absent::Soon),
            },
            Figure::LayerName
            | Figure::LayerRangeWidest
            | Figure::LayerRangeNarrowest
            | Figure::LayerRangeRatio
            | Figure::LayerCodesNarrowest
            | Figure::WeightValue
            | Figure::WeightScale
            | Figure::WeightCode
            | Figure::WeightRestored
            | Figure::WeightError => self.layer_figure(figure),
            Figure::ExperimentsCount => Ok(Value::Count(self.course.measured.len() as f64)),
            Figure::Guess(id) => {
                self.course.progress.guesses.get(id).map(|it| Value::Guess(*it)).ok_or(Absent::NoGuess)
            }
            other => {
                let current = self.recipe.current().ok_or(Absent::NoRun)?;
                let measured = self.course.measured.iter().find(|(recipe, _)| *recipe == current.recipe);
                self.measured_figure(other, measured.map(|(_, measured)| measured).ok_or(Absent::NoRun)?)
            }
        }
    }

    /// Figures of the open layer and of the weight that is followed.
    fn layer_figure(&self, figure: &Figure) -> Result<Value, Absent> {
        let model = self.model.current.as_ref().ok_or(Absent::Soon)?;
        let position = self.layers.chosen;
        let node = model.layers.get(position).map(|layer| &layer.node);
        let view = self.layers.view.as_ref().filter(|view| Some(&view.node) == node).ok_or(Absent::Soon)?;
        let widths = view.original.ranges.iter().map(|[low, high]| f64::from(low.abs().max(high.abs())));
        let widest = widths.clone().fold(0.0, f64::max);
        let narrowest = widths.filter(|width| *width > 0.0).fold(f64::INFINITY, f64::min);
        let stored = view.weight.stored.ok_or(Absent::NoRun);
        let level = stored.and_then(|stored| match stored {
            StoredWeight::Level { scale, multiplier, level, .. } => {
                Ok((f64::from(scale) * f64::from(multiplier), f64::from(level)))
            }
            StoredWeight::Float { .. } | StoredWeight::Code { .. } => Err(Absent::NoRun),
        });
        match figure {
            Figure::LayerName => Ok(Value::Layer(position)),
            Figure::WeightValue => Ok(Value::Small(f64::from(view.weight.value))),
            Figure::WeightScale => level.map(|(scale, _)| Value::Small(scale)),
            Figure::WeightCode => level.map(|(_, level)| Value::Count(level)),
            Figure::WeightRestored => stored.map(|stored| Value::Small(f64::from(stored.value()))),
            Figure::WeightError => {
                stored.map(|stored| Value::Small(f64::from(stored.value()) - f64::from(view.weight.value)))
            }
            _ if !narrowest.is_finite() => Err(Absent::NotHere),
            Figure::LayerRangeWidest => Ok(Value::Small(widest)),
            Figure::LayerRangeNarrowest => Ok(Value::Small(narrowest)),
            Figure::LayerRangeRatio => Ok(Value::Factor(widest / narrowest)),
            // Codes on both sides of zero, and zero itself, with one scale that the widest channel fills.
            Figure::LayerCodesNarrowest => Ok(Value::Count(2.0 * (127.0 * narrowest / widest).round() + 1.0)),
            _ => Err(Absent::NotHere),
        }
    }

    fn measured_figure(&self, figure: &Figure, measured: &Measured) -> Result<Value, Absent> {
        let Measured { facts, agreement, latency } = measured;
        let model = self.model.current.as_ref().ok_or(Absent::Soon);
        let n_weights = || model.map(|model| (model.n_parameters as f64).max(1.0));
        match figure {
            Figure::BytesCompressed => Ok(Value::Bytes(facts.sizes.shipped as f64)),
            Figure::BytesRatio => {
                Ok(Value::Factor(model?.shipped_bytes as f64 / (facts.sizes.shipped as f64).max(1.0)))
            }
            Figure::BytesCoded => Ok(Value::Bytes(facts.sizes.coded as f64)),
            Figure::MsCompressed => latency.map(|(_, it)| Value::Latency(it)).ok_or(Absent::NoRun),
            Figure::MsRatio => {
                let (original, compressed) = latency.ok_or(Absent::NoRun)?;
                Ok(Value::Factor(original.median / compressed.median.max(1e-9)))
            }
            Figure::AgreementFixed => agreement.map(Value::Agreement).ok_or(Absent::NoRun),
            Figure::CalibrationN if facts.n_calibration > 0 => Ok(Value::Count(facts.n_calibration.into())),
            Figure::CalibrationN => Err(Absent::NoRun),
            Figure::LadderBytes(Rung::Dense) => Ok(Value::Bytes(facts.sizes.dense as f64)),
            Figure::LadderBytes(Rung::Gzip) => Ok(Value::Bytes(facts.sizes.gzip as f64)),
            Figure::LadderBytes(Rung::Coded) => Ok(Value::Bytes(facts.sizes.sparse as f64)),
            Figure::LadderMs(Rung::Dense | Rung::Gzip | Rung::Coded) => {
                latency.map(|(_, it)| Value::Latency(it)).ok_or(Absent::NoRun)
            }
            Figure::Sparsity => Ok(Value::Share(facts.sparsity)),
            Figure::Clusters => {
                let clusters = facts.recipe.steps.iter().find_map(|step| match step {
                    Step::Cluster { clusters, .. } => Some(*clusters),
                    _ => None,
                });
                clusters.map(|it| Value::Count(it as f64)).ok_or(Absent::NoRun)
            }
            Figure::BitsEntropy => facts.entropy_bits.map(Value::Bits).ok_or(Absent::NoRun),
            Figure::BitsShipped => Ok(Value::Bits(8.0 * facts.sizes.shipped as f64 / n_weights()?)),
            // Of the original and of the learner, whatever recipe is named.
            Figure::ModelWeights
            | Figure::ModelMacs
            | Figure::ModelReuse
            | Figure::Share(..)
            | Figure::BytesOriginal
            | Figure::MsOriginal
            | Figure::RoomMinutesOriginal
            | Figure::AgreementN
            | Figure::Runtime
            | Figure::LayerName
            | Figure::LayerRangeWidest
            | Figure::LayerRangeNarrowest
            | Figure::LayerRangeRatio
            | Figure::LayerCodesNarrowest
            | Figure::WeightValue
            | Figure::WeightScale
            | Figure::WeightCode
            | Figure::WeightRestored
            | Figure::WeightError
            | Figure::ExperimentsCount
            | Figure::Guess(_) => self.present_figure(figure),
            Figure::BytesPart(
                Part::Weights | Part::Scales | Part::Codebook | Part::Mask | Part::Tables | Part::Other,
            )
            | Figure::AccuracyOriginal
            | Figure::AccuracyCompressed
            | Figure::SeenBefore
            | Figure::SeenAfter
            | Figure::HeldoutBefore
            | Figure::HeldoutAfter
            | Figure::LadderBytes(Rung::Removed)
            | Figure::LadderMs(Rung::Removed)
            | Figure::DecodeMs
            | Figure::BreakevenSparsity => Err(Absent::NotHere),
        }
    }
}

/// The kind of a layer as lessons call it; a layer of no such kind belongs to none.
pub fn kind_of_layer(layer: &LayerFacts) -> Option<Kind> {
    match layer.kind {
        LayerKind::First => Some(Kind::First),
        LayerKind::Depthwise => Some(Kind::Depthwise),
        LayerKind::Pointwise => Some(Kind::Pointwise),
        LayerKind::Classifier => Some(Kind::Classifier),
        LayerKind::Other => None,
    }
}

/// The share that layers of a kind have of a quantity.
pub fn layer_share(layers: &[LayerFacts], kind: Kind, quantity: impl Fn(&LayerFacts) -> u64) -> f64 {
    let of_kind = layers.iter().filter(|layer| kind_of_layer(layer) == Some(kind));
    let all: u64 = layers.iter().map(&quantity).sum();
    of_kind.map(&quantity).sum::<u64>() as f64 / all.max(1) as f64
}
