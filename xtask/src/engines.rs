//! The worker in its flavours: one program, compiled once for each set of vector instructions that browsers have.
//!
//! A module with a single instruction that a browser does not know is refused as a whole, so a flavour is a whole
//! module. `static/worker.js` asks the browser and starts the best one.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::shell::{cargo, command, root, run};

/// A set of instructions.
struct Flavour {
    /// Its folder under `worker/`, as `static/worker.js` names it.
    name: &'static str,
    /// Target features beyond those of `.cargo/config.toml`; the flavour without any shares its dependencies with the
    /// app.
    features: Option<&'static str>,
}

const FLAVOURS: [Flavour; 2] = [
    Flavour { name: "simd128", features: None },
    Flavour { name: "relaxed", features: Some("+simd128,+relaxed-simd") },
];

/// Address arithmetic moves into the loads. The pass may assume that no address below 1024 is used: there the unused
/// end of the stack lies, which the linker puts first.
pub const WASM_OPT: [&str; 3] = ["-O3", "--low-memory-unused", "--optimize-added-constants-propagate"];

/// Builds every flavour into `folder/worker/`.
pub fn place(folder: &Path) -> Result<()> {
    for flavour in &FLAVOURS {
        let module = compile(flavour)?;
        let out = folder.join("worker").join(flavour.name);
        fs::create_dir_all(&out).with_context(|| format!("{} cannot be made", out.display()))?;
        let mut bindgen = command("wasm-bindgen")?;
        bindgen.args(["--target=web", "--no-typescript", "--out-name=worker"]);
        run(bindgen.arg(format!("--out-dir={}", out.display())).arg(&module))?;
        let bound = out.join("worker_bg.wasm");
        run(command("wasm-opt")?.args(WASM_OPT).arg(&bound).arg("-o").arg(&bound))?;
    }
    Ok(())
}

fn compile(flavour: &Flavour) -> Result<PathBuf> {
    let mut build = cargo()?;
    build.args(["build", "--quiet", "--release", "--offline", "--package", "tinylens", "--bin", "worker"]);
    build.args(["--target", "wasm32-unknown-unknown"]);
    let target = match flavour.features {
        None => root().join("target"),
        // A folder of its own: other flags in the same one would compile everything anew each time.
        Some(features) => {
            build.env("RUSTFLAGS", format!("-C target-feature={features}"));
            root().join("target/worker").join(flavour.name)
        }
    };
    run(build.arg("--target-dir").arg(&target))?;
    Ok(target.join("wasm32-unknown-unknown/release/worker.wasm"))
}
