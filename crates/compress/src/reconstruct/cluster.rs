//! Optimal clustering of weights into few values.

use std::ops::ControlFlow;

use super::curvature::check_rows;
use super::{Pieces, Zeros};
use crate::CompressError;

/// Points beyond which neighbours are joined before clusters are sought.
const MAX_EXACT: usize = 512;
/// Bits of a float32 that tell joined points apart: sign, exponent and 7 or 5 bits of fraction.
const TENSOR_SHIFT: u32 = 16;
const CHANNEL_SHIFT: u32 = 18;

/// Which weights share a codebook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of the layer.
    Tensor,
    /// Those of an output channel.
    Channel,
}

/// Codebooks of a layer, each sorted.
#[derive(Clone, Debug, PartialEq)]
pub struct Codebooks {
    /// Entries of a codebook, `2..=256`.
    pub n_clusters: usize,
    /// `[n_clusters]` for all output channels, or `[n_out, n_clusters]`; each ascending. Where there are fewer different weights
    /// than entries, the last value is repeated.
    pub values: Vec<f32>,
}

impl Codebooks {
    /// The codebook of an output channel.
    pub fn of(&self, row: usize) -> &[f32] {
        let first = if self.values.len() == self.n_clusters { 0 } else { row * self.n_clusters };
        &self.values[first..first + self.n_clusters]
    }

    /// The entry of an output channel's codebook that is nearest to `weight`: its code and its value.
    pub fn nearest(&self, row: usize, weight: f32) -> (u8, f32) {
        let values = self.of(row);
        let above = values.partition_point(|value| *value < weight).min(values.len() - 1);
        let below = above.saturating_sub(1);
        let code = if weight - values[below] < values[above] - weight { below } else { above };
        (code as u8, values[code])
    }

    /// Multiplies the codebook of an output channel; false where it is shared by all.
    pub(super) fn stretch(&mut self, row: usize, factor: f32) -> bool {
        let n = self.n_clusters;
        let own = self.values.len() > n;
        if own {
            for value in &mut self.values[row * n..(row + 1) * n] {
                *value *= factor;
            }
        }
        own
    }

    pub(super) fn check(&self, n_out: usize, zeros: Zeros) -> Result<(), CompressError> {
        let Self { n_clusters, values } = self;
        let fits = (2..=256).contains(n_clusters)
            && (values.len() == *n_clusters || values.len() == n_out * n_clusters)
            && values.iter().all(|value| value.is_finite())
            && values
                .chunks_exact(*n_clusters)
                .all(|values| values.is_sorted() && (zeros == Zeros::Free || values.contains(&0.0)));
        match fits {
            true => Ok(()),
            false => Err(CompressError::Reconstruct(format!(
                "codebooks of {} values for {n_out} channels, expected 1 or {n_out} sorted ones of {n_clusters}, 2..=256, with \
                 a zero where zeros are kept",
                values.len()
            ))),
        }
    }
}

/// Finds a layer's codebooks.
#[derive(Clone, Debug)]
pub struct ClusterWork {
    weights: Vec<f32>,
    importance: Vec<f32>,
    scope: Scope,
    zeros: Zeros,
    codebooks: Codebooks,
}

impl ClusterWork {
    /// Prepares to cluster `weights`, `[n_out, k]`, by squared error that counts each input by `importance`, `[k]` and
    /// `>= 0` (see [`super::Curvature::importance`]); all ones for plain k-means. With [`Zeros::Kept`] one entry of each codebook
    /// is exactly zero.
    ///
    /// # Errors
    /// [`CompressError::Reconstruct`] for lengths or `n_clusters` that do not fit, [`CompressError::NotFinite`] for weights
    /// that are not finite.
    pub fn new(
        weights: Vec<f32>,
        importance: Vec<f32>,
        scope: Scope,
        n_clusters: usize,
        zeros: Zeros,
    ) -> Result<Self, CompressError> {
        check_rows(&weights, importance.len())?;
        if !(2..=256).contains(&n_clusters) || importance.iter().any(|i| !(i.is_finite() && *i >= 0.0)) {
            return Err(CompressError::Reconstruct(format!(
                "{n_clusters} clusters, accepted are 2..=256 and an importance of 0 or more for each input"
            )));
        }
        let codebooks = Codebooks { n_clusters, values: Vec::new() };
        Ok(Self { weights, importance, scope, zeros, codebooks })
    }
}

impl Pieces for ClusterWork {
    type Output = Codebooks;

