//! Decimal numbers in their digits: numbers where a double keeps every digit, texts otherwise.

use std::fmt;

use serde::ser::{self, Serialize, Serializer};

use crate::value::FieldValue;

/// With so many significant digits every decimal number comes back from a double.
const DIGITS: usize = f64::DIGITS as usize;

impl<'a> FieldValue<'a> {
    /// A decimal number in its digits: a number where JSON's readers write it with the same digits again, and text otherwise. Zeros
    /// at the end of a fraction are digits too.
    #[must_use]
    pub fn decimal(digits: &'a str) -> Self {
        if keeps_its_digits(digits) {
            Self::Number(Number(digits))
        } else {
            Self::Text(digits.into())
        }
    }
}

/// A number in digits that are its shortest: a 64-bit integer or a double has the same ones.
#[derive(Clone, Copy)]
pub struct Number<'a>(&'a str);

impl<'a> Number<'a> {
    /// The digits, with a sign before and a point between where there are any.
    #[must_use]
    pub fn digits(&self) -> &'a str {
        self.0
    }

    /// Whether there is no fraction.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        !self.0.as_bytes().contains(&b'.')
    }
}

/// It is somebody's: nothing of it is shown.
impl fmt::Debug for Number<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Number").finish_non_exhaustive()
    }
}

impl Serialize for Number<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_whole() {
            let number = self.0.parse().map_err(ser::Error::custom)?;
            serializer.serialize_i64(number)
        } else {
            let number = self.0.parse().map_err(ser::Error::custom)?;
            serializer.serialize_f64(number)
        }
    }
}

fn keeps_its_digits(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text).as_bytes();
    if unsigned.len() > DIGITS + 1 || text == "-0" {
        return false;
    }
    let is_digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    let is_whole = |part: &[u8]| is_digits(part) && (part == b"0" || part[0] != b'0');
    match unsigned.iter().position(|byte| *byte == b'.') {
        None => is_whole(unsigned) && unsigned.len() <= DIGITS,
        Some(point) => {
            let (whole, fraction) = (&unsigned[..point], &unsigned[point + 1..]);
            // What begins with more zeros would be written with an exponent.
            is_whole(whole)
                && is_digits(fraction)
                && !fraction.ends_with(b"0")
                && !fraction.starts_with(b"000")
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(digits: &str) -> String {
        serde_json::to_string(&FieldValue::decimal(digits)).unwrap()
    }

    proptest! {
        #[test]
        fn a_decimal_keeps_every_digit(digits in "-?[0-9]{1,18}(\\.[0-9]{0,18})?") {
            let written = written(&digits);
            prop_assert_eq!(written.trim_matches('"'), &digits);
        }
    }

    #[test]
    fn usual_numbers_are_numbers_and_others_stay_texts() {
        for number in [
            "0",
            "7",
            "-12",
            "12.5",
            "0.1",
            "-0.25",
            "99999999999.99",
            "0.0012",
            "123456789012345",
        ] {
            assert_eq!(written(number), number);
        }
        for text in [
            "12.50",
            "-0",
            "007",
            "0.00001",
            "1234567890123456",
            "0.1234567890123456",
            "NaN",
            "Infinity",
            "1e5",
            "-",
            ".5",
            "5.",
        ] {
            assert_eq!(written(text), format!("\"{text}\""));
        }
    }
}
