//! `tinylens inspect`: what a model file holds.

use std::sync::Arc;

use anyhow::{Context, Result};
use pipeline::{Breakdown, Classifier, LabelSet, Shape, Sizes, SizesRun, WeightValues, cost, layer_kind};
use serde::Serialize;

use crate::arguments::InspectArguments;
use crate::model::{Model, PreparationReport};
use crate::report::{bytes, grouped, pairs, percent, print, table};

#[derive(Serialize)]
struct Report {
    command: &'static str,
    model: String,
    bytes: u64,
    name: String,
    origin: String,
    licence: String,
    labels: LabelSet,
    input: [usize; 3],
    classes: usize,
    background_class: bool,
    preprocessing: PreparationReport,
    parameters: u64,
    multiply_adds: u64,
    sparsity: f64,
    sizes: SizesReport,
    weight_memory_bytes: u64,
    activation_memory_bytes: u64,
    integer_steps: usize,
    steps: usize,
    layers: Vec<LayerReport>,
}

/// Lengths of the model's files in Tinylens' own format.
#[derive(Serialize)]
pub struct SizesReport {
    dense: u64,
    gzip: u64,
    sparse: u64,
    coded: u64,
    coded_breakdown: BreakdownReport,
}

/// Bytes of the entropy-coded file by what they are for.
#[derive(Serialize)]
struct BreakdownReport {
    weights: u64,
    masks: u64,
    scales: u64,
    tables: u64,
    vectors: u64,
    metadata: u64,
}

#[derive(Serialize)]
struct LayerReport {
    node: String,
    op: &'static str,
    weight_shape: Vec<usize>,
    output_shape: Vec<usize>,
    format: &'static str,
    scales: usize,
    parameters: usize,
    sparsity: f64,
}

impl From<Sizes> for SizesReport {
    fn from(Sizes { dense, gzip, sparse, coded, breakdown }: Sizes) -> Self {
        let Breakdown { weights, masks, scales, tables, vectors, metadata } = breakdown;
        let coded_breakdown = BreakdownReport { weights, masks, scales, tables, vectors, metadata };
        Self { dense, gzip, sparse, coded, coded_breakdown }
    }
}

/// Runs the command.
///
/// # Errors
/// When the file is no model, or one that the engine cannot run.
pub fn run(arguments: &InspectArguments) -> Result<()> {
    let model = Model::read(&arguments.model, &arguments.preparation)?;
    print(arguments.output.json, &report(&model)?, text)
}

fn report(model: &Model) -> Result<Report> {
    let graph = &model.graph;
    let classifier = Classifier::new(graph).with_context(|| format!("model {}", model.file))?;
    let mut sizes = SizesRun::new(Arc::new(graph.clone()));
    let sizes = loop {
        if let Some(sizes) = sizes.advance() {
            break sizes;
        }
    };
    let layers = (graph.nodes.iter())
        .filter_map(|node| {
            let weight = node.op.weight()?;
            let (format, scales) = match &weight.values {
                WeightValues::F32(_) => ("float32", 0),
                WeightValues::F16(_) => ("float16", 0),
                WeightValues::Bf16(_) => ("bfloat16", 0),
                WeightValues::Integer(weights) => {
                    let format = match weights.bits {
                        2 => "int2",
                        4 => "int4",
                        _ => "int8",
                    };
                    (format, weights.scales.len())
                }
                WeightValues::Clustered(_) => ("clustered", 0),
            };
            Some(LayerReport {
                node: node.name.clone(),
                op: layer_kind(graph, node).name(),
                weight_shape: weight.shape.clone(),
                output_shape: dimensions(graph.value(node.output).shape),
                format,
                scales,
                parameters: weight.len() + node.op.bias().map_or(0, <[f32]>::len),
                sparsity: weight.count_zeros() as f64 / weight.len().max(1) as f64,
            })
        })
        .collect();
    let cost = cost(graph);
    let input = match graph.value(graph.input).shape {
        Shape::Image { height, width, channels } => [height, width, channels],
        Shape::Vector { length } => [1, 1, length],
    };
    let (integer_steps, steps) = classifier.integer_steps();
    let metadata = &graph.metadata;
    Ok(Report {
        command: "inspect",
        model: model.file.clone(),
        bytes: model.bytes,
        name: metadata.name.clone(),
        origin: metadata.origin.clone(),
        licence: metadata.licence.clone(),
        labels: metadata.labels,
        input,
        classes: classifier.n_classes(),
        background_class: metadata.background_class,
        preprocessing: model.preparation_report(),
        parameters: cost.parameters,
        multiply_adds: cost.multiply_adds,
        sparsity: graph.sparsity(),
        sizes: sizes.into(),
        weight_memory_bytes: classifier.weight_bytes(),
        activation_memory_bytes: classifier.arena_bytes(),
        integer_steps,
        steps,
        layers,
    })
}

fn dimensions(shape: Shape) -> Vec<usize> {
    match shape {
        Shape::Image { height, width, channels } => vec![height, width, channels],
        Shape::Vector { length } => vec![length],
    }
}

fn joined(dimensions: &[usize]) -> String {
    dimensions.iter().map(usize::to_string).collect::<Vec<_>>().join("x")
}

fn text(report: &Report) -> String {
    let Report { preprocessing, sizes, .. } = report;
    let background = if report.background_class { ", and a background output first" } else { "" };
    let licence = if report.licence.is_empty() { "unknown" } else { &report.licence };
    let head = pairs(&[
        ("model", format!("{} ({})", report.name, report.model)),
        ("origin", report.origin.clone()),
        ("licence", licence.to_owned()),
        ("file", bytes(report.bytes)),
        (
            "as Tinylens' file",
            format!(
                "{}, gzip {}, sparse-coded {}, entropy-coded {}",
                bytes(sizes.dense),
                bytes(sizes.gzip),
                bytes(sizes.sparse),
                bytes(sizes.coded)
            ),
        ),
        ("input", joined(&report.input)),
        ("classes", format!("{}{background}", report.classes)),
        (
            "preparation",
            format!(
                "shorter side {}, crop {}, mean {:?}, std {:?} ({:?})",
                preprocessing.resize_shorter,
                preprocessing.crop,
                preprocessing.mean,
                preprocessing.std,
                preprocessing.source
            ),
        ),
        ("parameters", grouped(report.parameters)),
        ("multiply-adds", grouped(report.multiply_adds)),
        ("zero weights", percent(report.sparsity)),
        (
            "memory",
            format!(
                "weights {}, buffers {}",
                bytes(report.weight_memory_bytes),
                bytes(report.activation_memory_bytes)
            ),
        ),
        ("integer steps", format!("{} of {}", report.integer_steps, report.steps)),
    ]);
    let rows: Vec<Vec<String>> = (report.layers.iter())
        .map(|layer| {
            vec![
                layer.node.clone(),
                layer.op.to_owned(),
                joined(&layer.weight_shape),
                joined(&layer.output_shape),
                layer.format.to_owned(),
                grouped(layer.parameters as u64),
                percent(layer.sparsity),
            ]
        })
        .collect();
    let header = ["layer", "operator", "weights", "output", "format", "parameters", "zeros"];
    format!("{head}\n{}", table(&header, &rows))
}
