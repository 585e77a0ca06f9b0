//! `tinylens compress`: a recipe runs on a model, and the result is written.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use pipeline::{
    Compressed, Graph, Progress, Recipe, RecipeRun, Repair, Stage, Status, Step, Storage, onnx, read_model,
    start_threads, tflite,
};
use serde::Serialize;

use crate::arguments::CompressArguments;
use crate::decoding::{Prepared, Unreadable, prepare};
use crate::images::{Folder, draw, names_to_exclude};
use crate::inspect::SizesReport;
use crate::model::{Model, PreparationReport};
use crate::report::{bytes, note, pairs, percent, print};
use crate::{parallel, progress, recipe};

/// What the ending of the output's name chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Format {
    Tinylens,
    Onnx,
    Tflite,
}

#[derive(Serialize)]
struct Report {
    command: &'static str,
    model: String,
    out: String,
    format: Format,
    recipe: Recipe,
    bytes_before: u64,
    bytes: u64,
    sizes: SizesReport,
    sparsity: f64,
    preprocessing: PreparationReport,
    calibration: Option<CalibrationReport>,
    steps: Vec<StepReport>,
    seconds: f64,
}

/// The model behind a step.
#[derive(Serialize)]
struct StepReport {
    pass: &'static str,
    bytes: u64,
    zeros: u64,
    multiply_adds: u64,
}

#[derive(Serialize)]
struct CalibrationReport {
    folder: String,
    seed: u64,
    n: usize,
    /// Of each picture.
    views: usize,
    files: Vec<String>,
    unreadable: Vec<Unreadable>,
}

/// See [`views_for`].
const VIEWS_FOR_PRUNING: usize = 3;

/// Runs the command.
///
/// # Errors
/// When model, recipe or calibration pictures are refused, or the result cannot be written.
pub fn run(arguments: &CompressArguments) -> Result<()> {
    let start = Instant::now();
    let format = Format::of(&arguments.out)?;
    let recipe = recipe::parse(&arguments.recipe)?;
    for warning in recipe.warnings() {
        note(&recipe::words(warning));
    }
    let model = Model::read(&arguments.model, &arguments.preparation)?;
    let place = Replacement::begin(&arguments.out)?;
    let needed = recipe.steps.iter().find(|step| Step::needs_calibration(step));
    let (tensors, calibration) = match (needed, &arguments.calibration) {
        (None, None) => (Vec::new(), None),
        (None, Some(_)) => {
            note("no step of this recipe uses calibration pictures; none were read");
            (Vec::new(), None)
        }
        (Some(step), None) => {
            bail!("the step `{}` needs pictures; name a folder with --calibration", step.pass())
        }
        (Some(_), Some(folder)) => {
            model.tell_preparation();
            let n_views = arguments.calibration_views.unwrap_or_else(|| views_for(&recipe));
            let (tensors, report) = calibration(&model, folder, n_views, arguments)?;
            (tensors, Some(report))
        }
    };

    if let Err(error) = start_threads(parallel::threads(None, usize::MAX)) {
        note(&format!("not all cores are used: {error}"));
    }
    let preprocessing = model.preparation_report();
    let original = Arc::new(model.graph);
    let run = RecipeRun::new(original, recipe.clone(), tensors.into())?;
    let compressed = finish(run).with_context(|| format!("recipe {}", arguments.recipe))?;

    let file = format.write(&compressed.graph, recipe.storage)?;
    place.finish(&file)?;
    let report = Report {
        command: "compress",
        model: model.file,
        out: arguments.out.display().to_string(),
        format,
        recipe,
        bytes_before: model.bytes,
        bytes: file.len() as u64,
        sizes: compressed.sizes.into(),
        sparsity: compressed.graph.sparsity(),
        preprocessing,
        calibration,
        steps: compressed
            .steps
            .iter()
            .map(|step| StepReport {
                pass: step.pass,
                bytes: step.bytes,
                zeros: step.zeros,
                multiply_adds: step.multiply_adds,
            })
            .collect(),
        seconds: start.elapsed().as_secs_f64(),
    };
    print(arguments.output.json, &report, text)
}

/// Runs a recipe to its end under a progress bar.
///
/// # Errors
/// As [`RecipeRun::advance`].
pub fn finish(mut run: RecipeRun) -> Result<Compressed> {
    let bar = progress::bar("compressing", 1);
    loop {
        match run.advance()? {
            Status::Done(compressed) => return Ok(*compressed),
            Status::Working(Progress { stage, done, total }) => bar.set(stage_name(stage), done, total),
        }
    }
}

