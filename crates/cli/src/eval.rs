//! `tinylens eval`: accuracy against labels, agreement with a reference.

use std::path::Path;

use anyhow::{Context, Result, bail};
use pipeline::quality::{
    Accuracy, AgainstLabel, AgainstReference, Agreement, Mean, Prediction, Share, paired_change,
};
use pipeline::{Classifier, LayerError, LayerErrorRun, LayerKind};
use serde::Serialize;

use crate::arguments::{Background, EvalArguments, PreparationArguments};
use crate::decoding::{Pixels, Preparation, Prepared, Unreadable, pixels, prepare, tell_unreadable};
use crate::images::{Chosen, Folder, choose, spread};
use crate::labels::{Labels, background};
use crate::model::{Model, PreparationReport};
use crate::report::{bytes, note, pairs, percent, print, table};
use crate::{parallel, progress, timing};

/// Runs behind `median_ms`.
const TIMED_RUNS: usize = 15;

#[derive(Serialize)]
struct Report {
    command: &'static str,
    model: String,
    bytes: u64,
    n: usize,
    top1: Option<f64>,
    top1_interval: Option<(f64, f64)>,
    top5: Option<f64>,
    top5_interval: Option<(f64, f64)>,
    agreement: Option<f64>,
    agreement_interval: Option<(f64, f64)>,
    top5_overlap: Option<f64>,
    top5_overlap_interval: Option<(f64, f64)>,
    mean_kl: Option<f64>,
    mean_kl_interval: Option<(f64, f64)>,
    median_ms: f64,
    background_class: bool,
    preprocessing: PreparationReport,
    reference: Option<ReferenceReport>,
    layers: Option<Vec<LayerReport>>,
    pictures: PicturesReport,
}

/// A layer beside the reference's, in decibels; nothing where both are the same.
#[derive(Serialize)]
struct LayerReport {
    node: String,
    op: &'static str,
    weight_sqnr_db: Option<f64>,
    output_sqnr_db: Option<f64>,
}

#[derive(Serialize)]
struct ReferenceReport {
    model: String,
    bytes: u64,
    top1: Option<f64>,
    top1_interval: Option<(f64, f64)>,
    top5: Option<f64>,
    top5_interval: Option<(f64, f64)>,
    top1_change: Option<f64>,
    top1_change_interval: Option<(f64, f64)>,
    median_ms: f64,
    background_class: bool,
    preprocessing: PreparationReport,
}

#[derive(Serialize)]
struct PicturesReport {
    folder: String,
    excluded: usize,
    unlabelled: usize,
    missing: usize,
    unreadable: Vec<Unreadable>,
}

/// What one picture gave.
pub struct Judged {
    /// The model beside the label.
    pub label: Option<AgainstLabel>,
    /// The reference beside the label.
    pub reference_label: Option<AgainstLabel>,
    /// The model beside the reference.
    pub reference: Option<AgainstReference>,
}

/// A model at work on one thread.
struct Runner<'m> {
    classifier: Classifier,
    preparation: Preparation,
    model: &'m Model,
}

