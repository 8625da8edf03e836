#![doc = include_str!("../README.md")]

mod commands;
mod direct;
mod exit;
mod file;
mod gateway;
mod outcome;
mod progress;
mod report;
mod stop;
mod subject;
mod table;
mod terminal;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use commands::Command;
use exit::{EXIT_CODES, Failure};
use terminal::Terminal;

/// Take your data with you, and be forgotten.
///
/// Exports or erases what all configured systems hold about one person, and proves it with a signed receipt.
#[derive(Debug, Parser)]
#[command(name = "adieu", version, after_long_help = EXIT_CODES, arg_required_else_help = true, infer_long_args = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Print one JSON document on standard output instead of text.
    #[arg(long, global = true)]
    json: bool,
}

fn main() -> ExitCode {
    let Arguments { command, json } = Arguments::parse();
    trace(command.default_log());
    let terminal = Terminal::new(json);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(command.run(&terminal)),
        Err(error) => Err(Failure::Fault(format!(
            "no threads can be started ({})",
            error.kind()
        ))),
    };
    match done {
        Ok(exit) => exit.into(),
        Err(failure) => {
            terminal.complain(&failure.to_string());
            failure.exit()
        }
    }
}

/// Diagnostics go to standard error, as `ADIEU_LOG` asks: `info`, `adieu_engine=debug`, …
fn trace(default: &str) {
    let filter = EnvFilter::try_from_env("ADIEU_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}
