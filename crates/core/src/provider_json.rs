//! JSON as providers send it, without losing what a strict parser refuses or rounds.

use std::borrow::Cow;
use std::fmt;

use serde::de::IgnoredAny;
use serde::ser::{Serialize, Serializer};
use serde_json::Value;

/// Parses JSON from a provider and keeps every value.
///
/// Two things that occur in the wild are kept where [`serde_json`] alone would refuse or round them:
///
/// - a lone surrogate (`"\ud83d"` without its other half, RFC 8259 section 8.2) stays as its six characters, `\ud83d`, in the text;
/// - a number that a double or a 64-bit integer cannot hold exactly becomes a string of its digits.
///
/// # Errors
/// When the text is not JSON.
pub fn parse(json: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice(&Kept::new(json).into_text())
}

/// JSON from a provider that is written on as it is read, with the same values as [`parse`] keeps, and nothing of it held
/// in between.
///
/// A key that is there twice stays there twice.
#[derive(Clone)]
pub struct Passed<'a> {
    json: Cow<'a, [u8]>,
    /// Whether every text and number may stay as it is spelled.
    is_plain: bool,
    /// Whether there are no blanks between its parts.
    is_compact: bool,
}

impl<'a> Passed<'a> {
    /// Looks whether the text is JSON that can be written on; `None` where [`parse`] would fail.
    pub fn new(json: &'a [u8]) -> Option<Self> {
        Self::well_formed(json).filter(|passed| {
            let read = serde_json::from_slice::<IgnoredAny>(&passed.json);
            read.is_ok()
        })
    }

    /// As [`Passed::new`], without looking whether it is JSON: for what a database's own type for JSON gave, or the caller wrote.
    pub fn well_formed(json: &'a [u8]) -> Option<Self> {
        std::str::from_utf8(json).ok()?;
        let kept = Kept::new(json);
        let (is_plain, is_compact) = (kept.is_plain, kept.is_compact);
        (kept.depth < DEEPEST).then(|| Self {
            json: kept.into_text(),
            is_plain,
            is_compact,
        })
    }

    /// The text itself, where each text and number in it may stay as it is spelled: no text has an escape, and no number more
    /// digits than a double keeps. There may be blanks between its parts.
    pub fn as_plain(&self) -> Option<&[u8]> {
        self.is_plain.then_some(&*self.json)
    }

    /// Whether there are no blanks between its parts.
    pub fn is_compact(&self) -> bool {
        self.is_compact
    }
}

/// It is somebody's: nothing of it is shown.
impl fmt::Debug for Passed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passed").finish_non_exhaustive()
    }
}

impl Serialize for Passed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut json = serde_json::Deserializer::from_slice(&self.json);
        serde_transcode::transcode(&mut json, serializer)
    }
}

/// How deep arrays and objects may lie in each other; `serde_json` reads no deeper.
const DEEPEST: usize = 128;

/// A text that is rewritten so that a strict parser keeps its values; borrowed while there is nothing to rewrite.
struct Kept<'a> {
    json: &'a [u8],
    rewritten: Option<Vec<u8>>,
    /// How much of the text was rewritten.
    copied: usize,
    /// How deep arrays and objects lie in each other.
    depth: usize,
    /// Whether no text has an escape and no number more digits than a double keeps.
    is_plain: bool,
    /// Whether there are no blanks between its parts.
    is_compact: bool,
}

impl<'a> Kept<'a> {
    fn new(json: &'a [u8]) -> Self {
        let mut kept = Self {
            json,
            rewritten: None,
            copied: 0,
            depth: 0,
            is_plain: true,
            is_compact: true,
        };
        let mut depth = 0_usize;
        let mut at = 0;
        while at < json.len() {
            match json[at] {
                b'{' | b'[' => {
                    depth += 1;
                    kept.depth = kept.depth.max(depth);
                    at += 1;
                }
                b'}' | b']' => {
                    depth = depth.saturating_sub(1);
                    at += 1;
                }
                b'"' => at = kept.string(at),
                b'-' | b'0'..=b'9' => at = kept.number(at),
                b' ' | b'\t' | b'\n' | b'\r' => {
                    kept.is_compact = false;
                    at += 1;
                }
                _ => at += 1,
            }
        }
        kept
    }

