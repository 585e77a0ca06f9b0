//! The tools of the build: which versions, where they are kept, how each one is installed.
//!
//! Trunk and the bindings generator are built once per version into the user's cache and shared by all clones;
//! npm's packages (with `wasm-opt` among them) belong to the clone. A tool's folder appears by one rename after all
//! of it is there, so its presence is its stamp.

use std::env;
use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::engines::{BUILD_STD, UNSTABLE_OPTIONS};
use crate::setup::step;
use crate::shell::{self, cache, capture, cargo, command, root, run};

/// 0.21 is the newest Trunk that the pinned Rust can build.
const TRUNK: &str = "0.21.14";
const TARGETS: [&str; 2] = ["wasm32-unknown-unknown", "wasm32-wasip1"];
/// The oldest Node whose test runner and WASI the tests use.
const NODE_MAJOR: u32 = 20;

/// The folders to put first on the PATH, whether or not they exist yet.
pub fn folders() -> Result<Vec<PathBuf>> {
    Ok(vec![trunk_folder()?.join("bin"), bindgen_folder()?.join("bin"), root().join("node_modules/.bin")])
}

/// Complains unless Node and npm are there and new enough.
pub fn require_node() -> Result<()> {
    let hint = format!("Tinylens needs Node.js {NODE_MAJOR} or newer with npm (https://nodejs.org)");
    let Ok(version) = capture(command("node")?.arg("--version")) else {
        bail!("{hint}; Node is missing here");
    };
    let major =
        version.trim().trim_start_matches('v').split('.').next().and_then(|it| it.parse::<u32>().ok());
    if major.is_none_or(|it| it < NODE_MAJOR) {
        bail!("{hint}; this is Node {}", version.trim());
    }
    if !shell::answers("npm", &["--version"]) {
        bail!("{hint}; npm is missing here");
    }
    Ok(())
}

/// Adds the WebAssembly targets and the standard library's source to the Rust in use.
pub fn rust_targets() -> Result<()> {
    let sysroot = capture(command("rustc")?.args(["--print", "sysroot"]))?;
    let libraries = Path::new(sysroot.trim()).join("lib/rustlib");
    let missing: Vec<_> = TARGETS.into_iter().filter(|it| !libraries.join(it).is_dir()).collect();
    if !missing.is_empty() {
        step(&format!("Rust targets {}", missing.join(", ")), || {
            run(command("rustup")?.args(["target", "add"]).args(&missing))
                .context("the Rust targets are added by rustup (https://rustup.rs)")
        })?;
    }
    if libraries.join("src/rust/library").is_dir() {
        return Ok(());
    }
    step("the standard library's source, for threads", || {
        run(command("rustup")?.args(["component", "add", "rust-src"]))
            .context("the standard library's source is added by rustup (https://rustup.rs)")
    })
}

/// Builds Trunk without its updater and without TLS: it never downloads anything here.
pub fn trunk() -> Result<()> {
    install(
        &format!("Trunk {TRUNK} (compiled once per machine, a few minutes)"),
        &trunk_folder()?,
        |folder| {
            let mut install = cargo()?;
            // Trunk's own release profile (fat LTO) takes four times as long to compile and saves nothing here.
            for (key, value) in [("OPT_LEVEL", "0"), ("LTO", "off"), ("CODEGEN_UNITS", "16"), ("DEBUG", "0")]
            {
                install.env(format!("CARGO_PROFILE_RELEASE_{key}"), value);
            }
            install.args(["install", "--locked", "trunk", "--version", TRUNK, "--no-default-features"]);
            run(install
                .args(verbosity())
                .arg("--root")
                .arg(folder)
                .arg("--target-dir")
                .arg(folder.join("build")))
        },
    )
}

/// Builds the bindings generator and gives it the name that Trunk looks for.
pub fn bindgen() -> Result<()> {
    install("wasm-bindgen (compiled once per machine, about a minute)", &bindgen_folder()?, |folder| {
        let mut install = cargo()?;
        install.args(["install", "--locked", "--path", "xtask/bindgen"]);
        run(install
            .args(verbosity())
            .arg("--root")
            .arg(folder)
            .arg("--target-dir")
            .arg(folder.join("build")))?;
        let binaries = folder.join("bin");
        let suffix = env::consts::EXE_SUFFIX;
        fs::rename(binaries.join(format!("bindgen{suffix}")), binaries.join(format!("wasm-bindgen{suffix}")))
            .context("the bindings generator was built but is not where Cargo puts binaries")
    })
}

