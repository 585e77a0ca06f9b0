//! Pictures in folders: which there are, and which of them are looked at.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_xorshift::XorShiftRng;

use crate::arguments::PictureArguments;

/// Endings of files that are taken for pictures.
const ENDINGS: [&str; 4] = ["jpg", "jpeg", "png", "webp"];

/// Pictures of a folder.
#[derive(Debug)]
pub struct Folder {
    /// The folder.
    pub path: PathBuf,
    /// Paths within the folder, with `/` between parts, sorted.
    pub files: Vec<String>,
}

impl Folder {
    /// All pictures of `folder` and its subfolders.
    ///
    /// # Errors
    /// When it is no folder or holds no picture.
    pub fn open(folder: &Path) -> Result<Self> {
        if !folder.is_dir() {
            bail!("{} is not a folder; expected one of pictures", folder.display());
        }
        let mut files = Vec::new();
        collect(folder, "", &mut files)?;
        if files.is_empty() {
            bail!("{} holds no pictures; expected files .{}", folder.display(), ENDINGS.join(", ."));
        }
        files.sort();
        Ok(Self { path: folder.to_owned(), files })
    }

    /// Leaves out the pictures whose path within the folder is among `excluded`, and returns how many.
    ///
    /// # Errors
    /// When none is left.
    pub fn exclude(&mut self, excluded: &HashSet<String>) -> Result<usize> {
        let before = self.files.len();
        self.files.retain(|file| !excluded.contains(file));
        if self.files.is_empty() {
            bail!("all {before} pictures of {} are excluded", self.path.display());
        }
        Ok(before - self.files.len())
    }
}

/// Pictures that arguments name.
#[derive(Debug)]
pub struct Chosen {
    /// Those to look at, before a limit.
    pub folder: Folder,
    /// How many others of the folder were excluded.
    pub excluded: usize,
}

/// The pictures that the arguments name, before the limit.
///
/// # Errors
/// When there are none.
pub fn choose(arguments: &PictureArguments) -> Result<Chosen> {
    let mut folder = Folder::open(&arguments.images).context("--images")?;
    let excluded = folder.exclude(&names_to_exclude(&arguments.exclude)?)?;
    Ok(Chosen { folder, excluded })
}

/// `limit` of `files`, spread evenly; all where there are no more.
pub fn spread<T>(files: Vec<T>, limit: Option<usize>) -> Vec<T> {
    let n = files.len();
    let Some(limit) = limit.filter(|limit| *limit < n) else { return files };
    let chosen: HashSet<usize> = (0..limit).map(|i| i * n / limit).collect();
    files.into_iter().enumerate().filter(|(idx, _)| chosen.contains(idx)).map(|(_, file)| file).collect()
}

/// `limit` of `files` drawn by `seed`, in their old order; all where there are no more.
pub fn draw(files: Vec<String>, limit: usize, seed: u64) -> Vec<String> {
    if files.len() <= limit {
        return files;
    }
    let mut chosen: Vec<String> = files;
    chosen.shuffle(&mut XorShiftRng::seed_from_u64(seed));
    chosen.truncate(limit);
    chosen.sort();
    chosen
}

/// Paths within their folders, of what `places` name: folders of pictures, reports of `compress --json`, and lists with a file
/// on each line (in a CSV, the first column).
///
/// # Errors
/// When a place cannot be read, or is JSON without `calibration.files`.
pub fn names_to_exclude(places: &[PathBuf]) -> Result<HashSet<String>> {
    let mut names = HashSet::new();
    for place in places {
        if place.is_dir() {
            names.extend(Folder::open(place)?.files);
            continue;
        }
        let text = fs::read_to_string(place).with_context(|| format!("--exclude {}", place.display()))?;
        if text.trim_start().starts_with('{') {
            let report: serde_json::Value =
                serde_json::from_str(&text).with_context(|| format!("--exclude {}", place.display()))?;
            let Some(files) = report["calibration"]["files"].as_array() else {
                bail!(
                    "--exclude {}: no `calibration.files`; expected a report of `compress --json`, or a list",
                    place.display()
                );
            };
            names.extend(files.iter().filter_map(|file| file.as_str()).map(within));
        } else {
            let files = text.lines().filter_map(|line| line.split(',').next()).map(str::trim);
            names.extend(files.filter(|file| !file.is_empty()).map(within));
        }
    }
    Ok(names)
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<String>) -> Result<()> {
    let context = || format!("folder {}", folder.display());
    for entry in fs::read_dir(folder).with_context(context)? {
        let entry = entry.with_context(context)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type().with_context(context)?;
        if kind.is_dir() {
            collect(&entry.path(), &format!("{prefix}{name}/"), files)?;
        } else if is_picture(&name) && entry.path().is_file() {
            files.push(format!("{prefix}{name}"));
        }
    }
    Ok(())
}

fn is_picture(name: &str) -> bool {
    let ending = Path::new(name).extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

/// A path as [`Folder::files`] spells it.
fn within(file: &str) -> String {
    let file = file.replace('\\', "/");
    file.strip_prefix("./").unwrap_or(&file).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("{i:02}.jpg")).collect()
    }

    #[test]
    fn a_limit_spreads_over_all() {
        assert_eq!(spread((0..10).collect(), Some(4)), [0, 2, 5, 7]);
        assert_eq!(spread((0..3).collect::<Vec<_>>(), Some(9)), [0, 1, 2]);
        assert_eq!(spread((0..3).collect::<Vec<_>>(), None).len(), 3);
    }

    #[test]
    fn a_draw_depends_on_its_seed_only() {
        assert_eq!(draw(names(50), 10, 7), draw(names(50), 10, 7));
        assert_ne!(draw(names(50), 10, 7), draw(names(50), 10, 8));
        let drawn = draw(names(50), 10, 7);
        assert!(drawn.len() == 10 && drawn.is_sorted());
        assert_eq!(draw(names(3), 10, 7), names(3));
    }

    #[test]
    fn names_come_from_folders_lists_and_reports() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("pictures")).unwrap();
        fs::write(path("pictures/a.JPG"), "").unwrap();
        fs::write(path("pictures/notes.txt"), "").unwrap();
        fs::write(path("list.csv"), "./x/b.png,3,cat\n\nx\\c.webp\n").unwrap();
        fs::write(path("report.json"), r#"{"calibration": {"files": ["y/d.jpg"]}}"#).unwrap();
        fs::write(path("other.json"), "{}").unwrap();
        let names = names_to_exclude(&[path("pictures"), path("list.csv"), path("report.json")]).unwrap();
        assert_eq!(names, ["a.JPG", "x/b.png", "x/c.webp", "y/d.jpg"].map(str::to_owned).into());
        assert!(names_to_exclude(&[path("other.json")]).is_err());
        assert!(names_to_exclude(&[path("nothing")]).is_err());

        let mut pictures = Folder::open(&path("pictures")).unwrap();
        assert_eq!(pictures.exclude(&HashSet::new()).unwrap(), 0);
        assert!(pictures.exclude(&names).is_err());
        for folder in ["cat", "dog"] {
            fs::create_dir_all(path("animals").join(folder)).unwrap();
            fs::write(path("animals").join(folder).join("1.jpg"), "").unwrap();
        }
        let mut animals = Folder::open(&path("animals")).unwrap();
        assert_eq!(animals.exclude(&["cat/1.jpg".to_owned()].into()).unwrap(), 1);
        assert_eq!(animals.files, ["dog/1.jpg"]);
    }
}
