//! Channels that are taken out: the network becomes smaller for the kernels that it always had.

use graph::{BatchNorm, Clip, Evidence, Graph, Op, Shape, UpperBound, ValueId, Weight};

use crate::layers::{Channels, bias_mut, is_unpadded, outputs_of_constants, readers, weights, weights_mut};
use crate::{CompressError, MAX_SPARSITY};

/// Channels that go together: kernels run blocks of eight, and half a block takes the time of a whole one.
const BLOCK: usize = 8;

/// What was taken out of a bottleneck.
#[derive(Clone, Debug, PartialEq)]
pub struct RemovedChannels {
    /// The convolution that made the channels.
    pub expand: String,
    /// The convolution that read them.
    pub project: String,
    /// Channels before.
    pub before: usize,
    /// Channels now.
    pub after: usize,
    /// Estimated share of the output's variance that went with them, channels taken as independent, without a refit.
    pub lost: f64,
}

/// Which channels go, of which bottlenecks. Holds for the graph that it was chosen for, and for any with its nodes and shapes.
#[derive(Clone, Debug)]
pub struct ChannelRemoval {
    cuts: Vec<Cut>,
}

/// What goes of one bottleneck.
#[derive(Clone, Debug)]
struct Cut {
    bottleneck: Bottleneck,
    /// Channels that stay, in order.
    kept: Vec<usize>,
    /// Means of the projection's input.
    means: Vec<f64>,
    report: RemovedChannels,
}

/// Takes channels out of bottlenecks: [`choose_channels`], [`ChannelRemoval::silence`] and [`ChannelRemoval::shrink`] in one.
/// What stays keeps its weights.
///
/// # Errors
/// As these.
pub fn remove_channels(
    graph: &Graph,
    evidence: &Evidence,
    share: f64,
) -> Result<(Graph, Vec<RemovedChannels>), CompressError> {
    let removal = choose_channels(graph, evidence, share)?;
    let graph = removal.shrink(&removal.silence(graph)?)?;
    Ok((graph, removal.report()))
}

/// Chooses channels of inverted bottlenecks and of the like: of what lies between a convolution, a depthwise one behind it
/// and the pointwise one behind that, with batch norms and clips in between. `share` is the part of all bottlenecks'
/// multiply-adds that goes.
///
/// - Channel `i` of the projection's input `x` scores `Σ w[..][i]² · variance(x[i])`: the squared error per pixel of replacing
///   it by its mean.
/// - Channels go in blocks of eight, first what does not fill a block, so that what stays are whole blocks. Over all
///   bottlenecks, the block goes first that loses least of its layer's summed scores for each multiply-add. Eight channels
///   always stay.
///
/// Bottlenecks with weights that are not float32 are left alone. `evidence` must come from the same graph.
///
/// Source: He, Zhang & Sun 2017 (arXiv 1707.06168) for channels of whole blocks with refitted weights behind them; Luo, Wu
/// & Lin 2017 (arXiv 1707.06342), "ThiNet", for judging a channel by the next layer's output.
///
/// # Errors
/// [`CompressError::Sparsity`] for a share outside `0.0..=0.95`, [`CompressError::NoEvidence`] when a projection's input was
/// never observed, [`CompressError::NotFinite`] for weights or statistics that are not finite.
pub fn choose_channels(
    graph: &Graph,
    evidence: &Evidence,
    share: f64,
) -> Result<ChannelRemoval, CompressError> {
    if !(0.0..=MAX_SPARSITY).contains(&share) {
        return Err(CompressError::Sparsity(share));
    }
    let bottlenecks = bottlenecks(graph);
    let candidates = bottlenecks
        .iter()
        .map(|bottleneck| Candidate::new(graph, evidence, bottleneck))
        .collect::<Result<Vec<_>, _>>()?;
    let removed = choose(&candidates, share);
    let cuts = bottlenecks.into_iter().zip(candidates).zip(removed).filter(|(_, n_removed)| *n_removed > 0);
    let cut = |((bottleneck, candidate), n_removed): ((Bottleneck, Candidate), usize)| {
        let mut kept = candidate.order[n_removed..].to_vec();
        kept.sort_unstable();
        let report = RemovedChannels {
            expand: graph.nodes[bottleneck.expand].name.clone(),
            project: graph.nodes[bottleneck.project].name.clone(),
            before: candidate.order.len(),
            after: kept.len(),
            lost: candidate.lost(0..n_removed),
        };
        Cut { bottleneck, kept, means: candidate.means, report }
    };
    Ok(ChannelRemoval { cuts: cuts.map(cut).collect() })
}

