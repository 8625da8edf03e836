//! How many tests passed, read from what the test runners say last.

use std::fmt;

/// Tests that were run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Count {
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    /// Adds up the closing lines of `cargo nextest` and `cargo test`.
    pub(crate) fn read(lines: &[String]) -> Self {
        let mut count = Self::default();
        for line in lines {
            count.add(Self::of_line(line));
        }
        count
    }

    fn of_line(line: &str) -> Self {
        let mut count = Self::default();
        let words: Vec<&str> = line
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        for pair in words.windows(2) {
            let Ok(number) = pair[0].parse::<u64>() else {
                continue;
            };
            match pair[1] {
                "passed" => count.passed += number,
                "failed" | "timed" | "exec" => count.failed += number,
                "skipped" | "ignored" => count.skipped += number,
                _ => {}
            }
        }
        count
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

/// Whether a line is the last one of a test runner.
pub(crate) fn is_closing_line(line: &str) -> bool {
    line.contains("Summary [") || line.starts_with("test result: ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_lines_of_both_runners_are_read() {
        let lines = [
            "Summary [   0.010s] 7 tests run: 4 passed (1 slow), 1 failed, 1 timed out, 1 exec failed, 2 skipped",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 5 filtered out; finished in 0.00s",
        ]
        .map(str::to_owned);
        assert!(lines.iter().all(|line| is_closing_line(line)));
        let count = Count::read(&lines);
        assert_eq!(
            count,
            Count {
                passed: 7,
                failed: 3,
                skipped: 3
            }
        );
        assert_eq!(count.to_string(), "7 passed, 3 failed, 3 skipped");
    }
}
