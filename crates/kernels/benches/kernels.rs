//! How fast the kernels are on the layers of MobileNets, in multiply-adds a second and as a share of what a loop of
//! nothing but multiply-adds reaches in the same run.
//!
//! `cargo bench --package kernels` measures the lanes of this machine, `cargo xtask bench-kernels` the flavours that browsers
//! run. The layers stand in `support/layers.rs`; `support/cases.rs` makes programs of them and checks each against plain
//! sums; how a share is computed stands in `support/report.rs`. `bench/README.md` explains the table.

#[path = "support/cases.rs"]
mod cases;
#[path = "support/comparisons.rs"]
mod comparisons;
#[path = "support/data.rs"]
mod data;
#[path = "support/forms.rs"]
mod forms;
#[path = "support/layers.rs"]
mod layers;
#[path = "support/report.rs"]
mod report;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use kernels::ceiling::{multiply_add_f32, multiply_add_i8};
use kernels::{FLAVOUR, Products, start_threads};

use cases::{Run, f32_case, i8_case};
use comparisons::{aims, sparse_table, storage_table};
use forms::{FORMS, Form, is_measured};
use layers::{LAYERS, Layer};
use report::{Destination, Only, Options, Row, Work, json, median, table};

type Error = Box<dyn std::error::Error>;

/// Until the browser's optimising compiler has taken over.
const WARM_UP: Duration = Duration::from_millis(100);
/// A turn of one program in one round.
const TURN: Duration = Duration::from_millis(40);
/// The least that a sample lasts: a hundred steps of the clock of an isolated page.
const SAMPLE_SECONDS: f64 = 500e-6;
/// Turns of a ceiling's loop in one run.
const CEILING_TURNS: usize = 1000;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Error> {
    let options = Options::parse(std::env::args().skip(1))?;
    // Scratch depends on how many threads there are.
    let threads = start_threads(options.threads).map_err(|error| {
        format!(
            "{} threads: {error}; in a browser, `cargo xtask bench-web --threads` compares them",
            options.threads
        )
    })?;
    let products = Products::best();
    let mut ceilings = Ceilings::new(products, threads);
    let mut layers = Vec::new();
    for layer in LAYERS {
        for (arithmetic, dtype, form) in FORMS {
            if is_measured(&layer, form) && is_wanted(&options.only, &layer, dtype, form) {
                let run = match arithmetic {
                    "f32" => f32_case(layer, form)?,
                    _ => i8_case(layer, products, form)?,
                };
                layers.push(MeasuredLayer { layer, dtype, program: Program::new(run) });
            }
        }
    }
    for round in 1..=options.rounds {
        eprintln!("round {round} of {}", options.rounds);
        ceilings.measure();
        layers.iter_mut().for_each(|layer| layer.program.measure());
    }
    let rows = rows(&mut layers, &ceilings);
    let text = format!(
        "flavour {FLAVOUR}, int8 products: {products:?}, threads: {threads}\n{}{}{}\n{}",
        table(&rows),
        storage_table(&rows),
        sparse_table(&rows),
        aims(&rows)
    );
    match options.json {
        None => print!("{text}"),
        Some(Destination::Output) => {
            eprint!("{text}");
            print!("{}", json(FLAVOUR, &rows));
        }
        Some(Destination::File(file)) => {
            print!("{text}");
            std::fs::write(&file, json(FLAVOUR, &rows)).map_err(|error| format!("{file}: {error}"))?;
        }
    }
    Ok(())
}

fn is_wanted(only: &Only, layer: &Layer, dtype: &str, form: Form) -> bool {
    let has_zeros = form.is_sparse();
    match only {
        Only::Layers => form == Form::Plain,
        Only::Storage => layer.has_forms() && !has_zeros,
        Only::Sparse => layer.has_zeros() && (has_zeros || dtype == "f32"),
        Only::Containing(text) => format!("{} {layer} {dtype}", layer.kind.name()).contains(text),
    }
}

