//! Finds the Chromium that the browser tests drive.

use std::env;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::setup::step;
use crate::shell::{capture, command, run};

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
const MAC_APPLICATIONS: [&str; 2] = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/// `$CHROME`, else the usual names; installed when this is Debian and we are root.
pub fn chromium() -> Result<PathBuf> {
    if let Some(path) = env::var_os("CHROME").filter(|it| !it.is_empty()).map(PathBuf::from) {
        if path.is_file() {
            return Ok(path);
        }
        bail!("$CHROME names {}, which is not a file", path.display());
    }
    if let Some(path) = find() {
        return Ok(path);
    }
    if is_debian() && is_root() {
        step("Chromium from Debian's packages", || {
            run(apt()?.args(["update", "-qq"]))?;
            let packages = ["chromium", "fonts-liberation"];
            run(apt()?.args(["install", "-qq", "-y", "--no-install-recommends"]).args(packages))
        })?;
    }
    find().context(
        "the browser tests need Chromium or Chrome: install it (on Debian `sudo apt-get install chromium`) \
         or name it with CHROME=/path/to/chrome",
    )
}

fn find() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    let named = NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    named.chain(MAC_APPLICATIONS.map(PathBuf::from)).find(|it| it.is_file())
}

fn apt() -> Result<std::process::Command> {
    let mut apt = command("apt-get")?;
    apt.env("DEBIAN_FRONTEND", "noninteractive");
    Ok(apt)
}

/// Debian itself: elsewhere the package of that name only starts a snap.
fn is_debian() -> bool {
    fs::read_to_string("/etc/os-release").is_ok_and(|text| text.lines().any(|line| line == "ID=debian"))
}

fn is_root() -> bool {
    command("id").and_then(|mut it| capture(it.arg("-u"))).is_ok_and(|id| id.trim() == "0")
}
