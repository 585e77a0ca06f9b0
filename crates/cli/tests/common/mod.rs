//! Running the binary, and pictures to run it on.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

use serde_json::Value;
use tempfile::TempDir;

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The bundled model: 60 classes, pictures of 96x96.
pub fn bundled() -> String {
    root().join("static/models/everyday-60.safetensors").display().to_string()
}

/// The folder of shared test data: `$TINYLENS_SHARED`, else beside the repository; `None` with a message.
pub fn shared() -> Option<PathBuf> {
    let folder = env::var_os("TINYLENS_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
    if !folder.is_dir() {
        println!("skipped: {} is not there", folder.display());
        return None;
    }
    Some(folder)
}

pub fn tinylens(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tinylens")).args(arguments).output().expect("the binary starts")
}

/// The report of a run that succeeds, and what it said beside.
pub fn report(arguments: &[&str]) -> (Value, String) {
    let output = tinylens(arguments);
    let notes = String::from_utf8(output.stderr).expect("notes are UTF-8");
    assert!(output.status.success(), "{arguments:?}: {notes}");
    let json =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
    (json, notes)
}

/// The one line that a run ends with that is refused, and its exit code.
pub fn refusal(arguments: &[&str]) -> (String, i32) {
    let output = tinylens(arguments);
    let message = String::from_utf8(output.stderr).expect("messages are UTF-8");
    assert!(!output.status.success(), "{arguments:?} succeeded");
    assert!(output.stdout.is_empty(), "{arguments:?} printed a result");
    let lines: Vec<&str> = message.lines().filter(|line| !line.starts_with("note: ")).collect();
    assert_eq!(lines.len(), 1, "{arguments:?}: {message}");
    assert!(lines[0].starts_with("error: "), "{arguments:?}: {message}");
    (lines[0].to_owned(), output.status.code().expect("it exits"))
}

/// A folder that is gone when dropped.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    /// `n` pictures `0.png`, `1.png`, ..., of waves and of different sizes.
    pub fn with_pictures(n: u32) -> Self {
        let folder = Self::new();
        for i in 0..n {
            let picture = image::RgbImage::from_fn(120 + 10 * i, 110, |x, y| {
                let wave = |step: u32| (128.0 + 120.0 * ((x * step + y * (i + 1)) as f32 * 0.05).sin()) as u8;
                image::Rgb([wave(1), wave(2 + i), wave(3)])
            });
            picture.save(folder.0.path().join(format!("{i}.png"))).expect("a picture is written");
        }
        folder
    }

    pub fn path(&self) -> String {
        self.0.path().display().to_string()
    }

    /// A path within.
    pub fn join(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// Writes a file and returns its path.
    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> String {
        fs::write(self.0.path().join(name), contents).expect("a file is written");
        self.join(name)
    }

    /// The names within.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).expect("the folder is there");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}