/// Runs the command.
///
/// # Errors
/// When models, labels or pictures are refused.
pub fn run(arguments: &EvalArguments) -> Result<()> {
    let labels = arguments.classes.labels.as_deref().map(Labels::read).transpose()?;
    let read =
        |path: &Path| read(path, &arguments.preparation, arguments.classes.background, labels.as_ref());
    let model = read(&arguments.model)?;
    let reference = arguments.reference.as_deref().map(read).transpose()?;

    let Chosen { mut folder, excluded } = choose(&arguments.pictures)?;
    let before = folder.files.len();
    let mut missing = 0;
    if let Some(labels) = &labels {
        folder.files.retain(|file| labels.class(file).is_some());
        if folder.files.is_empty() {
            bail!("none of the {before} pictures of {} has a label", folder.path.display());
        }
        missing = labels.len().saturating_sub(folder.files.len() + excluded);
        if missing > 0 {
            note(&format!(
                "{missing} of {} labelled pictures are not in {}",
                labels.len(),
                folder.path.display()
            ));
        }
    }
    let unlabelled = before - folder.files.len();
    folder.files = spread(std::mem::take(&mut folder.files), arguments.pictures.limit);
    let (judged, unreadable) =
        judge(&model, reference.as_ref(), labels.as_ref(), &folder, arguments.pictures.threads)?;

    let layers = match arguments.layers.zip(reference.as_ref()) {
        Some((n, reference)) => Some(layer_errors(&model, reference, &folder, n)?),
        None => None,
    };
    let median_ms = time(&model, reference.as_ref())?;
    let folder = folder.path.display().to_string();
    let pictures = PicturesReport { folder, excluded, unlabelled, missing, unreadable };
    let report = Report { layers, ..report(&model, reference.as_ref(), &judged, &median_ms, pictures) };
    print(arguments.output.json, &report, text)
}

/// Reads a model, finds out about its background class, and says what labels mean for it.
///
/// # Errors
/// When the file is no model, or has fewer outputs than there are classes.
pub fn read(
    path: &Path,
    preparation: &PreparationArguments,
    wanted: Background,
    labels: Option<&Labels>,
) -> Result<Model> {
    let mut model = Model::read(path, preparation)?;
    let (is_background, reason) = background(&model.graph, wanted, labels);
    model.graph.metadata.background_class = is_background;
    if let Some(reason) = reason {
        note(&format!("{}: {reason}; output 0 is taken for a background class", model.file));
    }
    if let Some(labels) = labels {
        labels.check(&model.file, model.n_outputs() - usize::from(is_background))?;
        if is_background {
            note(&format!("{}: labels are shifted by one, class c is output c + 1", model.file));
        }
    }
    model.tell_preparation();
    Ok(model)
}

/// Both models' answers to the pictures, and which could not be read.
///
/// # Errors
/// When none can be read, or a model cannot run.
pub fn judge(
    model: &Model,
    reference: Option<&Model>,
    labels: Option<&Labels>,
    folder: &Folder,
    n_threads: Option<usize>,
) -> Result<(Vec<Judged>, Vec<Unreadable>)> {
    let files = &folder.files;
    let bar = progress::bar("pictures", files.len() as u64);
    let start = || Ok((Runner::new(model)?, reference.map(Runner::new).transpose()?));
    let work = |(model, reference): &mut (Runner<'_>, Option<Runner<'_>>), idx: usize| {
        let file: &String = &files[idx];
        let pixels = match pixels(folder, file) {
            Ok(pixels) => pixels,
            Err(unreadable) => return Ok(Err(unreadable)),
        };
        let class = labels.and_then(|labels| labels.class(file));
        let judged = judge_one(model, reference.as_mut(), &pixels, class);
        judged.map(Ok).with_context(|| file.clone())
    };
    let n_threads = parallel::threads(n_threads, files.len());
    let results = parallel::map_in_order(files.len(), n_threads, start, work, || bar.step())?;
    drop(bar);
    let (mut judged, mut unreadable) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(it) => judged.push(it),
            Err(it) => unreadable.push(it),
        }
    }
    tell_unreadable(folder, &unreadable, judged.len())?;
    Ok((judged, unreadable))
}

/// The errors of layers on the first of the pictures that are looked at.
fn layer_errors(model: &Model, reference: &Model, folder: &Folder, n: usize) -> Result<Vec<LayerReport>> {
    let files = spread(folder.files.clone(), Some(n));
    let Prepared { tensors, .. } = prepare(folder, files, &reference.graph.metadata.preprocessing, 1, None)?;
    let mut run = LayerErrorRun::new(&reference.graph, &model.graph, &tensors.into())
        .context("--layers compares models with the same layers")?;
    let bar = progress::bar("layers", 1);
    let errors = loop {
        let (done, total) = run.progress();
        bar.set("layers", done, total);
        if let Some(errors) = run.advance()? {
            break errors;
        }
    };
    let report = |LayerError { node, kind, weights, output }| LayerReport {
        node,
        op: LayerKind::name(kind),
        weight_sqnr_db: weights.sqnr_db(),
        output_sqnr_db: output.sqnr_db(),
    };
    Ok(errors.into_iter().map(report).collect())
}

