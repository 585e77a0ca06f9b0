//! `cargo xtask bench-web` and `bench-page`: prepare what a benchmark needs and start it. What they measure and how stands
//! in `bench/README.md`; `bench/run.mjs` and `bench/page.mjs` do it.
//!
//! Only what the chosen engines need is prepared, and a peer that cannot be had is a row with its error.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};

use crate::setup::{self, step};
use crate::shell::{capture, cargo, command, root, run};
use crate::{browser, site, tools};

/// Engines out of npm packages.
const FROM_NPM: [&str; 3] = ["litert", "tfjs", "ort"];
/// Engines out of crates, built by `bench/peers`.
const FROM_CRATES: [&str; 2] = ["rten", "tract"];
/// What each flavour's build may use.
pub const FLAVOURS: [(&str, &str); 2] = [("simd128", "+simd128"), ("relaxed", "+simd128,+relaxed-simd")];

/// Prepares and measures; `options` go to `bench/run.mjs`.
pub fn web(options: &[&str]) -> Result<()> {
    let chosen = checked("web", options)?;
    let wanted = |engines: &[&str]| chosen.lines().any(|name| engines.contains(&name));
    tools::npm_packages()?;
    let chromium = browser::chromium()?;
    if wanted(&["tinylens"]) {
        setup::everything()?;
        site::build()?;
    }
    if wanted(&FROM_NPM) {
        let what = "npm packages of the benchmark (250 MB unpacked)";
        without(tools::npm_packages_in(what, &root().join("bench")), "engines from npm");
    }
    for name in FROM_CRATES.into_iter().filter(|name| wanted(&[name])) {
        tools::rust_targets()?;
        for (flavour, features) in FLAVOURS {
            without(peer(name, flavour, features), name);
        }
    }
    run(cargo()?.args(["run", "--quiet", "--package", "bench-models", "--", "target/bench/models"]))
        .context("the benchmark's models cannot be written")?;

    start("bench/run.mjs", &chromium, options)
}

/// Builds the page and measures how long people wait in it; `options` go to `bench/page.mjs`.
pub fn page(options: &[&str]) -> Result<()> {
    checked("page", options)?;
    setup::everything()?;
    let chromium = browser::chromium()?;
    site::build()?;
    start("bench/page.mjs", &chromium, options)
}

/// Refuses options that a benchmark does not understand, before anything is compiled for it; what `bench/options.mjs` prints.
fn checked(bench: &str, options: &[&str]) -> Result<String> {
    tools::require_node()?;
    let script = root().join("bench/options.mjs");
    capture(command("node")?.arg(script).arg(bench).args(options).stderr(Stdio::inherit()))
}

/// Runs a benchmark's script where the caller stands, so that paths among its options are the caller's.
fn start(script: &str, chromium: &Path, options: &[&str]) -> Result<()> {
    let mut node = command("node")?;
    node.env("CHROME", chromium).current_dir(env::current_dir()?);
    run(node.arg(root().join(script)).args(options))
}

/// A peer in one flavour, as `target/bench/peers/NAME-FLAVOUR.wasm`.
fn peer(name: &str, flavour: &str, features: &str) -> Result<()> {
    let target = root().join(format!("target/bench/peers-{flavour}"));
    let build = || {
        let mut build = cargo()?;
        // tract links a source of randomness and never asks it; bare WebAssembly has none.
        let flags = format!("-C target-feature={features} --cfg getrandom_backend=\"unsupported\"");
        build.env("RUSTFLAGS", flags).current_dir(root().join("bench/peers"));
        build.args(["build", "--quiet", "--locked", "--release", "--package", &format!("{name}-peer")]);
        run(build.args(["--target", "wasm32-unknown-unknown", "--target-dir"]).arg(&target))
    };
    let built = target.join(format!("wasm32-unknown-unknown/release/{name}_peer.wasm"));
    // Cargo knows better whether it is current; the line tells of the minutes of the first time.
    if built.is_file() {
        build()?;
    } else {
        step(&format!("{name} as WebAssembly, {flavour} (compiled once, for up to 10 minutes)"), build)?;
    }
    let served = root().join(format!("target/bench/peers/{name}-{flavour}.wasm"));
    fs::create_dir_all(served.parent().unwrap_or(Path::new(".")))?;
    fs::copy(&built, &served).with_context(|| format!("{} cannot be copied", built.display()))?;
    Ok(())
}

fn without(prepared: Result<()>, what: &str) {
    if let Err(reason) = prepared {
        eprintln!("bench-web: {reason:#}; {what}: rows with errors");
    }
}
