//! The house's order, checked: who may depend on whom, who may know the browser, and that documents name files
//! that exist.
//!
//! The rules stand in [`ALLOWED`] and [`BROWSER_CRATES`]; `docs/ARCHITECTURE.md` gives the reasons.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::shell::{capture, cargo, root};

/// What each crate under `crates/` and the benchmark's models may use of the others. `formats`, `compress` and `engine` meet in `graph` only.
const ALLOWED: &[(&str, &[&str])] = &[
    ("kernels", &[]),
    ("graph", &[]),
    ("vision", &["kernels"]),
    ("formats", &["graph"]),
    ("compress", &["graph"]),
    ("engine", &["graph", "kernels"]),
    ("course", &["compress"]),
    ("pipeline", &["graph", "kernels", "vision", "formats", "compress", "engine"]),
    ("cli", &["pipeline"]),
    ("bench-models", &["graph", "formats", "compress", "pipeline", "engine"]),
];

/// Only the page and its worker know these.
const BROWSER_CRATES: &[&str] =
    &["js-sys", "web-sys", "wasm-bindgen", "wasm-bindgen-futures", "serde-wasm-bindgen", "gloo", "yew"];

/// The halves of the page, and the modules that each must not name: they meet in `bridge`.
const PAGE_HALVES: &[(&str, &[&str])] =
    &[("bridge", &["app", "worker"]), ("app", &["worker"]), ("worker", &["app"])];

/// Checks everything in this module and lists all violations at once.
pub fn check() -> Result<()> {
    let metadata = capture(cargo()?.args(["metadata", "--no-deps", "--format-version=1", "--offline"]))?;
    let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata printed no JSON")?;

    let mut violations = dependency_violations(&dependencies(&metadata)?);
    for (half, forbidden) in PAGE_HALVES {
        for file in files(&[&format!("src/{half}"), &format!("src/{half}.rs")], "rs")? {
            let text = fs::read_to_string(&file)?;
            violations.extend(import_violations(&relative(&file), &text, forbidden));
        }
    }
    for file in files(&["crates"], "rs")? {
        violations.extend(intrinsics_violation(&relative(&file), &fs::read_to_string(&file)?));
    }
    for file in files(&["README.md", "CONTRIBUTING.md", "docs", "bench/README.md"], "md")? {
        violations.extend(document_violations(&relative(&file), &fs::read_to_string(&file)?));
    }
    if !violations.is_empty() {
        bail!("the order of the house is broken:\n  {}", violations.join("\n  "));
    }
    Ok(())
}

/// The normal and build dependencies of each package of the workspace (tests may look further).
fn dependencies(metadata: &Value) -> Result<BTreeMap<String, Vec<String>>> {
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    let name = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
    Ok(packages
        .iter()
        .map(|package| {
            let all = package["dependencies"].as_array().into_iter().flatten();
            (name(package), all.filter(|it| it["kind"] != "dev").map(name).collect())
        })
        .collect())
}

fn dependency_violations(dependencies: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let mut violations = Vec::new();
    let members: Vec<&str> = ALLOWED.iter().map(|(name, _)| *name).collect();
    for (package, used) in dependencies {
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| name == package) else {
            if !["tinylens", "xtask"].contains(&package.as_str()) {
                violations.push(format!("`{package}` has no place in the layers (xtask/src/layers.rs)"));
            }
            continue;
        };
        for other in used {
            let other = other.as_str();
            if BROWSER_CRATES.contains(&other) {
                violations.push(format!("`{package}` knows the browser: it depends on `{other}`"));
            }
            if other == "tinylens" || (members.contains(&other) && !allowed.contains(&other)) {
                violations.push(format!("`{package}` must not depend on `{other}`"));
            }
        }
    }
    violations
}

fn import_violations(file: &str, text: &str, forbidden: &[&str]) -> Vec<String> {
    let names = |line: &str, module: &str| line.contains(&format!("crate::{module}::")) && !is_comment(line);
    let numbered = || text.lines().enumerate();
    let hits = forbidden.iter().flat_map(|module| {
        numbered().filter(|(_, line)| names(line, module)).map(move |(index, _)| (index + 1, *module))
    });
    hits.map(|(line, module)| format!("{file}:{line} names `{module}`; the two meet in `bridge` only"))
        .collect()
}

