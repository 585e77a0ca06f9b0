//! Rounding that counts the bits of an entropy coder.

use std::ops::ControlFlow;
use std::sync::Arc;

use graph::order_0_bits;

use super::curvature::check_rows;
use super::sweep::{BLOCK, Decide, Sweep};
use super::{Curvature, Pieces, Zeros};
use crate::CompressError;

/// Largest level.
const MAX_LEVEL: f32 = 127.0;
/// Levels from the smallest to the largest.
const N_LEVELS: usize = 255;
/// The exchange of error for bits at which a uniform grid of fine steps is left as it is: with
/// `D = h step² / 12` and `R = -log2 step` for each weight, `-dD/dR = (ln 2 / 6) h step²`.
pub const FAIR_TRADE: f32 = std::f32::consts::LN_2 / 6.0;

/// How [`RateWork`] trades error for bits.
#[derive(Clone, Debug, PartialEq)]
pub struct RateOptions {
    /// Step of the grid: a single one, or one for each output channel; finite and `> 0`. Steps too small for 127 levels
    /// are widened.
    pub steps: Vec<f32>,
    /// What a bit may cost, in units of `mean(h) step²`, `>= 0`; `h` is [`Curvature::importance`]. [`FAIR_TRADE`] is the
    /// best for many bits; 0 is rounding to the nearest.
    pub trade: f32,
    /// Passes over the layer, `1..=8`: the first takes the costs of symbols from rounding to the nearest, each later one
    /// from the one before.
    pub n_passes: usize,
    /// What becomes of zeros.
    pub zeros: Zeros,
}

/// Weights on a uniform grid for an entropy coder.
#[derive(Clone, Debug, PartialEq)]
pub struct RateRounded {
    /// The real values, `[n_out, k]`.
    pub values: Vec<f32>,
    /// `-127..=127`, `[n_out, k]`.
    pub levels: Vec<i8>,
    /// A single one or one for each output channel.
    pub scales: Vec<f32>,
    /// Order-0 entropy of all levels together, in bits; an adaptive coder reaches it but for its tables.
    pub bits: f64,
    /// `(w - t)ᵀ H (w - t)` over all output channels.
    pub error: f64,
}

/// Rounds with error compensation, each weight to the level of least `h (w - step q)² + λ bits(q)`.
///
/// `bits(q) = -log2 p(q)` by the histogram of the layer's levels, `h = 1 / U_ii²` as in the loss of
/// [`super::RoundWork`], `λ = trade mean(h) step²`. Tried are the nearest level, the next one towards zero, and zero.
///
/// Source: entropy-constrained scalar quantization, Chou, Lookabaugh, Gray 1989, inside the loop of GPTQ; for networks
/// in DeepCABAC, Wiedemann et al. 2019 (arXiv 1907.11900), section 4, without compensation.
#[derive(Clone, Debug)]
pub struct RateWork {
    target: Vec<f32>,
    sweep: Sweep,
    decide: Decider,
    n_passes: usize,
    n_done: usize,
}

#[derive(Clone, Debug)]
struct Decider {
    curvature: Arc<Curvature>,
    /// For each input, `h / mean(h)`.
    importance: Vec<f32>,
    steps: Vec<f32>,
    trade: f32,
    /// `trade * bits` of each level from -127 on.
    costs: Vec<f32>,
    zeros: Vec<bool>,
    levels: Vec<i8>,
}

impl RateWork {
    /// Prepares to round `target`, `[n_out, k]`.
    ///
    /// # Errors
    /// [`CompressError::Reconstruct`] for lengths or options that do not fit, [`CompressError::NotFinite`] for weights that
    /// are not finite.
    pub fn new(
        target: Vec<f32>,
        curvature: Arc<Curvature>,
        options: RateOptions,
    ) -> Result<Self, CompressError> {
        let RateOptions { mut steps, trade, n_passes, zeros } = options;
        let k = curvature.k();
        let n_out = check_rows(&target, k)?;
        let fits = (steps.len() == 1 || steps.len() == n_out)
            && steps.iter().all(|step| step.is_normal() && *step > 0.0);
        if !fits || !(0.0..=1e6).contains(&trade) || !(1..=8).contains(&n_passes) {
            return Err(CompressError::Reconstruct(format!(
                "{} steps, trade {trade}, {n_passes} passes; accepted are 1 or {n_out} positive steps, a trade of 0 or \
                 more, 1..=8 passes",
                steps.len()
            )));
        }
        let rows_per_step = if steps.len() == 1 { n_out } else { 1 };
        for (step, rows) in steps.iter_mut().zip(target.chunks(rows_per_step * k)) {
            let largest = rows.iter().fold(0.0_f32, |largest, w| largest.max(w.abs()));
            *step = step.max(largest / MAX_LEVEL);
        }
        let importance: Vec<f32> = curvature.factor.diag().iter().map(|factor| factor.powi(-2)).collect();
        let mean = mean(&importance);
        let mut decide = Decider {
            importance: importance.iter().map(|importance| importance / mean).collect(),
            steps,
            trade,
            costs: Vec::new(),
            zeros: match zeros {
                Zeros::Free => Vec::new(),
                Zeros::Kept => target.iter().map(|weight| *weight == 0.0).collect(),
            },
            levels: vec![0; target.len()],
            curvature: curvature.clone(),
        };
        for (at, (level, weight)) in decide.levels.iter_mut().zip(&target).enumerate() {
            let step = if decide.steps.len() == 1 { decide.steps[0] } else { decide.steps[at / k] };
            *level = (weight / step).round_ties_even().clamp(-MAX_LEVEL, MAX_LEVEL) as i8;
        }
        decide.update_costs();
        let sweep = Sweep::new(&target, curvature)?;
        Ok(Self { target, sweep, decide, n_passes, n_done: 0 })
    }
}

