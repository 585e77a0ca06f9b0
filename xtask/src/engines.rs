//! The worker in its flavours: one program, compiled once for each set of vector instructions that browsers have, with
//! and without threads.
//!
//! A module with a single instruction that a browser does not know is refused as a whole, so a flavour is a whole
//! module. `static/worker.js` asks the browser and starts the best one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, Result};

use crate::shell::{capture, cargo, command, root, run};

/// A set of instructions.
struct Flavour {
    /// Its folder under `worker/`, as `static/worker.js` names it.
    name: &'static str,
    /// Target features beyond those of `.cargo/config.toml`.
    features: Option<&'static str>,
    threads: bool,
}

const FLAVOURS: [Flavour; 4] = [
    Flavour { name: "simd128", features: None, threads: false },
    Flavour { name: "relaxed", features: Some("+simd128,+relaxed-simd"), threads: false },
    Flavour { name: "simd128-threads", features: Some("+simd128"), threads: true },
    Flavour { name: "relaxed-threads", features: Some("+simd128,+relaxed-simd"), threads: true },
];

/// Target features of shared memory.
const THREAD_FEATURES: &str = ",+atomics,+bulk-memory";
/// What lets instances share one memory, and what wasm-bindgen needs to give each its own stack and variables.
const THREAD_FLAGS: [&str; 7] = [
    "-C link-arg=--shared-memory",
    "-C link-arg=--import-memory",
    // Both models, their files and what compression needs; phones refuse to reserve much more.
    "-C link-arg=--max-memory=1073741824",
    "-C link-arg=--export=__wasm_init_tls",
    "-C link-arg=--export=__tls_size",
    "-C link-arg=--export=__tls_align",
    "-C link-arg=--export=__tls_base",
];

/// The standard library is compiled along: the one that comes with Rust cannot share memory.
pub const BUILD_STD: [&str; 2] = ["-Z", "build-std=std,panic_abort"];
/// [`BUILD_STD`] is an unstable option of Cargo. Stable releases take it with this variable; `rust-toolchain.toml` pins
/// the release that it works with.
pub const UNSTABLE_OPTIONS: (&str, &str) = ("RUSTC_BOOTSTRAP", "1");

/// Address arithmetic moves into the loads. The pass may assume that no address below 1024 is used: there the unused
/// end of the stack lies, which the linker puts first.
pub const WASM_OPT: [&str; 3] = ["-O3", "--low-memory-unused", "--optimize-added-constants-propagate"];

/// Flavours that are compiled at the same time. The linker's optimization, half of a compilation, has one thread; each
/// takes up to two gigabytes.
const AT_ONCE: usize = 2;

/// Builds every flavour into `folder/worker/`.
pub fn place(folder: &Path) -> Result<()> {
    let next = AtomicUsize::new(0);
    let lane = || {
        while let Some(flavour) = FLAVOURS.get(next.fetch_add(1, Ordering::Relaxed)) {
            place_flavour(flavour, folder)?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(lane)).collect();
        lanes.into_iter().try_for_each(|lane| lane.join().expect("a lane does not panic"))
    })
}

fn place_flavour(flavour: &Flavour, folder: &Path) -> Result<()> {
    let module = compile(flavour)?;
    let out = folder.join("worker").join(flavour.name);
    fs::create_dir_all(&out).with_context(|| format!("{} cannot be made", out.display()))?;
    let mut bindgen = command("wasm-bindgen")?;
    bindgen.args(["--target=web", "--no-typescript", "--out-name=worker"]);
    run(bindgen.arg(format!("--out-dir={}", out.display())).arg(&module))?;
    let bound = out.join("worker_bg.wasm");
    run(command("wasm-opt")?.args(WASM_OPT).arg(&bound).arg("-o").arg(&bound))
}

fn compile(flavour: &Flavour) -> Result<PathBuf> {
    let mut build = cargo()?;
    build.args(["build", "--quiet", "--profile", "engine", "--offline", "--package", "tinylens"]);
    build.args(["--bin", "worker", "--target", "wasm32-unknown-unknown"]);
    let target = match flavour.features {
        None => root().join("target"),
        // A folder of its own: other flags in the same one would compile everything anew each time.
        Some(features) => {
            let mut flags = format!("-C target-feature={features}");
            if flavour.threads {
                flags = format!("{flags}{THREAD_FEATURES} {}", THREAD_FLAGS.join(" "));
                build.env(UNSTABLE_OPTIONS.0, UNSTABLE_OPTIONS.1).args(BUILD_STD);
            }
            build.env("RUSTFLAGS", flags);
            root().join("target/worker").join(flavour.name)
        }
    };
    build.arg("--target-dir").arg(&target);
    match flavour.threads {
        // Says nothing of the warning that the features of shared memory are unstable.
        true => capture(&mut build).map(drop)?,
        false => run(&mut build)?,
    }
    Ok(target.join("wasm32-unknown-unknown/engine/worker.wasm"))
}
