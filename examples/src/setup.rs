//! What every example needs and none is about: an engine over a newsletter, tokens, and a folder that goes with the program.

use std::error::Error;
use std::path::Path;

use adieu::auth::sign::{Signer, TokenDraft};
use adieu::auth::{AuthConfig, Authenticator, KeySource, Scope};
use adieu::core::Secret;
use adieu::{Builder, Engine, MasterKey};

use crate::newsletter::{Newsletter, Readers};

const ISSUER: &str = "https://id.example.com";

/// An engine whose only system is a newsletter with two readers.
///
/// # Errors
/// When the folder cannot be written.
pub async fn engine(folder: &Path) -> Result<Engine, Box<dyn Error>> {
    let readers = Readers::default();
    for (email, name) in [("ada@example.com", "Ada"), ("eve@example.com", "Eve")] {
        readers.all().insert(email.to_owned(), name.to_owned());
    }
    let builder = Builder::new(folder.join("adieu.db"), MasterKey::generate()?);
    Ok(builder.connector(Newsletter::new(readers)?).engine().await?)
}

/// Accepts tokens that are signed with this secret. An e-mail address counts when the issuer has verified it.
///
/// # Errors
/// When the secret is too short.
pub fn authenticator(secret: &Secret) -> Result<Authenticator, Box<dyn Error>> {
    let config = AuthConfig::new(ISSUER, "api", KeySource::given(secret.clone()));
    Ok(Authenticator::new(config, Path::new("."), None).map_err(|all| format!("{all:?}"))?)
}

/// A random secret to sign tokens with.
///
/// # Errors
/// When the system has no randomness to give.
pub fn secret() -> Result<Secret, Box<dyn Error>> {
    Ok(Secret::new(MasterKey::generate()?.to_base64().to_string()))
}

/// A token of Ada, who has just logged in.
///
/// # Errors
/// When the secret is too short.
pub fn token(secret: &Secret) -> Result<String, Box<dyn Error>> {
    let draft = TokenDraft::new(ISSUER, "api", "u-1")
        .scopes([Scope::EXPORT, Scope::ERASE])
        .claim("email", "ada@example.com")
        .claim("email_verified", true);
    let token = Signer::from_secret(secret)?.sign(&draft, jiff::Timestamp::now())?;
    Ok(token.expose().to_owned())
}