/// Intrinsics are imported in files called `lanes` only.
fn intrinsics_violation(file: &str, text: &str) -> Option<String> {
    let lanes =
        Path::new(file).components().any(|part| part.as_os_str().to_string_lossy().starts_with("lanes"));
    let used = (text.lines())
        .any(|line| ["arch::wasm32", "arch::x86_64"].iter().any(|it| line.contains(it)) && !is_comment(line));
    (used && !lanes).then(|| format!("{file} imports intrinsics; only the lanes files do"))
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

/// Paths in backticks that begin with a folder of the repository must exist.
fn document_violations(file: &str, text: &str) -> Vec<String> {
    const FOLDERS: [&str; 9] =
        ["crates/", "src/", "static/", "tests/", "training/", "xtask/", "docs/", "bench/", ".ci/"];
    let spans = text.split('`').skip(1).step_by(2);
    let paths = spans.filter(|it| FOLDERS.iter().any(|folder| it.starts_with(folder)));
    let plain = paths.filter(|it| !it.contains(|c: char| c.is_whitespace() || "*{<…".contains(c)));
    let missing = plain.filter(|it| !root().join(it).exists());
    missing.map(|it| format!("{file} names `{it}`, which does not exist")).collect()
}

/// All files with this extension in the given files and folders; places that do not exist have none.
fn files(places: &[&str], extension: &str) -> Result<Vec<PathBuf>> {
    let mut waiting: Vec<PathBuf> = places.iter().map(|it| root().join(it)).collect();
    let mut found = Vec::new();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            for entry in fs::read_dir(&path).with_context(|| format!("{} cannot be read", path.display()))? {
                waiting.push(entry?.path());
            }
        } else if path.extension().is_some_and(|it| it == extension) && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn relative(file: &Path) -> String {
    file.strip_prefix(root()).unwrap_or(file).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::{dependency_violations, document_violations, import_violations, intrinsics_violation};

    fn violations_of(package: &str, uses: &[&str]) -> usize {
        let uses = uses.iter().map(|it| (*it).to_owned()).collect();
        dependency_violations(&[(package.to_owned(), uses)].into()).len()
    }

    #[test]
    fn the_three_middle_crates_meet_in_the_graph_only() {
        assert_eq!(violations_of("engine", &["graph", "kernels", "thiserror"]), 0);
        assert_eq!(violations_of("engine", &["formats"]), 1);
        assert_eq!(violations_of("compress", &["engine", "formats"]), 2);
        assert_eq!(violations_of("pipeline", &["engine", "formats", "compress"]), 0);
        assert_eq!(violations_of("cli", &["pipeline", "clap"]), 0);
        assert_eq!(violations_of("cli", &["engine"]), 1);
    }

    #[test]
    fn nothing_below_the_page_knows_the_browser() {
        assert_eq!(violations_of("vision", &["web-sys"]), 1);
        assert_eq!(violations_of("tinylens", &["web-sys", "pipeline"]), 0);
        assert_eq!(violations_of("pipeline", &["tinylens"]), 1);
    }

    #[test]
    fn a_new_crate_needs_a_place() {
        assert_eq!(violations_of("attic", &[]), 1);
    }

    #[test]
    fn the_halves_of_the_page_meet_in_the_bridge_only() {
        let text = "// crate::worker::Models is described elsewhere.\nuse crate::worker::Models;\n";
        assert_eq!(import_violations("src/app/page.rs", text, &["worker"]).len(), 1);
        assert_eq!(import_violations("src/app/page.rs", "use crate::bridge::Answer;", &["worker"]).len(), 0);
    }

    #[test]
    fn intrinsics_belong_into_the_lanes_files() {
        let text = "use core::arch::wasm32::*;";
        assert!(intrinsics_violation("crates/kernels/src/gemm.rs", text).is_some());
        assert!(intrinsics_violation("crates/kernels/src/gemm.rs", "use core::arch::x86_64::*;").is_some());
        assert!(intrinsics_violation("crates/kernels/src/lanes/simd128.rs", text).is_none());
    }

    #[test]
    fn documents_name_files_that_exist() {
        let text = "Start at `xtask/src/main.rs`, not at `xtask/src/nowhere.rs`; run `xtask/src/a b`.";
        assert_eq!(document_violations("docs/x.md", text).len(), 1);
    }
}
