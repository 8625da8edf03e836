//! HTTP Message Signatures (RFC 9421) with a shared key, in the one form that the protocol uses.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use adieu_core::{ConnectorError, Effect, Secret};
use adieu_http_client::http::HeaderValue;
use adieu_http_client::{Answer, Outgoing, Response, Transport};
use aws_lc_rs::{digest, hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http_body_util::{BodyExt as _, Full};
use tower::{BoxError, ServiceExt as _};

/// How far the two clocks may be apart.
const SKEW_SECONDS: u64 = 300;

const TAG: &str = "adieu-remote-1";

/// Where the signature of a question is kept until its answer is verified. Whatever an answer says here is overwritten.
const ASKED_WITH: &str = "adieu-asked-with";

/// The key that both sides share.
pub(crate) struct Key {
    id: String,
    key: hmac::Key,
}

impl Key {
    /// # Errors
    /// When it is too short or no base64; in words that repeat nothing of it.
    pub(crate) fn parse(id: &str, text: &Secret) -> Result<Self, String> {
        let bytes = STANDARD.decode(text.expose().trim());
        let bytes = bytes.map_err(|_| "is no base64; make one by `openssl rand -base64 32`")?;
        if bytes.len() < 32 {
            return Err(
                "is shorter than 32 bytes; make one by `openssl rand -base64 32`".to_owned(),
            );
        }
        Ok(Self {
            id: id.to_owned(),
            key: hmac::Key::new(hmac::HMAC_SHA256, &bytes),
        })
    }

    fn sign(&self, base: &str) -> String {
        let tag = hmac::sign(&self.key, base.as_bytes());
        format!(":{}:", STANDARD.encode(tag.as_ref()))
    }

    fn has_signed(&self, base: &str, signature: &str) -> bool {
        let encoded = signature
            .strip_prefix(':')
            .and_then(|rest| rest.strip_suffix(':'));
        let Some(Ok(tag)) = encoded.map(|encoded| STANDARD.decode(encoded)) else {
            return false;
        };
        hmac::verify(&self.key, base.as_bytes(), &tag).is_ok()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Signs one attempt, with a time and a nonce of its own, and sends it.
pub(crate) async fn send(
    key: Arc<Key>,
    inner: Transport,
    request: Outgoing,
) -> Result<Answer, BoxError> {
    let (mut parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let mut nonce = [0_u8; 16];
    rand::fill(&mut nonce).map_err(|_| "no random bytes could be had")?;
    let digest = digest_of(&body);
    let parameters = format!(
        "(\"@method\" \"@path\" \"content-digest\");created={};nonce=\"{}\";{}",
        now(),
        URL_SAFE_NO_PAD.encode(nonce),
        key.parameters(),
    );
    let base = format!(
        "\"@method\": {}\n\"@path\": {}\n\"content-digest\": {digest}\n\"@signature-params\": {parameters}",
        parts.method,
        parts.uri.path(),
    );
    let signature = key.sign(&base);
    for (name, value) in [
        ("content-digest", digest),
        ("signature-input", format!("adieu={parameters}")),
        ("signature", format!("adieu={signature}")),
    ] {
        parts.headers.insert(name, HeaderValue::try_from(value)?);
    }
    let request = Outgoing::from_parts(parts, Full::new(body));
    let mut answer = inner.oneshot(request).await?;
    let asked_with = HeaderValue::try_from(signature)?;
    answer.headers_mut().insert(ASKED_WITH, asked_with);
    Ok(answer)
}

/// That an answer is whole, of the service, and to this very question.
///
/// # Errors
/// `Protocol`, when it is not: nothing in it is to be believed.
pub(crate) fn verify(key: &Key, answer: &Response) -> Result<(), ConnectorError> {
    let wrong = |why| Err(answer.makes_no_sense(why).effect(Effect::Unknown));
    let digest = digest_of(answer.body());
    if answer.header("content-digest") != Some(&digest) {
        return wrong("the answer does not have the digest that it says");
    }
    let labelled = |name| {
        answer
            .header(name)
            .and_then(|value| value.strip_prefix("adieu="))
    };
    let (Some(parameters), Some(signature), Some(asked_with)) = (
        labelled("signature-input"),
        labelled("signature"),
        answer.header(ASKED_WITH),
    ) else {
        return wrong("the answer is not signed");
    };
    let created = parameters
        .strip_prefix("(\"@status\" \"content-digest\" \"signature\";req;key=\"adieu\");created=")
        .and_then(|rest| rest.strip_suffix(&*key.parameters())?.strip_suffix(';'))
        .and_then(|created| created.parse().ok());
    let Some(created) = created else {
        return wrong("the answer is signed in another way than the protocol says");
    };
    let base = format!(
        "\"@status\": {}\n\"content-digest\": {digest}\n\"signature\";req;key=\"adieu\": {asked_with}\n\"@signature-params\": {parameters}",
        answer.status().as_u16(),
    );
    if !key.has_signed(&base, signature) {
        return wrong(
            "the answer's signature is wrong, or is that of an answer to another question",
        );
    }
    match now().abs_diff(created) <= SKEW_SECONDS {
        true => Ok(()),
        false => wrong("the answer was signed at another time; compare the two clocks"),
    }
}

impl Key {
    fn parameters(&self) -> String {
        format!("keyid=\"{}\";alg=\"hmac-sha256\";tag=\"{TAG}\"", self.id)
    }
}

/// RFC 9530.
fn digest_of(body: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, body);
    format!("sha-256=:{}:", STANDARD.encode(hash.as_ref()))
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_32_bytes_at_least_and_is_never_shown() {
        let text = STANDARD.encode([7; 32]);
        let key = Key::parse("adieu", &Secret::new(&*text)).unwrap();
        assert!(!format!("{key:?}").contains(&text));
        for wrong in ["", "hunter2", "aHVudGVyMg=="] {
            let problem = Key::parse("adieu", &Secret::new(wrong)).unwrap_err();
            assert!(problem.contains("openssl rand"), "{problem}");
        }
    }

    #[test]
    fn a_signature_is_of_one_text_alone() {
        let key = Key::parse("adieu", &Secret::new(STANDARD.encode([7; 32]))).unwrap();
        let other = Key::parse("adieu", &Secret::new(STANDARD.encode([8; 32]))).unwrap();
        let signature = key.sign("base");
        assert!(key.has_signed("base", &signature));
        assert!(!key.has_signed("bass", &signature) && !other.has_signed("base", &signature));
        for wrong in ["", ":", "::", &signature[1..], &format!("{signature} ")] {
            assert!(!key.has_signed("base", wrong), "{wrong}");
        }
    }
}
