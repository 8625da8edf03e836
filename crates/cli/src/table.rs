//! Tables of text with aligned columns.

use std::fmt;

/// A table that prints with aligned columns. Cells may have several lines.
#[derive(Debug)]
pub(crate) struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

/// The last column is broken into lines so that a row is no wider than this.
const MAX_WIDTH: usize = 110;

impl Table {
    pub(crate) fn new(head: impl IntoIterator<Item = &'static str>) -> Self {
        Self {
            head: head.into_iter().collect(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.head.iter().map(|cell| cell.chars().count()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        widths
    }

    /// Whether a column holds numbers, which are aligned to the right.
    fn is_numeric(&self, column: usize) -> bool {
        let mut cells = self
            .rows
            .iter()
            .filter_map(|row| row.get(column))
            .filter(|cell| !cell.is_empty());
        let numeric = |cell: &String| cell.chars().all(|c| c.is_ascii_digit() || c == ',');
        self.rows
            .iter()
            .any(|row| row.get(column).is_some_and(|cell| !cell.is_empty()))
            && cells.all(numeric)
    }

    fn line(&self, f: &mut fmt::Formatter<'_>, cells: &[&str], widths: &[usize]) -> fmt::Result {
        let mut line = String::new();
        for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
            let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
            line.push_str("  ");
            if self.is_numeric(column) {
                line.push_str(&padding);
                line.push_str(cell);
            } else {
                line.push_str(cell);
                line.push_str(&padding);
            }
        }
        writeln!(f, "{}", line.trim_end())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut widths = self.widths();
        let before: usize = widths
            .iter()
            .rev()
            .skip(1)
            .map(|width| width + 2)
            .sum::<usize>()
            + 2;
        let last = MAX_WIDTH.saturating_sub(before).max(30);
        if let Some(width) = widths.last_mut() {
            *width = (*width).min(last);
        }
        self.line(f, &self.head, &widths)?;
        let rules: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
        self.line(
            f,
            &rules.iter().map(String::as_str).collect::<Vec<_>>(),
            &widths,
        )?;
        for row in &self.rows {
            let (long, short) = match row.split_last() {
                Some((long, short)) => (broken(long, last), short),
                None => continue,
            };
            for (index, part) in long.iter().enumerate() {
                let mut cells: Vec<&str> = short
                    .iter()
                    .map(|cell| if index == 0 { cell.as_str() } else { "" })
                    .collect();
                cells.push(part);
                self.line(f, &cells, &widths)?;
            }
        }
        Ok(())
    }
}

/// Breaks a text between words.
pub(crate) fn broken(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let fits = lines.last().is_some_and(|line| {
            line.is_empty() || line.chars().count() + 1 + word.chars().count() <= width
        });
        if !fits {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// A number with its thousands apart.
pub(crate) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_long_texts_are_broken() {
        let mut table = Table::new(["collection", "records", "why"]);
        table.row(["orders".into(), number(1234567), "word ".repeat(40)]);
        table.row(["é".into(), number(7), String::new()]);
        let text = table.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines[2].starts_with("  orders      1,234,567  word word"),
            "{text}"
        );
        assert!(
            lines
                .last()
                .is_some_and(|line| *line == "  é                   7"),
            "{text}"
        );
        assert!(
            lines.iter().all(|line| line.chars().count() <= MAX_WIDTH),
            "{text}"
        );
    }
}
