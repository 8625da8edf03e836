//! Where a request carries its token.

use http::header::{AUTHORIZATION, COOKIE, ORIGIN};
use http::{HeaderMap, Method};

use crate::config::Cookie;
use crate::denied::Denied;

/// Finds the one token of a request: in `Authorization: Bearer`, or in the cookie if one is configured.
///
/// A token in both places is refused, because two tokens may be two persons. Nothing else is looked at: a token in a
/// URL ends up in logs (RFC 6750, section 5.3). The cookie counts only for requests from an allowed origin.
pub(crate) fn token<'a>(
    cookie: Option<&Cookie>,
    method: &Method,
    headers: &'a HeaderMap,
) -> Result<&'a str, Denied> {
    let bearer = bearer(headers)?;
    let Some(cookie) = cookie else {
        return bearer.ok_or(Denied::NoToken);
    };
    match (bearer, cookie_value(&cookie.name, headers)?) {
        (Some(_), Some(_)) => Err(Denied::TwoTokens),
        (Some(bearer), None) => Ok(bearer),
        (None, None) => Err(Denied::NoToken),
        (None, Some(value)) if is_from(&cookie.origins, method, headers) => Ok(value),
        (None, Some(_)) => Err(Denied::WrongOrigin),
    }
}

/// The token of the `Authorization` header; none when there is no such header or it is of another scheme.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Denied> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = all.next() else {
        return Ok(None);
    };
    if all.next().is_some() {
        return Err(Denied::TwoTokens);
    }
    let value = value.to_str().map_err(|_| Denied::MalformedHeader)?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Ok(None);
    }
    let token = token.trim_matches(' ');
    if token.is_empty() || !token.bytes().all(is_token_byte) {
        return Err(Denied::MalformedHeader);
    }
    Ok(Some(token))
}

/// The value of the cookie of this name; an empty one is none, because that is how a cookie is taken away.
fn cookie_value<'a>(name: &str, headers: &'a HeaderMap) -> Result<Option<&'a str>, Denied> {
    let mut found = None;
    for header in headers.get_all(COOKIE) {
        // A line with a byte that is not ASCII may hold other cookies; ours has none.
        for pair in header.as_bytes().split(|b| *b == b';') {
            let Some(value) = pair
                .trim_ascii()
                .strip_prefix(name.as_bytes())
                .and_then(|rest| rest.strip_prefix(b"="))
                .filter(|value| !value.is_empty())
            else {
                continue;
            };
            let value = std::str::from_utf8(value).map_err(|_| Denied::Malformed)?;
            if found.replace(value).is_some() {
                return Err(Denied::TwoTokens);
            }
        }
    }
    Ok(found)
}

/// Whether a browser sent the request from a page of an allowed origin, so that its cookies say what the person wants.
///
/// An `Origin` must be allowed, always. Without one, a request that changes something must come from the same origin
/// (`Sec-Fetch-Site`), and one that reads must not come from another site, except when the person follows a link.
fn is_from(origins: &[String], method: &Method, headers: &HeaderMap) -> bool {
    let mut sent = headers.get_all(ORIGIN).iter();
    match (sent.next(), sent.next()) {
        (Some(origin), None) => origins.iter().any(|it| it.as_bytes() == origin.as_bytes()),
        (Some(_), Some(_)) => false,
        (None, _) => {
            let site = headers.get("sec-fetch-site").map(|it| it.as_bytes());
            if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
                let follows_link = headers
                    .get("sec-fetch-mode")
                    .is_some_and(|mode| mode.as_bytes() == b"navigate");
                matches!(site, None | Some(b"same-origin" | b"none")) || follows_link
            } else {
                site == Some(b"same-origin")
            }
        }
    }
}

/// RFC 6750, section 2.1: `b64token`.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)
}
