//! `cargo xtask bench-kernels`: the benchmark of single kernels, `crates/kernels/benches/kernels.rs`, as browsers run it.
//!
//! It is compiled and optimised as the worker is, once for each flavour, and runs in Chromium without anything else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::bench::FLAVOURS;
use crate::engines::WASM_OPT;
use crate::shell::{capture, cargo, command, root, run};
use crate::{browser, tools};

/// Measures; tables go to standard output, or to standard error where rows go to a file.
pub fn bench(options: &[&str]) -> Result<()> {
    let options = Options::parse(options)?;
    if options.flavour == Some(NATIVE) {
        return bench_natively(&options);
    }
    tools::require_node()?;
    tools::rust_targets()?;
    tools::npm_packages()?;
    let chromium = browser::chromium()?;
    let mut rows = Vec::new();
    for (flavour, features) in FLAVOURS {
        if options.flavour.is_some_and(|it| it != flavour) {
            continue;
        }
        let program = compile(flavour, features)?;
        let mut node = command("node")?;
        node.env("CHROME", &chromium).arg(root().join("xtask/wasi-chromium.mjs")).arg(program);
        node.args(&options.passed_on);
        match options.json {
            None => run(&mut node)?,
            Some(_) => {
                let output = capture(node.args(["--json", "-"]).stderr(Stdio::inherit()))?;
                let printed: Vec<Value> =
                    serde_json::from_str(&output).context("the benchmark printed no rows")?;
                rows.extend(printed);
            }
        }
    }
    if let Some(file) = options.json {
        let lines: Vec<_> = rows.iter().map(Value::to_string).collect();
        fs::write(file, format!("[\n{}\n]\n", lines.join(",\n")))
            .with_context(|| format!("{} cannot be written", file.display()))?;
    }
    Ok(())
}

/// What is not a browser's flavour: the program as this machine runs it, which alone has threads.
const NATIVE: &str = "native";

fn bench_natively(options: &Options<'_>) -> Result<()> {
    let mut bench = cargo()?;
    bench.args(["bench", "--quiet", "--package", "kernels", "--bench", "kernels", "--"]);
    bench.args(&options.passed_on);
    if let Some(file) = options.json {
        // The program runs in its package's folder.
        bench.arg("--json").arg(std::path::absolute(file)?);
    }
    run(&mut bench)
}

/// The optimised program of a flavour.
fn compile(flavour: &str, features: &str) -> Result<PathBuf> {
    // A folder of its own: other flags in the same one would compile everything anew each time.
    let target = root().join(format!("target/bench/kernels-{flavour}"));
    let mut build = cargo()?;
    build.env("CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS", format!("-C target-feature={features}"));
    build.args(["bench", "--no-run", "--quiet", "--package", "kernels", "--bench", "kernels"]);
    build.args(["--target", "wasm32-wasip1", "--message-format=json-render-diagnostics", "--target-dir"]);
    let messages = capture(build.arg(&target).stderr(Stdio::inherit()))?;
    let compiled = executable(&messages).context("Cargo named no program of the benchmark")?;
    let optimised = target.join("kernels.wasm");
    run(command("wasm-opt")?.args(WASM_OPT).arg(compiled).arg("-o").arg(&optimised))?;
    Ok(optimised)
}

/// The program that Cargo's messages name.
fn executable(messages: &str) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).next_back()
}

#[derive(Debug, PartialEq)]
struct Options<'o> {
    flavour: Option<&'o str>,
    json: Option<&'o Path>,
    /// What the program itself understands.
    passed_on: Vec<&'o str>,
}

impl<'o> Options<'o> {
    fn parse(arguments: &[&'o str]) -> Result<Self> {
        let mut options = Self { flavour: None, json: None, passed_on: Vec::new() };
        for pair in arguments.chunks(2) {
            match *pair {
                ["--flavour", flavour] => {
                    if flavour != NATIVE && !FLAVOURS.iter().any(|(name, _)| *name == flavour) {
                        bail!("there is no flavour `{flavour}`; there are simd128, relaxed, native");
                    }
                    options.flavour = Some(flavour);
                }
                ["--json", file] => options.json = Some(Path::new(file)),
                [name @ ("--only" | "--rounds" | "--threads"), value] => {
                    options.passed_on.extend([name, value])
                }
                [name @ ("--flavour" | "--json" | "--only" | "--rounds" | "--threads")] => {
                    bail!("{name} needs a value")
                }
                _ => bail!(
                    "`{}` is not an option of bench-kernels; these are --flavour, --only, --rounds, --threads, --json",
                    pair[0]
                ),
            }
        }
        if options.passed_on.contains(&"--threads") && options.flavour != Some(NATIVE) {
            bail!(
                "--threads needs --flavour native: the program has one thread in a browser, where \
                 `cargo xtask bench-web --threads 1,2` compares them"
            );
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{Options, executable};

    #[test]
    fn options_are_understood() {
        let options = Options::parse(&["--flavour", "relaxed", "--json", "a.json", "--only", "linear"]);
        let expected = Options {
            flavour: Some("relaxed"),
            json: Some(Path::new("a.json")),
            passed_on: vec!["--only", "linear"],
        };
        assert_eq!(options.expect("all are options"), expected);
        let native = Options::parse(&["--threads", "2", "--flavour", "native"]).expect("all are options");
        assert_eq!((native.flavour, native.passed_on), (Some("native"), vec!["--threads", "2"]));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for options in [
            &["--flavour", "mmx"][..],
            &["--flavour"],
            &["--json"],
            &["--round", "3"],
            &["3"],
            &["--threads", "2"],
        ] {
            assert!(Options::parse(options).is_err(), "{options:?}");
        }
    }

    #[test]
    fn cargo_names_the_program() {
        let messages = "{\"reason\":\"compiler-artifact\",\"executable\":null}\n\
                        {\"reason\":\"compiler-artifact\",\"executable\":\"/t/kernels-1.wasm\"}\n\
                        {\"reason\":\"build-finished\",\"success\":true}\n";
        assert_eq!(executable(messages), Some(PathBuf::from("/t/kernels-1.wasm")));
        assert_eq!(executable("Compiling …"), None);
    }
}
