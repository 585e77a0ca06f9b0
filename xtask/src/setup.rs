//! The set-up: everything that a build needs, in order, each step skipped when it is current.

use std::time::Instant;

use anyhow::Result;

use crate::{assets, tools};

/// Sets up everything for building and serving. A second run does nothing and prints nothing.
///
/// Tools and packages are required; a model or pictures that cannot be had are one sentence each, because the page
/// works without them.
pub fn everything() -> Result<()> {
    tools::require_node()?;
    tools::rust_targets()?;
    tools::trunk()?;
    tools::bindgen()?;
    tools::npm_packages()?;
    tools::crates()?;
    for asset in [assets::fetch_pictures, assets::fetch_efficientnet_lite0] {
        if let Err(reason) = asset() {
            eprintln!("set-up: {reason:#}; the page works without");
        }
    }
    Ok(())
}

/// Does one step of the set-up with a line before it and its time after it.
pub fn step(what: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    eprintln!("set-up: {what} …");
    let start = Instant::now();
    work()?;
    eprintln!("set-up: {what}: done in {} s", start.elapsed().as_secs());
    Ok(())
}
