//! The list of files that the service worker keeps, and the service worker that carries it.
//!
//! `static/sw.js` is the program; [`service_worker`] puts one line before it, `const BUILD = …`, with all files of the
//! built folder, their lengths and hashes. Any change of a file changes that line, by which browsers notice a new version.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::shell::root;
use crate::tools::hex_sha256;

/// Its name in the served folder. At the root, because it rules over the folder that it lies in.
pub const FILE: &str = "sw.js";

/// Files that browsers never ask for.
const LEFT_OUT: [&str; 2] = [FILE, "_headers"];

/// The service worker for a built folder, with the headers that it adds where the host sends none.
pub fn service_worker(folder: &Path, headers: &[(String, String)]) -> Result<String> {
    let program = fs::read_to_string(root().join("static/sw.js")).context("static/sw.js cannot be read")?;
    let mut files = BTreeMap::new();
    for path in files_below(folder)? {
        let name = path
            .strip_prefix(folder)
            .context("a file lies in its folder")?
            .to_string_lossy()
            .replace('\\', "/");
        if !LEFT_OUT.contains(&name.as_str()) {
            let bytes = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
            files.insert(name, (bytes.len(), hex_sha256(&bytes)));
        }
    }
    Ok(format!("const BUILD = {};\n{program}", build(&files, headers, &program)))
}

fn build(files: &BTreeMap<String, (usize, String)>, headers: &[(String, String)], program: &str) -> Value {
    let part = |wanted: bool| -> Value {
        let files = files.iter().filter(|(name, _)| is_later(name) == wanted);
        files
            .map(|(name, (bytes, sha256))| (name.clone(), json!({"bytes": bytes, "sha256": sha256})))
            .collect()
    };
    let headers: Value =
        headers.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    let (shell, later) = (part(false), part(true));
    let all = format!("{shell}{later}{headers}{program}");
    let version = &hex_sha256(all.as_bytes())[..16];
    json!({"version": version, "headers": headers, "shell": shell, "later": later})
}

/// What is kept when it is first used, not with the page: models, pictures, and engines, of which a browser needs one.
fn is_later(name: &str) -> bool {
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    match name.split('/').next() {
        Some("models") => ends(&[".safetensors"]),
        Some("pictures") => ends(&[".png", ".jpg"]),
        Some("worker") => true,
        _ => false,
    }
}

/// All files in a folder and in those below.
pub fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{build, is_later};

    #[test]
    fn the_page_is_kept_at_once_and_what_is_large_later() {
        for name in [
            "index.html",
            "worker.js",
            "helper.js",
            "models/index.json",
            "pictures/index.json",
            "models/a.md",
        ] {
            assert!(!is_later(name), "{name}");
        }
        for name in
            ["models/a.safetensors", "pictures/a.png", "pictures/a.jpg", "worker/relaxed/worker_bg.wasm"]
        {
            assert!(is_later(name), "{name}");
        }
    }

    #[test]
    fn every_change_makes_another_version() {
        let files = |sha256: &str| BTreeMap::from([("index.html".to_owned(), (3, sha256.to_owned()))]);
        let headers = |value: &str| vec![("A".to_owned(), value.to_owned())];
        let version =
            |sha256, value, program| build(&files(sha256), &headers(value), program)["version"].clone();
        let first = version("00", "b", "program");
        assert_eq!(first, version("00", "b", "program"));
        for other in
            [version("01", "b", "program"), version("00", "c", "program"), version("00", "b", "other")]
        {
            assert_ne!(first, other);
        }
        assert_eq!(build(&files("00"), &headers("b"), "")["shell"]["index.html"]["bytes"], 3);
    }
}