/// Views of each calibration picture: pruning fits so many weights anew that few pictures are learnt by heart.
pub fn views_for(recipe: &Recipe) -> usize {
    let refits = |step: &Step| matches!(step, Step::Prune { repair: Repair::Reconstruct, .. });
    if recipe.steps.iter().any(refits) { VIEWS_FOR_PRUNING } else { 1 }
}

/// The prepared calibration pictures, and which they are.
fn calibration(
    model: &Model,
    folder: &Path,
    n_views: usize,
    arguments: &CompressArguments,
) -> Result<(Vec<Vec<f32>>, CalibrationReport)> {
    let mut pictures = Folder::open(folder).context("--calibration")?;
    pictures.exclude(&names_to_exclude(&arguments.exclude)?)?;
    let files = draw(pictures.files.clone(), arguments.calibration_limit, arguments.seed);
    let preprocessing = &model.graph.metadata.preprocessing;
    let Prepared { files, tensors, unreadable } = prepare(&pictures, files, preprocessing, n_views, None)?;
    let (folder, seed, n) = (folder.display().to_string(), arguments.seed, files.len());
    Ok((tensors, CalibrationReport { folder, seed, n, views: n_views, files, unreadable }))
}

impl Format {
    fn of(out: &Path) -> Result<Self> {
        let ending = out.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        match ending.as_deref() {
            Some("safetensors" | "tinylens") => Ok(Self::Tinylens),
            Some("onnx") => Ok(Self::Onnx),
            Some("tflite") => Ok(Self::Tflite),
            _ => bail!(
                "{}: the ending chooses the format; expected .safetensors (Tinylens' own), .onnx or .tflite",
                out.display()
            ),
        }
    }

    /// The file. Tinylens' own takes the form that the recipe names, and is read back.
    fn write(self, graph: &Graph, storage: Storage) -> Result<Vec<u8>> {
        match self {
            Self::Tinylens => {
                let file = pipeline::model_file(graph, storage);
                read_model(&file, "").context("the written file cannot be read back")?;
                Ok(file)
            }
            Self::Onnx => onnx::write(graph).context("ONNX cannot hold this model"),
            Self::Tflite => tflite::write(graph).context("TensorFlow Lite cannot hold this model"),
        }
    }
}

/// A file that is written whole or not at all: until then there is an empty one beside it, gone when dropped.
struct Replacement<'p> {
    path: &'p Path,
    beside: PathBuf,
}

impl<'p> Replacement<'p> {
    /// Finds out whether the place can be written to, before the work.
    fn begin(path: &'p Path) -> Result<Self> {
        let name = path.file_name().ok_or_else(|| anyhow!("{} names no file", path.display()))?;
        let beside = path.with_file_name(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
        if path.is_dir() {
            bail!("{} cannot be written: it is a folder", path.display());
        }
        fs::write(&beside, []).with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(Self { path, beside })
    }

    fn finish(self, contents: &[u8]) -> Result<()> {
        let written = fs::write(&self.beside, contents).and_then(|()| fs::rename(&self.beside, self.path));
        written.with_context(|| format!("{} cannot be written", self.path.display()))
    }
}

impl Drop for Replacement<'_> {
    fn drop(&mut self) {
        // Renamed by now, where all went well.
        let _ = fs::remove_file(&self.beside);
    }
}

fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Weights => "weights",
        Stage::Calibrate => "calibration",
        Stage::Repair => "repair",
        Stage::Sizes => "sizes",
    }
}

fn text(report: &Report) -> String {
    let passes: Vec<String> =
        report.steps.iter().map(|step| format!("{} ({} plain)", step.pass, bytes(step.bytes))).collect();
    let calibration = match &report.calibration {
        None => "none".to_owned(),
        Some(it) => format!("{} pictures of {} (seed {})", it.n, it.folder, it.seed),
    };
    let share = report.bytes as f64 / report.bytes_before.max(1) as f64;
    pairs(&[
        ("written", report.out.clone()),
        ("steps", if passes.is_empty() { "none".to_owned() } else { passes.join(", ") }),
        ("calibration", calibration),
        ("before", bytes(report.bytes_before)),
        ("after", format!("{}, {} of before", bytes(report.bytes), percent(share))),
        ("zero weights", percent(report.sparsity)),
        ("time", format!("{:.1} s", report.seconds)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_chooses_the_format() {
        let format = |name: &str| Format::of(Path::new(name)).ok();
        assert_eq!(format("a/b.ONNX"), Some(Format::Onnx));
        assert_eq!(format("b.tflite"), Some(Format::Tflite));
        assert_eq!(format("b.safetensors"), Some(Format::Tinylens));
        assert_eq!([format("b"), format("b.zip"), format("")], [None; 3]);
    }
}
