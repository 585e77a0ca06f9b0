//! One layer compressed with what is known of its inputs.

use std::ops::ControlFlow;
use std::sync::Arc;

use graph::{ClusteredWeights, Groups, IntegerWeights, Moments, Weight, WeightValues};

use crate::CompressError;
use crate::reconstruct::{
    ClusterWork, Codebooks, Codes, Curvature, CurvatureOptions, CurvatureWork, FAIR_TRADE, Grid, IntegerGrid,
    Means, Pieces, PowerWork, PruneWork, RateOptions, RateRounded, RateWork, RefitWork, RoundWork, Rounded,
    Scope, SparsityPattern, TargetWork, Zeros, step_for_slope,
};
use crate::{ClusterGranularity, Granularity, cubic_sparsity};

/// What becomes of a layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LayerMethod {
    /// Integers of so many bits.
    Round {
        /// 8, 4 or 2.
        bits: u8,
        /// Per channel, or in groups.
        granularity: Granularity,
    },
    /// Zeros.
    Prune {
        /// Where, and how many.
        pattern: SparsityPattern,
        /// In how many increments of a cubic schedule, with a fit of the remaining weights after each: 1 for all at once.
        increments: usize,
    },
    /// The best values for the weights that are not zero.
    Refit,
    /// Few distinct weights.
    Cluster {
        /// `2..=256`.
        clusters: usize,
        /// Who shares them.
        granularity: ClusterGranularity,
    },
    /// Levels of a uniform grid per layer, chosen by what they cost an entropy coder.
    Rate {
        /// What 100 000 bits are worth: noise at the layer's output, as a share of its power. The same for all layers, it
        /// spreads the bits over them in the best way for the sum of their shares of noise.
        noise: f64,
    },
}

/// Zeros beyond this share are meant to be there even where the float layer has them, too.
const PRUNED: f64 = 0.05;
/// Steps of conjugate gradients for the weights that pruning has left.
const REFIT_STEPS: usize = 24;
/// Bits that [`LayerMethod::Rate`] counts in.
const NOISE_BITS: f64 = 1e5;
/// Weights of a group.
const GROUP: usize = 32;

impl LayerMethod {
    /// How the inputs' moments become a curvature. A larger ridge keeps the solution nearer to the weights, which counts
    /// where many are replaced and few pictures are there to tell by what.
    fn options(self) -> CurvatureOptions {
        let ridge = match self {
            Self::Round { .. } => 0.02,
            Self::Cluster { .. } | Self::Rate { .. } => 0.1,
            Self::Prune { .. } | Self::Refit => 1.0,
        };
        let means = match self {
            // Inputs that are no more have left a constant, which is the bias's to make up for.
            Self::Refit => Means::Removed,
            Self::Round { .. } | Self::Cluster { .. } | Self::Rate { .. } | Self::Prune { .. } => Means::Kept,
        };
        CurvatureOptions { ridge, means }
    }
}

/// A layer under work: first the weights that would give the float layer's output from the inputs that there are, then
/// those of the method, each error made up for by the weights after it.
///
/// A layer that is pruned already keeps its zeros.
#[derive(Debug)]
pub struct LayerWork {
    method: LayerMethod,
    shape: Vec<usize>,
    /// The float layer's weights.
    float: Vec<f32>,
    /// The layer's weights as they are.
    weights: Vec<f32>,
    moments: Moments,
    state: Option<State>,
}

#[derive(Debug)]
enum State {
    Curvature(Box<CurvatureWork>),
    Target(TargetWork, Arc<Curvature>),
    /// Fits the weights that are not zero towards the target.
    Refit(RefitWork, Arc<Curvature>),
    /// An increment of pruning, by its number from 1.
    Prune(Box<PruneWork>, Increment),
    /// Fits what an increment has left.
    Grow(RefitWork, Increment),
    Cluster(ClusterWork, Vec<f32>, Arc<Curvature>),
    Round(Box<RoundWork>),
    /// Finds how much the layer puts out, with what becomes of zeros.
    Power(PowerWork, Arc<Curvature>, Zeros),
    Rate(Box<RateWork>),
    Done(Weight),
}

