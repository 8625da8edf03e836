//! Tokens that are had for credentials and last a while (OAuth 2.0).

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use adieu_core::{ConfigProblem, ConnectorError, Effect, ErrorKind, Secret};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::client::{Client, ClientBuilder};

/// How long a service account's signed statement is good for, and a token of which nobody says how long.
const HOUR: Duration = Duration::from_secs(3600);

/// However long a token is said to live, a day is believed.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A token is not used in the last part of its life: a minute, or a quarter of a short one.
const MARGIN: Duration = Duration::from_secs(60);

/// The longest answer of a token endpoint.
const MAX_BODY_BYTES: u64 = 64 * 1024;

/// One credential at one token endpoint, and the token that is good now. Cheap to clone; clones share the token.
///
/// A [`Client`] that is [given them](ClientBuilder::tokens) sends one with every call. A token is asked for once, whoever waits for it;
/// before it expires the next one is asked for; one that the provider refuses is replaced once.
#[derive(Clone)]
pub struct Tokens(Arc<Inner>);

struct Inner {
    endpoint: Client,
    grant: Grant,
    kept: Mutex<Option<Kept>>,
}

enum Grant {
    /// RFC 6749, section 4.4.
    Client(Vec<(String, Secret)>),
    /// RFC 7523, section 2.1.
    Account {
        account: ServiceAccount,
        scope: String,
    },
}

struct Kept {
    token: Secret,
    until: Instant,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Option<u64>,
}

impl Tokens {
    /// Tokens for a client's credentials. The URL of `endpoint` is the token endpoint itself; `parameters` are the form that is sent
    /// there besides `grant_type`: `client_id`, `client_secret`, `scope`, `audience`.
    ///
    /// # Errors
    /// When the URL cannot be used.
    pub fn for_client(
        endpoint: ClientBuilder,
        parameters: impl IntoIterator<Item = (String, Secret)>,
    ) -> Result<Self, ConfigProblem> {
        Self::new(endpoint, Grant::Client(parameters.into_iter().collect()))
    }

    /// Tokens of this scope for a service account. The URL of `endpoint` is [`ServiceAccount::token_uri`].
    ///
    /// # Errors
    /// When the URL cannot be used.
    pub fn for_service_account(
        endpoint: ClientBuilder,
        account: ServiceAccount,
        scope: impl Into<String>,
    ) -> Result<Self, ConfigProblem> {
        let scope = scope.into();
        Self::new(endpoint, Grant::Account { account, scope })
    }

    fn new(endpoint: ClientBuilder, grant: Grant) -> Result<Self, ConfigProblem> {
        Ok(Self(Arc::new(Inner {
            endpoint: endpoint.build()?,
            grant,
            kept: Mutex::new(None),
        })))
    }

    /// A token that is good now.
    ///
    /// # Errors
    /// When none is granted; without effect, because what it is for was not called.
    ///
    /// # Cancel safety
    /// When the future is dropped, whoever waits next asks for the token.
    pub async fn token(&self) -> Result<Secret, ConnectorError> {
        let mut kept = self.0.kept.lock().await;
        if let Some(kept) = kept.as_ref()
            && kept.until > Instant::now()
        {
            return Ok(kept.token.clone());
        }
        let granted = self.0.ask().await;
        let granted = granted.map_err(|error| error.effect(Effect::None))?;
        let lives = granted
            .expires_in
            .map_or(HOUR, Duration::from_secs)
            .min(DAY);
        let token = Secret::new(granted.access_token);
        *kept = Some(Kept {
            token: token.clone(),
            until: Instant::now() + (lives - MARGIN.min(lives / 4)),
        });
        Ok(token)
    }

    /// Forgets a token that was refused, unless another one has come since.
    pub async fn forget(&self, refused: &Secret) {
        let mut kept = self.0.kept.lock().await;
        if kept.as_ref().is_some_and(|kept| kept.token == *refused) {
            *kept = None;
        }
    }
}

impl Inner {
    async fn ask(&self) -> Result<Granted, ConnectorError> {
        let url = self.endpoint.base().as_str();
        let signed;
        let form: Vec<(&str, &str)> = match &self.grant {
            Grant::Client(parameters) => {
                let grant = [("grant_type", "client_credentials")];
                let all = parameters.iter();
                let all = all.map(|(name, value)| (name.as_str(), value.expose()));
                grant.into_iter().chain(all).collect()
            }
            Grant::Account { account, scope } => {
                signed = account.sign(scope, url)?;
                vec![
                    ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
                    ("assertion", signed.expose()),
                ]
            }
        };
        let call = self.endpoint.post("/token").at(url).form(form);
        let call = call.max_body_bytes(MAX_BODY_BYTES).repeatable();
        // Boxed, because the endpoint is a client as well.
        let answer = Box::pin(call.send()).await?;
        match answer.status().as_u16() {
            // RFC 6749, section 5.2: the credentials are wrong, or may not have such a token.
            400 | 401 | 403 => Err(ConnectorError::new(
                ErrorKind::Unauthorized,
                answer.error().what().to_owned(),
            )),
            _ => answer.success()?.parse(),
        }
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("endpoint", &self.0.endpoint)
            .finish_non_exhaustive()
    }
}

/// A service account, by the key file that its provider hands out.
pub struct ServiceAccount {
    issuer: String,
    token_uri: String,
    key: EncodingKey,
}

/// What a key file holds, as far as it is needed.
#[derive(Deserialize)]
struct KeyFile {
    client_email: String,
    private_key: String,
    token_uri: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'a str,
    aud: &'a str,
    iat: u64,
    exp: u64,
}

impl ServiceAccount {
    /// Reads a key file.
    ///
    /// # Errors
    /// When it is none; the problem has no path and repeats nothing of the file.
    pub fn parse(key_file: &Secret) -> Result<Self, ConfigProblem> {
        let wrong = || {
            ConfigProblem::new(
                [""; 0],
                "is no key file of a service account: JSON with `client_email`, `private_key` (PEM) and `token_uri`",
            )
        };
        let file: KeyFile = serde_json::from_str(key_file.expose()).map_err(|_| wrong())?;
        let private_key = Secret::new(file.private_key);
        let key =
            EncodingKey::from_rsa_pem(private_key.expose().as_bytes()).map_err(|_| wrong())?;
        Ok(Self {
            issuer: file.client_email,
            token_uri: file.token_uri,
            key,
        })
    }

    /// Where its tokens are had.
    pub fn token_uri(&self) -> &str {
        &self.token_uri
    }

    fn sign(&self, scope: &str, audience: &str) -> Result<Secret, ConnectorError> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let claims = Claims {
            iss: &self.issuer,
            scope,
            aud: audience,
            iat: now.as_secs(),
            exp: (now + HOUR).as_secs(),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &self.key)
            .map(Secret::new)
            .map_err(|_| {
                ConnectorError::new(ErrorKind::Config, "the service account's key cannot sign")
            })
    }
}

impl fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAccount").finish_non_exhaustive()
    }
}