impl ChannelRemoval {
    /// What goes, from front to back.
    pub fn report(&self) -> Vec<RemovedChannels> {
        self.cuts.iter().map(|cut| cut.report.clone()).collect()
    }

    /// Whether the node at this position is a convolution that reads channels that go.
    pub fn is_projection(&self, node: usize) -> bool {
        self.cuts.iter().any(|cut| cut.bottleneck.project == node)
    }

    /// The graph with the weights of what goes set to zero, in every layer concerned: it computes what the smaller graph will,
    /// with the nodes and shapes that it had, so that its layers can still be compared with those of the original. A
    /// projection's bias takes in `Σ w[i] · mean(x[i])` of the channels that go, which keeps the mean of its output.
    ///
    /// # Errors
    /// [`CompressError::Graph`] when the result does not hold together.
    pub fn silence(&self, graph: &Graph) -> Result<Graph, CompressError> {
        let mut graph = graph.clone();
        for cut in &self.cuts {
            cut.silence(&mut graph);
        }
        graph.validate()?;
        Ok(graph)
    }

    /// The graph without what goes.
    ///
    /// # Errors
    /// [`CompressError::Graph`] when the result does not hold together, as it would for a graph of other shapes.
    pub fn shrink(&self, graph: &Graph) -> Result<Graph, CompressError> {
        let mut graph = graph.clone();
        for cut in &self.cuts {
            cut.bottleneck.shrink(&mut graph, &cut.kept);
        }
        graph.validate()?;
        Ok(graph)
    }
}

impl Cut {
    fn silence(&self, graph: &mut Graph) {
        let goes = |channel: usize| self.kept.binary_search(&channel).is_err();
        let project = &mut graph.nodes[self.bottleneck.project].op;
        let gone: Vec<f64> =
            self.means.iter().enumerate().map(|(i, mean)| if goes(i) { *mean } else { 0.0 }).collect();
        let constants = outputs_of_constants(project, &gone);
        if let Some(channels) = Channels::of(project) {
            for (position, weight) in weights_mut(project).iter_mut().enumerate() {
                if goes(channels.input_of(position)) {
                    *weight = 0.0;
                }
            }
        }
        for (bias, constant) in bias_mut(project).iter_mut().zip(constants) {
            *bias = (f64::from(*bias) + constant) as f32;
        }
        for node in [self.bottleneck.expand, self.bottleneck.depthwise] {
            let op = &mut graph.nodes[node].op;
            let Some(channels) = Channels::of(op) else { continue };
            for (position, weight) in weights_mut(op).iter_mut().enumerate() {
                if goes(channels.output_of(position)) {
                    *weight = 0.0;
                }
            }
            for (channel, bias) in op.bias_mut().into_iter().flatten().flatten().enumerate() {
                if goes(channel) {
                    *bias = 0.0;
                }
            }
        }
    }
}

/// Positions of the nodes of a bottleneck.
#[derive(Clone, Debug)]
struct Bottleneck {
    expand: usize,
    depthwise: usize,
    project: usize,
    /// Batch norms and clips on the way.
    between: Vec<usize>,
    /// What the projection reads.
    input: ValueId,
}

