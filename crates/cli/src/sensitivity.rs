//! `tinylens sensitivity`: which layers a recipe hurts.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use pipeline::quality::{AgainstReference, Agreement, Prediction};
use pipeline::{Classifier, Graph, LayerSensitivity, Recipe, RecipeRun, SensitivityScan, Step};
use serde::Serialize;

use crate::arguments::SensitivityArguments;
use crate::decoding::{Prepared, Unreadable, prepare};
use crate::images::{choose, spread};
use crate::model::{Model, PreparationReport};
use crate::report::{grouped, note, pairs, percent, print, table};
use crate::{budget, parallel, progress, recipe};

/// Pictures where no limit is named: enough to rank layers, and all of them stay in memory.
const USUAL_LIMIT: usize = 64;

#[derive(Serialize)]
struct Report {
    command: &'static str,
    model: String,
    recipe: Recipe,
    n: usize,
    n_calibration: usize,
    preprocessing: PreparationReport,
    unreadable: Vec<Unreadable>,
    layers: Vec<LayerReport>,
}

#[derive(Serialize)]
struct LayerReport {
    node: String,
    op: &'static str,
    weights: usize,
    relative_error: f64,
    mean_kl: f64,
    mean_kl_interval: (f64, f64),
    agreement: Option<f64>,
    agreement_interval: (f64, f64),
    top5_overlap: f64,
}

/// Runs the command. Where the recipe calibrates, every second picture does, and the others are scored. Repairs are left out:
/// what a layer makes up for others' losses would count against it here, where it stands alone.
///
/// # Errors
/// When model, recipe or pictures are refused.
pub fn run(arguments: &SensitivityArguments) -> Result<()> {
    if let Some(budget) = budget::wanted(&arguments.budget) {
        return budget::run(arguments, budget);
    }
    let recipe = recipe::parse(&arguments.recipe)?;
    if recipe.steps.iter().any(|step| matches!(step, Step::QuantizeForSize { .. })) {
        bail!("quantize-for-size makes up for each layer's losses in others; layers mean nothing alone");
    }
    let alone = recipe.without_repairs();
    if alone != recipe {
        note("repairs are left out, since layers are judged one by one");
    }
    let recipe = alone;
    let model = Model::read(&arguments.model, &arguments.preparation)?;
    Classifier::new(&model.graph).with_context(|| format!("model {}", model.file))?;
    model.tell_preparation();
    let Prepared { tensors, unreadable, .. } = pictures(&model, arguments)?;

    let base = SensitivityScan::base(&model.graph)?;
    let Halves { calibration, scored } = match recipe.steps.iter().any(Step::needs_calibration) {
        true => Halves::of(tensors)?,
        false => Halves { calibration: Vec::new().into(), scored: tensors },
    };
    let n_calibration = calibration.len();
    let run = RecipeRun::new(Arc::new(base.clone()), recipe.clone(), calibration)?;
    let compressed = run.finish().with_context(|| format!("recipe {}", arguments.recipe))?;
    let scan = SensitivityScan::new(base, compressed.graph)?;
    if scan.n_layers() == 0 {
        bail!("recipe {} changes no layer's weights; there is nothing to rank", arguments.recipe);
    }
    let reference = scan.reference(&scored)?;
    let mut layers = measure(&scan, &scored, &reference, arguments)?;
    layers.sort_by(|a, b| b.agreement.kl.value.total_cmp(&a.agreement.kl.value));
    let report = Report {
        command: "sensitivity",
        preprocessing: model.preparation_report(),
        model: model.file,
        recipe,
        n: scored.len(),
        n_calibration,
        unreadable,
        layers: layers.into_iter().map(LayerReport::from).collect(),
    };
    print(arguments.output.json, &report, text)
}

/// Pictures in two parts that have none in common.
#[derive(Debug)]
pub struct Halves {
    /// Those that calibrate.
    pub calibration: Arc<[Vec<f32>]>,
    /// Those that are scored.
    pub scored: Vec<Vec<f32>>,
}

