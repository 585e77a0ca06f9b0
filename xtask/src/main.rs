//! `cargo xtask`: sets up, builds, serves and tests Tinylens.
//!
//! Every command first does the part of the set-up that it needs, says so in one line a step, and skips what is
//! current. Start reading at [`setup`]; [`site`] makes and serves the static folder, [`checks`] is the test run,
//! [`bench`] the comparison with other engines, [`kernels`] the speed of single kernels.
//! Nothing here knows the app's code, and nothing is ever downloaded except from crates.io, npm, PyPI and the
//! distribution's packages.

mod assets;
mod bench;
mod browser;
mod checks;
mod engines;
mod kernels;
mod layers;
mod offline;
mod setup;
mod shell;
mod site;
mod size;
mod tools;
mod wheel;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

const USAGE: &str = "\
cargo xtask setup                       install the tools, packages, models and pictures; nothing if they are there
cargo xtask build                       make the static folder dist/
cargo xtask serve [--port N] [--open]   build in release mode and serve on http://127.0.0.1:8080 or the next free port
cargo xtask test [--quick]              run every check; --quick leaves out WebAssembly and the browser
cargo xtask bench-web [OPTIONS]         measure against other engines in Chromium (bench/README.md); options are
                                        --model, --only, --threads, --dtype (lists as a,b), --rounds N, --json FILE
cargo xtask bench-kernels [OPTIONS]     measure single kernels in Chromium against the speed of bare multiply-adds
                                        (bench/README.md); options are --flavour simd128|relaxed|native (the first
                                        two without it), --only layers|storage|sparse|TEXT, --rounds N, --json FILE,
                                        and --threads N with native
cargo xtask bench-page [OPTIONS]        measure what people wait for in the page (bench/README.md); options are
                                        --model IDS|FILES, --preset NAMES, --rounds N, --json FILE
cargo xtask size                        what dist/ weighs, file by file, raw and as brotli, against the limit of 1 MB
cargo xtask assets                      put workers, models, pictures, headers and the service worker into a built
                                        folder (Trunk calls this)";

fn main() -> ExitCode {
    // Printed here, because returned it would bring a backtrace along wherever RUST_BACKTRACE is set.
    run().unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn run() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["setup"] => setup::everything()?,
        ["build"] => {
            setup::everything()?;
            site::build()?;
        }
        ["serve", options @ ..] => {
            let options = serve_options(options)?;
            setup::everything()?;
            site::serve(&options)?;
        }
        ["test"] => return Ok(checks::run_extent(checks::Extent::Full)),
        ["test", "--quick"] => return Ok(checks::run_extent(checks::Extent::Quick)),
        ["bench-web", options @ ..] => bench::web(options)?,
        ["bench-page", options @ ..] => bench::page(options)?,
        ["bench-kernels", options @ ..] => kernels::bench(options)?,
        ["size"] => size::print()?,
        ["assets"] => assets::place()?,
        [] | ["help" | "--help" | "-h"] => println!("{USAGE}"),
        other => bail!("`{}` is not a command of xtask; these are:\n{USAGE}", other.join(" ")),
    }
    Ok(ExitCode::SUCCESS)
}

fn serve_options(arguments: &[&str]) -> Result<site::ServeOptions> {
    let mut options = site::ServeOptions { port: None, open: false };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match *argument {
            "--open" => options.open = true,
            "--port" => {
                let port = rest.next().context("--port needs a number, as in `--port 8081`")?;
                options.port = Some(port.parse().with_context(|| format!("`{port}` is not a port"))?);
            }
            other => bail!("`{other}` is not an option of serve:\n{USAGE}"),
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::serve_options;

    #[test]
    fn serve_understands_port_and_open() {
        let options = serve_options(&["--open", "--port", "9000"]).expect("both are options");
        assert_eq!((options.port, options.open), (Some(9000), true));
    }

    #[test]
    fn serve_refuses_what_it_does_not_know() {
        for arguments in [&["--port"][..], &["--port", "many"], &["--port", "70000"], &["--prot", "1"]] {
            assert!(serve_options(arguments).is_err(), "{arguments:?}");
        }
    }
}