fn bottlenecks(graph: &Graph) -> Vec<Bottleneck> {
    let readers = readers(graph);
    let is_dense = |node: usize| matches!(&graph.nodes[node].op, Op::Conv2d(conv) if conv.groups == 1);
    let is_depthwise = |node: usize| matches!(&graph.nodes[node].op, Op::Conv2d(conv) if conv.is_depthwise());
    let bottleneck = |expand: usize| {
        let mut between = Vec::new();
        // The convolution that alone reads what a node writes, behind batch norms and clips.
        let mut next = |node: usize| {
            let mut value = graph.nodes[node].output;
            loop {
                let &[reader] = readers[value.0].as_slice() else { return None };
                if value == graph.output {
                    return None;
                }
                match &graph.nodes[reader].op {
                    Op::Conv2d(_) => return Some((reader, value)),
                    Op::BatchNorm(_) | Op::Clip(_) => {
                        between.push(reader);
                        value = graph.nodes[reader].output;
                    }
                    Op::Add
                    | Op::Concat
                    | Op::MaxPool(_)
                    | Op::GlobalAveragePool
                    | Op::Linear(_)
                    | Op::Softmax => return None,
                }
            }
        };
        let (depthwise, _) = Some(expand).filter(|node| is_dense(*node)).and_then(&mut next)?;
        let (project, input) = Some(depthwise).filter(|node| is_depthwise(*node)).and_then(&mut next)?;
        let op = &graph.nodes[project].op;
        let is_pointwise = matches!(op, Op::Conv2d(conv) if conv.kernel() == [1, 1]) && is_unpadded(op);
        let has_floats =
            [expand, depthwise, project].iter().all(|node| Channels::of(&graph.nodes[*node].op).is_some());
        (is_dense(project) && is_pointwise && has_floats).then_some(())?;
        Some(Bottleneck { expand, depthwise, project, between, input })
    };
    (0..graph.nodes.len()).filter_map(bottleneck).collect()
}

impl Bottleneck {
    /// Leaves the channels `kept` in every node and value.
    fn shrink(&self, graph: &mut Graph, kept: &[usize]) {
        for node in [self.expand, self.depthwise] {
            keep_outputs(&mut graph.nodes[node].op, kept);
        }
        keep_inputs(&mut graph.nodes[self.project].op, kept);
        for node in &self.between {
            keep_outputs(&mut graph.nodes[*node].op, kept);
        }
        for node in self.between.iter().chain([&self.expand, &self.depthwise]) {
            let value = graph.nodes[*node].output;
            if let Shape::Image { channels, .. } = &mut graph.values[value.0].shape {
                *channels = kept.len();
            }
        }
    }
}

fn picked(values: &[f32], kept: &[usize]) -> Vec<f32> {
    kept.iter().map(|channel| values[*channel]).collect()
}

/// Keeps output channels of a convolution, or channels of what works on each by itself.
fn keep_outputs(op: &mut Op, kept: &[usize]) {
    match op {
        Op::Conv2d(conv) => {
            if conv.is_depthwise() {
                conv.groups = kept.len();
            }
            let (len, values) = (conv.weight.channel_len(), conv.weight.to_f32());
            let rows = kept.iter().flat_map(|channel| &values[channel * len..(channel + 1) * len]);
            let mut shape = conv.weight.shape.clone();
            shape[0] = kept.len();
            conv.weight = Weight::f32(shape, rows.copied().collect());
            conv.bias = conv.bias.as_ref().map(|bias| picked(bias, kept));
        }
        Op::BatchNorm(BatchNorm { gamma, beta, mean, variance, epsilon: _ }) => {
            for values in [gamma, beta, mean, variance] {
                *values = picked(values, kept);
            }
        }
        Op::Clip(Clip { max: UpperBound::PerChannel(max), .. }) => *max = picked(max, kept),
        Op::Clip(_)
        | Op::Add
        | Op::Concat
        | Op::MaxPool(_)
        | Op::GlobalAveragePool
        | Op::Linear(_)
        | Op::Softmax => {}
    }
}

