//! Runs a recipe in small pieces.

use std::collections::BTreeMap;
use std::sync::Arc;

use compress::reconstruct::SparsityPattern;
use compress::{
    ChannelRemoval, CompressError, Distribution, Granularity, LayerMethod, NearestClusters, Recipe, Repair,
    Step, Structure, absorb_high_biases, bits_of, choose_channels, equalize, is_prunable, layer_sparsities,
    prune_magnitude, quantize_activations, quantize_weights, remove_dead_channels, to_bfloat16, to_float16,
};
use engine::{Executor, Fusion, Plan};
use graph::{Evidence, Graph, Node, cost, fold_batch_norms};

use crate::statistics::StatisticsSweep;
use crate::sweep::Sweep;
use crate::{LayerFacts, PipelineError, Sizes, SizesRun, dense_sizes, layer_facts};

/// A recipe under way. Each [`RecipeRun::advance`] does one bounded piece of work: one pass, one calibration frame for
/// one layer or one piece of a file. Dropping it is cancelling; the original is never touched.
#[derive(Debug)]
pub struct RecipeRun {
    recipe: Recipe,
    calibration: Arc<[Vec<f32>]>,
    /// What the steps so far have made.
    graph: Arc<Graph>,
    /// What repairs aim at: the original, and from a step on that moves or removes channels what that step made, with all
    /// that was lost by then.
    float: Arc<Graph>,
    /// What the steps so far have made of the file.
    reports: Vec<StepReport>,
    next_step: usize,
    calibrated: bool,
    work: Work,
}

#[derive(Debug)]
enum Work {
    Passes,
    /// Observes activations for the next step.
    Observe {
        executor: Box<Executor>,
        evidence: Evidence,
    },
    /// Clusters one layer after the other, those that are not repaired.
    Clusters {
        graph: Graph,
        node: usize,
        layer: Option<Box<NearestClusters>>,
    },
    Layers(Box<Sweep>),
    /// Fits what is left of layers whose input channels are to go.
    Refit(Box<Sweep>, ChannelRemoval),
    Statistics(Box<StatisticsSweep>),
    Sizes(Box<SizesRun>),
}

/// Where a run stands after a piece of work.
#[derive(Debug)]
pub enum Status {
    /// There is more to do.
    Working(Progress),
    /// The compressed model.
    Done(Box<Compressed>),
}

/// How far a stage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The stage.
    pub stage: Stage,
    /// Done so far: passes, frames or bytes.
    pub done: u64,
    /// All there are.
    pub total: u64,
}

/// What a run is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Changing weights.
    Weights,
    /// Observing activations on calibration frames.
    Calibrate,
    /// Repairing layer after layer on calibration frames.
    Repair,
    /// Writing the files that are counted.
    Sizes,
}

/// What a recipe made.
#[derive(Debug)]
pub struct Compressed {
    /// The model.
    pub graph: Graph,
    /// Its files' sizes.
    pub sizes: Sizes,
    /// Its layers, with their bytes in the file that ships.
    pub layers: Vec<LayerFacts>,
    /// Frames that calibrated it; 0 where no step needed any.
    pub n_calibration: usize,
    /// What each step of the recipe left, in order.
    pub steps: Vec<StepReport>,
}

/// The model behind a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepReport {
    /// The step's pass, as the recipe spells it.
    pub pass: &'static str,
    /// Length of the plain file.
    pub bytes: u64,
    /// Weights that are zero.
    pub zeros: u64,
    /// Multiply-adds for a picture.
    pub multiply_adds: u64,
}

impl RecipeRun {
    /// Prepares to run `recipe` on `original`, with prepared pictures (`nhwc`, normalised) for calibration.
    ///
    /// # Errors
    /// [`PipelineError::Compress`] for a recipe that is refused, [`PipelineError::NoCalibration`] when it needs frames
    /// and there are none.
    pub fn new(
        original: Arc<Graph>,
        recipe: Recipe,
        calibration: Arc<[Vec<f32>]>,
    ) -> Result<Self, PipelineError> {
        recipe.validate()?;
        let calibrated = recipe.steps.iter().any(Step::needs_calibration);
        if calibration.is_empty() && calibrated {
            return Err(PipelineError::NoCalibration);
        }
        Ok(Self {
            recipe,
            calibration,
            graph: original.clone(),
            float: original,
            reports: Vec::new(),
            next_step: 0,
            calibrated,
            work: Work::Passes,
        })
    }

