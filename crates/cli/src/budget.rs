//! `tinylens sensitivity` with a budget: what each layer costs in each form, and a recipe that keeps the budget.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use pipeline::quality::Agreement;
use pipeline::{
    Budget, Choice, Graph, LayerChoices, LayerForm, Plan, Recipe, RecipeRun, Repair, Rest, SensitivityScan,
    Storage, layer_millis, model_file, plan_to_budget,
};
use serde::Serialize;

use crate::arguments::{BudgetArguments, Planned, SensitivityArguments};
use crate::decoding::{Prepared, Unreadable};
use crate::model::{Model, PreparationReport};
use crate::report::{bytes, pairs, percent, print, table};
use crate::sensitivity::Halves;
use crate::{sensitivity, timing};

/// Bits that a layer may have, beside 32 for the original's.
const BITS: [u8; 3] = [8, 4, 2];
/// Shares of zeros that a layer may have, beside none.
const SHARES: [f64; 5] = [0.2, 0.35, 0.5, 0.65, 0.8];
/// Runs that milliseconds are the medians of.
const RUNS: usize = 15;
/// How often a plan is made anew because its file is longer than the sum of its layers.
const ATTEMPTS: usize = 4;

#[derive(Serialize)]
struct Report {
    command: &'static str,
    model: String,
    budget: BudgetReport,
    recipe: Recipe,
    out: Option<String>,
    n: usize,
    n_calibration: usize,
    bytes_before: u64,
    bytes: u64,
    kl_sum: f64,
    mean_kl: f64,
    mean_kl_interval: (f64, f64),
    agreement: Option<f64>,
    agreement_interval: (f64, f64),
    millis: Option<f64>,
    preprocessing: PreparationReport,
    unreadable: Vec<Unreadable>,
    layers: Vec<LayerReport>,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum BudgetReport {
    Bytes(u64),
    Kl(f64),
    Ms(f64),
}

/// A layer in the form that it got.
#[derive(Serialize)]
struct LayerReport {
    node: String,
    bits: Option<u8>,
    sparsity: Option<f64>,
    mean_kl: f64,
    bytes: u64,
    ms: Option<f64>,
}

/// The budget that is named.
pub fn wanted(arguments: &BudgetArguments) -> Option<Budget> {
    let bytes = arguments.budget_bytes.map(Budget::Bytes);
    bytes.or(arguments.budget_kl.map(Budget::Kl)).or(arguments.budget_ms.map(Budget::Millis))
}

/// Scans the layers in every form and plans. Losses are those of rounding to nearest or of magnitude pruning, without the repair
/// that the planned recipe has; they rank layers. Then the planned recipe runs. One half of the pictures is for all this, the
/// other for judging the result.
///
/// # Errors
/// When the model or pictures are refused, or the budget cannot be kept.
pub fn run(arguments: &SensitivityArguments, budget: Budget) -> Result<()> {
    let planned = arguments.budget.plan;
    if let (Budget::Millis(_), Planned::Zeros) = (budget, planned) {
        bail!("--budget-ms plans bits: zeros save no time here but in layers that are nearly empty");
    }
    let model = Model::read(&arguments.model, &arguments.preparation)?;
    model.tell_preparation();
    let Prepared { tensors, unreadable, .. } = sensitivity::pictures(&model, arguments)?;
    let Halves { calibration, scored } = Halves::of(tensors)?;
    let base = SensitivityScan::base(&model.graph)?;
    let storage = match planned {
        Planned::Bits => Storage::Plain,
        Planned::Zeros => Storage::EntropyCoded,
    };
    let times = match budget {
        Budget::Millis(_) => Some(Times::measure(&base, &calibration)?),
        Budget::Bytes(_) | Budget::Kl(_) => None,
    };
    let layers = choices(arguments, &base, &calibration, storage, times.as_ref())?;
    let before = model_file(&base, storage).len() as u64;
    let rest = Rest {
        bytes: before.saturating_sub(layers.iter().map(|layer| layer.choices[0].bytes).sum()),
        millis: times.as_ref().map_or(0.0, |times| times.rest(&layers)),
    };
    let planning = Planning { base: &base, calibration: &calibration, layers: &layers, rest, budget };
    let Measured { plan, recipe, graph, bytes: file_bytes } = planning.plan()?;
    let Agreement { top1, kl, .. } = sensitivity::compare(&base, &graph, &scored)?;
    if let Some(out) = &arguments.budget.out {
        write(out, &recipe)?;
    }
    let report = Report {
        command: "sensitivity",
        budget: match budget {
            Budget::Bytes(bytes) => BudgetReport::Bytes(bytes),
            Budget::Kl(kl) => BudgetReport::Kl(kl),
            Budget::Millis(millis) => BudgetReport::Ms(millis),
        },
        recipe,
        out: arguments.budget.out.as_ref().map(|out| out.display().to_string()),
        n: scored.len(),
        n_calibration: calibration.len(),
        bytes_before: before,
        bytes: file_bytes,
        kl_sum: plan.kl,
        mean_kl: kl.value,
        mean_kl_interval: kl.interval,
        agreement: top1.value(),
        agreement_interval: top1.interval(),
        millis: times.is_some().then_some(plan.millis),
        preprocessing: model.preparation_report(),
        model: model.file,
        unreadable,
        layers: reports(&layers, &plan, times.is_some()),
    };
    print(arguments.output.json, &report, text)
}

/// What each layer costs in each form, the original's first.
fn choices(
    arguments: &SensitivityArguments,
    base: &Graph,
    tensors: &[Vec<f32>],
    storage: Storage,
    times: Option<&Times>,
) -> Result<Vec<LayerChoices>> {
    let forms: Vec<(LayerForm, Recipe)> = match arguments.budget.plan {
        Planned::Bits => {
            BITS.iter().map(|bits| (LayerForm::Bits(*bits), alike(LayerForm::Bits(*bits)))).collect()
        }
        Planned::Zeros => SHARES
            .iter()
            .map(|share| (LayerForm::Sparsity(*share), alike(LayerForm::Sparsity(*share))))
            .collect(),
    };
    let mut layers: BTreeMap<String, Vec<Choice>> = BTreeMap::new();
    let mut reference = None;
    for (form, recipe) in forms {
        let run = RecipeRun::new(Arc::new(base.clone()), recipe, Vec::new().into())?;
        let scan = SensitivityScan::new(base.clone(), run.finish()?.graph)?;
        let reference = match &reference {
            Some(reference) => reference,
            None => reference.insert(scan.reference(tensors)?),
        };
        let measured = sensitivity::measure(&scan, tensors, reference, arguments)?;
        for (layer, (before, after)) in measured.into_iter().zip(scan.layer_bytes(storage)?) {
            let ms = |pick: fn(&Times) -> &BTreeMap<String, f64>| {
                times.and_then(|times| pick(times).get(&layer.node)).copied().unwrap_or(0.0)
            };
            let none = match form {
                LayerForm::Bits(_) => LayerForm::Bits(32),
                LayerForm::Sparsity(_) => LayerForm::Sparsity(0.0),
            };
            let original = Choice { form: none, kl: 0.0, bytes: before, millis: ms(|times| &times.float) };
            let choices = layers.entry(layer.node.clone()).or_insert_with(|| vec![original]);
            // A layer that other bits leave as it was has no further choice.
            if choices.iter().all(|choice| choice.bytes != after) {
                let kl = layer.agreement.kl.value;
                choices.push(Choice { form, kl, bytes: after, millis: ms(|times| &times.integer) });
            }
        }
    }
    Ok(layers.into_iter().map(|(node, choices)| LayerChoices { node, choices }).collect())
}

/// All layers in one form, without a repair.
fn alike(form: LayerForm) -> Recipe {
    let step = match form {
        LayerForm::Bits(bits) => format!(r#"{{"pass":"quantize-weights","bits":{bits}}}"#),
        LayerForm::Sparsity(share) => {
            format!(r#"{{"pass":"prune","sparsity":{share},"distribution":"uniform"}}"#)
        }
    };
    of_steps(&step)
}

fn of_steps(steps: &str) -> Recipe {
    let json = format!(r#"{{"version":{},"steps":[{steps}],"storage":"plain"}}"#, pipeline::RECIPE_VERSION);
    Recipe::from_json(&json).expect("this is a recipe")
}

/// What plans are made of.
struct Planning<'a> {
    base: &'a Graph,
    calibration: &'a Arc<[Vec<f32>]>,
    layers: &'a [LayerChoices],
    rest: Rest,
    budget: Budget,
}

/// A plan and what its recipe makes.
struct Measured {
    plan: Plan,
    recipe: Recipe,
    graph: Graph,
    /// Length of the file.
    bytes: u64,
}

impl Planning<'_> {
    /// A plan whose file keeps a budget of bytes.
    fn plan(&self) -> Result<Measured> {
        let mut aim = self.budget;
        let mut reached = 0;
        for _ in 0..ATTEMPTS {
            let plan = plan_to_budget(self.layers, self.rest, aim).context("planning")?;
            // The quick run without repairs finds most of what is too long.
            for repair in [Repair::Off, Repair::Reconstruct] {
                let recipe = plan.recipe(repair);
                let run =
                    RecipeRun::new(Arc::new(self.base.clone()), recipe.clone(), self.calibration.clone())?;
                let graph = run.finish()?.graph;
                reached = model_file(&graph, recipe.storage).len() as u64;
                match (self.budget, aim) {
                    (Budget::Bytes(limit), Budget::Bytes(aimed)) if reached > limit => {
                        aim = Budget::Bytes(aimed.saturating_sub(reached - limit));
                        break;
                    }
                    _ if repair == Repair::Off => {}
                    _ => return Ok(Measured { plan, recipe, graph, bytes: reached }),
                }
            }
        }
        bail!("the planned file has {reached} bytes after {ATTEMPTS} attempts, more than --budget-bytes")
    }
}

/// Milliseconds of each node, in float32 and on integers.
struct Times {
    float: BTreeMap<String, f64>,
    integer: BTreeMap<String, f64>,
}

impl Times {
    fn measure(base: &Graph, tensors: &[Vec<f32>]) -> Result<Self> {
        let int8 = of_steps(r#"{"pass":"quantize-activations"},{"pass":"quantize-weights","bits":8}"#);
        let run = RecipeRun::new(Arc::new(base.clone()), int8, tensors[..1].to_vec().into())?;
        let integer = run.finish()?.graph;
        Ok(Self { float: median_millis(base, &tensors[0])?, integer: median_millis(&integer, &tensors[0])? })
    }

    /// Of what has no choice.
    fn rest(&self, layers: &[LayerChoices]) -> f64 {
        let is_chosen = |node: &String| layers.iter().any(|layer| layer.node == *node);
        self.integer.iter().filter(|(node, _)| !is_chosen(node)).map(|(_, millis)| millis).sum()
    }
}

fn median_millis(graph: &Graph, tensor: &[f32]) -> Result<BTreeMap<String, f64>> {
    let now = timing::clock();
    let mut all: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for _ in 0..RUNS {
        for (node, millis) in layer_millis(graph, tensor, &now)? {
            all.entry(node).or_default().push(millis);
        }
    }
    Ok(all.into_iter().map(|(node, millis)| (node, timing::median(millis))).collect())
}

fn write(out: &Path, recipe: &Recipe) -> Result<()> {
    let json = serde_json::to_string_pretty(recipe).context("recipe")?;
    fs::write(out, json + "\n").with_context(|| format!("{} cannot be written", out.display()))
}

fn reports(layers: &[LayerChoices], plan: &Plan, timed: bool) -> Vec<LayerReport> {
    let chosen = layers.iter().zip(&plan.layers).filter_map(|(layer, (node, form))| {
        let choice = layer.choices.iter().find(|choice| choice.form == *form)?;
        let (bits, sparsity) = match *form {
            LayerForm::Bits(bits) => (Some(bits), None),
            LayerForm::Sparsity(share) => (None, Some(share)),
        };
        let Choice { kl, bytes, millis, .. } = *choice;
        Some(LayerReport {
            node: node.clone(),
            bits,
            sparsity,
            mean_kl: kl,
            bytes,
            ms: timed.then_some(millis),
        })
    });
    chosen.collect()
}

fn text(report: &Report) -> String {
    let form = |layer: &LayerReport| match (layer.bits, layer.sparsity) {
        (Some(bits), _) => format!("{bits} bits"),
        (None, Some(share)) => format!("{} zeros", percent(share)),
        (None, None) => String::new(),
    };
    let rows: Vec<Vec<String>> = (report.layers.iter())
        .map(|layer| {
            let ms = layer.ms.map(|ms| format!("{ms:.3}")).unwrap_or_default();
            vec![layer.node.clone(), form(layer), format!("{:.6}", layer.mean_kl), bytes(layer.bytes), ms]
        })
        .collect();
    let foot = pairs(&[
        ("model", report.model.clone()),
        ("pictures", format!("{}, and {} others that calibrated", report.n, report.n_calibration)),
        ("before", bytes(report.bytes_before)),
        ("after", bytes(report.bytes)),
        ("mean KL", format!("{:.4}, measured", report.mean_kl)),
        ("agreement", report.agreement.map(percent).unwrap_or_default()),
        ("sum of mean KL", format!("{:.4}, before the recipe's repair", report.kl_sum)),
        ("recipe", report.out.clone().unwrap_or_else(|| "not written; -o names a file".to_owned())),
    ]);
    format!("{}\n{foot}", table(&["layer", "form", "mean KL", "bytes", "ms"], &rows))
}
