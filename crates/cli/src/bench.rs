//! `tinylens bench`: what each layer costs, beside what the machine can do.

use std::thread;

use anyhow::{Context, Result};
use pipeline::{Ceilings, Classifier, FLAVOUR, LayerProfile};
use serde::Serialize;

use crate::arguments::{BenchArguments, PreparationArguments};
use crate::model::Model;
use crate::report::{pairs, percent, print, table};
use crate::{progress, timing};

#[derive(Serialize)]
struct Report {
    command: &'static str,
    model: String,
    bytes: u64,
    flavour: &'static str,
    runs: usize,
    threads: usize,
    median_ms: f64,
    pictures_per_second: f64,
    macs: u64,
    gmacs_per_second: f64,
    share_of_ceiling: f64,
    weight_bytes: u64,
    arena_bytes: u64,
    ceiling: CeilingReport,
    layers: Vec<LayerReport>,
}

/// Multiply-adds in registers alone, GMAC/s of one thread.
#[derive(Clone, Copy, Serialize)]
struct CeilingReport {
    f32: f64,
    i8: f64,
    i8_depthwise: f64,
}

#[derive(Serialize)]
struct LayerReport {
    node: String,
    kernel: &'static str,
    ms: f64,
    share_of_time: f64,
    macs: u64,
    gmacs_per_second: f64,
    share_of_ceiling: f64,
    weight_bytes: u64,
    is_integer: bool,
}

/// Runs the command.
///
/// # Errors
/// When the model is refused.
pub fn run(arguments: &BenchArguments) -> Result<()> {
    let model = Model::read(&arguments.model, &PreparationArguments::default())?;
    let tensor = timing::tensor(&model.graph);
    let mut classifier = Classifier::new(&model.graph).with_context(|| format!("model {}", model.file))?;
    let (weight_bytes, arena_bytes) = (classifier.weight_bytes(), classifier.arena_bytes());

    let bar = progress::bar("layers", arguments.runs as u64);
    let mut ceilings = Ceilings::default();
    let mut profiles: Vec<Vec<LayerProfile>> = Vec::new();
    let now = timing::clock();
    classifier.probabilities(&tensor)?;
    for _ in 0..arguments.runs {
        ceilings.measure(&now);
        profiles.push(classifier.profile(&tensor, &now)?);
        bar.step();
    }
    drop(bar);
    let layers = layers(&profiles, ceilings);
    let (median_ms, pictures_per_second) = match arguments.threads {
        1 => {
            let median = timing::medians(&mut [(classifier, &tensor)], arguments.runs)?[0];
            (median, 1000.0 / median)
        }
        n_threads => together(&model, &tensor, arguments.runs, n_threads)?,
    };
    let macs = layers.iter().map(|layer| layer.macs).sum();
    let gmacs_per_second = rate(macs, layers.iter().map(|layer| layer.ms).sum());
    let at_ceiling: f64 = layers.iter().map(|layer| layer.share_of_ceiling * layer.ms).sum();
    let report = Report {
        command: "bench",
        model: model.file,
        bytes: model.bytes,
        flavour: FLAVOUR,
        runs: arguments.runs,
        threads: arguments.threads,
        median_ms,
        pictures_per_second,
        macs,
        gmacs_per_second,
        share_of_ceiling: at_ceiling
            / layers.iter().map(|layer| layer.ms).sum::<f64>().max(f64::MIN_POSITIVE),
        weight_bytes,
        arena_bytes,
        ceiling: CeilingReport {
            f32: ceilings.f32,
            i8: ceilings.dense_i8,
            i8_depthwise: ceilings.depthwise_i8,
        },
        layers,
    };
    print(arguments.output.json, &report, text)
}