impl Pieces for RateWork {
    type Output = RateRounded;

    fn advance(mut self) -> Result<ControlFlow<RateRounded, Self>, CompressError> {
        if !self.sweep.is_done() {
            self.sweep.block(BLOCK, &mut self.decide);
            return Ok(ControlFlow::Continue(self));
        }
        self.n_done += 1;
        if self.n_done < self.n_passes {
            self.decide.update_costs();
            self.sweep = Sweep::new(&self.target, self.sweep.curvature)?;
            return Ok(ControlFlow::Continue(self));
        }
        let (values, error) = self.sweep.into_values()?;
        let Decider { levels, steps, .. } = self.decide;
        let bits = entropy_bits(&levels);
        Ok(ControlFlow::Break(RateRounded { values, levels, scales: steps, bits, error }))
    }

    fn progress(&self) -> f64 {
        (self.n_done as f64 + self.sweep.progress()).min(self.n_passes as f64) / self.n_passes as f64
    }
}

impl Decider {
    /// Takes the costs of levels from the levels as they are.
    fn update_costs(&mut self) {
        // Half a count for each level that did not occur: it may be chosen, dearly.
        let total = self.levels.len() as f32 + 0.5 * N_LEVELS as f32;
        let trade = self.trade;
        self.costs = histogram(&self.levels)
            .iter()
            .map(|count| -trade * ((*count as f32 + 0.5) / total).log2())
            .collect();
    }
}

impl Decide for Decider {
    fn decide(&mut self, row: usize, position: usize, rest: &[f32]) -> f32 {
        let at = row * self.curvature.k() + position;
        let step = if self.steps.len() == 1 { self.steps[0] } else { self.steps[row] };
        if self.zeros.get(at).is_some_and(|zero| *zero) {
            self.levels[at] = 0;
            return 0.0;
        }
        let x = rest[0] / step;
        let nearest = x.round_ties_even().clamp(-MAX_LEVEL, MAX_LEVEL);
        let cost = |level: f32| {
            self.importance[position] * (x - level).powi(2) + self.costs[(level + MAX_LEVEL) as usize]
        };
        let mut best = (cost(nearest), nearest);
        if nearest != 0.0 {
            for level in [nearest - nearest.signum(), 0.0] {
                let cost = cost(level);
                if cost < best.0 {
                    best = (cost, level);
                }
            }
        }
        self.levels[at] = best.1 as i8;
        best.1 * step
    }
}

/// Order-0 entropy of all levels together, in bits.
pub fn entropy_bits(levels: &[i8]) -> f64 {
    order_0_bits(histogram(levels))
}

/// The step at which [`FAIR_TRADE`] gives up `slope` of mean squared output error for a bit:
/// `sqrt(slope / (FAIR_TRADE mean(h)))`. Layers with the same slope share bits in the best way.
pub fn step_for_slope(curvature: &Curvature, slope: f32) -> f32 {
    let importance: Vec<f32> = curvature.factor.diag().iter().map(|factor| factor.powi(-2)).collect();
    (slope / (FAIR_TRADE * mean(&importance))).sqrt()
}

fn mean(values: &[f32]) -> f32 {
    (values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len().max(1) as f64) as f32
}

/// How often each level from -127 on occurs.
fn histogram(levels: &[i8]) -> [u32; N_LEVELS] {
    let mut counts = [0; N_LEVELS];
    for level in levels {
        counts[(i16::from((*level).max(-127)) + 127) as usize] += 1;
    }
    counts
}
