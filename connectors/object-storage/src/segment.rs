//! One segment of a key: what stands between two slashes.

/// The longest name that common file systems hold, in bytes.
const MAX_BYTES: usize = 255;

/// Why a text is no segment of a key. A key with such a text names no object, so nothing is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unfit {
    /// It is empty.
    Empty,
    /// It has a slash or a backslash in it, and would be another place.
    Separator,
    /// It is `.` or `..`, and would be another place.
    Dots,
    /// It has a control character in it.
    Control,
    /// It begins with white space, or ends with white space or a dot, which some stores leave off: another place again.
    Trimmed,
    /// It is longer than a name can be.
    TooLong,
    /// It has a character that means something else to this system's files.
    Special,
}

impl Unfit {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Separator => "a slash or backslash",
            Self::Dots => "a dot segment",
            Self::Control => "a control character",
            Self::Trimmed => "white space or a dot at its edge",
            Self::TooLong => "too long",
            Self::Special => "a special character",
        }
    }
}

/// Whether a text can be a whole segment of a key and mean itself there.
pub(crate) fn fits(segment: &str) -> Result<(), Unfit> {
    if segment.is_empty() {
        Err(Unfit::Empty)
    } else if segment.contains(['/', '\\']) {
        Err(Unfit::Separator)
    } else if segment == "." || segment == ".." {
        Err(Unfit::Dots)
    } else if segment.chars().any(char::is_control) {
        Err(Unfit::Control)
    } else if segment.trim() != segment || segment.ends_with('.') {
        Err(Unfit::Trimmed)
    } else if segment.len() > MAX_BYTES {
        Err(Unfit::TooLong)
    } else if cfg!(windows) && segment.contains(['<', '>', ':', '"', '|', '?', '*']) {
        Err(Unfit::Special)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_another_place_is_no_segment() {
        for (text, unfit) in [
            ("", Unfit::Empty),
            ("a/b", Unfit::Separator),
            ("..\\b", Unfit::Separator),
            (".", Unfit::Dots),
            ("..", Unfit::Dots),
            ("a\0", Unfit::Control),
            (" 7", Unfit::Trimmed),
            ("7 ", Unfit::Trimmed),
            ("7.", Unfit::Trimmed),
            ("7\u{3000}", Unfit::Trimmed),
        ] {
            assert_eq!(fits(text), Err(unfit), "{text:?}");
        }
        assert_eq!(fits(&"x".repeat(256)), Err(Unfit::TooLong));
    }

    #[test]
    fn what_looks_dangerous_and_means_itself_is_one() {
        for text in [
            "7",
            "ada@example.com",
            "%2F",
            "%2e%2e",
            "...x",
            "~",
            "é",
            "a b",
        ] {
            assert_eq!(fits(text), Ok(()), "{text:?}");
        }
    }
}
