//! Tokens that are had for credentials and last a while.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use adieu_core::{ConfigProblem, ConnectorError, ErrorKind, Secret};
use adieu_http_client::{Client, ClientBuilder};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long a signed statement of a service account is good for, and a token of which nobody says how long.
const HOUR: Duration = Duration::from_secs(3600);

/// A token is not used in the last part of its life.
const MARGIN: Duration = Duration::from_secs(60);

/// One credential at one token endpoint, and the token that is good now.
pub(crate) struct Tokens {
    client: Client,
    url: String,
    grant: Grant,
    kept: Mutex<Option<Kept>>,
}

enum Grant {
    Form(Vec<(String, Secret)>),
    Signed {
        issuer: String,
        scope: String,
        key: Box<EncodingKey>,
    },
}

struct Kept {
    token: Secret,
    until: Instant,
}

/// The key file of a service account.
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

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Option<u64>,
}

impl Tokens {
    /// Tokens for a client's credentials. `client` makes a client of the endpoint's host.
    pub(crate) fn of_a_client(
        url: String,
        form: Vec<(String, Secret)>,
        client: impl FnOnce(&str) -> Result<ClientBuilder, ConfigProblem>,
    ) -> Result<Self, ConfigProblem> {
        Self::new(url, Grant::Form(form), client)
    }

    /// Tokens for a service account's key file.
    pub(crate) fn of_a_service_account(
        key: &Secret,
        scope: String,
        client: impl FnOnce(&str) -> Result<ClientBuilder, ConfigProblem>,
    ) -> Result<Self, ConfigProblem> {
        let wrong = || {
            ConfigProblem::new(
                ["auth", "service_account", "key"],
                "is no key file of a service account: JSON with `client_email`, `private_key` (PEM) and `token_uri`",
            )
        };
        let file: KeyFile = serde_json::from_str(key.expose()).map_err(|_| wrong())?;
        let private_key = Secret::new(file.private_key);
        let key =
            EncodingKey::from_rsa_pem(private_key.expose().as_bytes()).map_err(|_| wrong())?;
        let grant = Grant::Signed {
            issuer: file.client_email,
            scope,
            key: Box::new(key),
        };
        Self::new(file.token_uri, grant, client)
    }

    fn new(
        url: String,
        grant: Grant,
        client: impl FnOnce(&str) -> Result<ClientBuilder, ConfigProblem>,
    ) -> Result<Self, ConfigProblem> {
        let client = client(&url)?
            .build()
            .map_err(|problem| problem.under(["auth"]))?;
        Ok(Self {
            client,
            url,
            grant,
            kept: Mutex::new(None),
        })
    }

    /// A token that is good now.
    ///
    /// # Errors
    /// When none is granted.
    pub(crate) async fn token(&self) -> Result<Secret, ConnectorError> {
        let mut kept = self.kept.lock().await;
        if let Some(kept) = kept.as_ref()
            && kept.until > Instant::now()
        {
            return Ok(kept.token.clone());
        }
        let granted = self.ask().await?;
        let lives = granted.expires_in.map_or(HOUR, Duration::from_secs);
        let token = Secret::new(granted.access_token);
        *kept = Some(Kept {
            token: token.clone(),
            until: Instant::now() + lives.saturating_sub(MARGIN),
        });
        Ok(token)
    }

    /// Forgets a token that was refused.
    pub(crate) async fn forget(&self, refused: &Secret) {
        let mut kept = self.kept.lock().await;
        if kept.as_ref().is_some_and(|kept| kept.token == *refused) {
            *kept = None;
        }
    }

    async fn ask(&self) -> Result<Granted, ConnectorError> {
        let signed;
        let form: Vec<(&str, &str)> = match &self.grant {
            Grant::Form(form) => form
                .iter()
                .map(|(name, value)| (name.as_str(), value.expose()))
                .collect(),
            Grant::Signed { issuer, scope, key } => {
                signed = sign(issuer, scope, &self.url, key)?;
                vec![
                    ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
                    ("assertion", signed.expose()),
                ]
            }
        };
        let answer = self
            .client
            .post("/token")
            .at(&self.url)
            .form(form)
            .repeatable()
            .send()
            .await?;
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

fn sign(
    issuer: &str,
    scope: &str,
    audience: &str,
    key: &EncodingKey,
) -> Result<Secret, ConnectorError> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let claims = Claims {
        iss: issuer,
        scope,
        aud: audience,
        iat: now.as_secs(),
        exp: (now + HOUR).as_secs(),
    };
    jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, key)
        .map(Secret::new)
        .map_err(|_| {
            ConnectorError::new(ErrorKind::Config, "the service account's key cannot sign")
        })
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}
