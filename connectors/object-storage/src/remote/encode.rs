//! Keys in addresses.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Everything but what RFC 3986 calls unreserved: what every store and signature agrees on.
const PART: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');
/// The same with slashes left as they are.
const PATH: &AsciiSet = &PART.remove(b'/');

/// A key as the path of an address.
pub(super) fn path(key: &str) -> String {
    utf8_percent_encode(key, PATH).to_string()
}

/// A text as one segment of a path, or a value of a query.
pub(super) fn part(text: &str) -> String {
    utf8_percent_encode(text, PART).to_string()
}

/// A query from its pairs; a pair without a value is a word alone.
pub(super) fn query(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={}", part(value)))
        .collect();
    pairs.join("&")
}

/// Undoes the encoding of keys in a listing, in which a space may be a plus.
pub(super) fn decoded(text: &str) -> Option<String> {
    let text = text.replace('+', "%20");
    percent_decode_str(&text).decode_utf8().ok().map(Into::into)
}
