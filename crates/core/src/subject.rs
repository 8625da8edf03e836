//! The person a request is about.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::identity::{Identity, IdentityKind, IdentityValue};
use crate::name::InvalidWord;

/// The customer of the controller within which a data subject is known. Two tenants never see each other's people.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tenant(IdentityValue);

impl Tenant {
    /// Parses a tenant: the rule of [`IdentityValue::new`].
    ///
    /// # Errors
    /// When it breaks that rule.
    pub fn new(tenant: impl Into<String>) -> Result<Self, InvalidWord> {
        IdentityValue::new(tenant).map(Self)
    }

    /// The tenant as its system spells it.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// A data subject: the identities by which one person is known, within an optional tenant.
///
/// Every identity in it belongs to this person: it was verified, or a connector yielded it from a record that an
/// identity of this person reached. Without an identity a subject is nobody, and matches no record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<Tenant>,
    identities: BTreeSet<Identity>,
}

impl Subject {
    /// A subject known by these identities.
    pub fn new(identities: impl IntoIterator<Item = Identity>) -> Self {
        Self {
            tenant: None,
            identities: identities.into_iter().collect(),
        }
    }

    /// The same subject within a tenant.
    #[must_use]
    pub fn within(mut self, tenant: Tenant) -> Self {
        self.tenant = Some(tenant);
        self
    }

    /// The tenant, if there is one.
    pub fn tenant(&self) -> Option<&Tenant> {
        self.tenant.as_ref()
    }

    /// All identities, ordered by kind and value.
    pub fn identities(&self) -> impl ExactSizeIterator<Item = &Identity> {
        self.identities.iter()
    }

    /// The values of one kind; a person may have several e-mail addresses.
    pub fn values<'a>(&'a self, kind: &'a IdentityKind) -> impl Iterator<Item = &'a IdentityValue> {
        self.identities
            .iter()
            .filter(move |identity| identity.kind() == kind)
            .map(Identity::value)
    }

    /// Whether an identity of this kind is known.
    pub fn knows(&self, kind: &IdentityKind) -> bool {
        self.values(kind).next().is_some()
    }

    /// Adds an identity; `false` when it was known already.
    pub fn learn(&mut self, identity: Identity) -> bool {
        self.identities.insert(identity)
    }

    /// Whether there is no identity at all.
    pub fn is_empty(&self) -> bool {
        self.identities.is_empty()
    }
}
