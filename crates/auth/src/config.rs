//! What an operator says about tokens.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use adieu_core::{ConfigProblem, IdentityKind};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer, StrDeserializer};
use serde::{Deserialize, Deserializer, de};

use crate::algorithm::Algorithm;
use crate::key_source::{KeySource, is_loopback};

/// Which tokens are accepted, and what they are taken to say.
///
/// Begin with [`AuthConfig::new`] and change what is different; every field is what the configuration file says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AuthConfig {
    /// Who may issue tokens: `iss` must be one of these, byte by byte. In a file: a text or a list.
    ///
    /// Several issuers share one space of subjects: list two only when their `sub` means the same person.
    #[serde(default, deserialize_with = "one_or_many")]
    pub issuer: Vec<String>,
    /// For whom tokens must be: `aud` must name one of these. In a file: a text or a list.
    #[serde(default, deserialize_with = "one_or_many")]
    pub audience: Vec<String>,
    /// The keys. In a file: a text, a table, or a list of them; see [`KeySource`].
    #[serde(default, deserialize_with = "one_or_many")]
    pub keys: Vec<KeySource>,
    /// The algorithms that keys may have. A key that does not say which it is for gets the first of these that fits its type.
    #[serde(default = "all_algorithms")]
    pub algorithms: Vec<Algorithm>,
    /// How far the clocks of issuer and gateway may be apart: 5, at most 300.
    #[serde(default = "five")]
    pub leeway_seconds: u32,
    /// Whether a token without `nbf` is refused: yes. Some issuers never send it; say `false` for those.
    #[serde(default = "yes")]
    pub require_nbf: bool,
    /// The claim that says who the person is: `sub`. It must be a text.
    #[serde(default = "sub")]
    pub subject_claim: String,
    /// The kind of identity that claim is: `user_id`.
    #[serde(default = "user_id")]
    pub subject_kind: String,
    /// Further identities that a token may hold, by kind. By default the e-mail address, when `email_verified` is `true`.
    #[serde(default = "verified_email")]
    pub identities: BTreeMap<IdentityKind, IdentityClaim>,
    /// The claim that says within which tenant the person is known. When set, a token without it is refused.
    #[serde(default)]
    pub tenant_claim: Option<String>,
    /// The claims that hold scopes: `scope` and `scp`. Each is a text of scopes between spaces, or a list of scopes.
    #[serde(default = "scope_and_scp")]
    pub scope_claims: Vec<String>,
    /// How long a token may be: 8,192, at most 65,536.
    #[serde(default = "eight_kib")]
    pub max_token_bytes: usize,
    /// A cookie that may hold the token in place of the `Authorization` header. None by default.
    #[serde(default)]
    pub cookie: Option<Cookie>,
    /// How long ago the login may be when an erasure is asked for: 600 (RFC 9470).
    #[serde(default = "ten_minutes")]
    pub erasure_max_age_seconds: u32,
    /// How key sets at URLs are kept.
    #[serde(default)]
    pub jwks: KeySetLimits,
}

/// A claim that is an identity of the person, and why it may be believed. Exactly one reason must be given.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityClaim {
    /// The claim that holds the identity.
    pub claim: String,
    /// The claim that says, by being `true`, that the issuer has verified it. Otherwise the identity is left out.
    #[serde(default)]
    pub verified_by: Option<String>,
    /// The issuer itself assigns this claim, and the person has no way to choose its value.
    #[serde(default)]
    pub assigned_by_issuer: bool,
}

/// A cookie that holds the token, and the origins of the pages that may use it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cookie {
    /// The cookie's name.
    pub name: String,
    /// The origins, such as `https://app.example.com`.
    pub origins: Vec<String>,
}

/// How a key set at a URL is kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct KeySetLimits {
    /// How old it may be before it is fetched again: 600.
    pub refresh_seconds: u32,
    /// The least time between two fetches, whatever tokens arrive and whether they succeed: 30.
    pub min_refresh_seconds: u32,
    /// How old it may be before its keys are refused, while it cannot be fetched: 21,600 (six hours).
    pub max_age_seconds: u32,
    /// How long it may be: 262,144.
    pub max_bytes: usize,
    /// How long a fetch may take: 5.
    pub timeout_seconds: u32,
}