/// Copies of the model run at the same time: median milliseconds of a picture, and pictures of all in a second.
fn together(model: &Model, tensor: &[f32], runs: usize, n_threads: usize) -> Result<(f64, f64)> {
    let mut classifiers = Vec::new();
    for _ in 0..n_threads {
        classifiers.push(Classifier::new(&model.graph)?);
    }
    let now = timing::clock();
    let start = now();
    let times: Vec<Result<Vec<f64>>> = thread::scope(|scope| {
        let now = &now;
        let spawned: Vec<_> = (classifiers.into_iter())
            .map(|mut classifier| {
                scope.spawn(move || -> Result<Vec<f64>> {
                    let mut times = Vec::with_capacity(runs);
                    for _ in 0..runs {
                        let start = now();
                        classifier.probabilities(tensor)?;
                        times.push(now() - start);
                    }
                    Ok(times)
                })
            })
            .collect();
        spawned.into_iter().map(|thread| thread.join().expect("classifiers do not panic")).collect()
    });
    let millis = now() - start;
    let times: Vec<Vec<f64>> = times.into_iter().collect::<Result<_>>()?;
    Ok((timing::median(times.concat()), 1000.0 * (runs * n_threads) as f64 / millis))
}

/// Medians of each layer over the runs.
fn layers(profiles: &[Vec<LayerProfile>], ceilings: Ceilings) -> Vec<LayerReport> {
    let Some(first) = profiles.first() else { return Vec::new() };
    let millis = |idx: usize| timing::median(profiles.iter().map(|layers| layers[idx].millis).collect());
    let all: f64 = (0..first.len()).map(millis).sum();
    (first.iter().enumerate())
        .map(|(idx, layer)| {
            let ms = millis(idx);
            let macs = layer.macs.total();
            LayerReport {
                node: layer.node.clone(),
                kernel: layer.kernel,
                ms,
                share_of_time: ms / all.max(f64::MIN_POSITIVE),
                macs,
                gmacs_per_second: rate(macs, ms),
                share_of_ceiling: ceilings.millis(layer.macs) / ms.max(f64::MIN_POSITIVE),
                weight_bytes: layer.weight_bytes,
                is_integer: layer.is_integer,
            }
        })
        .collect()
}

/// GMAC/s.
fn rate(macs: u64, millis: f64) -> f64 {
    macs as f64 / millis.max(f64::MIN_POSITIVE) / 1e6
}

fn text(report: &Report) -> String {
    let rows: Vec<Vec<String>> = (report.layers.iter())
        .map(|layer| {
            let computes = layer.macs > 0;
            let or_nothing = |text: String| if computes { text } else { "–".to_owned() };
            vec![
                layer.node.clone(),
                layer.kernel.to_owned(),
                format!("{:.3}", layer.ms),
                percent(layer.share_of_time),
                or_nothing(format!("{:.2}", layer.macs as f64 / 1e6)),
                or_nothing(format!("{:.2}", layer.gmacs_per_second)),
                or_nothing(percent(layer.share_of_ceiling)),
                (layer.weight_bytes / 1000).to_string(),
            ]
        })
        .collect();
    let header = ["layer", "kernel", "ms", "of time", "MMAC", "GMAC/s", "of ceiling", "weights kB"];
    let foot = pairs(&[
        ("model", format!("{}, kernels {}", report.model, report.flavour)),
        ("one picture", format!("{:.2} ms, median of {} runs", report.median_ms, report.runs)),
        (
            "throughput",
            format!("{:.1} pictures a second on {} thread(s)", report.pictures_per_second, report.threads),
        ),
        (
            "multiply-adds",
            format!("{:.1} M at {:.2} GMAC/s", report.macs as f64 / 1e6, report.gmacs_per_second),
        ),
        (
            "ceiling",
            format!(
                "{:.1} GMAC/s float32, {:.1} int8, {:.1} int8 depthwise; this model is at {} of it",
                report.ceiling.f32,
                report.ceiling.i8,
                report.ceiling.i8_depthwise,
                percent(report.share_of_ceiling)
            ),
        ),
        (
            "memory",
            format!(
                "{:.2} MB of weights as the kernels hold them, {:.2} MB of activations and scratch",
                report.weight_bytes as f64 / 1e6,
                report.arena_bytes as f64 / 1e6
            ),
        ),
    ]);
    format!("{}\n{foot}", table(&header, &rows))
}
