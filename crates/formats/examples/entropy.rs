//! What entropy coding does to a model: bytes in each form, beside the order-0 entropy of each layer's levels, and how
//! long writing and reading take.
//!
//! ```sh
//! cargo run --release -p formats --example entropy -- MODEL.onnx
//! ```
//!
//! The weights are rounded to the nearest level, without any repair: this is about bytes, not about answers.

use std::collections::HashMap;
use std::time::Instant;

use formats::container::{Breakdown, Coding, breakdown, read, write};
use formats::read_model;
use graph::{ClusteredWeights, Graph, IntegerWeights, Weight, WeightValues, fold_batch_norms};
use half::{bf16, f16};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: entropy MODEL.onnx")?;
    let graph = fold_batch_norms(&read_model(&std::fs::read(&path)?, &path)?)?;
    let pruned = pruned(&graph, 0.5);
    report("float32", &graph)?;
    report("float32, 50 % zero", &pruned)?;
    report("float16", &with_values(&graph, |real, _| halves(real)))?;
    report("float16, 50 % zero", &with_values(&pruned, |real, _| halves(real)))?;
    let brain = |real: &[f32], _| WeightValues::Bf16(real.iter().map(|&x| bf16::from_f32(x)).collect());
    report("bfloat16", &with_values(&graph, brain))?;
    report("int8 per channel", &with_values(&graph, |real, len| per_channel(real, len, 8)))?;
    report("int8 per channel, 50 % zero", &with_values(&pruned, |real, len| per_channel(real, len, 8)))?;
    report("int4 per channel", &with_pointwise_values(&graph, |real, len| per_channel(real, len, 4)))?;
    report("4 bits of entropy per layer", &with_values(&graph, |real, _| at_entropy(real, 4.0)))?;
    report("3 bits of entropy per layer", &with_values(&graph, |real, _| at_entropy(real, 3.0)))?;
    report("32 clusters per channel", &with_pointwise_values(&graph, |real, len| clustered(real, len, 32)))?;
    report("16 clusters per channel", &with_pointwise_values(&graph, |real, len| clustered(real, len, 16)))?;
    Ok(())
}

fn report(name: &str, graph: &Graph) -> Result<(), Box<dyn std::error::Error>> {
    let start = Instant::now();
    let bytes = write(graph, Coding::Entropy);
    let write_millis = start.elapsed().as_millis();
    let start = Instant::now();
    let again = read(&bytes)?;
    let read_millis = start.elapsed().as_millis();
    if again != *graph {
        return Err(format!("{name}: what is read differs from what was written").into());
    }
    let Breakdown { weights, masks, scales, tables, vectors, metadata } = breakdown(&bytes)?;
    let dense = write(graph, Coding::Dense).len();
    let order_0: f64 = graph.weights().map(|weight| order_0_bytes(&weight.values)).sum();
    println!("{name}: dense {dense}, entropy-coded {}", bytes.len());
    println!(
        "  weights {weights}, masks {masks}, scales {scales}, tables {tables}, vectors {vectors}, metadata {metadata}"
    );
    if order_0 > 0.0 {
        let above = ((weights + masks) as f64 / order_0 - 1.0) * 100.0;
        println!("  order-0 entropy {order_0:.0}: weights and masks {above:+.2} % of it");
    }
    println!("  written in {write_millis} ms, read in {read_millis} ms");
    Ok(())
}

fn with_values(graph: &Graph, values: impl Fn(&[f32], usize) -> WeightValues) -> Graph {
    let mut graph = graph.clone();
    for weight in graph.weights_mut() {
        weight.values = values(&weight.to_f32(), weight.channel_len());
    }
    graph
}

/// The same for 1x1 and linear layers; others to 127 levels.
fn with_pointwise_values(graph: &Graph, values: impl Fn(&[f32], usize) -> WeightValues) -> Graph {
    let mut graph = graph.clone();
    for weight in graph.weights_mut() {
        let real = weight.to_f32().into_owned();
        let values = if is_pointwise(weight) {
            values(&real, weight.channel_len())
        } else {
            per_channel(&real, weight.channel_len(), 8)
        };
        weight.values = values;
    }
    graph
}

fn halves(real: &[f32]) -> WeightValues {
    WeightValues::F16(real.iter().map(|&x| f16::from_f32(x)).collect())
}