impl Default for KeySetLimits {
    fn default() -> Self {
        Self {
            refresh_seconds: 600,
            min_refresh_seconds: 30,
            max_age_seconds: 21_600,
            max_bytes: 262_144,
            timeout_seconds: 5,
        }
    }
}

impl KeySetLimits {
    pub(crate) fn refresh(&self) -> Duration {
        Duration::from_secs(self.refresh_seconds.into())
    }

    pub(crate) fn min_refresh(&self) -> Duration {
        Duration::from_secs(self.min_refresh_seconds.into())
    }

    pub(crate) fn max_age(&self) -> Duration {
        Duration::from_secs(self.max_age_seconds.into())
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds.into())
    }
}

impl AuthConfig {
    /// Tokens of this issuer for this audience, signed with keys from this source; everything else as usual.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>, keys: KeySource) -> Self {
        Self {
            issuer: vec![issuer.into()],
            audience: vec![audience.into()],
            keys: vec![keys],
            algorithms: all_algorithms(),
            leeway_seconds: five(),
            require_nbf: yes(),
            subject_claim: sub(),
            subject_kind: user_id(),
            identities: verified_email(),
            tenant_claim: None,
            scope_claims: scope_and_scp(),
            max_token_bytes: eight_kib(),
            cookie: None,
            erasure_max_age_seconds: ten_minutes(),
            jwks: KeySetLimits::default(),
        }
    }

    /// Every mistake that can be seen without reading a file, a variable or the network.
    pub fn validate(&self) -> Vec<ConfigProblem> {
        let mut problems = Vec::new();
        let mut wrong = |path: &[&str], problem: &str| {
            problems.push(ConfigProblem::new(path.iter().copied(), problem));
        };

        for (name, values) in [("issuer", &self.issuer), ("audience", &self.audience)] {
            if values.is_empty() {
                wrong(&[name], "is missing; name at least one");
            }
            if values.iter().any(|value| value.trim().is_empty()) {
                wrong(&[name], "must not be empty");
            }
        }
        if self.keys.is_empty() {
            wrong(
                &["keys"],
                "are missing; write https://…/jwks.json, file:PATH or env:NAME",
            );
        }
        for (index, source) in self.keys.iter().enumerate() {
            let index = index.to_string();
            for problem in source.problems(&self.issuer, &self.algorithms) {
                wrong(&["keys", &index], &problem);
            }
            if self.issuer.len() > 1 && self.keys.len() > 1 && source.issuer().is_none() {
                wrong(
                    &["keys", &index],
                    "with several issuers and several keys, say whose this one is: issuer = …",
                );
            }
        }
        if self.algorithms.is_empty() {
            wrong(
                &["algorithms"],
                "is empty; leave it out to allow all that are offered",
            );
        }
        if self.leeway_seconds > 300 {
            wrong(&["leeway_seconds"], "is at most 300");
        }
        if self.subject_claim.is_empty() {
            wrong(&["subject_claim"], "must not be empty");
        }
        if let Err(problem) = IdentityKind::new(&*self.subject_kind) {
            wrong(&["subject_kind"], &problem.to_string());
        }
        for (kind, identity) in &self.identities {
            let path = ["identities", kind.as_str()];
            if kind.as_str() == self.subject_kind {
                wrong(&path, "is the kind of the subject claim already");
            }
            if identity.claim.is_empty() {
                wrong(&path, "names no claim");
            }
            if identity.verified_by.is_some() == identity.assigned_by_issuer {
                wrong(
                    &path,
                    "needs one reason to be believed: verified_by = \"…_verified\", or assigned_by_issuer = true",
                );
            }
        }
        if self.tenant_claim.as_ref().is_some_and(String::is_empty) {
            wrong(&["tenant_claim"], "must not be empty");
        }
        if self.scope_claims.is_empty() {
            wrong(
                &["scope_claims"],
                "is empty, so that no token would allow anything",
            );
        }
        if !(256..=65_536).contains(&self.max_token_bytes) {
            wrong(&["max_token_bytes"], "is 256 to 65536");
        }
        if !(1..=86_400).contains(&self.erasure_max_age_seconds) {
            wrong(&["erasure_max_age_seconds"], "is 1 to 86400");
        }
        if let Some(cookie) = &self.cookie {
            problems.extend(cookie.problems());
        }
        problems.extend(self.jwks.problems());
        problems
    }
}