fn judge_one(
    model: &mut Runner<'_>,
    reference: Option<&mut Runner<'_>>,
    pixels: &Pixels,
    class: Option<usize>,
) -> Result<Judged> {
    let tensor = model.preparation.tensor(pixels)?;
    let preparation = model.model.preparation_report();
    let ours = model.predict(&tensor)?;
    let label = class.map(|class| AgainstLabel::judge(ours, class));
    let Some(reference) = reference else {
        return Ok(Judged { label, reference_label: None, reference: None });
    };
    let same_preparation = preparation.prepares_as(&reference.model.preparation_report());
    let tensor = if same_preparation { tensor } else { reference.preparation.tensor(pixels)? };
    let theirs = reference.predict(&tensor)?;
    Ok(Judged {
        label,
        reference_label: class.map(|class| AgainstLabel::judge(theirs, class)),
        reference: Some(AgainstReference::judge(ours, theirs)?),
    })
}

impl<'m> Runner<'m> {
    fn new(model: &'m Model) -> Result<Self> {
        let classifier = Classifier::new(&model.graph).with_context(|| format!("model {}", model.file))?;
        let preparation = Preparation::new(&model.graph.metadata.preprocessing);
        Ok(Self { classifier, preparation, model })
    }

    fn predict(&mut self, tensor: &[f32]) -> Result<Prediction<'_>> {
        let background_class = self.model.graph.metadata.background_class;
        Ok(Prediction { probabilities: self.classifier.probabilities(tensor)?, background_class })
    }
}

/// Median milliseconds of the models in turns on one thread, while nothing else of this program runs.
fn time(model: &Model, reference: Option<&Model>) -> Result<Vec<f64>> {
    let models: Vec<&Model> = std::iter::once(model).chain(reference).collect();
    let tensors: Vec<Vec<f32>> = models.iter().map(|model| timing::tensor(&model.graph)).collect();
    let mut runners = Vec::new();
    for (model, tensor) in models.iter().zip(&tensors) {
        runners.push((Classifier::new(&model.graph)?, tensor.as_slice()));
    }
    timing::medians(&mut runners, TIMED_RUNS)
}

fn report(
    model: &Model,
    reference: Option<&Model>,
    judged: &[Judged],
    median_ms: &[f64],
    pictures: PicturesReport,
) -> Report {
    let collected = |part: fn(&Judged) -> Option<AgainstLabel>| -> Vec<AgainstLabel> {
        judged.iter().filter_map(part).collect()
    };
    let (ours, theirs) = (collected(|it| it.label), collected(|it| it.reference_label));
    let compared: Vec<AgainstReference> = judged.iter().filter_map(|it| it.reference).collect();
    let agreement = Agreement::of(&compared);
    let accuracy = Accuracy::of(&ours);
    let interval = |share: Share| share.value().map(|_| share.interval());
    let mean = |part: fn(Agreement) -> Mean| agreement.map(part);
    let (overlap, kl) = (mean(|it| it.top5_overlap), mean(|it| it.kl));
    Report {
        command: "eval",
        model: model.file.clone(),
        bytes: model.bytes,
        n: judged.len(),
        top1: accuracy.top1.value(),
        top1_interval: interval(accuracy.top1),
        top5: accuracy.top5.value(),
        top5_interval: interval(accuracy.top5),
        agreement: agreement.and_then(|it| it.top1.value()),
        agreement_interval: agreement.map(|it| it.top1.interval()),
        top5_overlap: overlap.map(|it| it.value),
        top5_overlap_interval: overlap.map(|it| it.interval),
        mean_kl: kl.map(|it| it.value),
        mean_kl_interval: kl.map(|it| it.interval),
        median_ms: median_ms.first().copied().unwrap_or_default(),
        background_class: model.graph.metadata.background_class,
        preprocessing: model.preparation_report(),
        reference: reference.map(|reference| {
            let accuracy = Accuracy::of(&theirs);
            let top1 = |judged: &[AgainstLabel]| judged.iter().map(|it| it.top1).collect::<Vec<_>>();
            let change = paired_change(&top1(&theirs), &top1(&ours));
            ReferenceReport {
                model: reference.file.clone(),
                bytes: reference.bytes,
                top1: accuracy.top1.value(),
                top1_interval: interval(accuracy.top1),
                top5: accuracy.top5.value(),
                top5_interval: interval(accuracy.top5),
                top1_change: change.map(|it| it.value),
                top1_change_interval: change.map(|it| it.interval),
                median_ms: median_ms.get(1).copied().unwrap_or_default(),
                background_class: reference.graph.metadata.background_class,
                preprocessing: reference.preparation_report(),
            }
        }),
        layers: None,
        pictures,
    }
}