    fn into_text(self) -> Cow<'a, [u8]> {
        match self.rewritten {
            None => Cow::Borrowed(self.json),
            Some(mut out) => {
                out.extend_from_slice(&self.json[self.copied..]);
                Cow::Owned(out)
            }
        }
    }

    /// What is rewritten, up to this place, where something else than what stands there is to follow.
    fn rewrite(&mut self, to: usize) -> &mut Vec<u8> {
        let room = self.json.len() + 16;
        let out = self
            .rewritten
            .get_or_insert_with(|| Vec::with_capacity(room));
        out.extend_from_slice(&self.json[self.copied..to]);
        self.copied = to;
        out
    }

    /// Walks over a number, making it a string where it would be rounded; returns where it ends.
    fn number(&mut self, start: usize) -> usize {
        let rest = &self.json[start..];
        let length = rest
            .iter()
            .position(|b| !matches!(b, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9'));
        let number = &rest[..length.unwrap_or(rest.len())];
        let end = start + number.len();
        if is_plainly_exact(number) {
            return end;
        }
        self.is_plain = false;
        if is_number(number) && !is_exact(number) {
            self.rewrite(start).push(b'"');
            self.rewrite(end).push(b'"');
        }
        end
    }

    /// Walks over a string, doubling the backslash of lone surrogates; returns where it ends.
    fn string(&mut self, start: usize) -> usize {
        let json = self.json;
        let mut at = start + 1;
        while at < json.len() {
            match json[at] {
                b'"' => return at + 1,
                b'\\' => at = self.escape(at),
                _ => at += 1,
            }
        }
        json.len()
    }

    fn escape(&mut self, at: usize) -> usize {
        self.is_plain = false;
        match unicode_escape(self.json, at) {
            Some(0xD800..=0xDBFF)
                if matches!(unicode_escape(self.json, at + 6), Some(0xDC00..=0xDFFF)) =>
            {
                at + 12
            }
            Some(0xD800..=0xDFFF) => {
                self.rewrite(at).push(b'\\');
                at + 6
            }
            _ => at + 2,
        }
    }
}

/// The code unit of a `\uXXXX` that begins here.
fn unicode_escape(json: &[u8], at: usize) -> Option<u16> {
    let escape = json.get(at..at + 6)?;
    if !escape.starts_with(b"\\u") || !escape[2..].iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u16::from_str_radix(std::str::from_utf8(&escape[2..]).ok()?, 16).ok()
}

/// Whether these bytes are a JSON number, so that what is not stays an error.
fn is_number(text: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

/// Whether these are digits so few that a 64-bit integer or a double keeps them: what nearly every number is.
fn is_plainly_exact(number: &[u8]) -> bool {
    /// A double keeps every decimal number of so many digits (`f64::DIGITS`).
    const DIGITS: usize = f64::DIGITS as usize;
    let digits = number.strip_prefix(b"-").unwrap_or(number);
    digits.len() <= DIGITS + 1
        && digits.iter().filter(|byte| byte.is_ascii_digit()).count() <= DIGITS
        && digits
            .iter()
            .all(|byte| byte.is_ascii_digit() || *byte == b'.')
}

/// Whether reading the number as an integer or a double and writing it again keeps its value.
fn is_exact(number: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(number) else {
        return false;
    };
    if !text.contains(['.', 'e', 'E']) {
        return text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok();
    }
    // Two shortest forms of one double can be equally near to it; either keeps the value.
    text.parse::<f64>().is_ok_and(|value| {
        let shortest = [
            format!("{value:e}"),
            serde_json::Value::from(value).to_string(),
        ];
        value.is_finite() && shortest.iter().any(|form| decimal(form) == decimal(text))
    })
}

/// A decimal number as sign, significant digits and exponent, so that equal values compare equal.
fn decimal(text: &str) -> Option<(bool, String, i64)> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (negative, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let digits = all.trim_start_matches('0');
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return Some((false, String::new(), 0));
    }
    let trailing = i64::try_from(digits.len() - significant.len()).ok()?;
    let places = i64::try_from(fraction.len()).ok()?;
    Some((
        negative,
        significant.to_owned(),
        exponent.checked_sub(places)?.checked_add(trailing)?,
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn lone_surrogates_stay_as_their_escape_and_pairs_are_read() {
        let parsed = parse(br#"{"lone":"a\ud83dz","low":"\udc00","pair":"\ud83d\ude00","\ud800":1,"back":"\\ud800"}"#);
        assert_eq!(
            parsed.unwrap(),
            json!({"lone":"a\\ud83dz","low":"\\udc00","pair":"😀","\\ud800":1,"back":"\\ud800"})
        );
    }

    #[test]
    fn numbers_that_would_be_rounded_become_strings_of_their_digits() {
        let parsed = parse(b"[9223372036854775807, 18446744073709551616, 0.1, 0.10, 1e2, 0.1000000000000000055, -0.0, 1e400]");
        assert_eq!(
            parsed.unwrap(),
            json!([
                9223372036854775807_i64,
                "18446744073709551616",
                0.1,
                0.1,
                1e2,
                "0.1000000000000000055",
                -0.0,
                "1e400"
            ])
        );
    }

    #[test]
    fn a_double_between_two_shortest_forms_stays_a_number() {
        let json = b"-902.8928833007812";
        assert_eq!(parse(json).unwrap(), json!(-902.8928833007812));
    }

    #[test]
    fn what_is_not_json_stays_an_error() {
        for bad in [
            "",
            "{",
            "[01]",
            "[1.]",
            "\"\\ud83",
            "[--1]",
            "{\"a\":1e}",
            "\"\\u12\"",
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad} was accepted");
        }
    }

    #[test]
    fn what_is_deeper_than_can_be_read_is_not_written_on() {
        for (depth, readable) in [(DEEPEST - 1, true), (DEEPEST, false), (100_000, false)] {
            let json = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            assert_eq!(parse(json.as_bytes()).is_ok(), readable, "{depth}");
            assert_eq!(Passed::new(json.as_bytes()).is_some(), readable, "{depth}");
        }
    }

    proptest! {
        #[test]
        fn what_a_strict_parser_reads_exactly_is_read_the_same(text in "\\PC*", number in any::<i64>(), float in any::<f32>()) {
            let value = json!({"text": text, "number": number, "float": f64::from(float), "list": [text, null, true]});
            let json = serde_json::to_vec(&value).unwrap();
            prop_assert_eq!(parse(&json).unwrap(), value);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let passed = Passed::new(&bytes).map(|passed| serde_json::to_value(passed).unwrap());
            prop_assert_eq!(passed, parse(&bytes).ok());
        }

        #[test]
        fn what_is_written_on_is_what_is_parsed(json in r#"(\[|\{|\]|\}|,|:|"a?"|"(é|\\n|\\ud83d|\\ude00){0,3}"|-?[0-9]{1,20}(\.[0-9]{1,20})?(e-?[0-9]{1,3})?|true|null| ){1,8}"#) {
            let passed = Passed::new(json.as_bytes()).map(|passed| serde_json::to_value(passed).unwrap());
            prop_assert_eq!(passed, parse(json.as_bytes()).ok());
        }

        #[test]
        fn a_decimal_number_that_is_plainly_exact_is_exact(whole in "0|[1-9][0-9]{0,14}", fraction in "(\\.[0-9]{1,15})?") {
            let number = format!("{whole}{fraction}");
            prop_assume!(is_plainly_exact(number.as_bytes()));
            prop_assert!(is_exact(number.as_bytes()));
        }
    }
}