impl Cookie {
    fn problems(&self) -> Vec<ConfigProblem> {
        let mut problems = Vec::new();
        let is_name = !self.name.is_empty()
            && self
                .name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
        if !is_name {
            problems.push(ConfigProblem::new(
                ["cookie", "name"],
                "is no name of a cookie (RFC 6265, section 4.1.1)",
            ));
        }
        if self.origins.is_empty() || !self.origins.iter().all(|origin| is_origin(origin)) {
            problems.push(ConfigProblem::new(
                ["cookie", "origins"],
                "names each page's origin as a browser writes it: https://app.example.com, without a path \
                 (http:// on loopback alone)",
            ));
        }
        problems
    }
}

impl KeySetLimits {
    fn problems(&self) -> Vec<ConfigProblem> {
        let rules = [
            (
                (1..=3_600).contains(&self.min_refresh_seconds),
                "min_refresh_seconds",
                "is 1 to 3600",
            ),
            (
                self.refresh_seconds >= self.min_refresh_seconds,
                "refresh_seconds",
                "is at least min_refresh_seconds",
            ),
            (
                self.max_age_seconds > self.refresh_seconds && self.max_age_seconds <= 604_800,
                "max_age_seconds",
                "is more than refresh_seconds, and at most 604800 (a week)",
            ),
            (
                (1_024..=4_194_304).contains(&self.max_bytes),
                "max_bytes",
                "is 1024 to 4194304",
            ),
            (
                (1..=60).contains(&self.timeout_seconds),
                "timeout_seconds",
                "is 1 to 60",
            ),
        ];
        rules
            .into_iter()
            .filter(|(right, ..)| !right)
            .map(|(_, name, rule)| ConfigProblem::new(["jwks", name], rule))
            .collect()
    }
}

/// Whether a text is an origin the way a browser sends it (RFC 6454, section 6.2); `null` and `*` are none.
fn is_origin(text: &str) -> bool {
    let Some((scheme, authority)) = text.split_once("://") else {
        return false;
    };
    let Ok(parsed) = authority.parse::<http::uri::Authority>() else {
        return false;
    };
    let as_sent = parsed.as_str() == authority
        && !authority.contains(['@', '*'])
        && !parsed.host().is_empty()
        && !authority.bytes().any(|b| b.is_ascii_uppercase());
    as_sent
        && match scheme {
            "https" => parsed.port_u16() != Some(443),
            "http" => is_loopback(parsed.host()) && parsed.port_u16() != Some(80),
            _ => false,
        }
}

fn all_algorithms() -> Vec<Algorithm> {
    Algorithm::ALL.to_vec()
}

fn five() -> u32 {
    5
}

fn yes() -> bool {
    true
}

fn sub() -> String {
    "sub".to_owned()
}

fn user_id() -> String {
    "user_id".to_owned()
}

fn verified_email() -> BTreeMap<IdentityKind, IdentityClaim> {
    IdentityKind::new("email")
        .map(|kind| {
            let claim = IdentityClaim {
                claim: "email".to_owned(),
                verified_by: Some("email_verified".to_owned()),
                assigned_by_issuer: false,
            };
            BTreeMap::from([(kind, claim)])
        })
        .unwrap_or_default()
}

fn scope_and_scp() -> Vec<String> {
    vec!["scope".to_owned(), "scp".to_owned()]
}

fn eight_kib() -> usize {
    8_192
}

fn ten_minutes() -> u32 {
    600
}

/// Reads one value or a list of them.
fn one_or_many<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct OneOrMany<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> de::Visitor<'de> for OneOrMany<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("one value or a list of them")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<T>, E> {
            T::deserialize(StrDeserializer::new(text)).map(|one| vec![one])
        }

        fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Vec<T>, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map)).map(|one| vec![one])
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, seq: A) -> Result<Vec<T>, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(seq))
        }
    }

    deserializer.deserialize_any(OneOrMany(PhantomData))
}
