//! `tinylens judge`: what a recipe costs, on pictures that calibrated nothing.
//!
//! Pictures are dealt out into folds. For each fold the model is compressed with pictures of the other folds, and judged
//! on this one, so that each picture is judged once and no score comes from a picture that calibrated.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use pipeline::quality::{Accuracy, AgainstLabel, AgainstReference, Agreement, paired_change};
use pipeline::{Recipe, RecipeRun, Step, model_file, read_model, start_threads};
use serde::Serialize;

use crate::arguments::JudgeArguments;
use crate::compress::{finish, views_for};
use crate::decoding::{Prepared, Unreadable, prepare};
use crate::eval::{Judged, judge, read};
use crate::images::{Chosen, Folder, choose, draw, spread};
use crate::labels::Labels;
use crate::model::{Model, PreparationReport};
use crate::report::{bytes, note, pairs, percent, print};
use crate::{parallel, recipe};

#[derive(Serialize)]
struct Report {
    command: &'static str,
    model: String,
    recipe: Recipe,
    folds: Vec<FoldReport>,
    n: usize,
    top1: Option<f64>,
    reference_top1: Option<f64>,
    top1_change: Option<f64>,
    top1_change_interval: Option<(f64, f64)>,
    agreement: Option<f64>,
    agreement_interval: (f64, f64),
    mean_kl: f64,
    mean_kl_interval: (f64, f64),
    bytes: u64,
    bytes_before: u64,
    preprocessing: PreparationReport,
    unreadable: Vec<Unreadable>,
}

#[derive(Serialize)]
struct FoldReport {
    n: usize,
    n_calibration: usize,
    /// Of each picture that calibrates.
    views: usize,
    bytes: u64,
}

/// Runs the command.
///
/// # Errors
/// When model, recipe, labels or pictures are refused, and where a fold has no picture.
pub fn run(arguments: &JudgeArguments) -> Result<()> {
    let recipe = recipe::parse(&arguments.recipe)?;
    let labels = arguments.classes.labels.as_deref().map(Labels::read).transpose()?;
    let original =
        read(&arguments.model, &arguments.preparation, arguments.classes.background, labels.as_ref())?;
    let Chosen { mut folder, .. } = choose(&arguments.pictures)?;
    if let Some(labels) = &labels {
        folder.files.retain(|file| labels.class(file).is_some());
    }
    folder.files = spread(std::mem::take(&mut folder.files), arguments.pictures.limit);
    let n_folds = arguments.folds;
    if folder.files.len() < n_folds {
        bail!("{} pictures for {n_folds} folds; expected at least one for each", folder.files.len());
    }
    if let Err(error) = start_threads(parallel::threads(arguments.pictures.threads, usize::MAX)) {
        note(&format!("not all cores are used: {error}"));
    }

    let graph = Arc::new(original.graph.clone());
    let (mut folds, mut judged, mut unreadable) = (Vec::new(), Vec::new(), Vec::new());
    for fold in 0..n_folds {
        let (here, others) = deal(&folder.files, n_folds, fold);
        let views = views_for(&recipe);
        let tensors = if recipe.steps.iter().any(Step::needs_calibration) {
            let drawn = draw(others, arguments.calibration_limit, arguments.seed);
            let preprocessing = &original.graph.metadata.preprocessing;
            let Prepared { tensors, .. } = prepare(&folder, drawn, preprocessing, views, None)?;
            tensors
        } else {
            Vec::new()
        };
        let n_calibration = tensors.len() / views;
        let run = RecipeRun::new(graph.clone(), recipe.clone(), tensors.into())?;
        let compressed = finish(run).with_context(|| format!("recipe {}", arguments.recipe))?;
        let file = model_file(&compressed.graph, recipe.storage);
        let model = Model {
            file: format!("fold {} of {n_folds}", fold + 1),
            bytes: file.len() as u64,
            graph: read_model(&file, "").context("the written file cannot be read back")?,
            preparation: original.preparation,
        };
        let here = Folder { path: folder.path.clone(), files: here };
        let threads = arguments.pictures.threads;
        let (of_fold, lost) = judge(&model, Some(&original), labels.as_ref(), &here, threads)?;
        folds.push(FoldReport { n: of_fold.len(), n_calibration, views, bytes: model.bytes });
        judged.extend(of_fold);
        unreadable.extend(lost);
    }
    print(arguments.output.json, &report(&original, recipe, folds, &judged, unreadable)?, text)
}

