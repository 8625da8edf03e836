//! Development tokens as a configuration wants them: its claims, its scopes, its keys.

use std::path::Path;

use adieu_core::{Secret, Subject, Tenant};

use crate::config::AuthConfig;
use crate::scope::Scope;
use crate::sign::{Signer, TokenDraft, UnfitKey};

/// Why a development token cannot be made with a configuration. No value of the person is shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Undraftable {
    /// The person is not named by what the subject claim holds, or by more than one.
    #[error("the person must be named by exactly one `{0}`, which the subject claim holds")]
    Subject(String),
    /// A kind of identity that tokens do not carry.
    #[error("tokens carry no `{0}`; [auth.identities] says which identities they carry")]
    Identity(String),
    /// A tenant is missing.
    #[error("tokens must name a tenant, in the claim `{0}`; say which")]
    TenantMissing(String),
    /// A tenant is named, but tokens carry none.
    #[error("tokens carry no tenant; [auth] tenant_claim says which claim holds it")]
    TenantUnknown,
    /// An issuer or an audience is missing.
    #[error("an issuer and an audience are needed")]
    Incomplete,
}

/// Why nothing can be signed with what a configuration names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsignable {
    /// It names public keys, which check tokens and do not sign them.
    #[error(
        "the configuration has only public keys, which check tokens and cannot sign them; give the private key, or let the issuer sign"
    )]
    PublicKeys,
    /// A key cannot be read.
    #[error("{0}")]
    Key(String),
    /// The given key fits no algorithm of the configuration.
    #[error(transparent)]
    Unfit(#[from] UnfitKey),
}

impl AuthConfig {
    /// A token for this person that the configuration accepts, once it is signed.
    ///
    /// # Errors
    /// When tokens of this configuration cannot name this person.
    pub fn draft(
        &self,
        subject: &Subject,
        scopes: impl IntoIterator<Item = Scope>,
    ) -> Result<TokenDraft, Undraftable> {
        let (Some(issuer), Some(audience)) = (self.issuer.first(), self.audience.first()) else {
            return Err(Undraftable::Incomplete);
        };
        let is_subject = |kind: &str| kind == self.subject_kind;
        let mut named = subject
            .identities()
            .filter(|one| is_subject(one.kind().as_str()));
        let (Some(person), None) = (named.next(), named.next()) else {
            return Err(Undraftable::Subject(self.subject_kind.clone()));
        };
        let person = person.value().expose();
        let mut draft =
            TokenDraft::new(issuer, audience, person).claim(&*self.subject_claim, person);
        let others = subject.identities();
        for identity in others.filter(|one| !is_subject(one.kind().as_str())) {
            let Some(carried) = self.identities.get(identity.kind()) else {
                let kind = identity.kind().as_str().to_owned();
                return Err(Undraftable::Identity(kind));
            };
            draft = draft.claim(&*carried.claim, identity.value().expose());
            if let Some(verified_by) = &carried.verified_by {
                draft = draft.claim(&**verified_by, true);
            }
        }
        draft = match (&self.tenant_claim, subject.tenant().map(Tenant::expose)) {
            (None, None) => draft,
            (Some(claim), Some(tenant)) => draft.claim(&**claim, tenant),
            (Some(claim), None) => return Err(Undraftable::TenantMissing(claim.clone())),
            (None, Some(_)) => return Err(Undraftable::TenantUnknown),
        };
        let scopes: Vec<Scope> = scopes.into_iter().collect();
        if let Some(claim) = self.scope_claims.first() {
            let texts: Vec<&str> = scopes.iter().map(Scope::as_str).collect();
            draft = draft.claim(&**claim, texts.join(" "));
        }
        Ok(draft.scopes(scopes))
    }

    /// Signs with the shared secret that the configuration names; `folder` is where relative paths begin.
    ///
    /// # Errors
    /// When it names public keys alone, or its secret cannot be read.
    pub fn signer(&self, folder: &Path) -> Result<Signer, Unsignable> {
        for source in &self.keys {
            if let Some(signer) = source.signer(folder).map_err(Unsignable::Key)? {
                return Ok(signer);
            }
        }
        Err(Unsignable::PublicKeys)
    }

    /// Signs with a private key in PEM, under the first algorithm of the configuration that fits it.
    ///
    /// # Errors
    /// When none fits.
    pub fn signer_with(&self, pem: &Secret) -> Result<Signer, Unsignable> {
        let mut unfit = Unsignable::PublicKeys;
        for &algorithm in &self.algorithms {
            match Signer::from_pem(pem, algorithm) {
                Ok(signer) => return Ok(signer),
                Err(error) => unfit = error.into(),
            }
        }
        Err(unfit)
    }
}
