//! The pass with which a browser downloads one archive by following a link, where it cannot send a token.

use adieu_engine::{Engine, EngineError, RequestId};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::{COOKIE, HOST};
use jiff::{SignedDuration, Timestamp};

/// Signs and checks passes: until when, a dot, and base64url of an HMAC-SHA-256 over that and the request's id.
///
/// A pass is a cookie that no script reads (`HttpOnly`), that comes along only from the host's own pages
/// (`SameSite=Strict`) and to this one archive (`Path`). It names nobody and stands in no URL.
pub(crate) struct Passes {
    key: hmac::Key,
}

const COOKIE_NAME: &str = "adieu-archive";

/// Long enough to begin a download, and to go on when the connection was lost.
const LIFETIME: SignedDuration = SignedDuration::from_mins(5);

impl Passes {
    pub(crate) fn new(engine: &Engine) -> Result<Self, EngineError> {
        let key = engine.derived_key("archive-pass/1")?;
        Ok(Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key.as_slice()),
        })
    }

    /// The cookie for an archive at this path, and until when it is good.
    pub(crate) fn issue(
        &self,
        id: RequestId,
        path: &str,
        asked: &HeaderMap,
        now: Timestamp,
    ) -> Option<(String, Timestamp)> {
        let until = now.checked_add(LIFETIME).ok()?.as_second();
        let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&self.key, &said(id, until)));
        // Not every browser takes a secure cookie on loopback, where nobody listens.
        let secure = if is_on_loopback(asked) {
            ""
        } else {
            "; Secure"
        };
        let cookie = format!(
            "{COOKIE_NAME}={until}.{signature}; Path={path}; Max-Age={}; HttpOnly; SameSite=Strict{secure}",
            LIFETIME.as_secs()
        );
        Some((cookie, Timestamp::from_second(until).ok()?))
    }

    /// Whether a request comes with a pass for this archive.
    pub(crate) fn is_held(&self, id: RequestId, asked: &HeaderMap, now: Timestamp) -> bool {
        asked
            .get_all(COOKIE)
            .iter()
            .filter_map(|cookies| cookies.to_str().ok())
            .flat_map(|cookies| cookies.split(';'))
            .filter_map(|cookie| cookie.trim().split_once('='))
            .any(|(name, pass)| name == COOKIE_NAME && self.is_good(pass, id, now))
    }

    fn is_good(&self, pass: &str, id: RequestId, now: Timestamp) -> bool {
        let Some((until, signature)) = pass.split_once('.') else {
            return false;
        };
        let (Ok(until), Ok(signature)) = (until.parse::<i64>(), URL_SAFE_NO_PAD.decode(signature))
        else {
            return false;
        };
        hmac::verify(&self.key, &said(id, until), &signature).is_ok() && now.as_second() < until
    }
}

fn said(id: RequestId, until: i64) -> Vec<u8> {
    format!("{id} {until}").into_bytes()
}

fn is_on_loopback(asked: &HeaderMap) -> bool {
    let host = asked.get(HOST).and_then(|host| host.to_str().ok());
    host.and_then(|host| host.parse::<http::uri::Authority>().ok())
        .is_some_and(|authority| is_loopback(authority.host()))
}

pub(crate) fn is_loopback(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const ONE: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
    const OTHER: &str = "01890a5d-ac96-774b-bcce-b302099a8058";

    fn passes(key: u8) -> Passes {
        Passes {
            key: hmac::Key::new(hmac::HMAC_SHA256, &[key; 32]),
        }
    }

    fn headers(cookie: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("shop.example"));
        let cookies = format!("theme=dark; {}; x=y", cookie.split(';').next().unwrap());
        headers.insert(COOKIE, HeaderValue::try_from(cookies).unwrap());
        headers
    }

    #[test]
    fn a_pass_opens_one_archive_for_five_minutes() {
        let (one, other) = (ONE.parse().unwrap(), OTHER.parse().unwrap());
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let asked = headers("a=b");
        let (cookie, until) = passes(1).issue(one, "/p/archive", &asked, now).unwrap();
        for attribute in [
            "Path=/p/archive",
            "Max-Age=300",
            "HttpOnly",
            "SameSite=Strict",
            "Secure",
        ] {
            assert!(cookie.split("; ").any(|it| it == attribute), "{cookie}");
        }
        assert!(passes(1).is_held(one, &headers(&cookie), now));
        assert!(!passes(1).is_held(other, &headers(&cookie), now));
        assert!(!passes(1).is_held(one, &headers(&cookie), until));
        assert!(!passes(2).is_held(one, &headers(&cookie), now));
        let later = cookie.replacen("=1", "=9", 1);
        assert!(!passes(1).is_held(one, &headers(&later), now));
        for bad in [
            "",
            ".",
            "adieu-archive=",
            "adieu-archive=1",
            "adieu-archive=1.AA",
        ] {
            assert!(!passes(1).is_held(one, &headers(bad), now), "{bad}");
        }
    }

    #[test]
    fn only_on_loopback_a_pass_may_go_in_the_clear() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        for (host, secure) in [
            ("127.0.0.1:3000", false),
            ("localhost", false),
            ("[::1]:3000", false),
            ("127.0.0.1.evil.example", true),
            ("", true),
        ] {
            let mut asked = HeaderMap::new();
            asked.insert(HOST, HeaderValue::from_static(host));
            let (cookie, _) = passes(1)
                .issue(ONE.parse().unwrap(), "/", &asked, now)
                .unwrap();
            assert_eq!(cookie.ends_with("; Secure"), secure, "{host}");
        }
    }
}