/// Keeps input channels of a dense convolution.
fn keep_inputs(op: &mut Op, kept: &[usize]) {
    let Op::Conv2d(conv) = op else { return };
    let (len, values) = (conv.weight.channel_len(), conv.weight.to_f32());
    let mut shape = conv.weight.shape.clone();
    let taps = len / shape[1];
    let rows = values.chunks_exact(len);
    let columns =
        rows.flat_map(|row| kept.iter().flat_map(|channel| &row[channel * taps..(channel + 1) * taps]));
    shape[1] = kept.len();
    conv.weight = Weight::f32(shape, columns.copied().collect());
}

/// A bottleneck's channels and what each is worth.
struct Candidate {
    /// Means of the projection's input.
    means: Vec<f64>,
    /// Channels, the least worth first.
    order: Vec<usize>,
    /// Scores in that order, as shares of their sum.
    scores: Vec<f64>,
    /// Multiply-adds of a channel.
    macs: f64,
}

impl Candidate {
    fn new(graph: &Graph, evidence: &Evidence, bottleneck: &Bottleneck) -> Result<Self, CompressError> {
        let not_observed = || CompressError::NoEvidence(graph.value(bottleneck.input).name.clone());
        let means = evidence.channel_means(bottleneck.input).ok_or_else(not_observed)?;
        let variances = evidence.channel_variances(bottleneck.input).ok_or_else(not_observed)?;
        let project = &graph.nodes[bottleneck.project];
        let mut scores = vec![0.0; variances.len()];
        if let Some(channels) = Channels::of(&project.op) {
            for (position, weight) in weights(&project.op).iter().enumerate() {
                let input = channels.input_of(position);
                scores[input] += f64::from(*weight).powi(2) * variances[input];
            }
        }
        if scores.iter().chain(&means).any(|score| !score.is_finite()) {
            return Err(CompressError::NotFinite(project.name.clone()));
        }
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
        let sum = scores.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        let scores = order.iter().map(|channel| scores[*channel] / sum).collect();
        let pixels = |node: usize| {
            let shape = graph.value(graph.nodes[node].output).shape;
            (shape.len() / shape.channels().max(1)) as f64
        };
        let weights_of = |node: usize| weights(&graph.nodes[node].op).len() as f64 / order.len() as f64;
        let nodes = [bottleneck.expand, bottleneck.depthwise, bottleneck.project];
        let macs = nodes.iter().map(|node| pixels(*node) * weights_of(*node)).sum();
        Ok(Self { means, order, scores, macs })
    }

    /// Share of the summed scores of some channels of the order.
    fn lost(&self, range: std::ops::Range<usize>) -> f64 {
        self.scores[range].iter().sum()
    }

    /// Channels of the next block to go after `removed`, `None` where what is left stays.
    fn next(&self, removed: usize) -> Option<usize> {
        let left = self.order.len() - removed;
        let block = match left % BLOCK {
            0 => BLOCK,
            part => part,
        };
        (left > BLOCK).then_some(block)
    }
}

/// How many channels of each candidate go.
fn choose(candidates: &[Candidate], share: f64) -> Vec<usize> {
    let macs = |candidate: &Candidate| candidate.macs * candidate.order.len() as f64;
    let mut wanted = share * candidates.iter().map(macs).sum::<f64>();
    let mut removed = vec![0; candidates.len()];
    loop {
        let mut cheapest: Option<(usize, usize, f64)> = None;
        for (idx, candidate) in candidates.iter().enumerate() {
            let Some(block) = candidate.next(removed[idx]) else { continue };
            let saved = block as f64 * candidate.macs;
            let price = candidate.lost(removed[idx]..removed[idx] + block) / saved;
            if saved <= wanted && cheapest.is_none_or(|(_, _, cheapest)| price < cheapest) {
                cheapest = Some((idx, block, price));
            }
        }
        let Some((idx, block, _)) = cheapest else { return removed };
        removed[idx] += block;
        wanted -= block as f64 * candidates[idx].macs;
    }
}

#[cfg(test)]
mod tests;