fn layer_table(layers: &[LayerReport]) -> String {
    let decibels =
        |ratio: Option<f64>| ratio.map_or_else(|| "same".to_owned(), |ratio| format!("{ratio:.1}"));
    let rows: Vec<Vec<String>> = (layers.iter())
        .map(|layer| {
            let (weights, output) = (decibels(layer.weight_sqnr_db), decibels(layer.output_sqnr_db));
            vec![layer.node.clone(), layer.op.to_owned(), weights, output]
        })
        .collect();
    format!("\n{}", table(&["layer", "operator", "weights, SQNR dB", "output, SQNR dB"], &rows))
}

fn text(report: &Report) -> String {
    let share = |value: Option<f64>, interval: Option<(f64, f64)>| match (value, interval) {
        (Some(value), Some((low, high))) => {
            format!("{} ({} to {})", percent(value), percent(low), percent(high))
        }
        _ => "not measured".to_owned(),
    };
    let mut rows = vec![
        ("model", report.model.clone()),
        ("pictures", format!("{} of {}", report.n, report.pictures.folder)),
        ("file", bytes(report.bytes)),
        ("time", format!("{:.2} ms, one thread", report.median_ms)),
    ];
    if report.top1.is_some() {
        rows.push(("top-1", share(report.top1, report.top1_interval)));
        rows.push(("top-5", share(report.top5, report.top5_interval)));
    }
    if let Some(reference) = &report.reference {
        rows.push((
            "reference",
            format!("{}, {}, {:.2} ms", reference.model, bytes(reference.bytes), reference.median_ms),
        ));
        if reference.top1.is_some() {
            rows.push(("reference top-1", share(reference.top1, reference.top1_interval)));
            rows.push(("reference top-5", share(reference.top5, reference.top5_interval)));
        }
        if let (Some(change), Some((low, high))) = (reference.top1_change, reference.top1_change_interval) {
            let points = |share: f64| 100.0 * share;
            rows.push((
                "top-1 change",
                format!("{:+.2} points ({:+.2} to {:+.2})", points(change), points(low), points(high)),
            ));
        }
        rows.push(("agreement", share(report.agreement, report.agreement_interval)));
        rows.push(("top-5 overlap", share(report.top5_overlap, report.top5_overlap_interval)));
        if let (Some(kl), Some((low, high))) = (report.mean_kl, report.mean_kl_interval) {
            rows.push(("mean KL", format!("{kl:.5} nats ({low:.5} to {high:.5})")));
        }
    }
    let unreadable = report.pictures.unreadable.len();
    if unreadable > 0 {
        rows.push(("unreadable", unreadable.to_string()));
    }
    let layers = report.layers.iter().map(|layers| layer_table(layers));
    format!("{}Intervals are of 95 %.\n{}", pairs(&rows), layers.collect::<String>())
}
