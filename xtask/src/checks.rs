//! `cargo xtask test`: every check, one after the other, each with a heading and its time.
//!
//! A failing check does not stop the others; the last line says how many passed and failed, and so does the exit
//! status.

use std::env;
use std::fs;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::shell::{cargo, command, root, run};
use crate::{assets, browser, layers, setup, site, tools};

/// How much to check.
#[derive(Clone, Copy)]
pub enum Extent {
    /// Everything.
    Full,
    /// What needs no WebAssembly and no browser.
    Quick,
}

type Check = (&'static str, fn() -> Result<()>);

const QUICK: &[Check] = &[
    ("formatting", formatting),
    ("layers and documents", layers::check),
    // Some tests need the model that it installs.
    ("set-up", setup::everything_for_tests),
    ("lints", lints),
    ("tests", native_tests),
];

const SLOW: &[Check] = &[
    ("lints of the page", page_lints),
    ("tests as WebAssembly", wasm_tests),
    ("release build", site::build),
    ("tests in the browser", browser_tests),
];

/// The crates whose tests also run as WebAssembly with SIMD.
const TESTED_AS_WASM: [&str; 2] = ["kernels", "vision"];

/// Runs the checks of an extent; fails when one of them does.
pub fn run_extent(extent: Extent) -> ExitCode {
    let failures = match extent {
        Extent::Quick => run_all(QUICK),
        Extent::Full => run_all(&[QUICK, SLOW].concat()),
    };
    if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs all `checks`, reports on standard output, and returns how many failed.
fn run_all(checks: &[Check]) -> usize {
    let mut failures = Vec::new();
    for (index, (name, check)) in checks.iter().enumerate() {
        println!("\n──── {} of {}: {name}", index + 1, checks.len());
        let start = Instant::now();
        let result = check();
        let seconds = start.elapsed().as_secs_f32();
        match result {
            Ok(()) => println!("──── {name}: passed in {seconds:.1} s"),
            Err(error) => {
                println!("──── {name}: FAILED after {seconds:.1} s: {error:#}");
                failures.push(format!("{name}: {error}"));
            }
        }
    }
    println!();
    for failure in &failures {
        println!("failed: {failure}");
    }
    println!("{} passed, {} failed", checks.len() - failures.len(), failures.len());
    failures.len()
}

fn formatting() -> Result<()> {
    run(cargo()?.args(["fmt", "--all", "--check"]))?;
    run(cargo()?.args(["fmt", "--check", "--manifest-path", "xtask/bindgen/Cargo.toml"]))?;
    run(cargo()?.args(["fmt", "--all", "--check", "--manifest-path", "bench/peers/Cargo.toml"]))
}

fn lints() -> Result<()> {
    run(cargo()?.args(["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

/// The page's code once more as the browser gets it: much of it exists for that target only.
fn page_lints() -> Result<()> {
    let mut clippy = cargo()?;
    clippy.args(["clippy", "--quiet", "--package", "tinylens", "--lib", "--bins"]);
    run(clippy.args(["--target", "wasm32-unknown-unknown", "--", "-D", "warnings"]))
}

fn native_tests() -> Result<()> {
    let shared = root().join("../shared");
    if env::var_os("TINYLENS_SHARED").is_none() && !shared.is_dir() {
        println!(
            "no shared test data beside the repository: tests on labelled photos and ONNX models are skipped"
        );
    }
    let mut test = cargo()?;
    if let Some(checkpoint) = assets::efficientnet_lite0_checkpoint()? {
        test.env("TINYLENS_LITE0_PTH", checkpoint);
    }
    run(test.args(["test", "--workspace"]))?;
    // The lanes of processors that have none of their own.
    run(cargo()?.args(["test", "--package", "kernels", "--lib", "--features", "portable"]))
}

/// Node runs the test binaries with SIMD128, the browser those with relaxed SIMD, which older versions of Node have as a
/// draft only.
fn wasm_tests() -> Result<()> {
    wasm_tests_in("+simd128", "target/wasi", "xtask/wasi-run.mjs")?;
    wasm_tests_in("+simd128,+relaxed-simd", "target/wasi-relaxed", "xtask/wasi-chromium.mjs")
}

fn wasm_tests_in(features: &str, target: &str, runner: &str) -> Result<()> {
    let mut test = cargo()?;
    let runner = root().join(runner);
    let runner = serde_json::to_string(&["node", "--no-warnings", &runner.to_string_lossy()])?;
    test.env("CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS", format!("-C target-feature={features}"));
    test.env("CHROME", browser::chromium()?);
    test.args(["--config", &format!("target.wasm32-wasip1.runner={runner}")]);
    test.args(["test", "--lib", "--tests", "--target", "wasm32-wasip1", "--target-dir", target]);
    for package in TESTED_AS_WASM {
        test.args(["--package", package]);
    }
    // Without --nocapture the message of a failing assertion is lost in the trap.
    run(test.args(["--", "--nocapture"]))
}

fn browser_tests() -> Result<()> {
    if !site::dist().join("index.html").is_file() {
        bail!("there is no built page to test");
    }
    tools::require_node()?;
    let mut specs = Vec::new();
    for entry in fs::read_dir(root().join("tests/browser")).context("tests/browser cannot be read")? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(".test.mjs") {
            specs.push(path);
        }
    }
    specs.sort();
    let mut node = command("node")?;
    node.env("CHROME", browser::chromium()?);
    if let Some(firefox) = browser::firefox()? {
        node.env("FIREFOX", firefox);
    }
    // One after the other: latencies are measured, and two browsers on two cores disturb each other.
    node.args(["--test", "--test-concurrency=1", "--test-reporter=spec"]);
    run(node.args(specs))
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::run_all;

    #[test]
    fn a_failing_check_is_counted_and_the_next_one_still_runs() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static RUNS: AtomicUsize = AtomicUsize::new(0);

        let failures = run_all(&[
            ("sound", || Ok(())),
            ("broken", || bail!("on purpose")),
            ("later", || {
                RUNS.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }),
        ]);
        assert_eq!((failures, RUNS.load(Ordering::Relaxed)), (1, 1));
    }
}