/// The pictures of a fold, and all others: every `n_folds`-th, so that neighbours by name part.
fn deal(files: &[String], n_folds: usize, fold: usize) -> (Vec<String>, Vec<String>) {
    let (here, others): (Vec<_>, Vec<_>) =
        files.iter().enumerate().partition(|(idx, _)| idx % n_folds == fold);
    let names = |pairs: Vec<(usize, &String)>| pairs.into_iter().map(|(_, file)| file.clone()).collect();
    (names(here), names(others))
}

fn report(
    original: &Model,
    recipe: Recipe,
    folds: Vec<FoldReport>,
    judged: &[Judged],
    unreadable: Vec<Unreadable>,
) -> Result<Report> {
    let labelled = |part: fn(&Judged) -> Option<AgainstLabel>| -> Vec<AgainstLabel> {
        judged.iter().filter_map(part).collect()
    };
    let (ours, theirs) = (labelled(|it| it.label), labelled(|it| it.reference_label));
    let compared: Vec<AgainstReference> = judged.iter().filter_map(|it| it.reference).collect();
    let agreement = Agreement::of(&compared).context("no picture was judged")?;
    let top1 = |judged: &[AgainstLabel]| judged.iter().map(|it| it.top1).collect::<Vec<_>>();
    let change = paired_change(&top1(&theirs), &top1(&ours));
    Ok(Report {
        command: "judge",
        model: original.file.clone(),
        recipe,
        n: judged.len(),
        top1: Accuracy::of(&ours).top1.value(),
        reference_top1: Accuracy::of(&theirs).top1.value(),
        top1_change: change.map(|it| it.value),
        top1_change_interval: change.map(|it| it.interval),
        agreement: agreement.top1.value(),
        agreement_interval: agreement.top1.interval(),
        mean_kl: agreement.kl.value,
        mean_kl_interval: agreement.kl.interval,
        bytes: folds.iter().map(|fold| fold.bytes).sum::<u64>() / folds.len().max(1) as u64,
        bytes_before: original.bytes,
        preprocessing: original.preparation_report(),
        folds,
        unreadable,
    })
}

fn text(report: &Report) -> String {
    let between = |(low, high): (f64, f64)| format!("{} to {}", percent(low), percent(high));
    let points = |share: f64| format!("{:+.2}", 100.0 * share);
    let n_calibration: Vec<String> = report.folds.iter().map(|fold| fold.n_calibration.to_string()).collect();
    let mut rows = vec![
        ("model", report.model.clone()),
        ("pictures", format!("{} in {} folds", report.n, report.folds.len())),
        ("calibrated by", format!("{} pictures of other folds", n_calibration.join(" and "))),
        ("file", format!("{} on average, of {}", bytes(report.bytes), bytes(report.bytes_before))),
    ];
    if let (Some(top1), Some(reference), Some(change), Some((low, high))) =
        (report.top1, report.reference_top1, report.top1_change, report.top1_change_interval)
    {
        rows.push(("top-1", format!("{}, original {}", percent(top1), percent(reference))));
        rows.push((
            "top-1 change",
            format!("{} points ({} to {})", points(change), points(low), points(high)),
        ));
    }
    if let Some(agreement) = report.agreement {
        rows.push(("agreement", format!("{} ({})", percent(agreement), between(report.agreement_interval))));
    }
    let (low, high) = report.mean_kl_interval;
    rows.push(("mean KL", format!("{:.5} nats ({low:.5} to {high:.5})", report.mean_kl)));
    format!("{}Intervals are of 95 %.\n", pairs(&rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_picture_is_in_one_fold_and_calibrates_the_others() {
        let files: Vec<String> = (0..7).map(|i| format!("{i}.jpg")).collect();
        let mut seen = Vec::new();
        for fold in 0..3 {
            let (here, others) = deal(&files, 3, fold);
            assert!(here.iter().all(|file| !others.contains(file)));
            assert_eq!(here.len() + others.len(), 7);
            seen.extend(here);
        }
        seen.sort();
        assert_eq!(seen, files);
    }
}