/// The smallest share of all weights set to zero.
fn pruned(graph: &Graph, share: f64) -> Graph {
    let mut magnitudes: Vec<f32> = graph
        .weights()
        .flat_map(|weight| weight.to_f32().iter().map(|x| x.abs()).collect::<Vec<_>>())
        .collect();
    magnitudes.sort_by(f32::total_cmp);
    let threshold = magnitudes[(magnitudes.len() as f64 * share) as usize];
    with_values(graph, |real, _| {
        WeightValues::F32(real.iter().map(|&x| if x.abs() < threshold { 0.0 } else { x }).collect())
    })
}

fn largest(real: &[f32]) -> f32 {
    real.iter().fold(1e-12, |largest, x| x.abs().max(largest))
}

fn levels(real: &[f32], scale: f32) -> Vec<i8> {
    real.iter().map(|x| (x / scale).round().clamp(-127.0, 127.0) as i8).collect()
}

fn is_pointwise(weight: &Weight) -> bool {
    weight.shape.iter().skip(2).all(|&size| size == 1)
}

/// Levels of so many bits with one scale for each channel.
fn per_channel(real: &[f32], channel_len: usize, bits: u8) -> WeightValues {
    let n_levels = f32::from(IntegerWeights::level_range(bits).1);
    let channels = || real.chunks(channel_len);
    let scales: Vec<f32> = channels().map(|channel| largest(channel) / n_levels).collect();
    let levels = channels().zip(&scales).flat_map(|(channel, &scale)| levels(channel, scale)).collect();
    WeightValues::Integer(IntegerWeights { bits, levels, scales, groups: None })
}

/// One scale for the layer, such that its levels have so many bits of order-0 entropy.
fn at_entropy(real: &[f32], bits: f64) -> WeightValues {
    let rounded = |scale| WeightValues::Integer(IntegerWeights::int8(levels(real, scale), vec![scale]));
    let (mut fine, mut coarse) = (largest(real) / 1e5, largest(real));
    for _ in 0..30 {
        let middle = (fine * coarse).sqrt();
        if order_0_bytes(&rounded(middle)) * 8.0 > bits * real.len() as f64 {
            fine = middle;
        } else {
            coarse = middle;
        }
    }
    rounded(coarse)
}

/// Lloyd's algorithm from quantiles, in each channel.
fn clustered(real: &[f32], channel_len: usize, n_clusters: usize) -> WeightValues {
    let (mut codes, mut codebooks) = (Vec::new(), Vec::new());
    for channel in real.chunks(channel_len) {
        let mut sorted = channel.to_vec();
        sorted.sort_by(f32::total_cmp);
        let mut means: Vec<f32> =
            (0..n_clusters).map(|i| sorted[(2 * i + 1) * sorted.len() / (2 * n_clusters)]).collect();
        let nearest = |means: &[f32], x: f32| {
            let upper = means.partition_point(|&mean| mean < x).min(n_clusters - 1);
            let lower = upper.saturating_sub(1);
            if (x - means[lower]).abs() < (means[upper] - x).abs() { lower } else { upper }
        };
        for _ in 0..10 {
            let mut sums = vec![(0.0_f32, 0.0_f32); n_clusters];
            for &x in channel {
                let (sum, n) = &mut sums[nearest(&means, x)];
                *sum += x;
                *n += 1.0;
            }
            for (mean, (sum, n)) in means.iter_mut().zip(sums) {
                *mean = if n > 0.0 { sum / n } else { *mean };
            }
        }
        codes.extend(channel.iter().map(|&x| nearest(&means, x) as u8));
        codebooks.extend(means);
    }
    WeightValues::Clustered(ClusteredWeights { codes, codebooks, n_clusters })
}

/// Bytes of an ideal code with a fixed table, the table not counted; 0 for floats.
fn order_0_bytes(values: &WeightValues) -> f64 {
    let symbols: Vec<i16> = match values {
        WeightValues::Integer(weights) => weights.levels.iter().map(|&level| level.into()).collect(),
        WeightValues::Clustered(weights) => weights.codes.iter().map(|&code| code.into()).collect(),
        WeightValues::F32(_) | WeightValues::F16(_) | WeightValues::Bf16(_) => return 0.0,
    };
    let mut counts: HashMap<i16, f64> = HashMap::new();
    for &symbol in &symbols {
        *counts.entry(symbol).or_default() += 1.0;
    }
    counts.values().map(|n| -n * (n / symbols.len() as f64).log2() / 8.0).sum()
}
