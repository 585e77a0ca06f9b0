//! The command line's words.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Compresses MobileNet-like models and measures what it costs.
#[derive(Debug, Parser)]
#[command(name = "tinylens", version, about)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what a model file holds
    Inspect(InspectArguments),
    /// Run a recipe on a model and write the result
    Compress(CompressArguments),
    /// Measure accuracy against labels and agreement with a reference model
    Eval(EvalArguments),
    /// Measure what a recipe costs, each picture by a model that it did not calibrate
    Judge(JudgeArguments),
    /// Measure how long each layer takes
    Bench(BenchArguments),
    /// Measure which layers a recipe hurts, one layer at a time
    Sensitivity(SensitivityArguments),
}

/// Of `inspect`.
#[derive(Args, Debug)]
pub struct InspectArguments {
    /// Model file
    pub model: PathBuf,
    #[command(flatten)]
    pub preparation: PreparationArguments,
    #[command(flatten)]
    pub output: OutputArguments,
}

/// Of `compress`.
#[derive(Args, Debug)]
pub struct CompressArguments {
    /// Model file
    pub model: PathBuf,
    /// Recipe: a JSON file or a preset's name
    #[arg(long, value_name = "FILE|PRESET")]
    pub recipe: String,
    /// Folder of pictures that calibrate; no labels are used
    #[arg(long, value_name = "DIR")]
    pub calibration: Option<PathBuf>,
    /// How many pictures of that folder calibrate at most
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = at_least_one())]
    pub calibration_limit: usize,
    /// How many views of each picture calibrate: the one that is judged and further crops, mirrored and not
    #[arg(long, value_name = "N", value_parser = at_least_one())]
    pub calibration_views: Option<usize>,
    /// Draws the calibration pictures where the folder holds more
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Pictures that must not calibrate: a folder, a list of paths within it, or a report of `compress --json`
    #[arg(long, value_name = "DIR|LIST")]
    pub exclude: Vec<PathBuf>,
    /// File to write: .safetensors (Tinylens' own), .onnx or .tflite
    #[arg(short, long = "output", value_name = "FILE")]
    pub out: PathBuf,
    #[command(flatten)]
    pub preparation: PreparationArguments,
    #[command(flatten)]
    pub output: OutputArguments,
}

/// Of `eval`.
#[derive(Args, Debug)]
pub struct EvalArguments {
    /// Model file
    pub model: PathBuf,
    /// Model to compare with, usually the original
    #[arg(long, value_name = "MODEL")]
    pub reference: Option<PathBuf>,
    #[command(flatten)]
    pub classes: ClassArguments,
    /// Also tell the error of each layer's weights and output beside the reference's, on N of the pictures
    #[arg(long, value_name = "N", requires = "reference", value_parser = at_least_one())]
    pub layers: Option<usize>,
    #[command(flatten)]
    pub pictures: PictureArguments,
    #[command(flatten)]
    pub preparation: PreparationArguments,
    #[command(flatten)]
    pub output: OutputArguments,
}

/// What a model's outputs should say.
#[derive(Args, Debug)]
pub struct ClassArguments {
    /// CSV file `file,class,label` with classes from 0, background not counted
    #[arg(long, value_name = "CSV")]
    pub labels: Option<PathBuf>,
    /// Whether output 0 is a background class
    #[arg(long, value_enum, default_value_t = Background::Auto)]
    pub background: Background,
}

/// Of `judge`.
#[derive(Args, Debug)]
pub struct JudgeArguments {
    /// Model file
    pub model: PathBuf,
    /// Recipe: a JSON file or a preset's name
    #[arg(long, value_name = "FILE|PRESET")]
    pub recipe: String,
    /// Parts that the pictures are dealt out into; each is judged by a model that the others calibrated
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = at_least_two())]
    pub folds: usize,
    /// How many pictures of the other folds calibrate at most
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = at_least_one())]
    pub calibration_limit: usize,
    /// Draws the calibration pictures where there are more
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    #[command(flatten)]
    pub classes: ClassArguments,
    #[command(flatten)]
    pub pictures: PictureArguments,
    #[command(flatten)]
    pub preparation: PreparationArguments,
    #[command(flatten)]
    pub output: OutputArguments,
}

/// Of `bench`.
#[derive(Args, Debug)]
pub struct BenchArguments {
    /// Model file
    pub model: PathBuf,
    /// Timed runs; medians of them are shown
    #[arg(long, value_name = "N", default_value_t = 21, value_parser = at_least_one())]
    pub runs: usize,
    /// Copies of the model that run at the same time, one to a thread
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one())]
    pub threads: usize,
    #[command(flatten)]
    pub output: OutputArguments,
}

/// Of `sensitivity`.
#[derive(Args, Debug)]
pub struct SensitivityArguments {
    /// Model file
    pub model: PathBuf,
    /// Recipe whose changes are judged layer by layer: a JSON file or a preset's name
    #[arg(long, value_name = "FILE|PRESET", default_value = "int8")]
    pub recipe: String,
    #[command(flatten)]
    pub budget: BudgetArguments,
    #[command(flatten)]
    pub pictures: PictureArguments,
    #[command(flatten)]
    pub preparation: PreparationArguments,
    #[command(flatten)]
    pub output: OutputArguments,
}

