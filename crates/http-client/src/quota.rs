//! What an answer says about when to call again, in each spelling that occurs.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode};

/// The longest wait that is believed; a longer one is taken as this.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// How long to wait before the next call, when the answer says so.
///
/// Read are, the first one that is there: `Retry-After` in seconds or as a date (RFC 9110), `RateLimit` with
/// `RateLimit-Policy` (the IETF drafts, early and late), and `ratelimit-remaining` with `ratelimit-reset`, also with `x-`
/// in front.
pub(crate) fn wait(status: StatusCode, headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let refused = matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
    );
    let after = text(headers, "retry-after").and_then(|text| retry_after(text, now));
    let wait = match after {
        Some(wait) if refused || status.is_server_error() => Some(wait),
        _ => {
            let (left, reset) = structured(headers).or_else(|| spelled_out(headers, now))?;
            // Before the quota is used up there is nothing to wait for.
            (refused && left.is_none() || left == Some(0))
                .then_some(reset)
                .flatten()
        }
    };
    wait.map(|wait| wait.min(LONGEST))
}

fn retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    if let Some(wait) = seconds(text) {
        return Some(wait);
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// `RateLimit: "default";r=0;t=30`, `RateLimit: limit=100, remaining=0, reset=30`; without a time, the window of
/// `RateLimit-Policy: "default";q=100;w=60`.
fn structured(headers: &HeaderMap) -> Option<(Option<u64>, Option<Duration>)> {
    let limit = &list(headers, "ratelimit")?;
    // Of several quotas, the one that is used up, or else the first.
    let policy = &list(headers, "ratelimit-policy").unwrap_or_default();
    let early = parameter(limit, "remaining").is_some() || parameter(limit, "reset").is_some();
    let items: Vec<&str> = if early {
        vec![limit]
    } else {
        limit.split(',').collect()
    };
    let read = |item: &str| {
        let left = parameter(item, "r").or_else(|| parameter(item, "remaining"));
        let reset = parameter(item, "t").or_else(|| parameter(item, "reset"));
        let window = || {
            let name = item.split(';').next().unwrap_or_default().trim();
            let same = policy.split(',').find(|one| one.trim().starts_with(name));
            parameter(same.unwrap_or(policy), "w")
        };
        (
            left.and_then(whole),
            reset.or_else(window).and_then(seconds),
        )
    };
    let mut quotas = items.into_iter().map(read);
    let first = quotas.next()?;
    if first.0 == Some(0) {
        return Some(first);
    }
    Some(quotas.find(|(left, _)| *left == Some(0)).unwrap_or(first))
}

/// `ratelimit-remaining: 0` and `ratelimit-reset: 30`. A reset far beyond any window is a time since 1970.
fn spelled_out(headers: &HeaderMap, now: SystemTime) -> Option<(Option<u64>, Option<Duration>)> {
    let either = |name: &str| text(headers, name).or_else(|| text(headers, &format!("x-{name}")));
    let reset = either("ratelimit-reset").and_then(seconds);
    let left = either("ratelimit-remaining").and_then(whole);
    if reset.is_none() && left.is_none() {
        return None;
    }
    let since_1970 = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let reset = reset.map(|reset| match reset.as_secs() {
        0..1_000_000_000 => reset,
        // Some count in milliseconds.
        1_000_000_000_000.. => (reset / 1000).saturating_sub(since_1970),
        _ => reset.saturating_sub(since_1970),
    });
    Some((left, reset))
}

/// A header that is a list; several lines of it are one list (RFC 9110, section 5.3).
fn list(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers
        .get_all(name)
        .iter()
        .filter_map(|line| line.to_str().ok());
    let lines: Vec<&str> = lines.collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// The value of `name=value` among parameters divided by `;` or `,`.
fn parameter<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.split([';', ',']).find_map(|one| {
        let (key, value) = one.trim().split_once('=')?;
        (key.trim().eq_ignore_ascii_case(name)).then_some(value.trim())
    })
}

/// Seconds, of which some providers send fractions.
fn seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

fn whole(text: &str) -> Option<u64> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, headers: &[(&'static str, &str)]) -> Option<u64> {
        let now = httpdate::parse_http_date("Sun, 22 Nov 2026 12:00:00 GMT").unwrap();
        let headers = headers
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        wait(StatusCode::from_u16(status).unwrap(), &headers, now).map(|wait| wait.as_secs())
    }

    #[test]
    fn every_spelling_is_understood() {
        for (status, headers, expected) in [
            (429, &[("retry-after", "7")][..], Some(7)),
            (
                429,
                &[("retry-after", "Sun, 22 Nov 2026 12:00:09 GMT")],
                Some(9),
            ),
            (
                503,
                &[("retry-after", "Sun, 22 Nov 2026 11:00:00 GMT")],
                Some(0),
            ),
            (429, &[("ratelimit", "\"default\";r=0;t=30")], Some(30)),
            (200, &[("ratelimit", "\"default\";r=0;t=30")], Some(30)),
            (
                200,
                &[("ratelimit", "\"a\";r=5;t=9, \"b\";r=0;t=31")],
                Some(31),
            ),
            (
                429,
                &[("ratelimit", "limit=100, remaining=0, reset=12")],
                Some(12),
            ),
            (
                429,
                &[
                    ("ratelimit", "\"b\";r=0"),
                    ("ratelimit-policy", "\"a\";q=10;w=1, \"b\";q=1200;w=300"),
                ],
                Some(300),
            ),
            (
                200,
                &[("ratelimit-remaining", "0"), ("ratelimit-reset", "4")],
                Some(4),
            ),
            (429, &[("ratelimit-reset", "4")], Some(4)),
            (
                200,
                &[
                    ("ratelimit", "\"a\";r=5;t=9"),
                    ("ratelimit", "\"b\";r=0;t=8"),
                ],
                Some(8),
            ),
            (
                429,
                &[
                    ("x-ratelimit-remaining", "0"),
                    ("x-ratelimit-reset", "1795348860"),
                ],
                Some(60),
            ),
        ] {
            assert_eq!(read(status, headers), expected, "{status} {headers:?}");
        }
    }

    #[test]
    fn while_something_is_left_nobody_waits() {
        for (status, headers) in [
            (200, &[("retry-after", "7")][..]),
            (200, &[("ratelimit", "\"default\";r=3;t=30")]),
            (
                200,
                &[("ratelimit-remaining", "1"), ("ratelimit-reset", "4")],
            ),
            (429, &[("retry-after", "soon")]),
            (429, &[("retry-after", "-1")]),
            (429, &[("retry-after", "NaN")]),
            (429, &[]),
        ] {
            assert_eq!(read(status, headers), None, "{status} {headers:?}");
        }
    }

    #[test]
    fn an_endless_wait_is_cut() {
        assert_eq!(
            read(429, &[("retry-after", "99999999999")]),
            Some(24 * 3600)
        );
    }
}
