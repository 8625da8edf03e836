//! Running other programs.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc;

use crate::house::House;

/// A `cargo` command in the project's root.
pub(crate) fn cargo(house: &House, arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .args(arguments)
        .current_dir(&house.root)
        .env("PATH", house.path());
    if house.in_ci {
        // Nothing is built a second time there, and what is kept for that would be a third of all that is written.
        command.env("CARGO_INCREMENTAL", "0");
        if arguments.first() != Some(&"fmt") {
            command.arg("--locked");
        }
    }
    command
}

/// Runs a command with its output going through.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    println!("$ {}", shown(command));
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(|error| cannot_start(command, &error))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{}` ended with {status}", shown(command)))
    }
}

/// Runs a command with its output going through, and returns the lines that `wanted` picks, whether it ends well or not.
pub(crate) fn run_and_read(
    command: &mut Command,
    wanted: fn(&str) -> bool,
) -> (Vec<String>, Result<(), String>) {
    println!("$ {}", shown(command));
    let mut child = match command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
    {
        Ok(child) => child,
        Err(error) => return (Vec::new(), Err(cannot_start(command, &error))),
    };
    let (lines, picked) = mpsc::channel();
    let out = child.stdout.take();
    let err = child.stderr.take();
    std::thread::scope(|threads| {
        let lines_of_err = lines.clone();
        threads.spawn(move || pass_on(out, std::io::stdout(), wanted, &lines));
        threads.spawn(move || pass_on(err, std::io::stderr(), wanted, &lines_of_err));
    });
    let status = child.wait();
    let picked = picked.into_iter().collect();
    let ended = match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{}` ended with {status}", shown(command))),
        Err(error) => Err(format!("`{}` was lost: {error}", shown(command))),
    };
    (picked, ended)
}

fn pass_on(
    from: Option<impl Read>,
    mut to: impl Write,
    wanted: fn(&str) -> bool,
    picked: &mpsc::Sender<String>,
) {
    let Some(from) = from else { return };
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while matches!(from.read_until(b'\n', &mut line), Ok(length) if length > 0) {
        // A closed terminal must not end the tests.
        let _ = to.write_all(&line);
        let text = String::from_utf8_lossy(&line);
        if wanted(&text) {
            let _ = picked.send(text.trim().to_owned());
        }
        line.clear();
    }
}

fn cannot_start(command: &Command, error: &std::io::Error) -> String {
    format!("`{}` cannot be started: {error}", shown(command))
}

fn shown(command: &Command) -> String {
    let mut shown = String::new();
    for (name, value) in command.get_envs() {
        if let (Some(name), Some(value)) = (name.to_str(), value.and_then(|value| value.to_str()))
            && name != "PATH"
        {
            shown.push_str(&format!("{name}={value:?} "));
        }
    }
    let program = std::path::Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    shown.push_str(&name.to_string_lossy());
    for argument in command.get_args() {
        shown.push(' ');
        shown.push_str(&argument.to_string_lossy());
    }
    shown
}