impl Halves {
    /// In turns, so that both have some of each subfolder.
    ///
    /// # Errors
    /// For a single picture.
    pub fn of(tensors: Vec<Vec<f32>>) -> Result<Self> {
        if tensors.len() < 2 {
            bail!("a single picture cannot both calibrate and be scored; expected at least 2");
        }
        let (mut calibration, mut scored) = (Vec::new(), Vec::new());
        for (idx, tensor) in tensors.into_iter().enumerate() {
            if idx % 2 == 0 { scored.push(tensor) } else { calibration.push(tensor) }
        }
        Ok(Self { calibration: calibration.into(), scored })
    }
}

/// Every layer of a scan, on all threads.
pub fn measure(
    scan: &SensitivityScan,
    tensors: &[Vec<f32>],
    reference: &[Vec<f32>],
    arguments: &SensitivityArguments,
) -> Result<Vec<LayerSensitivity>> {
    let bar = progress::bar("layers", scan.n_layers() as u64);
    parallel::map_in_order(
        scan.n_layers(),
        parallel::threads(arguments.pictures.threads, scan.n_layers()),
        || Ok(()),
        |(), layer_idx| Ok(scan.measure(layer_idx, tensors, reference)?),
        || bar.step(),
    )
}

/// A model beside the original.
///
/// # Errors
/// When the engine cannot run one of them, or there are no pictures.
pub fn compare(original: &Graph, changed: &Graph, tensors: &[Vec<f32>]) -> Result<Agreement> {
    let background_class = original.metadata.background_class;
    let (mut theirs, mut ours) = (Classifier::new(original)?, Classifier::new(changed)?);
    let mut judged = Vec::with_capacity(tensors.len());
    for tensor in tensors {
        let reference = Prediction { probabilities: theirs.probabilities(tensor)?, background_class };
        let answer = Prediction { probabilities: ours.probabilities(tensor)?, background_class };
        judged.push(AgainstReference::judge(answer, reference)?);
    }
    Agreement::of(&judged).context("no pictures")
}

/// The prepared pictures of a scan.
///
/// # Errors
/// When the folder is not there or no picture of it can be read.
pub fn pictures(model: &Model, arguments: &SensitivityArguments) -> Result<Prepared> {
    let folder = choose(&arguments.pictures)?.folder;
    if arguments.pictures.limit.is_none() && folder.files.len() > USUAL_LIMIT {
        note(&format!("{USUAL_LIMIT} of {} pictures are looked at; --limit takes more", folder.files.len()));
    }
    let limit = arguments.pictures.limit.unwrap_or(USUAL_LIMIT);
    let files = spread(folder.files.clone(), Some(limit));
    prepare(&folder, files, &model.graph.metadata.preprocessing, 1, arguments.pictures.threads)
}

impl From<LayerSensitivity> for LayerReport {
    fn from(layer: LayerSensitivity) -> Self {
        let LayerSensitivity { node, kind, n_weights, relative_error, agreement } = layer;
        Self {
            node,
            op: kind.name(),
            weights: n_weights,
            relative_error,
            mean_kl: agreement.kl.value,
            mean_kl_interval: agreement.kl.interval,
            agreement: agreement.top1.value(),
            agreement_interval: agreement.top1.interval(),
            top5_overlap: agreement.top5_overlap.value,
        }
    }
}

fn text(report: &Report) -> String {
    let rows: Vec<Vec<String>> = (report.layers.iter())
        .map(|layer| {
            let (low, high) = layer.mean_kl_interval;
            vec![
                layer.node.clone(),
                layer.op.to_owned(),
                grouped(layer.weights as u64),
                percent(layer.relative_error),
                format!("{:.6}", layer.mean_kl),
                format!("{:.6}", (high - low) / 2.0),
                layer.agreement.map(percent).unwrap_or_default(),
                percent(layer.top5_overlap),
            ]
        })
        .collect();
    let header = ["layer", "operator", "weights", "changed by", "mean KL", "±", "agreement", "top-5 overlap"];
    let foot = pairs(&[
        ("model", report.model.clone()),
        ("pictures", format!("{}, and {} others that calibrated", report.n, report.n_calibration)),
        ("measured", "weights of one layer at a time, activations in float32".to_owned()),
    ]);
    format!("{}\n{foot}", table(&header, &rows))
}
