//! `[server]`: how people reach the gateway.

use std::net::SocketAddr;
use std::time::Duration;

use adieu_gateway::{GatewayBuilder, Limits, is_prefix};
use http::Uri;
use http::uri::{Authority, Scheme};
use serde::{Deserialize, Deserializer, de};

/// `[server]`: where the API lies and what one caller may ask. The addresses are for `adieu serve` alone; a host that mounts
/// the layer has its own.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ServerConfig {
    /// Where `adieu serve` listens: `127.0.0.1:8080`. Port 0 takes a free one.
    #[serde(deserialize_with = "address")]
    pub listen: SocketAddr,
    /// Under which path the API lies: `/privacy`.
    #[serde(deserialize_with = "prefix")]
    pub prefix: String,
    /// The service that gets everything else, such as `http://127.0.0.1:3000`. Without one, everything else is not there.
    pub upstream: Option<Origin>,
    /// Whether tokens of erased persons are refused before the upstream sees them: no.
    pub refuse_erased: bool,
    /// Where metrics can be read, such as `127.0.0.1:9464`. Nowhere by default.
    #[serde(deserialize_with = "some_address")]
    pub metrics: Option<SocketAddr>,
    /// The tenant whose operators may work; see `GatewayBuilder::operator_tenant`.
    pub operator_tenant: Option<String>,
    /// How long stopping may take, in seconds, before connections that are still open are cut: 10.
    pub stop_seconds: u16,
    /// What one caller may ask.
    pub limits: LimitsConfig,
}

/// `[server.limits]`: what one caller may ask, on each node.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct LimitsConfig {
    /// How long a body may be.
    pub max_body_bytes: u32,
    /// How long a body may take, in seconds.
    pub body_seconds: u16,
    /// How often one person may call.
    pub calls_per_minute: u32,
    /// How often one person may ask for a preview, an export or an erasure.
    pub asks_per_minute: u32,
    /// How many unfinished exports one person may have.
    pub exports_at_once: u32,
}

/// Where a service is: `http://HOST` or `http://HOST:PORT`, and nothing after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub(crate) authority: Authority,
}

/// A text that is no [`Origin`]. It is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "is not the address of a service; write \"http://HOST:PORT\", without a path; TLS is for what stands in front"
)]
pub struct NoOrigin;

impl ServerConfig {
    /// How long stopping may take.
    pub fn patience(&self) -> Duration {
        Duration::from_secs(self.stop_seconds.into())
    }

    pub(crate) fn applied_to(&self, builder: GatewayBuilder) -> GatewayBuilder {
        let builder = builder.prefix(&self.prefix).limits(self.limits.as_limits());
        match &self.operator_tenant {
            Some(tenant) => builder.operator_tenant(tenant),
            None => builder,
        }
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            prefix: "/privacy".to_owned(),
            upstream: None,
            refuse_erased: false,
            metrics: None,
            operator_tenant: None,
            stop_seconds: 10,
            limits: LimitsConfig::default(),
        }
    }
}

impl LimitsConfig {
    fn as_limits(&self) -> Limits {
        Limits {
            max_body_bytes: usize::try_from(self.max_body_bytes).unwrap_or(usize::MAX),
            body_timeout: Duration::from_secs(self.body_seconds.into()),
            calls_per_minute: self.calls_per_minute,
            asks_per_minute: self.asks_per_minute,
            exports_at_once: self.exports_at_once,
        }
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            max_body_bytes: u32::try_from(limits.max_body_bytes).unwrap_or(u32::MAX),
            body_seconds: u16::try_from(limits.body_timeout.as_secs()).unwrap_or(u16::MAX),
            calls_per_minute: limits.calls_per_minute,
            asks_per_minute: limits.asks_per_minute,
            exports_at_once: limits.exports_at_once,
        }
    }
}

impl std::str::FromStr for Origin {
    type Err = NoOrigin;

    fn from_str(text: &str) -> Result<Self, NoOrigin> {
        let parts = text.parse::<Uri>().map_err(|_| NoOrigin)?.into_parts();
        let authority = parts.authority.ok_or(NoOrigin)?;
        let bare = parts.path_and_query.is_none_or(|path| path.as_str() == "/");
        let is_http = parts.scheme == Some(Scheme::HTTP);
        if is_http && bare && !authority.as_str().contains('@') && !authority.host().is_empty() {
            Ok(Self { authority })
        } else {
            Err(NoOrigin)
        }
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse()
        .map_err(|_| de::Error::custom("is not an address; write \"127.0.0.1:8080\""))
}

fn some_address<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SocketAddr>, D::Error> {
    address(deserializer).map(Some)
}

fn prefix<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    match is_prefix(&text) {
        true => Ok(text),
        false => Err(de::Error::custom(
            "is no prefix; write one such as \"/privacy\", of a-z, 0-9, -, _, . and /, without a slash at its end",
        )),
    }
}