/// Where gradual pruning stands.
#[derive(Debug)]
struct Increment {
    /// From 1.
    number: usize,
    target: Vec<f32>,
    curvature: Arc<Curvature>,
}

impl LayerWork {
    /// Prepares to compress `weight`, whose float layer has the weights `float`, of the same shape.
    ///
    /// # Errors
    /// [`CompressError::Reconstruct`] and [`CompressError::NotFinite`] for weights or moments that do not fit.
    pub fn new(
        method: LayerMethod,
        float: &Weight,
        weight: &Weight,
        moments: Moments,
    ) -> Result<Self, CompressError> {
        let curvature = CurvatureWork::new(&moments, method.options())?;
        Ok(Self {
            method,
            shape: weight.shape.clone(),
            float: float.to_f32().into_owned(),
            weights: weight.to_f32().into_owned(),
            moments,
            state: Some(State::Curvature(Box::new(curvature))),
        })
    }

    /// Does the next piece; `Some` with the layer's new weights when all is done.
    ///
    /// # Errors
    /// What the single works refuse.
    pub fn advance(&mut self) -> Result<Option<Weight>, CompressError> {
        let state = self.state.take().unwrap_or_else(|| unreachable!("a finished layer is not advanced"));
        let state = match state {
            State::Curvature(work) => match work.advance()? {
                ControlFlow::Continue(rest) => State::Curvature(Box::new(rest)),
                ControlFlow::Break(curvature) => {
                    let curvature = Arc::new(curvature);
                    let work = TargetWork::new(self.float.clone(), &self.moments, curvature.clone())?;
                    State::Target(work, curvature)
                }
            },
            State::Target(work, curvature) => match work.advance()? {
                ControlFlow::Continue(rest) => State::Target(rest, curvature),
                ControlFlow::Break(target) => self.towards(target, curvature)?,
            },
            State::Prune(work, at) => match work.advance()? {
                ControlFlow::Continue(rest) => State::Prune(Box::new(rest), at),
                ControlFlow::Break(pruned) => {
                    let refit = RefitWork::new(pruned, at.target.clone(), at.curvature.clone(), REFIT_STEPS)?;
                    State::Grow(refit, at)
                }
            },
            State::Grow(work, at) => match work.advance()? {
                ControlFlow::Continue(rest) => State::Grow(rest, at),
                ControlFlow::Break(refitted) => self
                    .prune(&refitted, Increment { number: at.number + 1, ..at })?
                    .unwrap_or_else(|| State::Done(Weight::f32(self.shape.clone(), refitted))),
            },
            State::Refit(work, curvature) => match work.advance()? {
                ControlFlow::Continue(rest) => State::Refit(rest, curvature),
                ControlFlow::Break(refitted) => self.form(refitted, curvature, Zeros::Kept)?,
            },
            State::Cluster(work, target, curvature) => match work.advance()? {
                ControlFlow::Continue(rest) => State::Cluster(rest, target, curvature),
                ControlFlow::Break(codebooks) => {
                    State::Round(Box::new(self.round(target, curvature, Grid::Codebooks(codebooks))?))
                }
            },
            State::Round(work) => match work.advance()? {
                ControlFlow::Continue(rest) => State::Round(Box::new(rest)),
                ControlFlow::Break(rounded) => State::Done(stored(self.shape.clone(), rounded)),
            },
            State::Power(work, curvature, zeros) => match work.advance()? {
                ControlFlow::Continue(rest) => State::Power(rest, curvature, zeros),
                ControlFlow::Break((weights, power)) => {
                    let LayerMethod::Rate { noise } = self.method else {
                        unreachable!("only this method asks for the power")
                    };
                    let slope = noise * power / NOISE_BITS;
                    let steps = vec![step_for_slope(&curvature, slope as f32).max(f32::MIN_POSITIVE)];
                    let options = RateOptions { steps, trade: FAIR_TRADE, n_passes: 2, zeros };
                    State::Rate(Box::new(RateWork::new(weights, curvature, options)?))
                }
            },
            State::Rate(work) => match work.advance()? {
                ControlFlow::Continue(rest) => State::Rate(Box::new(rest)),
                ControlFlow::Break(RateRounded { levels, scales, .. }) => {
                    State::Done(Weight::int8(self.shape.clone(), levels, scales))
                }
            },
            State::Done(weight) => return Ok(Some(weight)),
        };
        self.state = Some(state);
        Ok(None)
    }