    /// Does the next piece of work.
    ///
    /// # Errors
    /// [`PipelineError::InStep`] with what passes and engine refuse; the run is then over.
    pub fn advance(&mut self) -> Result<Status, PipelineError> {
        let number = self.next_step;
        self.piece().map_err(|error| match self.recipe.steps.get(number) {
            Some(step) => {
                PipelineError::InStep { step: number + 1, pass: step.pass(), cause: Box::new(error) }
            }
            None => error,
        })
    }

    fn piece(&mut self) -> Result<Status, PipelineError> {
        match &mut self.work {
            Work::Passes => self.begin_step()?,
            Work::Observe { executor, evidence } => match self.calibration.get(evidence.n_frames()) {
                Some(frame) => {
                    let graph = &self.graph;
                    executor.run_observed(frame, &mut |value, activations| {
                        evidence.observe(value, activations, graph.value(value).shape.channels());
                    })?;
                    evidence.end_frame();
                }
                None => {
                    let evidence = std::mem::take(evidence);
                    self.observed(&evidence)?;
                }
            },
            Work::Clusters { .. } => self.cluster()?,
            Work::Layers(sweep) => {
                if let Some(graph) = sweep.advance()? {
                    self.end_step(graph);
                }
            }
            Work::Refit(sweep, removal) => {
                if let Some(graph) = sweep.advance()? {
                    let smaller = removal.shrink(&graph)?;
                    self.rewritten(smaller);
                }
            }
            Work::Statistics(sweep) => {
                if let Some(graph) = sweep.advance()? {
                    self.end_step(graph);
                }
            }
            Work::Sizes(run) => {
                if let Some(sizes) = run.advance() {
                    let n_calibration = if self.calibrated { self.calibration.len() } else { 0 };
                    let layers = layer_facts(&self.graph, run.by_weight(self.recipe.storage))?;
                    let (graph, steps) = (Graph::clone(&self.graph), std::mem::take(&mut self.reports));
                    let compressed = Compressed { graph, sizes, layers, n_calibration, steps };
                    return Ok(Status::Done(Box::new(compressed)));
                }
            }
        }
        Ok(self.progress())
    }

    /// Runs to the end.
    ///
    /// # Errors
    /// As [`RecipeRun::advance`].
    pub fn finish(mut self) -> Result<Compressed, PipelineError> {
        loop {
            if let Status::Done(compressed) = self.advance()? {
                return Ok(*compressed);
            }
        }
    }

    /// Does what the next step does at once, or begins what takes longer.
    fn begin_step(&mut self) -> Result<(), PipelineError> {
        let Some(step) = self.recipe.steps.get(self.next_step).cloned() else {
            self.work = Work::Sizes(Box::new(SizesRun::new(self.graph.clone())));
            return Ok(());
        };
        if step.folds_batch_norms() {
            self.fold()?;
        }
        match step {
            Step::RemoveDeadChannels {}
            | Step::Equalize {}
            | Step::AbsorbBiases {}
            | Step::RemoveChannels { .. } => self.observe(Evidence::default())?,
            Step::ReestimateBatchNorms {} => {
                let sweep = StatisticsSweep::batch_norms(&self.graph, &self.calibration)?;
                self.work = Work::Statistics(Box::new(sweep));
            }
            Step::RepairStatistics {} => {
                let sweep = StatisticsSweep::layers(&self.float, &self.graph, &self.calibration)?;
                self.work = Work::Statistics(Box::new(sweep));
            }
            Step::QuantizeActivations { ranges } => self.observe(match ranges {
                compress::RangeMethod::MinMax => Evidence::default(),
                compress::RangeMethod::Percentile
                | compress::RangeMethod::Mse
                | compress::RangeMethod::Entropy => Evidence::with_histograms(),
            })?,
            Step::Prune { distribution: Distribution::Measured, .. } => self.observe(Evidence::default())?,
            step @ Step::Prune { .. } => self.prune(&step, &Evidence::default())?,
            Step::QuantizeWeights { bits, granularity, repair, layers } => {
                let rounded = quantize_weights(&self.graph, bits, granularity, &layers)?;
                if repair != Repair::Reconstruct {
                    return self.repair(rounded, repair);
                }
                self.reconstruct(rounded, |node| {
                    let bits = bits_of(node, bits, &layers)?;
                    Some(LayerMethod::Round { bits, granularity })
                })?;
            }
            Step::QuantizeForSize { noise } => {
                let rounded = quantize_weights(&self.graph, 8, Granularity::PerChannel, &BTreeMap::new())?;
                self.reconstruct(rounded, |_| Some(LayerMethod::Rate { noise }))?;
            }
            Step::Cluster { clusters, granularity, repair: Repair::Reconstruct } => {
                let graph = Graph::clone(&self.graph);
                self.reconstruct(graph, |_| Some(LayerMethod::Cluster { clusters, granularity }))?;
            }
            Step::Cluster { .. } => {
                self.work = Work::Clusters { graph: Graph::clone(&self.graph), node: 0, layer: None };
            }
            Step::CorrectBiases {} => self.repair(Graph::clone(&self.graph), Repair::Biases)?,
            Step::Float16 {} => {
                let halved = to_float16(&self.graph)?;
                self.end_step(halved);
            }
            Step::Bfloat16 {} => {
                let halved = to_bfloat16(&self.graph)?;
                self.end_step(halved);
            }
        }
        Ok(())
    }

