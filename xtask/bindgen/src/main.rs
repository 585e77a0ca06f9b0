//! The `wasm-bindgen` command as Trunk calls it, over the library of the same version.
//!
//! The published command-line tool brings a test runner and an HTTP client along; Trunk uses neither. The binary
//! is called `bindgen` while Cargo builds it, because rustc takes a *crate* named `wasm-bindgen` for an old version
//! of the library; `cargo xtask` installs it under the name that Trunk looks for.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut bindgen = Bindgen::new();
    // Trunk's loader needs the `new URL("…_bg.wasm", import.meta.url)` that the library leaves out by default.
    bindgen.omit_default_module_path(false);
    let mut out_dir = None;

    for argument in std::env::args().skip(1) {
        match argument.split_once('=').unwrap_or((argument.as_str(), "")) {
            // Trunk compares this line with the version in Cargo.lock.
            ("--version", _) => {
                println!("wasm-bindgen {}", env!("CARGO_PKG_VERSION"));
                return Ok(());
            }
            ("--target", "web") => drop(bindgen.web(true)?),
            ("--target", "no-modules") => drop(bindgen.no_modules(true)?),
            ("--out-dir", folder) => out_dir = Some(PathBuf::from(folder)),
            ("--out-name", name) => drop(bindgen.out_name(name)),
            ("--no-typescript", _) => drop(bindgen.typescript(false)),
            ("--keep-debug", _) => drop(bindgen.keep_debug(true)),
            (file, "") if !file.starts_with('-') => drop(bindgen.input_path(file)),
            _ => bail!("unknown argument `{argument}`; see xtask/bindgen/src/main.rs for what is understood"),
        }
    }
    bindgen.generate(out_dir.context("--out-dir=FOLDER is missing")?)
}