/// Installs what `package-lock.json` names, when it names something else than at the last time.
pub fn npm_packages() -> Result<()> {
    npm_packages_in("npm packages", root())
}

/// The same for another folder with a `package-lock.json`; `what` names its packages in messages.
pub fn npm_packages_in(what: &str, folder: &Path) -> Result<()> {
    let lock = folder.join("package-lock.json");
    let lock = fs::read(&lock).with_context(|| format!("{} cannot be read", lock.display()))?;
    let stamp = folder.join("node_modules/.tinylens");
    let wanted = hex_sha256(&lock);
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    step(what, || {
        let mut npm = command("npm")?;
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
        run(npm.current_dir(folder))?;
        fs::write(&stamp, &wanted).with_context(|| format!("{} cannot be written", stamp.display()))
    })
}

/// Fetches the crates of the lock file and those of the standard library, so that Trunk can work offline.
pub fn crates() -> Result<()> {
    let of_lock_file = || -> Result<_> {
        let mut fetch = cargo()?;
        fetch.args(["fetch", "--quiet"]);
        Ok(fetch)
    };
    // Only for a target that is named does Cargo fetch what the standard library needs there.
    let of_standard_library = || -> Result<_> {
        let mut fetch = of_lock_file()?;
        fetch.args(["--target", TARGETS[0]]).args(BUILD_STD).env(UNSTABLE_OPTIONS.0, UNSTABLE_OPTIONS.1);
        Ok(fetch)
    };
    let is_there = |mut fetch: Command| capture(fetch.arg("--offline")).is_ok();
    if is_there(of_lock_file()?) && is_there(of_standard_library()?) {
        return Ok(());
    }
    step("crates", || {
        run(&mut of_lock_file()?)?;
        run(&mut of_standard_library()?)
    })
}

/// `data` as 64 hexadecimal digits of its SHA-256.
pub fn hex_sha256(data: &[u8]) -> String {
    Sha256::digest(data).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn trunk_folder() -> Result<PathBuf> {
    Ok(cache()?.join(format!("tools/trunk-{TRUNK}")))
}

/// Named after what it is built from, so that a change of the generator or of its lock file builds it again.
fn bindgen_folder() -> Result<PathBuf> {
    let source = concat!(include_str!("../bindgen/src/main.rs"), include_str!("../bindgen/Cargo.toml"));
    let locked = include_str!("../bindgen/Cargo.lock");
    let name = &hex_sha256(format!("{source}{locked}").as_bytes())[..12];
    Ok(cache()?.join(format!("tools/wasm-bindgen-{name}")))
}

/// Fills `folder` by `work`, which gets a folder beside it, unless it is there already. An interrupted build goes on
/// where it was; of two at the same time, Cargo lets one wait for the other.
fn install(what: &str, folder: &Path, work: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let partial = folder.with_added_extension("partial");
    step(what, || {
        fs::create_dir_all(&partial).with_context(|| format!("{} cannot be made", partial.display()))?;
        work(&partial)?;
        if folder.is_dir() {
            return Ok(());
        }
        fs::remove_dir_all(partial.join("build")).context("the build folder of a tool cannot be removed")?;
        fs::rename(&partial, folder).with_context(|| format!("{} cannot be made", folder.display()))
    })
}

/// Cargo's own progress where somebody looks, silence in a log.
fn verbosity() -> &'static [&'static str] {
    if std::io::stderr().is_terminal() { &[] } else { &["--quiet"] }
}

#[cfg(test)]
mod tests {
    use super::hex_sha256;

    #[test]
    fn sha256_of_nothing() {
        assert_eq!(hex_sha256(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    /// Trunk refuses a generator of another version than the library that the app links.
    #[test]
    fn generator_and_library_have_one_version() {
        let version = |lock: &str, package: &str| {
            let mut lines = lock.lines().skip_while(|it| *it != format!("name = \"{package}\""));
            lines.nth(1).expect("the package is in the lock file").to_owned()
        };
        let app = version(include_str!("../../Cargo.lock"), "wasm-bindgen");
        let generator = version(include_str!("../bindgen/Cargo.lock"), "wasm-bindgen-cli-support");
        assert_eq!(app, generator);
        assert_eq!(app, version(include_str!("../bindgen/Cargo.lock"), "bindgen"));
        assert!(include_str!("../../Trunk.toml").contains(&app.replace("version =", "wasm_bindgen =")));
    }
}