    /// Applies the step that `evidence` was gathered for.
    fn observed(&mut self, evidence: &Evidence) -> Result<(), PipelineError> {
        match self.recipe.steps.get(self.next_step) {
            Some(Step::QuantizeActivations { ranges }) => {
                let quantized = quantize_activations(&self.graph, evidence, *ranges)?;
                self.end_step(quantized);
            }
            Some(Step::RemoveDeadChannels {}) => {
                let (rewritten, _) = remove_dead_channels(&self.graph, evidence)?;
                self.rewritten(rewritten);
            }
            Some(Step::Equalize {}) => {
                let (rewritten, _) = equalize(&self.graph, evidence)?;
                self.rewritten(rewritten);
            }
            Some(Step::AbsorbBiases {}) => {
                let (rewritten, _) = absorb_high_biases(&self.graph, evidence)?;
                self.rewritten(rewritten);
            }
            Some(&Step::RemoveChannels { share, refit }) => {
                let removal = choose_channels(&self.graph, evidence, share)?;
                let silent = removal.silence(&self.graph)?;
                if !refit {
                    self.rewritten(removal.shrink(&silent)?);
                    return Ok(());
                }
                let methods: Vec<Option<LayerMethod>> = (0..silent.nodes.len())
                    .map(|node| removal.is_projection(node).then_some(LayerMethod::Refit))
                    .collect();
                let sweep = Sweep::new(self.float.clone(), &silent, &methods, self.calibration.clone())?;
                self.work = Work::Refit(Box::new(sweep), removal);
            }
            Some(step @ Step::Prune { .. }) => self.prune(&step.clone(), evidence)?,
            _ => unreachable!("only these steps observe"),
        }
        Ok(())
    }

    /// Prunes, or begins to prune layer by layer.
    fn prune(&mut self, step: &Step, evidence: &Evidence) -> Result<(), PipelineError> {
        let Step::Prune { sparsity, structure, distribution, repair, schedule, layers } = step else {
            unreachable!("only pruning steps prune")
        };
        if *repair != Repair::Reconstruct {
            let pruned =
                prune_magnitude(&self.graph, *sparsity, *structure, *distribution, layers, evidence)?;
            return self.repair(pruned, *repair);
        }
        let counts = layer_sparsities(&self.graph, *sparsity, *structure, *distribution, layers, evidence)?;
        let increments = schedule.map_or(1, |schedule| schedule.steps);
        let methods = self.methods(|node, len| {
            let sparsity = counts[node]? as f64 / len as f64;
            let pattern = match *structure {
                Structure::Unstructured => SparsityPattern::Unstructured { sparsity },
                Structure::Blocks4x1 => SparsityPattern::Blocks { channels: 4, sparsity },
                Structure::NOfM { kept, of } => SparsityPattern::NOfM { n: kept.into(), m: of.into() },
            };
            Some(LayerMethod::Prune { pattern, increments })
        });
        self.sweep(&Graph::clone(&self.graph), &methods)
    }

    /// Clusters the next piece of a layer.
    fn cluster(&mut self) -> Result<(), PipelineError> {
        let (Work::Clusters { graph, node, layer }, Some(Step::Cluster { clusters, granularity, repair })) =
            (&mut self.work, self.recipe.steps.get(self.next_step))
        else {
            unreachable!("clusters belong to a step of theirs")
        };
        let before = self.float.nodes.get(*node).and_then(|node| node.op.weight());
        let Some(Node { op, .. }) = graph.nodes.get_mut(*node) else {
            let (graph, repair) = (graph.clone(), *repair);
            return self.repair(graph, repair);
        };
        let Some(weight) = Some(&mut *op).filter(|op| is_prunable(op)).and_then(|op| op.weight_mut()) else {
            *node += 1;
            return Ok(());
        };
        let work = match layer {
            Some(work) => work,
            None => layer.insert(Box::new(NearestClusters::new(
                before.unwrap_or(weight),
                weight,
                *clusters,
                *granularity,
            )?)),
        };
        if let Some(clustered) = work.advance()? {
            *weight = clustered;
            (*layer, *node) = (None, *node + 1);
        }
        Ok(())
    }

