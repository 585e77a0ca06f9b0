//! The course's live figures: each comes from what this page has measured or counted, or is missing with a reason.

use course::{CourseRecipe, Figure, FigureAt, Kind, Part, Quantity, Rung};
use pipeline::{LayerFacts, LayerKind, LayerView, Step, StoredWeight};
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
            Some(CourseRecipe::Original) | None => self.value(&at.figure, self.present_run()),
            Some(name) => {
                if self.course.recipe(name).is_none() {
                    return Err(Absent::NotHere);
                }
                let measured = self.course.measured(name).ok_or(Absent::NotRun(name))?;
                self.value(&at.figure, Ok(measured)).map_err(|absent| match absent {
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

    /// What was measured of what answers on the compressed side.
    fn present_run(&self) -> Result<&Measured, Absent> {
        let current = self.recipe.current().ok_or(Absent::NoRun)?;
        let measured = self.course.measured.iter().find(|(recipe, _)| *recipe == current.recipe);
        measured.map(|(_, measured)| measured).ok_or(Absent::NoRun)
    }

    /// The one table: where each figure comes from. Those of the model, of the page and of the learner are the same
    /// whatever `run` is named.
    fn value(&self, figure: &Figure, run: Result<&Measured, Absent>) -> Result<Value, Absent> {
        let model = self.model.current.as_ref().ok_or(Absent::Soon);
        let n_weights =
            |layers: &[LayerFacts]| layers.iter().map(|layer| layer.n_weights).sum::<u64>() as f64;
        match figure {
            Figure::ModelWeights => Ok(Value::Count(n_weights(&model?.layers))),
            Figure::ModelMacs => Ok(Value::Count(model?.n_multiply_adds as f64)),
            Figure::ModelReuse => {
                let model = model?;
                Ok(Value::Factor(model.n_multiply_adds as f64 / n_weights(&model.layers).max(1.0)))
            }
            Figure::Share(Quantity::Weights, kind) => {
                Ok(Value::Share(layer_share(&model?.layers, *kind, |layer| layer.n_weights)))
            }
            Figure::Share(Quantity::Macs, kind) => {
                Ok(Value::Share(layer_share(&model?.layers, *kind, |layer| layer.macs)))
            }
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
            Figure::ExperimentsCount => Ok(Value::Count(self.course.measured.len() as f64)),
            Figure::Guess(id) => {
                self.course.progress.guesses.get(id).map(|it| Value::Guess(*it)).ok_or(Absent::NoGuess)
            }

            Figure::LayerName => self.open_layer().map(|layer| Value::Layer(layer.position)),
            Figure::LayerRangeWidest => self.open_layer()?.widths().map(|(widest, _)| Value::Small(widest)),
            Figure::LayerRangeNarrowest => {
                self.open_layer()?.widths().map(|(_, narrowest)| Value::Small(narrowest))
            }
            Figure::LayerRangeRatio => {
                self.open_layer()?.widths().map(|(widest, narrowest)| Value::Factor(widest / narrowest))
            }
            // Codes on both sides of zero, and zero itself, with one scale that the widest channel fills.
            Figure::LayerCodesNarrowest => self
                .open_layer()?
                .widths()
                .map(|(widest, narrowest)| Value::Count(2.0 * (127.0 * narrowest / widest).round() + 1.0)),
            Figure::WeightValue => Ok(Value::Small(f64::from(self.open_layer()?.view.weight.value))),
            Figure::WeightScale => self.open_layer()?.level().map(|(scale, _)| Value::Small(scale)),
            Figure::WeightCode => self.open_layer()?.level().map(|(_, level)| Value::Count(level)),
            Figure::WeightRestored => self.open_layer()?.restored().map(Value::Small),
            Figure::WeightError => {
                let layer = self.open_layer()?;
                layer.restored().map(|restored| Value::Small(restored - f64::from(layer.view.weight.value)))
            }

            Figure::BytesCompressed => Ok(Value::Bytes(run?.facts.sizes.shipped as f64)),
            Figure::BytesRatio => {
                let shipped = run?.facts.sizes.shipped as f64;
                Ok(Value::Factor(model?.shipped_bytes as f64 / shipped.max(1.0)))
            }
            Figure::BytesCoded => Ok(Value::Bytes(run?.facts.sizes.coded as f64)),
            Figure::MsCompressed | Figure::LadderMs(Rung::Dense | Rung::Gzip | Rung::Coded) => {
                run?.latency.map(|(_, it)| Value::Latency(it)).ok_or(Absent::NoRun)
            }
            Figure::MsRatio => {
                let (original, compressed) = run?.latency.ok_or(Absent::NoRun)?;
                Ok(Value::Factor(original.median / compressed.median.max(1e-9)))
            }
            Figure::AgreementFixed => run?.agreement.map(Value::Agreement).ok_or(Absent::NoRun),
            Figure::CalibrationN => match run?.facts.n_calibration {
                0 => Err(Absent::NoRun),
                n => Ok(Value::Count(n.into())),
            },
            Figure::LadderBytes(Rung::Dense) => Ok(Value::Bytes(run?.facts.sizes.dense as f64)),
            Figure::LadderBytes(Rung::Gzip) => Ok(Value::Bytes(run?.facts.sizes.gzip as f64)),
            Figure::LadderBytes(Rung::Coded) => Ok(Value::Bytes(run?.facts.sizes.sparse as f64)),
            Figure::Sparsity => Ok(Value::Share(run?.facts.sparsity)),
            Figure::Clusters => {
                let clusters = run?.facts.recipe.steps.iter().find_map(|step| match step {
                    Step::Cluster { clusters, .. } => Some(*clusters),
                    _ => None,
                });
                clusters.map(|it| Value::Count(it as f64)).ok_or(Absent::NoRun)
            }
            Figure::BitsEntropy => run?.facts.entropy_bits.map(Value::Bits).ok_or(Absent::NoRun),
            Figure::BitsShipped => {
                let bits = 8.0 * run?.facts.sizes.shipped as f64;
                Ok(Value::Bits(bits / (model?.n_parameters as f64).max(1.0)))
            }

            Figure::Share(Quantity::Ms, _)
            | Figure::BytesPart(
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

    /// The open layer, once the worker has looked into it.
    fn open_layer(&self) -> Result<OpenLayer<'_>, Absent> {
        let model = self.model.current.as_ref().ok_or(Absent::Soon)?;
        let position = self.layers.chosen;
        let node = model.layers.get(position).map(|layer| &layer.node);
        let view = self.layers.view.as_ref().filter(|view| Some(&view.node) == node).ok_or(Absent::Soon)?;
        Ok(OpenLayer { position, view })
    }
}

/// The open layer and the weight that is followed.
struct OpenLayer<'a> {
    position: usize,
    view: &'a LayerView,
}

impl OpenLayer<'_> {
    /// How far its widest and its narrowest channel that is not dead reach from zero.
    fn widths(&self) -> Result<(f64, f64), Absent> {
        let extremes = self.view.original.extremes().ok_or(Absent::NotHere)?;
        Ok((extremes.0.into(), extremes.1.into()))
    }

    /// The weight as the compressed model has it.
    fn restored(&self) -> Result<f64, Absent> {
        self.view.weight.stored.map(|stored| f64::from(stored.value())).ok_or(Absent::NoRun)
    }

    /// Its scale and its level, where it is stored as one.
    fn level(&self) -> Result<(f64, f64), Absent> {
        match self.view.weight.stored {
            Some(StoredWeight::Level { scale, multiplier, level, .. }) => {
                Ok((f64::from(scale) * f64::from(multiplier), f64::from(level)))
            }
            Some(StoredWeight::Float { .. } | StoredWeight::Code { .. }) | None => Err(Absent::NoRun),
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
