#![doc = include_str!("../README.md")]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for a terminal"
)]

mod command;
mod count;
mod house;
mod mysql;
mod options;
mod parts;
mod tools;

use std::process::ExitCode;

use house::House;
use options::{Options, USAGE};

fn main() -> ExitCode {
    let done = match Options::parse(std::env::args().skip(1)) {
        Ok(Options::Help) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Ok(Options::List) => {
            for part in parts::PARTS {
                println!("{:<10} {}", part.name, part.what);
            }
            return ExitCode::SUCCESS;
        }
        Ok(Options::Tools) => House::find().and_then(|house| tools::install(&house)),
        Ok(Options::Test { only, advisories }) => {
            House::find().and_then(|house| parts::run(&house, &only, advisories))
        }
        Err(mistake) => Err(format!("{mistake}\n\n{USAGE}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}
