//! `adieu completions`

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use crate::Arguments;
use crate::exit::{Exit, Failure};
use crate::terminal::Terminal;

/// Print a completion script for a shell
#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<Exit, Failure> {
        let mut script = Vec::new();
        generate(self.shell, &mut Arguments::command(), "adieu", &mut script);
        terminal.print(String::from_utf8_lossy(&script).trim_end());
        Ok(Exit::Done)
    }
}
