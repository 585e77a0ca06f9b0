//! Which layers a compression hurts: one layer at a time, measured on pictures.
//!
//! For each layer the original gets that layer's weights, and nothing else, from a compressed model, and answers the
//! same pictures. Proxies such as the norm of the weights' change mislead, because they know neither what the
//! activations look like nor what follows.

use std::collections::BTreeMap;

use compress::Storage;
use formats::container::weight_bytes;
use graph::{Graph, Op, Weight, fold_batch_norms};

use crate::quality::{AgainstReference, Agreement, Prediction};
use crate::{Classifier, LayerKind, Noise, PipelineError, layer_kind, model_file};

/// A scan over the layers of a model.
///
/// It measures changes of weights; activations stay float32. A recipe that moves scales from one layer to the next
/// (cross-layer equalization) changes layers that only fit together: taken alone they are wrong, and so would be their
/// figures.
#[derive(Debug)]
pub struct SensitivityScan {
    base: Graph,
    changed: Graph,
    layers: Vec<usize>,
}

/// What one layer's change does.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerSensitivity {
    /// The layer's node.
    pub node: String,
    /// What it does.
    pub kind: LayerKind,
    /// Its weights.
    pub n_weights: usize,
    /// Root of the mean square of `changed - original` over that of `original`; 0 for weights of zeros.
    pub relative_error: f64,
    /// The model with this change beside the original.
    pub agreement: Agreement,
}

impl SensitivityScan {
    /// The model that the scan compares with, and that a recipe must be run on for [`SensitivityScan::new`]: the
    /// original with its batch norms folded, since recipes fold them on their way.
    ///
    /// # Errors
    /// [`PipelineError::Graph`] for a graph that is not valid.
    pub fn base(original: &Graph) -> Result<Graph, PipelineError> {
        Ok(fold_batch_norms(original)?)
    }

    /// Prepares a scan over the layers whose weights or biases differ. `base` comes from [`SensitivityScan::base`],
    /// `changed` from a recipe that was run on it.
    ///
    /// # Errors
    /// [`PipelineError::Layer`] when a layer of `base` is not in `changed`, or has another shape there.
    pub fn new(base: Graph, changed: Graph) -> Result<Self, PipelineError> {
        let mut layers = Vec::new();
        for (idx, node) in base.nodes.iter().enumerate() {
            let Some(weight) = node.op.weight() else { continue };
            let other = twin(&changed, &node.name, weight)
                .ok_or_else(|| PipelineError::Layer { node: node.name.clone() })?;
            if other.weight() != Some(weight) || other.bias() != node.op.bias() {
                layers.push(idx);
            }
        }
        Ok(Self { base, changed, layers })
    }

    /// How many layers differ.
    pub fn n_layers(&self) -> usize {
        self.layers.len()
    }

    /// Bytes of each layer's weights in the files that are not zipped: as the base has them, and as the compressed model has
    /// them.
    ///
    /// # Errors
    /// [`PipelineError::Format`] for a form that is zipped.
    pub fn layer_bytes(&self, storage: Storage) -> Result<Vec<(u64, u64)>, PipelineError> {
        let by_name = |graph: &Graph| -> Result<BTreeMap<String, u64>, PipelineError> {
            let bytes = weight_bytes(&model_file(graph, storage))?;
            let nodes = graph.nodes.iter().filter(|node| node.op.weight().is_some());
            Ok(nodes.zip(bytes).map(|(node, bytes)| (node.name.clone(), bytes.total())).collect())
        };
        let (base, changed) = (by_name(&self.base)?, by_name(&self.changed)?);
        let of = |bytes: &BTreeMap<String, u64>, name: &str| bytes.get(name).copied().unwrap_or(0);
        let names = self.layers.iter().map(|layer| &self.base.nodes[*layer].name);
        Ok(names.map(|name| (of(&base, name), of(&changed, name))).collect())
    }

    /// The base with one layer's weights and bias from the compressed model, as float32.
    ///
    /// # Panics
    /// When `layer_idx` is not below [`SensitivityScan::n_layers`].
    fn with_layer(&self, layer_idx: usize) -> Graph {
        let mut graph = self.base.clone();
        let node = &mut graph.nodes[self.layers[layer_idx]];
        if let Some(weight) = node.op.weight_mut()
            && let Some(other) = twin(&self.changed, &node.name, weight)
        {
            if let Some(changed) = other.weight() {
                *weight = Weight::f32(changed.shape.clone(), changed.to_f32().into_owned());
            }
            let changed_bias = other.bias().map(<[f32]>::to_vec);
            if let Some(bias) = node.op.bias_mut() {
                *bias = changed_bias;
            }
        }
        graph
    }

    /// The base's probabilities for each picture, as [`SensitivityScan::measure`] compares with them.
    ///
    /// # Errors
    /// [`PipelineError::Engine`] when the engine cannot run the model or a tensor has the wrong length.
    pub fn reference(&self, tensors: &[Vec<f32>]) -> Result<Vec<Vec<f32>>, PipelineError> {
        let mut classifier = Classifier::new(&self.base)?;
        tensors.iter().map(|tensor| Ok(classifier.probabilities(tensor)?.to_vec())).collect()
    }

