//! Names of entries that are safe to unpack anywhere.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The longest a part of a path becomes, in bytes. Windows allows 260 characters for a whole path.
const PART_BYTES: usize = 80;
const MAX_PARTS: usize = 5;

/// Gives out names within an archive, each one once, also where upper and lower case are the same. The same questions in the
/// same order get the same answers.
#[derive(Clone, Default)]
pub(crate) struct Names {
    /// Hashes of the paths of files, and of the folders above them. Two that are equal by chance cost a longer name only.
    files: HashSet<u64>,
    folders: HashSet<u64>,
    given: u64,
}

impl Names {
    /// A path for this name below a folder that is safe already. `/` separates folders; everything else that
    /// might mean something to a file system is replaced.
    pub(crate) fn give(&mut self, folder: &str, name: &str, ending: &str) -> String {
        self.given += 1;
        let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty()).collect();
        let skipped = parts.len().saturating_sub(MAX_PARTS);
        let mut path = folder.to_owned();
        for (index, part) in parts.iter().skip(skipped).enumerate() {
            let last = skipped + index + 1 == parts.len();
            let mut part = safe_part(part, if last { ending } else { "" });
            let candidate = format!("{path}/{part}");
            if if last {
                self.is_taken(&candidate)
            } else {
                self.files.contains(&fold(&candidate))
            } {
                part = self.another(&path, &part, ending);
            }
            path = format!("{path}/{part}");
        }
        if parts.is_empty() {
            let part = safe_part("", ending);
            let candidate = format!("{path}/{part}");
            let part = if self.is_taken(&candidate) {
                self.another(&path, &part, ending)
            } else {
                part
            };
            path = format!("{path}/{part}");
        }
        self.take(&path);
        path
    }

    /// Takes a path that is safe already.
    pub(crate) fn take(&mut self, path: &str) {
        self.files.insert(fold(path));
        for (at, _) in path.match_indices('/') {
            self.folders.insert(fold(&path[..at]));
        }
    }

    fn is_taken(&self, path: &str) -> bool {
        let folded = fold(path);
        self.files.contains(&folded) || self.folders.contains(&folded)
    }

    /// The part with a number in it that makes it another one.
    fn another(&self, folder: &str, part: &str, ending: &str) -> String {
        let (stem, ending) = match part.strip_suffix(ending) {
            Some(stem) if !ending.is_empty() => (stem, ending),
            _ => match part
                .rfind('.')
                .filter(|at| *at > 0 && part.len() - at <= 12)
            {
                Some(at) => part.split_at(at),
                None => (part, ""),
            },
        };
        let mut number = self.given;
        loop {
            let other = format!("{stem}~{number}{ending}");
            if !self.is_taken(&format!("{folder}/{other}")) {
                return other;
            }
            number += 1;
        }
    }
}

fn fold(path: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.to_lowercase().hash(&mut hasher);
    hasher.finish()
}

/// One part of a path, with this ending.
fn safe_part(name: &str, ending: &str) -> String {
    let mut safe: String = name
        .chars()
        .map(|c| if is_unsafe(c) { '_' } else { c })
        .collect();
    if safe.starts_with(['.', ' ', '-', '~']) {
        safe.insert(0, '_');
    }
    shorten(&mut safe);
    while safe.ends_with(['.', ' ']) {
        safe.pop();
    }
    if safe.is_empty() || is_device(&safe) {
        safe.insert(0, '_');
    }
    safe.push_str(ending);
    safe
}

fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '<' | '>' | ':' | '"' | '/' | '\\' | '|' | '?' | '*' | '\u{fffd}')
        // What is not seen, or turns the reading direction; and marks that combine, which some file systems put together.
        || matches!(c, '\u{ad}' | '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}' | '\u{e0000}'..='\u{e0fff}')
}

/// Cuts the middle out of a long name, so that its ending stays.
fn shorten(name: &mut String) {
    if name.len() <= PART_BYTES {
        return;
    }
    let ending = name
        .rfind('.')
        .filter(|at| name.len() - at <= 12)
        .map(|at| name.split_off(at))
        .unwrap_or_default();
    let mut length = PART_BYTES - ending.len();
    while !name.is_char_boundary(length) {
        length -= 1;
    }
    name.truncate(length);
    name.push_str(&ending);
}

/// Whether Windows takes the name for a device, whatever comes after the first dot.
fn is_device(name: &str) -> bool {
    let stem = name
        .split('.')
        .next()
        .unwrap_or_default()
        .trim_end()
        .to_uppercase();
    if matches!(
        stem.as_str(),
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" | "CLOCK$"
    ) {
        return true;
    }
    let number = stem
        .strip_prefix("COM")
        .or_else(|| stem.strip_prefix("LPT"));
    number.is_some_and(|number| {
        let mut number = number.chars();
        matches!(number.next(), Some('0'..='9' | '¹' | '²' | '³')) && number.next().is_none()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_become_safe_ones() {
        let mut names = Names::default();
        for hostile in [
            "../../etc/passwd",
            "/etc/passwd",
            "C:\\Windows\\x",
            "..",
            ".",
            "",
            "a\0b",
            "CON",
            "nul.txt",
            "com1.tar.gz",
            "LPT9 .x",
            "trailing. ",
            "a/../b",
            "\u{202e}gnp.exe",
            "x\ny",
            "   ",
            "-rf",
            "a//b",
            "e\u{301}",
            "COM¹",
        ] {
            let path = names.give("shop/files", hostile, "");
            for part in path.split('/') {
                assert!(
                    !part.is_empty() && part != "." && part != ".." && !is_device(part),
                    "{hostile:?} became {path:?}"
                );
                assert!(
                    !part.chars().any(is_unsafe) && !part.ends_with(['.', ' ']),
                    "{hostile:?} became {path:?}"
                );
            }
            assert!(
                path.starts_with("shop/files/"),
                "{hostile:?} became {path:?}"
            );
        }
    }

    #[test]
    fn names_are_unique_also_without_case_and_among_folders() {
        let mut names = Names::default();
        let asked = [
            "a", "A", "a/b", "a/B/c", "x/y", "x", "X/Y", "é", "É", "n.jpg", "N.JPG",
        ];
        let given: Vec<String> = asked
            .iter()
            .map(|name| names.give("f", name, "").to_lowercase())
            .collect();
        for (index, path) in given.iter().enumerate() {
            for other in &given[index + 1..] {
                assert_ne!(path, other);
                assert!(
                    !other.starts_with(&format!("{path}/"))
                        && !path.starts_with(&format!("{other}/")),
                    "{path} {other}"
                );
            }
        }
    }

    #[test]
    fn long_names_keep_their_ending() {
        let path = Names::default().give("f", &format!("{}.jpeg", "ä".repeat(1000)), "");
        assert!(path.len() < 100 && path.ends_with(".jpeg"), "{path}");
        let deep = "d/".repeat(400) + "x.txt";
        assert!(Names::default().give("f", &deep, "").len() < 100);
    }

    #[test]
    fn the_same_questions_get_the_same_answers() {
        let asked = ["a", "A", "b/c", "b", "a"];
        let ask = || {
            let mut names = Names::default();
            asked.map(|name| names.give("f", name, ".csv"))
        };
        assert_eq!(ask(), ask());
    }
}
