//! What the benchmark is asked for and what it answers: options, rows, the table, JSON.

use std::fmt::Write;

/// The command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where the rows go as JSON.
    pub json: Option<Destination>,
    /// What is measured.
    pub only: Only,
    /// How often every layer has its turn.
    pub rounds: usize,
    /// How many share a kernel's work.
    pub threads: usize,
}

/// A part of all that can be measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Only {
    /// Plain weights.
    Layers,
    /// Weights in reduced storage and the plain ones beside them.
    Storage,
    /// Weights with zeros and the dense ones beside them.
    Sparse,
    /// Layers in whose kernel, shape and number format this occurs.
    Containing(String),
}

impl From<String> for Only {
    fn from(text: String) -> Self {
        match text.as_str() {
            "layers" => Self::Layers,
            "storage" => Self::Storage,
            "sparse" => Self::Sparse,
            _ => Self::Containing(text),
        }
    }
}

/// A place for a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Standard output; the table is then on standard error.
    Output,
    /// A file.
    File(String),
}

impl Options {
    /// Understands `--json FILE`, `--json -`, `--only layers|storage|sparse|TEXT`, `--rounds N`, `--threads N`, and Cargo's
    /// `--bench`.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { json: None, only: Only::Containing(String::new()), rounds: 5, threads: 1 };
        let mut rest = arguments.into_iter();
        while let Some(argument) = rest.next() {
            let mut value = || rest.next().ok_or_else(|| format!("{argument} needs a value"));
            match argument.as_str() {
                "--bench" => {}
                "--json" => {
                    let place = value()?;
                    let place = if place == "-" { Destination::Output } else { Destination::File(place) };
                    options.json = Some(place);
                }
                "--only" => options.only = value()?.into(),
                "--rounds" => options.rounds = count("rounds", &value()?)?,
                "--threads" => options.threads = count("threads", &value()?)?,
                other => {
                    return Err(format!(
                        "`{other}` is not an option; these are --json FILE, --json -, --only layers|storage|sparse|TEXT, \
                         --rounds N, --threads N"
                    ));
                }
            }
        }
        Ok(options)
    }
}

/// A number of what, one at least.
fn count(what: &str, text: &str) -> Result<usize, String> {
    let parsed = text.parse().ok().filter(|count| *count > 0);
    parsed.ok_or_else(|| format!("`{text}` is not a number of {what}"))
}

/// Multiply-adds and the seconds that they took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Work {
    pub macs: u64,
    pub best: f64,
    pub median: f64,
    /// What all of them take at the ceiling of their own instructions.
    pub ceiling: f64,
}

impl Work {
    /// `times` such works after this one.
    pub fn plus(self, other: Self, times: u64) -> Self {
        let n = times as f64;
        Self {
            macs: self.macs + other.macs * times,
            best: self.best + other.best * n,
            median: self.median + other.median * n,
            ceiling: self.ceiling + other.ceiling * n,
        }
    }

    /// GMAC/s of `seconds`.
    fn rate(&self, seconds: f64) -> f64 {
        self.macs as f64 / seconds / 1e9
    }

    /// The part of the ceiling that the best time reaches.
    pub fn share(&self) -> f64 {
        self.ceiling / self.best
    }
}

/// A line of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub kernel: String,
    pub shape: String,
    pub dtype: &'static str,
    pub work: Work,
}

/// The middle of the samples, the upper one of two; NaN without samples.
pub fn median(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied().unwrap_or(f64::NAN)
}

/// For people.
pub fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{:<17} {:<25} {:<18} {:>10} {:>10} {:>8} {:>8} {:>8} {:>6}\n",
        "kernel", "shape", "dtype", "best us", "median us", "GMAC/s", "median", "ceiling", "share"
    );
    for Row { kernel, shape, dtype, work } in rows {
        let [best, median, ceiling] = [work.best, work.median, work.ceiling].map(|it| work.rate(it));
        let (best_us, median_us) = (work.best * 1e6, work.median * 1e6);
        let share = 100.0 * work.share();
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{kernel:<17} {shape:<25} {dtype:<18} {best_us:>10.1} {median_us:>10.1} {best:>8.2} {median:>8.2} \
             {ceiling:>8.2} {share:>5.0}%"
        );
    }
    text
}

/// For programs: an array with one row a line.
pub fn json(flavour: &str, rows: &[Row]) -> String {
    let line = |Row { kernel, shape, dtype, work }: &Row| {
        let [best, median, ceiling] =
            [work.best, work.median, work.ceiling].map(|seconds| number(work.rate(seconds)));
        format!(
            r#"{{"flavour":"{flavour}","kernel":"{kernel}","shape":"{shape}","dtype":"{dtype}","gmacs_best":{best},"gmacs_median":{median},"ceiling":{ceiling},"share":{}}}"#,
            number(work.share())
        )
    };
    let lines: Vec<_> = rows.iter().map(line).collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

/// JSON has no infinity and no NaN.
fn number(x: f64) -> String {
    if x.is_finite() { format!("{x:.4}") } else { "null".to_owned() }
}