    /// What follows when the target is found.
    fn towards(&self, target: Vec<f32>, curvature: Arc<Curvature>) -> Result<State, CompressError> {
        match self.method {
            LayerMethod::Prune { .. } => {
                let first = self.prune(&target.clone(), Increment { number: 1, target, curvature })?;
                Ok(first
                    .unwrap_or_else(|| State::Done(Weight::f32(self.shape.clone(), self.weights.clone()))))
            }
            LayerMethod::Refit => {
                let work = RefitWork::new(self.weights.clone(), target, curvature.clone(), REFIT_STEPS)?;
                Ok(State::Refit(work, curvature))
            }
            LayerMethod::Round { .. } | LayerMethod::Cluster { .. } | LayerMethod::Rate { .. } => {
                match self.zeros() {
                    Zeros::Free => self.form(target, curvature, Zeros::Free),
                    Zeros::Kept => {
                        let work =
                            RefitWork::new(self.weights.clone(), target, curvature.clone(), REFIT_STEPS)?;
                        Ok(State::Refit(work, curvature))
                    }
                }
            }
        }
    }

    /// Brings float weights into the method's form.
    fn form(
        &self,
        weights: Vec<f32>,
        curvature: Arc<Curvature>,
        zeros: Zeros,
    ) -> Result<State, CompressError> {
        match self.method {
            LayerMethod::Prune { .. } | LayerMethod::Refit => {
                Ok(State::Done(Weight::f32(self.shape.clone(), weights)))
            }
            LayerMethod::Round { bits, granularity } => {
                let groups = granularity == Granularity::Groups32 && bits < 8;
                let grid = IntegerGrid { bits, group_len: groups.then_some(GROUP) };
                Ok(State::Round(Box::new(self.round(weights, curvature, Grid::Integer(grid))?)))
            }
            LayerMethod::Rate { .. } if weights.iter().all(|weight| *weight == 0.0) => {
                let levels = vec![0; weights.len()];
                Ok(State::Done(Weight::int8(self.shape.clone(), levels, vec![1.0])))
            }
            LayerMethod::Rate { .. } => {
                Ok(State::Power(PowerWork::new(weights, curvature.clone())?, curvature, zeros))
            }
            LayerMethod::Cluster { clusters, granularity } => {
                let importance = curvature.importance();
                let work =
                    ClusterWork::new(weights.clone(), importance, scope(granularity), clusters, zeros)?;
                Ok(State::Cluster(work, weights, curvature))
            }
        }
    }

    /// Begins an increment with these weights, `None` behind the last one.
    fn prune(&self, weights: &[f32], at: Increment) -> Result<Option<State>, CompressError> {
        let LayerMethod::Prune { pattern, increments } = self.method else { return Ok(None) };
        if at.number > increments {
            return Ok(None);
        }
        let share = |sparsity: f64| cubic_sparsity(0.0, sparsity, at.number, increments);
        let pattern = match pattern {
            SparsityPattern::Unstructured { sparsity } => {
                SparsityPattern::Unstructured { sparsity: share(sparsity) }
            }
            SparsityPattern::Blocks { channels, sparsity } => {
                SparsityPattern::Blocks { channels, sparsity: share(sparsity) }
            }
            pattern @ SparsityPattern::NOfM { .. } => pattern,
        };
        let work = PruneWork::new(weights, at.curvature.clone(), pattern)?;
        Ok(Some(State::Prune(Box::new(work), at)))
    }

    fn round(
        &self,
        weights: Vec<f32>,
        curvature: Arc<Curvature>,
        grid: Grid,
    ) -> Result<RoundWork, CompressError> {
        RoundWork::new(weights, curvature, grid, self.zeros())
    }

    fn zeros(&self) -> Zeros {
        zeros(&self.float, &self.weights)
    }
}

