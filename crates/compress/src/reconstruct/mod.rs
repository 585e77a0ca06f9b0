//! Error-compensated compression of one layer: least squares, rounding, pruning and clustering that know the layer's
//! input.
//!
//! A layer is a matrix `W`, `[n_out, k]` row-major; what is known of its input is [`graph::Moments`]. Everything here
//! works on these two alone: it runs no network, reads no clock and does not know the graph. Depthwise convolutions are many
//! small layers, for which [`TapMoments`] does all at once.
//!
//! ```text
//! MomentsBuilder  rows of inputs from two streams  ->  Moments
//! CurvatureWork   Moments                          ->  Curvature: H = E[x xᵀ] + ridge, and the factor of its inverse
//! TargetWork      W                                ->  T, the weights that give the float output from compressed inputs
//! RoundWork, RateWork, PruneWork                   T  ->  weights on a grid, or with zeros, errors compensated
//! RefitWork       pruned weights                   ->  the best values for the weights that are left
//! TapMoments      taps of depthwise channels       ->  their weights, fitted
//! ```
//!
//! Whatever can take long is [`Pieces`]: a state that advances by a bounded amount of arithmetic.

mod cluster;
mod curvature;
mod descent;
mod factor;
mod moments;
mod pieces;
mod prune;
mod rate;
mod refit;
mod round;
mod scale;
mod sweep;
mod taps;
mod target;
#[cfg(test)]
mod tests;

pub use cluster::{ClusterWork, Codebooks, Scope};
pub use curvature::{Curvature, CurvatureOptions, CurvatureWork, Means, PowerWork};
pub use moments::{MAX_INPUTS, MomentsBuilder};
pub use pieces::Pieces;
pub use prune::{PruneWork, SparsityPattern};
pub use rate::{FAIR_TRADE, RateOptions, RateRounded, RateWork, entropy_bits, step_for_slope};
pub use refit::RefitWork;
pub use round::{Codes, Grid, RoundWork, Rounded, Zeros};
pub use scale::IntegerGrid;
pub use taps::TapMoments;
pub use target::TargetWork;