    fn advance(mut self) -> Result<ControlFlow<Codebooks, Self>, CompressError> {
        let k = self.importance.len();
        let n_clusters = self.codebooks.n_clusters;
        match self.scope {
            Scope::Tensor => {
                let importance = self.importance.iter().cycle().copied();
                let points = points(self.weights.iter().copied().zip(importance), TENSOR_SHIFT);
                self.codebooks.values = codebook(&points, n_clusters, self.zeros);
                Ok(ControlFlow::Break(self.codebooks))
            }
            Scope::Channel => {
                let first = self.codebooks.values.len() / n_clusters;
                let n_rows = (1 << 17) / k.min(2 * MAX_EXACT) / n_clusters;
                for row in self.weights.chunks_exact(k).skip(first).take(n_rows.max(1)) {
                    let weighted = row.iter().copied().zip(self.importance.iter().copied());
                    let values = codebook(&points(weighted, CHANNEL_SHIFT), n_clusters, self.zeros);
                    self.codebooks.values.extend(values);
                }
                match self.codebooks.values.len() == self.weights.len() / k * n_clusters {
                    true => Ok(ControlFlow::Break(self.codebooks)),
                    false => Ok(ControlFlow::Continue(self)),
                }
            }
        }
    }

    fn progress(&self) -> f64 {
        let n_out = self.weights.len() / self.importance.len();
        self.codebooks.values.len() as f64 / (n_out * self.codebooks.n_clusters) as f64
    }
}

/// Weights that are treated as one: their number by importance, sum and sum of squares.
#[derive(Clone, Copy, Debug, Default)]
struct Point {
    mass: f64,
    sum: f64,
    squares: f64,
}

impl Point {
    fn mean(&self) -> f64 {
        self.sum / self.mass
    }

    fn plus(&self, other: &Self) -> Self {
        Self {
            mass: self.mass + other.mass,
            sum: self.sum + other.sum,
            squares: self.squares + other.squares,
        }
    }
}

/// Points in ascending order of the weights. Weights without importance count a little, so that they have a place.
fn points(weighted: impl Iterator<Item = (f32, f32)> + Clone, shift: u32) -> Vec<Point> {
    let largest = weighted.clone().fold(0.0_f32, |largest, (_, importance)| largest.max(importance));
    let least = if largest > 0.0 { f64::from(largest) * 1e-9 } else { 1.0 };
    let point = |(weight, importance): (f32, f32)| {
        let (weight, mass) = (f64::from(weight), f64::from(importance).max(least));
        Point { mass, sum: mass * weight, squares: mass * weight * weight }
    };
    let n = weighted.size_hint().0;
    let keyed = |shift: u32| weighted.clone().map(move |(w, i)| (order_key(w) >> shift, (w, i)));
    if n > 64 * MAX_EXACT {
        // A slot for each key: no sorting of whole layers.
        let mut slots = vec![Point::default(); 1 << (32 - shift)];
        for (key, weighted) in keyed(shift) {
            slots[key as usize] = slots[key as usize].plus(&point(weighted));
        }
        slots.retain(|slot| slot.mass > 0.0);
        return slots;
    }
    let mut sorted: Vec<(u32, (f32, f32))> = keyed(0).collect();
    sorted.sort_unstable_by_key(|(key, _)| *key);
    let joined = |shift: u32| {
        let mut points: Vec<(u32, Point)> = Vec::new();
        for (key, weighted) in &sorted {
            match points.last_mut() {
                Some((last, joined)) if *last == key >> shift => *joined = joined.plus(&point(*weighted)),
                _ => points.push((key >> shift, point(*weighted))),
            }
        }
        points.into_iter().map(|(_, point)| point).collect::<Vec<_>>()
    };
    let exact = joined(0);
    if exact.len() <= MAX_EXACT { exact } else { joined(shift) }
}

