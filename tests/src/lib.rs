#![doc = include_str!("../README.md")]

mod client;
mod serving;

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

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