    /// Goes on with a graph whose layers no longer compare with those of the original one by one: with scales that have moved,
    /// or with fewer channels. What later layers are repaired towards is this graph from here on, its losses included.
    fn rewritten(&mut self, graph: Graph) {
        self.end_step(graph);
        self.float = self.graph.clone();
    }

    /// Goes on with `changed`, its biases corrected unless `repair` is off.
    fn repair(&mut self, changed: Graph, repair: Repair) -> Result<(), PipelineError> {
        match repair {
            Repair::Off => {
                self.end_step(changed);
                Ok(())
            }
            Repair::Biases | Repair::Reconstruct => self.sweep(&changed, &[]),
        }
    }

    /// Begins to reconstruct what [`is_prunable`], from the weights that it has; the rest is as in `changed`.
    fn reconstruct(
        &mut self,
        mut changed: Graph,
        method: impl Fn(&Node) -> Option<LayerMethod>,
    ) -> Result<(), PipelineError> {
        let nodes = changed.nodes.iter_mut().zip(&self.graph.nodes);
        let methods: Vec<Option<LayerMethod>> = nodes
            .map(|(node, before)| {
                let method = Some(before).filter(|node| is_prunable(&node.op)).and_then(&method)?;
                node.op = before.op.clone();
                Some(method)
            })
            .collect();
        self.sweep(&changed, &methods)
    }

    /// Begins to go through `changed` layer by layer.
    fn sweep(&mut self, changed: &Graph, methods: &[Option<LayerMethod>]) -> Result<(), PipelineError> {
        let sweep = Sweep::new(self.float.clone(), changed, methods, self.calibration.clone())?;
        self.work = Work::Layers(Box::new(sweep));
        Ok(())
    }

    /// A method for each node with weights, by its position and its number of weights.
    fn methods(&self, method: impl Fn(usize, usize) -> Option<LayerMethod>) -> Vec<Option<LayerMethod>> {
        let nodes = self.graph.nodes.iter().enumerate();
        nodes.map(|(idx, node)| method(idx, node.op.weight()?.len())).collect()
    }

    /// Begins to observe the network as it is now.
    fn observe(&mut self, evidence: Evidence) -> Result<(), PipelineError> {
        let executor = Box::new(Executor::new(Plan::new(&self.graph, Fusion::Observable)?));
        self.work = Work::Observe { executor, evidence };
        Ok(())
    }

    /// Folds batch norms in both networks, so that their nodes and values are the same from here on.
    fn fold(&mut self) -> Result<(), CompressError> {
        let is_float = Arc::ptr_eq(&self.graph, &self.float);
        self.float = Arc::new(fold_batch_norms(&self.float)?);
        self.graph = if is_float { self.float.clone() } else { Arc::new(fold_batch_norms(&self.graph)?) };
        Ok(())
    }

    fn end_step(&mut self, graph: Graph) {
        self.reports.extend(self.recipe.steps.get(self.next_step).map(|step| StepReport {
            pass: step.pass(),
            bytes: dense_sizes(&graph).0,
            zeros: graph.weights().map(|weight| weight.count_zeros() as u64).sum(),
            multiply_adds: cost(&graph).multiply_adds,
        }));
        self.graph = Arc::new(graph);
        self.next_step += 1;
        self.work = Work::Passes;
    }

    fn progress(&self) -> Status {
        let (stage, (done, total)) = match &self.work {
            Work::Passes => (Stage::Weights, (self.next_step as u64, self.recipe.steps.len() as u64)),
            Work::Observe { evidence, .. } => {
                (Stage::Calibrate, (evidence.n_frames() as u64, self.calibration.len() as u64))
            }
            Work::Clusters { graph, node, .. } => (Stage::Weights, (*node as u64, graph.nodes.len() as u64)),
            Work::Layers(sweep) | Work::Refit(sweep, _) => (Stage::Repair, sweep.progress()),
            Work::Statistics(sweep) => (Stage::Repair, sweep.progress()),
            Work::Sizes(run) => (Stage::Sizes, run.progress()),
        };
        Status::Working(Progress { stage, done, total })
    }
}