/// Rounded weights as a graph holds them.
fn stored(shape: Vec<usize>, rounded: Rounded) -> Weight {
    let values = match rounded.codes {
        Codes::Integer { bits, levels, scales, groups } => {
            let groups = groups.map(|(len, multipliers)| Groups { len, multipliers });
            WeightValues::Integer(IntegerWeights { bits, levels, scales, groups })
        }
        Codes::Clustered { codes, codebooks: Codebooks { n_clusters, values } } => {
            WeightValues::Clustered(ClusteredWeights { codes, codebooks: values, n_clusters })
        }
    };
    Weight { shape, values }
}

/// Clusters a layer's weights without regard to its inputs, in pieces; zeros of a pruned layer stay.
#[derive(Debug)]
pub struct NearestClusters {
    weight: Weight,
    work: Option<ClusterWork>,
}

impl NearestClusters {
    /// Prepares to cluster `weight`, whose float layer has the weights `float`.
    ///
    /// # Errors
    /// [`CompressError::NotFinite`] for weights that are not finite, [`CompressError::Reconstruct`] for a number of clusters
    /// outside `2..=256`.
    pub fn new(
        float: &Weight,
        weight: &Weight,
        clusters: usize,
        granularity: ClusterGranularity,
    ) -> Result<Self, CompressError> {
        let real = weight.to_f32();
        let importance = vec![1.0; weight.channel_len().max(1)];
        let zeros = zeros(&float.to_f32(), &real);
        let work = ClusterWork::new(real.into_owned(), importance, scope(granularity), clusters, zeros)?;
        Ok(Self { weight: weight.clone(), work: Some(work) })
    }

    /// Does the next piece; `Some` with the clustered weights when all is done.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn advance(&mut self) -> Result<Option<Weight>, CompressError> {
        let work = self.work.take().unwrap_or_else(|| unreachable!("a finished layer is not advanced"));
        let codebooks = match work.advance()? {
            ControlFlow::Continue(rest) => {
                self.work = Some(rest);
                return Ok(None);
            }
            ControlFlow::Break(codebooks) => codebooks,
        };
        let real = self.weight.to_f32();
        let channels = real.chunks(self.weight.channel_len().max(1)).enumerate();
        let code = |(channel, weights): (usize, &[f32])| -> Vec<u8> {
            weights.iter().map(|weight| codebooks.nearest(channel, *weight).0).collect()
        };
        let codes = channels.flat_map(code).collect();
        let Codebooks { n_clusters, values } = codebooks;
        let values = WeightValues::Clustered(ClusteredWeights { codes, codebooks: values, n_clusters });
        Ok(Some(Weight { shape: self.weight.shape.clone(), values }))
    }
}

fn scope(granularity: ClusterGranularity) -> Scope {
    match granularity {
        ClusterGranularity::PerTensor => Scope::Tensor,
        ClusterGranularity::PerChannel => Scope::Channel,
    }
}

/// Zeros are kept where the float layer lacks one of them, or where there are so many that somebody meant them.
fn zeros(float: &[f32], weights: &[f32]) -> Zeros {
    let is_pruned = weights.iter().zip(float).any(|(now, before)| *now == 0.0 && *before != 0.0);
    let zeros = weights.iter().filter(|weight| **weight == 0.0).count();
    match is_pruned || zeros as f64 > PRUNED * weights.len() as f64 {
        true => Zeros::Kept,
        false => Zeros::Free,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconstruct::MomentsBuilder;

    #[test]
    fn layers_of_next_to_nothing_are_quantized_for_size() {
        let mut moments = MomentsBuilder::new(2);
        moments.observe(&[1.0, 2.0, -1.0, 0.5], &[1.0, 2.0, -1.0, 0.5]).unwrap();
        let moments = moments.finish();
        for weights in [[0.0; 4], [1e-30, 0.0, -1e-30, 0.0]] {
            let weight = Weight::f32(vec![2, 2], weights.to_vec());
            let method = LayerMethod::Rate { noise: 1e-6 };
            let mut work = LayerWork::new(method, &weight, &weight, moments.clone()).unwrap();
            let quantized = loop {
                if let Some(weight) = work.advance().unwrap() {
                    break weight;
                }
            };
            for (real, weight) in quantized.to_f32().iter().zip(weights) {
                assert!((real - weight).abs() <= 1e-32, "{real} for {weight}");
            }
        }
    }
}