struct MeasuredLayer {
    layer: Layer,
    dtype: &'static str,
    program: Program,
}

/// Rows of all layers, then of whole networks where every layer was measured.
fn rows(layers: &mut [MeasuredLayer], ceilings: &Ceilings) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut totals = [("f32", Work::default(), 0), ("int8", Work::default(), 0)];
    for MeasuredLayer { layer, dtype, program } in layers {
        let work = Work {
            macs: layer.macs(),
            best: program.best(),
            median: program.median(),
            ceiling: ceilings.seconds(layer, dtype),
        };
        for (_, total, n_layers) in totals.iter_mut().filter(|total| total.0 == *dtype) {
            *total = total.plus(work, layer.mobilenet_v2);
            *n_layers += 1;
        }
        rows.push(Row { kernel: layer.kind.name().to_owned(), shape: layer.to_string(), dtype, work });
    }
    for (dtype, work, n_layers) in totals {
        if n_layers == LAYERS.len() {
            rows.push(Row {
                kernel: "all".to_owned(),
                shape: "mobilenet-v2 1.0 224".to_owned(),
                dtype,
                work,
            });
        }
    }
    rows
}

/// Multiply-adds in registers.
struct Ceilings {
    float: Program,
    /// Of depthwise layers.
    pairs: Program,
    /// Of dense layers, which multiply as `products` says.
    dense: Program,
    products: Products,
    /// Each reaches the ceiling that one reaches alone.
    threads: usize,
}

impl Ceilings {
    fn new(products: Products, threads: usize) -> Self {
        let int8 = |products| {
            Program::new(Box::new(move || {
                multiply_add_i8(products, CEILING_TURNS);
            }))
        };
        let float = Program::new(Box::new(|| {
            multiply_add_f32(CEILING_TURNS);
        }));
        Self { float, pairs: int8(Products::Pairs), dense: int8(products), products, threads }
    }

    fn measure(&mut self) {
        self.float.measure();
        self.pairs.measure();
        self.dense.measure();
    }

    /// What the layer's multiply-adds take.
    fn seconds(&self, layer: &Layer, dtype: &str) -> f64 {
        let float = self.float.best() / multiply_add_f32(CEILING_TURNS) as f64;
        let int8 =
            |program: &Program, products| program.best() / multiply_add_i8(products, CEILING_TURNS) as f64;
        let alone = match dtype {
            dtype if dtype.starts_with("f32") => layer.macs() as f64 * float,
            _ => {
                layer.dense_macs() as f64 * int8(&self.dense, self.products)
                    + layer.depthwise_macs() as f64 * int8(&self.pairs, Products::Pairs)
            }
        };
        alone / self.threads as f64
    }
}

/// Something to run, and how long it took.
struct Program {
    run: Run,
    /// Runs in one sample; 0 before the first.
    repeats: usize,
    /// Seconds of one run, one value for each sample.
    samples: Vec<f64>,
}

impl Program {
    fn new(run: Run) -> Self {
        Self { run, repeats: 0, samples: Vec::new() }
    }

    /// A turn, and the warm-up before the first.
    fn measure(&mut self) {
        if self.repeats == 0 {
            let (start, mut runs) = (Instant::now(), 0_u32);
            while start.elapsed() < WARM_UP {
                (self.run)();
                runs += 1;
            }
            let seconds = start.elapsed().as_secs_f64() / f64::from(runs);
            self.repeats = (SAMPLE_SECONDS / seconds).ceil().max(1.0) as usize;
        }
        let start = Instant::now();
        while start.elapsed() < TURN {
            let sample = Instant::now();
            for _ in 0..self.repeats {
                (self.run)();
            }
            self.samples.push(sample.elapsed().as_secs_f64() / self.repeats as f64);
        }
    }

    fn best(&self) -> f64 {
        self.samples.iter().copied().fold(f64::INFINITY, f64::min)
    }

    fn median(&mut self) -> f64 {
        median(&mut self.samples)
    }
}