/// A number that orders float32 as it does: negative zero and zero are one.
fn order_key(weight: f32) -> u32 {
    let bits = (weight + 0.0).to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

/// The values of the best clusters of `points`, ascending, the last one repeated where there are too few points.
fn codebook(points: &[Point], n_clusters: usize, zeros: Zeros) -> Vec<f32> {
    let mut values = match zeros {
        Zeros::Free => centres(points, &Partition::new(points, n_clusters), n_clusters, points.len()),
        Zeros::Kept => centres_around_zero(points, n_clusters),
    };
    let last = values.last().copied().unwrap_or(0.0);
    values.resize(n_clusters, last);
    values
}

/// One value is zero; a cluster at zero costs its sum of squares, on each side for itself, so that the sides only share
/// the number of values.
fn centres_around_zero(points: &[Point], n_clusters: usize) -> Vec<f32> {
    let middle = points.partition_point(|point| point.sum < 0.0);
    let positive = middle + points[middle..].partition_point(|point| point.sum == 0.0);
    let negatives = &points[..middle];
    // Mirrored, so that a side always ends at zero.
    let positives: Vec<Point> =
        points[positive..].iter().rev().map(|point| Point { sum: -point.sum, ..*point }).collect();
    let sides = [negatives, &positives];
    let partitions = sides.map(|side| Partition::new(side, n_clusters - 1));
    let ends: [Vec<(f64, usize)>; 2] = std::array::from_fn(|side| best_ends(sides[side], &partitions[side]));
    let at = |side: usize, n: usize| ends[side][n.min(ends[side].len() - 1)];
    let n_left = (0..n_clusters)
        .min_by(|a, b| {
            let cost = |n: usize| at(0, n).0 + at(1, n_clusters - 1 - n).0;
            cost(*a).total_cmp(&cost(*b))
        })
        .unwrap_or(0);
    let side = |side: usize, n: usize| {
        let n = n.min(ends[side].len() - 1);
        centres(sides[side], &partitions[side], n, ends[side][n].1)
    };
    let mut values = side(0, n_left);
    values.push(0.0);
    values.extend(side(1, n_clusters - 1 - n_left).iter().rev().map(|value| -value));
    values
}

/// For each number of clusters, the least cost of a side, and up to which point they reach; the rest becomes zero.
fn best_ends(side: &[Point], partition: &Partition) -> Vec<(f64, usize)> {
    let mut to_zero = vec![0.0; side.len() + 1];
    for idx in (0..side.len()).rev() {
        to_zero[idx] = to_zero[idx + 1] + side[idx].squares;
    }
    let mut ends = vec![(to_zero[0], 0)];
    for costs in &partition.costs {
        let best = (0..=side.len())
            .map(|end| (costs[end] + to_zero[end], end))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .unwrap_or((to_zero[0], 0));
        ends.push(best);
    }
    ends
}

/// Least costs of splitting the first points into so many clusters, for all numbers of both.
///
/// ```text
/// costs[c][end] = min over start of costs[c - 1][start] + cost(start..end)
/// ```
/// The best `start` never falls when `end` rises, which halves the search again and again: `O(c n log n)`.
///
/// Source: Grønlund et al. 2017 (arXiv 1701.07204), section 2.2.
struct Partition {
    /// `[n_clusters][n_points + 1]`, from one cluster on.
    costs: Vec<Vec<f64>>,
    /// Where the last cluster starts.
    starts: Vec<Vec<u32>>,
}

impl Partition {
    fn new(points: &[Point], n_clusters: usize) -> Self {
        let mut sums = vec![Point::default()];
        for point in points {
            sums.push(sums[sums.len() - 1].plus(point));
        }
        let n = points.len();
        let mut partition = Self { costs: Vec::new(), starts: Vec::new() };
        if n == 0 || n_clusters == 0 {
            return partition;
        }
        partition.costs.push((0..=n).map(|end| cost(&sums, 0, end)).collect());
        partition.starts.push(vec![0; n + 1]);
        for _ in 1..n_clusters.min(n) {
            let before = &partition.costs[partition.costs.len() - 1];
            let mut row = Row { sums: &sums, before, costs: vec![0.0; n + 1], starts: vec![0; n + 1] };
            row.fill(1, n, 0, n);
            let (costs, starts) = (row.costs, row.starts);
            partition.costs.push(costs);
            partition.starts.push(starts);
        }
        partition
    }
}

struct Row<'a> {
    sums: &'a [Point],
    before: &'a [f64],
    costs: Vec<f64>,
    starts: Vec<u32>,
}

impl Row<'_> {
    /// Fills ends `first..=last`, whose best starts lie in `low..=high`.
    fn fill(&mut self, first: usize, last: usize, low: usize, high: usize) {
        if first > last {
            return;
        }
        let end = first.midpoint(last);
        let mut best = (f64::INFINITY, low);
        for start in low..=high.min(end) {
            let cost = self.before[start] + cost(self.sums, start, end);
            if cost < best.0 {
                best = (cost, start);
            }
        }
        (self.costs[end], self.starts[end]) = (best.0, best.1 as u32);
        self.fill(first, end - 1, low, best.1);
        self.fill(end + 1, last, best.1, high);
    }
}

/// Squared error of points `start..end` around their mean.
fn cost(sums: &[Point], start: usize, end: usize) -> f64 {
    if start >= end {
        return 0.0;
    }
    let (mass, sum) = (sums[end].mass - sums[start].mass, sums[end].sum - sums[start].sum);
    (sums[end].squares - sums[start].squares - sum * sum / mass).max(0.0)
}

/// The means of the best `n_clusters` clusters of the first `end` points, ascending.
fn centres(points: &[Point], partition: &Partition, n_clusters: usize, end: usize) -> Vec<f32> {
    let mut values = Vec::new();
    let mut end = end;
    for starts in partition.starts.iter().take(n_clusters).rev() {
        let start = starts[end] as usize;
        if start < end {
            let all = points[start..end].iter().fold(Point::default(), |all, point| all.plus(point));
            values.push(all.mean() as f32);
        }
        end = start;
    }
    values.reverse();
    values
}
