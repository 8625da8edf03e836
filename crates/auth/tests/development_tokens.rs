//! The signer for development makes tokens that the authenticator accepts.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use adieu_auth::sign::{Signer, TokenDraft};
use adieu_auth::{Algorithm, Denied, Scope};
use adieu_core::Secret;
use common::*;
use serde_json::json;

#[test]
fn each_algorithm_signs_a_token_that_is_accepted() {
    let draft = TokenDraft::new(ISSUER, AUDIENCE, "ada")
        .scopes([Scope::EXPORT, Scope::ERASE])
        .login_at(now() - seconds(60))
        .claim("email", "ada@example.com")
        .claim("email_verified", true);
    let secret = Signer::from_secret(&Secret::new(SECRET)).unwrap();
    let token = secret.sign(&draft, now()).unwrap();
    let grant = judge_hs256(token.expose()).unwrap();
    grant.require(&Scope::EXPORT).unwrap();
    grant.require_fresh(seconds(60), now()).unwrap();
    grant.require_fresh(seconds(59), now()).unwrap_err();
    assert_eq!(grant.subject().identities().len(), 2);

    for pair in [&*RSA, &*PSS, &*P256, &*ED25519] {
        let signer = Signer::from_pem(&Secret::new(&*pair.private_pem), pair.algorithm)
            .unwrap()
            .with_kid("dev");
        let token = signer.sign(&draft, now()).unwrap();
        let set = json!({"keys": [pair.jwk("dev")]}).to_string();
        judge(config(given(&set)), token.expose()).unwrap();
    }
}

#[test]
fn a_development_token_lives_as_long_as_it_says() {
    let signer = Signer::from_secret(&Secret::new(SECRET)).unwrap();
    let draft = TokenDraft::new(ISSUER, AUDIENCE, "ada").lifetime(seconds(60));
    let token = signer.sign(&draft, now() - seconds(66)).unwrap();
    assert_eq!(judge_hs256(token.expose()).unwrap_err(), Denied::Expired);
}

#[test]
fn a_key_that_does_not_fit_is_refused() {
    Signer::from_secret(&Secret::new("short")).unwrap_err();
    let rsa = Secret::new(&*RSA.private_pem);
    for algorithm in [Algorithm::HS256, Algorithm::ES256, Algorithm::EdDSA] {
        Signer::from_pem(&rsa, algorithm).unwrap_err();
    }
    let public = Secret::new(&*RSA.public_pem);
    Signer::from_pem(&public, Algorithm::RS256).unwrap_err();
    Signer::from_pem(&Secret::new(SECRET), Algorithm::RS256).unwrap_err();
}