    /// Runs the pictures with one layer changed. Layers may be measured in any order and on many threads.
    ///
    /// - `tensors`: prepared pictures, at least one.
    /// - `reference`: [`SensitivityScan::reference`] of them.
    ///
    /// # Errors
    /// [`PipelineError::Engine`] as above, [`PipelineError::NoPictures`] without any.
    ///
    /// # Panics
    /// When `layer_idx` is not below [`SensitivityScan::n_layers`].
    pub fn measure(
        &self,
        layer_idx: usize,
        tensors: &[Vec<f32>],
        reference: &[Vec<f32>],
    ) -> Result<LayerSensitivity, PipelineError> {
        let graph = self.with_layer(layer_idx);
        let background_class = graph.metadata.background_class;
        let mut classifier = Classifier::new(&graph)?;
        let mut judged = Vec::with_capacity(tensors.len());
        for (tensor, reference) in tensors.iter().zip(reference) {
            let probabilities = classifier.probabilities(tensor)?;
            let reference = Prediction { probabilities: reference, background_class };
            judged.push(AgainstReference::judge(Prediction { probabilities, background_class }, reference)?);
        }
        let node_idx = self.layers[layer_idx];
        let (before, after) = (&self.base.nodes[node_idx].op, &graph.nodes[node_idx].op);
        Ok(LayerSensitivity {
            node: self.base.nodes[node_idx].name.clone(),
            kind: layer_kind(&self.base, &self.base.nodes[node_idx]),
            n_weights: before.weight().map_or(0, Weight::len),
            relative_error: relative_error(before, after),
            agreement: Agreement::of(&judged).ok_or(PipelineError::NoPictures)?,
        })
    }
}

/// The operator of the node of this name whose weights have the same shape.
fn twin<'g>(graph: &'g Graph, name: &str, weight: &Weight) -> Option<&'g Op> {
    let same = |op: &&Op| op.weight().is_some_and(|other| other.shape == weight.shape);
    graph.nodes.iter().filter(|node| node.name == name).map(|node| &node.op).find(same)
}

fn relative_error(before: &Op, after: &Op) -> f64 {
    let (Some(before), Some(after)) = (before.weight(), after.weight()) else { return 0.0 };
    let mut noise = Noise::default();
    noise.add(&before.to_f32(), &after.to_f32());
    noise.relative()
}

#[cfg(test)]
mod tests {
    use graph::{GraphBuilder, LabelSet, Linear, Metadata, Op, Preprocessing};

    use super::*;

    /// Pool of a 2x2 picture and two linear layers.
    fn graph(first: [f32; 9], second: [f32; 9]) -> Graph {
        let metadata = Metadata {
            name: "test".to_owned(),
            origin: String::new(),
            licence: String::new(),
            labels: LabelSet::Numbers,
            background_class: false,
            preprocessing: Preprocessing::usual(2, Preprocessing::IMAGENET),
        };
        let linear = |values: [f32; 9]| {
            Op::Linear(Linear { weight: Weight::f32(vec![3, 3], values.to_vec()), bias: None })
        };
        let (mut builder, input) = GraphBuilder::new(metadata, 2, 2).unwrap();
        let x = builder.add("pool", Op::GlobalAveragePool, &[input]).unwrap();
        let x = builder.add("first", linear(first), &[x]).unwrap();
        let x = builder.add("second", linear(second), &[x]).unwrap();
        builder.finish(x).unwrap()
    }

    const IDENTITY: [f32; 9] = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
    const SWAPPED: [f32; 9] = [0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0];
    const SLIGHTLY: [f32; 9] = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.9];

    #[test]
    fn each_layer_is_changed_alone() {
        let scan = SensitivityScan::new(graph(IDENTITY, IDENTITY), graph(SLIGHTLY, SWAPPED)).unwrap();
        assert_eq!(scan.n_layers(), 2);
        let tensors = [[3.0, 1.0, 0.5].repeat(4), [0.0, 2.0, 0.1].repeat(4)];
        let reference = scan.reference(&tensors).unwrap();
        let slight = scan.measure(0, &tensors, &reference).unwrap();
        let swapped = scan.measure(1, &tensors, &reference).unwrap();
        assert_eq!((slight.node.as_str(), slight.kind, slight.n_weights), ("first", LayerKind::Other, 9));
        assert_eq!((slight.agreement.top1.hits, swapped.agreement.top1.hits), (2, 0));
        assert!(slight.agreement.kl.value > 0.0 && swapped.agreement.kl.value > slight.agreement.kl.value);
        assert!((slight.relative_error - 0.1 / 3.0_f64.sqrt()).abs() < 1e-6, "{}", slight.relative_error);
    }

    #[test]
    fn unchanged_layers_are_left_out_and_missing_ones_refused() {
        let scan = SensitivityScan::new(graph(IDENTITY, SWAPPED), graph(IDENTITY, IDENTITY)).unwrap();
        assert_eq!(scan.n_layers(), 1);
        let none = scan.measure(0, &[], &[]).unwrap_err();
        assert_eq!(none.to_string(), "no pictures, expected at least 1");
        let mut other = graph(IDENTITY, IDENTITY);
        other.nodes[1].name = "elsewhere".to_owned();
        let error = SensitivityScan::new(graph(IDENTITY, IDENTITY), other).unwrap_err();
        assert!(error.to_string().contains("`first`"), "{error}");
    }
}
