//! Which part of an archive is wanted (RFC 9110, section 14).

use http::HeaderMap;
use http::header::{IF_RANGE, RANGE};

/// What is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it.
    Whole,
    /// From a byte on, so many.
    Part { from: u64, bytes: u64 },
    /// Something that is not there.
    Nothing,
}

/// Reads `Range` and `If-Range`. What is not one range in bytes is left out of account, as a server may.
pub(super) fn wanted(headers: &HeaderMap, etag: &str, all: u64) -> Wanted {
    let mut ranges = headers.get_all(RANGE).iter();
    let (Some(range), None) = (ranges.next(), ranges.next()) else {
        return Wanted::Whole;
    };
    // A date in `If-Range` equals no entity tag.
    if headers
        .get(IF_RANGE)
        .is_some_and(|tag| tag.as_bytes() != etag.as_bytes())
    {
        return Wanted::Whole;
    }
    let range = range.to_str().ok().and_then(|range| range.split_once('='));
    let Some((_, range)) = range.filter(|(unit, _)| unit.eq_ignore_ascii_case("bytes")) else {
        return Wanted::Whole;
    };
    let Some((first, last)) = range.trim().split_once('-') else {
        return Wanted::Whole;
    };
    match (number(first), number(last)) {
        (Some(first), None) if last.is_empty() => part(first, all.saturating_sub(1), all),
        (Some(first), Some(last)) if first <= last => part(first, last, all),
        (None, Some(suffix)) if first.is_empty() => match suffix {
            0 => Wanted::Nothing,
            suffix => part(all.saturating_sub(suffix), all.saturating_sub(1), all),
        },
        _ => Wanted::Whole,
    }
}

fn part(first: u64, last: u64, all: u64) -> Wanted {
    if first >= all {
        return Wanted::Nothing;
    }
    Wanted::Part {
        from: first,
        bytes: last.min(all - 1) - first + 1,
    }
}

/// Digits alone: a sign is none. A number that is too large lies behind every archive.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(range: &str) -> Wanted {
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, HeaderValue::try_from(range).unwrap());
        wanted(&headers, "\"tag\"", 100)
    }

    #[test]
    fn one_range_of_bytes_is_a_part() {
        let part = |from, bytes| Wanted::Part { from, bytes };
        assert_eq!(of("bytes=0-0"), part(0, 1));
        assert_eq!(of("bytes=10-19"), part(10, 10));
        assert_eq!(of("Bytes=90-"), part(90, 10));
        assert_eq!(of("bytes=90-1000"), part(90, 10));
        assert_eq!(of("bytes=-10"), part(90, 10));
        assert_eq!(of("bytes=-1000"), part(0, 100));
        assert_eq!(of("bytes=0-99999999999999999999999"), part(0, 100));
    }

    #[test]
    fn a_range_behind_the_end_is_nothing() {
        for range in [
            "bytes=100-",
            "bytes=100-200",
            "bytes=-0",
            "bytes=99999999999999999999999-",
        ] {
            assert_eq!(of(range), Wanted::Nothing, "{range}");
        }
    }

    #[test]
    fn what_is_not_one_range_is_left_out_of_account() {
        for range in [
            "bytes=5-4",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=0-1,3-4",
            "bytes",
            "items=0-1",
            "bytes=-",
            "bytes=",
        ] {
            assert_eq!(of(range), Wanted::Whole, "{range}");
        }
    }

    #[test]
    fn a_range_of_another_archive_is_the_whole() {
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, HeaderValue::from_static("bytes=0-1"));
        headers.insert(IF_RANGE, HeaderValue::from_static("\"tag\""));
        assert_eq!(
            wanted(&headers, "\"tag\"", 10),
            Wanted::Part { from: 0, bytes: 2 }
        );
        assert_eq!(wanted(&headers, "\"new\"", 10), Wanted::Whole);
        headers.insert(
            IF_RANGE,
            HeaderValue::from_static("Wed, 21 Oct 2026 07:28:00 GMT"),
        );
        assert_eq!(wanted(&headers, "\"tag\"", 10), Wanted::Whole);
    }
}
