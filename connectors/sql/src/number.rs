//! Decimal numbers on their way into the archive: numbers where that keeps every digit, texts otherwise.

use adieu_core::FieldValue;

/// With so many significant digits every decimal number comes back from a double.
const DIGITS: usize = f64::DIGITS as usize;

/// A decimal number as a number where it is then written with the same digits again, and as text otherwise: zeros at the end of
/// a fraction are digits too.
pub(crate) fn value(digits: &[u8]) -> FieldValue<'_> {
    let text = std::str::from_utf8(digits).unwrap_or_default();
    number(text).unwrap_or(FieldValue::Text(text.into()))
}

fn number(text: &str) -> Option<FieldValue<'static>> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    if unsigned.len() > DIGITS + 1 || text == "-0" {
        return None;
    }
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let is_whole = |part: &str| is_digits(part) && (part == "0" || !part.starts_with('0'));
    match unsigned.split_once('.') {
        None if is_whole(unsigned) && unsigned.len() <= DIGITS => {
            text.parse().ok().map(FieldValue::Integer)
        }
        // What begins with more zeros would be written with an exponent.
        Some((whole, fraction))
            if is_whole(whole)
                && is_digits(fraction)
                && !fraction.ends_with('0')
                && !fraction.starts_with("000") =>
        {
            text.parse().ok().map(FieldValue::Float)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(digits: &str) -> String {
        serde_json::to_string(&value(digits.as_bytes())).unwrap()
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