/// A budget that layers' bits or zeros are planned to.
#[derive(Args, Debug)]
pub struct BudgetArguments {
    /// Plan a recipe whose file has at most N bytes, in place of judging one
    #[arg(long, value_name = "N", group = "budget", conflicts_with = "recipe")]
    pub budget_bytes: Option<u64>,
    /// Plan the smallest file whose layers' mean KL, each measured alone, add up to at most X nats
    #[arg(long, value_name = "X", group = "budget", conflicts_with = "recipe")]
    pub budget_kl: Option<f64>,
    /// Plan a recipe whose layers take at most T milliseconds on this machine's one core
    #[arg(long, value_name = "T", group = "budget", conflicts_with = "recipe")]
    pub budget_ms: Option<f64>,
    /// What is planned layer by layer: bits of integer weights, or shares of zeros
    #[arg(long, value_enum, default_value_t = Planned::Bits, requires = "budget")]
    pub plan: Planned,
    /// Where to write the planned recipe (JSON)
    #[arg(short, long = "output", value_name = "FILE", requires = "budget")]
    pub out: Option<PathBuf>,
}

/// What a budget is spent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Planned {
    /// 32, 8, 4 or 2 bits per weight
    Bits,
    /// Zeros, in an entropy-coded file
    Zeros,
}

/// Which pictures are looked at.
#[derive(Args, Debug)]
pub struct PictureArguments {
    /// Folder of pictures (JPEG, PNG, WebP), subfolders included
    #[arg(long, value_name = "DIR")]
    pub images: PathBuf,
    /// Look at N of them, spread evenly over their sorted names
    #[arg(long, value_name = "N", value_parser = at_least_one())]
    pub limit: Option<usize>,
    /// Pictures to leave out: a folder, a list of paths within it, or a report of `compress --json`
    #[arg(long, value_name = "DIR|LIST")]
    pub exclude: Vec<PathBuf>,
    /// Threads; all cores without it
    #[arg(long, value_name = "N", value_parser = at_least_one())]
    pub threads: Option<usize>,
}

/// How pictures are prepared where the file does not say it, or says it wrongly.
#[derive(Args, Clone, Debug, Default)]
pub struct PreparationArguments {
    /// How pixel values become the network's input, in place of what the file says
    #[arg(long, value_enum, value_name = "NAME")]
    pub preprocessing: Option<NamedNormalization>,
    /// Subtracted from R,G,B in 0..=255, in place of what the file says
    #[arg(long, value_name = "R,G,B", value_parser = triple, allow_hyphen_values = true)]
    pub mean: Option<[f32; 3]>,
    /// Divided by, per channel
    #[arg(long, value_name = "R,G,B", value_parser = triple)]
    pub std: Option<[f32; 3]>,
    /// Length of the picture's shorter side before the centre is cut out, pixels
    #[arg(long, value_name = "N", value_parser = at_least_one())]
    pub resize: Option<usize>,
}

/// Known ways from `0..=255` to a network's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NamedNormalization {
    /// (x - 127.5) / 127.5, TensorFlow's models
    MinusOneToOne,
    /// ImageNet's mean and deviation per channel, PyTorch's models
    Imagenet,
    /// x / 255
    ZeroToOne,
}

/// Whether output 0 is a background class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Background {
    /// Where the file says so, or the model has one output more than there are classes
    Auto,
    /// It is
    Yes,
    /// It is not
    No,
}

/// How results are shown.
#[derive(Args, Clone, Copy, Debug)]
pub struct OutputArguments {
    /// Print one JSON object (docs/command-line.md lists its fields)
    #[arg(long)]
    pub json: bool,
}

fn at_least_two() -> impl Fn(&str) -> Result<usize, String> + Clone {
    |text: &str| match text.parse() {
        Ok(n) if n > 1 => Ok(n),
        _ => Err("expected a whole number from 2".to_owned()),
    }
}

fn at_least_one() -> impl Fn(&str) -> Result<usize, String> + Clone {
    |text: &str| match text.parse() {
        Ok(n) if n > 0 => Ok(n),
        _ => Err("expected a whole number from 1".to_owned()),
    }
}

fn triple(text: &str) -> Result<[f32; 3], String> {
    let numbers: Option<Vec<f32>> = text.split(',').map(|part| part.trim().parse().ok()).collect();
    match numbers.as_deref() {
        Some([all]) => Ok([*all; 3]),
        Some(&[r, g, b]) => Ok([r, g, b]),
        _ => Err("expected three numbers as in 123.7,116.3,103.5, or one for all channels".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_words_hold_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn numbers_for_channels() {
        assert_eq!(triple("1, 2,3"), Ok([1.0, 2.0, 3.0]));
        assert_eq!(triple("127.5"), Ok([127.5; 3]));
        assert!(triple("1,2").is_err() && triple("a,b,c").is_err() && triple("").is_err());
        assert!(at_least_one()("0").is_err() && at_least_one()("-1").is_err());
        assert!(at_least_two()("1").is_err() && at_least_two()("2").is_ok());
    }
}
