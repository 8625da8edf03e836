//! Where keys come from.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use adieu_core::{Secret, Setting};
use http::Uri;
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer, de};

use crate::algorithm::Algorithm;
use crate::key::MAX_KID_BYTES;
use crate::key_set::KeySet;
use crate::sign::Signer;

/// Where keys come from: `https://…/jwks.json`, `file:jwks.json`, `env:JWT_SECRET`.
///
/// A file or variable holds a key set or a JWK (JSON), a public key (PEM), or else a shared secret for HS256, whose
/// bytes are the key as they stand. In a configuration file it is a text, or a table with `from` and, if needed,
/// `algorithm`, `kid` and `issuer`. A key itself never stands in a configuration file; in code it may be given.
#[derive(Clone)]
pub struct KeySource {
    origin: Origin,
    algorithm: Option<Algorithm>,
    kid: Option<String>,
    issuer: Option<String>,
}

#[derive(Clone)]
enum Origin {
    Url(String),
    Setting(Setting),
    /// A key that stood in a configuration file; it was not kept.
    Misplaced,
}

impl KeySource {
    /// A key set at an `https:` URL (or `http:` on loopback).
    pub fn url(url: impl Into<String>) -> Self {
        Self::new(Origin::Url(url.into()))
    }

    /// An environment variable.
    pub fn env(name: impl Into<String>) -> Self {
        Self::new(Origin::Setting(Setting::Env(name.into())))
    }

    /// A file; a relative path begins at the configuration's folder.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::new(Origin::Setting(Setting::File(path.into())))
    }

    /// The key itself: a key set, a PEM or a shared secret.
    pub fn given(key: Secret) -> Self {
        Self::new(Origin::Setting(Setting::Literal(key)))
    }

    /// The algorithm of a key that does not say itself, such as `PS256` for an RSA key.
    #[must_use]
    pub fn for_algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = Some(algorithm);
        self
    }

    /// The `kid` of a single key. A token that names another is not checked with it.
    #[must_use]
    pub fn with_kid(mut self, kid: impl Into<String>) -> Self {
        self.kid = Some(kid.into());
        self
    }

    /// Whose keys these are, when there are several issuers. They are good for no other.
    #[must_use]
    pub fn of_issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    fn new(origin: Origin) -> Self {
        Self {
            origin,
            algorithm: None,
            kid: None,
            issuer: None,
        }
    }

    pub(crate) fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// What is wrong with it, as far as it can be seen without reading anything.
    pub(crate) fn problems(&self, issuers: &[String], allowed: &[Algorithm]) -> Vec<String> {
        let mut problems = Vec::new();
        match &self.origin {
            Origin::Misplaced => problems.push(
                "a key does not stand in the configuration itself; write env:NAME, file:PATH or https://…"
                    .to_owned(),
            ),
            Origin::Url(url) => {
                if parse_url(url).is_none() {
                    problems.push(
                        "a key set comes from an https:// URL (or http:// on loopback), without a password in it"
                            .to_owned(),
                    );
                }
                if self.kid.is_some() {
                    problems.push("a key set at a URL has its own kids; leave kid out".to_owned());
                }
            }
            Origin::Setting(Setting::Literal(_)) => {
                problems.extend(self.read(Path::new("")).err());
            }
            Origin::Setting(_) => {}
        }
        if let Some(algorithm) = self.algorithm
            && !allowed.contains(&algorithm)
        {
            problems.push(format!(
                "{} is not among the allowed algorithms",
                algorithm.as_str()
            ));
        }
        if self
            .kid
            .as_ref()
            .is_some_and(|kid| kid.len() > MAX_KID_BYTES)
        {
            problems.push("a kid has at most 256 bytes".to_owned());
        }
        if let Some(issuer) = &self.issuer
            && !issuers.contains(issuer)
        {
            problems.push("this issuer is not among the accepted ones".to_owned());
        }
        problems
    }

    /// The URL, when the keys come from one.
    pub(crate) fn remote(&self) -> Option<Uri> {
        match &self.origin {
            Origin::Url(url) => parse_url(url),
            _ => None,
        }
    }

    /// The algorithms its keys may have.
    pub(crate) fn allowed<'a>(&'a self, allowed: &'a [Algorithm]) -> &'a [Algorithm] {
        self.algorithm
            .as_ref()
            .map_or(allowed, std::slice::from_ref)
    }

    /// Reads the keys that do not come from a URL.
    pub(crate) fn load(&self, folder: &Path, allowed: &[Algorithm]) -> Result<KeySet, String> {
        let Origin::Setting(setting) = &self.origin else {
            return Ok(KeySet::default());
        };
        let text = setting.resolve(folder)?;
        KeySet::read(text.expose(), self.allowed(allowed))
            .and_then(|set| set.with_kid(self.kid.clone()))
            .map_err(str::to_owned)
    }

    /// Signs with this key, for development. None when it is no shared secret: public keys only check.
    ///
    /// # Errors
    /// When the variable or file it names cannot be read, or holds a secret that is too short.
    pub fn signer(&self, folder: &Path) -> Result<Option<Signer>, String> {
        let Origin::Setting(setting) = &self.origin else {
            return Ok(None);
        };
        let text = setting.resolve(folder)?;
        if KeySet::is_public(text.expose()) {
            return Ok(None);
        }
        let signer = Signer::from_secret(&text).map_err(|unfit| unfit.to_string())?;
        Ok(Some(match &self.kid {
            Some(kid) => signer.with_kid(kid),
            None => signer,
        }))
    }

    fn read(&self, folder: &Path) -> Result<KeySet, String> {
        self.load(folder, &Algorithm::ALL)
    }
}

/// Shows where the keys come from, never a key.
impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::Url(_) => f.write_str("url"),
            Origin::Setting(setting) => setting.fmt(f),
            Origin::Misplaced => f.write_str("…"),
        }
    }
}

impl From<Setting> for KeySource {
    fn from(setting: Setting) -> Self {
        Self::new(Origin::Setting(setting))
    }
}

impl<'de> Deserialize<'de> for KeySource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrTable)
    }
}

struct TextOrTable;

impl<'de> de::Visitor<'de> for TextOrTable {
    type Value = KeySource;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("https://…, file:PATH or env:NAME, or a table with `from`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<KeySource, E> {
        Ok(KeySource::new(origin(text)))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<KeySource, A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            from: String,
            algorithm: Option<Algorithm>,
            kid: Option<String>,
            issuer: Option<String>,
        }

        let table = Table::deserialize(MapAccessDeserializer::new(map))?;
        Ok(KeySource {
            origin: origin(&table.from),
            algorithm: table.algorithm,
            kid: table.kid,
            issuer: table.issuer,
        })
    }
}

fn origin(text: &str) -> Origin {
    if text.starts_with("https://") || text.starts_with("http://") {
        return Origin::Url(text.to_owned());
    }
    match Setting::from(text.to_owned()) {
        Setting::Literal(_) => Origin::Misplaced,
        setting => Origin::Setting(setting),
    }
}

fn parse_url(url: &str) -> Option<Uri> {
    let uri: Uri = url.parse().ok()?;
    let authority = uri.authority()?;
    if authority.as_str().contains('@') || authority.host().is_empty() {
        return None;
    }
    let secure = match uri.scheme_str()? {
        "https" => true,
        "http" => is_loopback(authority.host()),
        _ => false,
    };
    secure.then_some(uri)
}

/// Whether a host is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
