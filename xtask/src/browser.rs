//! Finds the Chromium that the browser tests drive, and a Firefox for the main flow.

use std::env;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::setup::step;
use crate::shell::{capture, command, run};

const CHROMIUM: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
const CHROMIUM_ON_MAC: [&str; 2] = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

const FIREFOX: [&str; 2] = ["firefox-esr", "firefox"];
const FIREFOX_ON_MAC: [&str; 1] = ["/Applications/Firefox.app/Contents/MacOS/firefox"];

/// `$CHROME`, else the usual names; installed when this is Debian and we are root.
pub fn chromium() -> Result<PathBuf> {
    if let Some(path) = named_by("CHROME")? {
        return Ok(path);
    }
    let find = || find(&CHROMIUM, &CHROMIUM_ON_MAC);
    if let Some(path) = find() {
        return Ok(path);
    }
    if can_install() {
        install("Chromium", &["chromium", "fonts-liberation"])?;
    }
    find().context(
        "the browser tests need Chromium or Chrome: install it (on Debian `sudo apt-get install chromium`) \
         or name it with CHROME=/path/to/chrome",
    )
}

/// `$FIREFOX`, else the usual names; installed as [`chromium`] is. `None`, with a line that says why, where it cannot
/// be had: one test is skipped then.
pub fn firefox() -> Result<Option<PathBuf>> {
    if let Some(path) = named_by("FIREFOX")? {
        return Ok(Some(path));
    }
    let find = || find(&FIREFOX, &FIREFOX_ON_MAC);
    if let Some(path) = find() {
        return Ok(Some(path));
    }
    if can_install()
        && let Err(reason) = install("Firefox", &["firefox-esr"])
    {
        println!("Firefox cannot be installed: {reason:#}");
    }
    let found = find();
    if found.is_none() {
        println!("there is no Firefox: its test is skipped");
    }
    Ok(found)
}

/// The file that a variable of the environment names.
fn named_by(variable: &str) -> Result<Option<PathBuf>> {
    let Some(path) = env::var_os(variable).filter(|it| !it.is_empty()).map(PathBuf::from) else {
        return Ok(None);
    };
    if !path.is_file() {
        bail!("${variable} names {}, which is not a file", path.display());
    }
    Ok(Some(path))
}

fn find(names: &[&str], on_mac: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    let named = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    named.chain(on_mac.iter().map(PathBuf::from)).find(|it| it.is_file())
}

fn can_install() -> bool {
    is_debian() && is_root()
}

fn install(what: &str, packages: &[&str]) -> Result<()> {
    step(&format!("{what} from Debian's packages"), || {
        run(apt()?.args(["update", "-qq"]))?;
        run(apt()?.args(["install", "-qq", "-y", "--no-install-recommends"]).args(packages))
    })
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
