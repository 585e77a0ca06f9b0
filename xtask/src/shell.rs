//! Where things are, and how other programs are started.
//!
//! Every child gets the project's tools first on its PATH and no standard input, so that nothing ever waits for an
//! answer in a run without a terminal.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::tools;

/// The repository's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the repository")
}

/// The user's cache for tools and assets, shared by all clones: `$TINYLENS_CACHE`, or `tinylens` in the system's
/// usual cache folder.
pub fn cache() -> Result<PathBuf> {
    if let Some(folder) = non_empty("TINYLENS_CACHE") {
        return Ok(folder);
    }
    if let Some(folder) = non_empty("XDG_CACHE_HOME") {
        return Ok(folder.join("tinylens"));
    }
    let home =
        non_empty("HOME").context("neither TINYLENS_CACHE nor HOME is set: where may tools be kept?")?;
    let caches = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
    Ok(home.join(caches).join("tinylens"))
}

fn non_empty(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// A command in the repository's root, with the project's tools first on its PATH.
pub fn command(program: impl AsRef<OsStr>) -> Result<Command> {
    let mut paths = tools::folders()?;
    paths.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    let mut command = Command::new(program);
    command.current_dir(root()).env("PATH", env::join_paths(paths)?).stdin(Stdio::null());
    Ok(command)
}

/// Cargo, as it was called.
pub fn cargo() -> Result<Command> {
    command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs a command to its end and lets it write to this terminal.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("`{}` could not be started", words(command)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", words(command));
    }
    Ok(())
}

/// Runs a command silently and returns what it printed; what it printed on standard error goes into the error.
pub fn capture(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("`{}` could not be started", words(command)))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        bail!("`{}` failed ({}):\n{}", words(command), output.status, complaint.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// True when `program` can be started with `arguments` and succeeds.
pub fn answers(program: &str, arguments: &[&str]) -> bool {
    command(program).and_then(|mut it| capture(it.args(arguments))).is_ok()
}

fn words(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let parts = std::iter::once(program).chain(command.get_args());
    parts.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{answers, capture, command, root};

    #[test]
    fn root_holds_the_workspace() {
        assert!(root().join("Cargo.lock").is_file());
    }

    #[test]
    fn a_failing_command_is_an_error_with_its_words() {
        let error = capture(command("cargo").unwrap().arg("no-such-subcommand")).unwrap_err();
        assert!(error.to_string().contains("cargo no-such-subcommand"), "{error}");
        assert!(!answers("cargo", &["no-such-subcommand"]));
        assert!(!answers("no-such-program-anywhere", &[]));
    }
}
