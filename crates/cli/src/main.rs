//! `tinylens`: models inspected, compressed and measured on the command line, by the crates that the page uses.
//!
//! One file for each command; [`arguments`] holds the words, [`report`] how results are printed, [`images`] and
//! [`labels`] what is measured on. Results go to standard output, everything else to standard error. Bad input ends
//! with one line that says what is wrong, and an exit code that is not 0. `docs/command-line.md` is the manual.

mod arguments;
mod bench;
mod budget;
mod compress;
mod decoding;
mod eval;
mod images;
mod inspect;
mod judge;
mod labels;
mod model;
mod parallel;
mod progress;
mod recipe;
mod report;
mod sensitivity;
mod timing;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use crate::arguments::{Arguments, Command};

/// The exit code for words that the command line does not know.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() => {
            eprintln!("{}", report::one_line(&error.to_string()));
            return ExitCode::from(USAGE);
        }
        Err(help) => {
            let _ = help.print();
            return ExitCode::SUCCESS;
        }
    };
    match run(&arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", report::one_line(&format!("{error:#}")));
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> Result<()> {
    match command {
        Command::Inspect(arguments) => inspect::run(arguments),
        Command::Compress(arguments) => compress::run(arguments),
        Command::Eval(arguments) => eval::run(arguments),
        Command::Judge(arguments) => judge::run(arguments),
        Command::Bench(arguments) => bench::run(arguments),
        Command::Sensitivity(arguments) => sensitivity::run(arguments),
    }
}
