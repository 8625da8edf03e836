#![doc = include_str!("../README.md")]

mod client;
mod serving;

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};
use std::{fs, thread};

pub use client::{Answer, Client};
pub use serving::Serving;

/// The `adieu` program, built once for all tests of a run.
///
/// # Panics
/// When it cannot be built.
pub fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| program_with(&[]))
}

/// The `adieu` program, built with these options of cargo.
///
/// # Panics
/// When it cannot be built.
#[allow(clippy::panic, clippy::expect_used)] // nothing can be tested without it
pub fn program_with(options: &[&str]) -> PathBuf {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args([
            "build",
            "--quiet",
            "--package",
            "adieu-cli",
            "--message-format=json",
        ])
        .args(options)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo starts");
    assert!(
        output.status.success(),
        "the program cannot be built:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .expect("cargo names the program")
}

/// What a program took, from its start to its end.
#[derive(Clone, Copy, Debug)]
pub struct Took {
    /// By the clock.
    pub wall: Duration,
    /// The most memory it ever had (`VmHWM`, proc(5)).
    pub peak_kib: u64,
}

/// Runs a program to its end and measures it.
///
/// # Panics
/// When it cannot be started, or fails.
#[allow(clippy::panic, clippy::expect_used)] // nothing can be measured without it
pub fn measured(command: &mut Command) -> Took {
    let begun = Instant::now();
    let mut child = command.spawn().expect("the program starts");
    let status = format!("/proc/{}/status", child.id());
    let (running, waiting) = mpsc::channel::<()>();
    // The peak only grows, so it is looked at seldom: whoever looks takes time from what is measured.
    let looking = thread::spawn(move || {
        let mut peak_kib = 0;
        loop {
            let told = fs::read_to_string(&status).unwrap_or_default();
            let line = told.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
            peak_kib = peak_kib.max(kib.unwrap_or(0));
            let waited = waiting.recv_timeout(Duration::from_millis(20));
            if waited != Err(RecvTimeoutError::Timeout) {
                return peak_kib;
            }
        }
    });
    let status = child.wait().expect("it is a child of ours");
    let wall = begun.elapsed();
    assert!(status.success(), "{command:?}: {status}");
    drop(running);
    let peak_kib = looking.join().expect("it only looks");
    Took { wall, peak_kib }
}

/// Seeded chance (xorshift64*): the same seed throws the same again.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice for a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// From 0 to 1.
    pub fn fraction(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11;
        high as f64 / (1_u64 << 53) as f64
    }
}
