//! Marks: a tag or a word of metadata by which an object says whose it is.

use std::collections::BTreeSet;

use adieu_core::{IdentityKind, Need, Subject};

use crate::object::Object;
use crate::template::Template;

/// Where objects say themselves whose they are, and how.
#[derive(Clone, Debug)]
pub(crate) struct Marked {
    /// Without an identity in it.
    pub(crate) prefix: Template,
    pub(crate) kind: MarkKind,
    /// What kind of identity stands in the mark.
    pub(crate) identity: IdentityKind,
}

/// What an object is marked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MarkKind {
    /// The tag of this name.
    Tag(String),
    /// The word of its metadata.
    Metadata(String),
}

/// The marks of one person's objects. `Debug` is left out: the values are personal.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) kind: MarkKind,
    values: BTreeSet<Vec<u8>>,
}

impl Marked {
    /// What must be known of a person.
    pub(crate) fn need(&self) -> Need {
        let need = Need::one(self.identity.clone());
        if self.prefix.needs_tenant() {
            need.within_tenant()
        } else {
            need
        }
    }

    /// The marks of a person's objects; `None` when nothing is known by which they are marked.
    pub(crate) fn of(&self, subject: &Subject) -> Option<Mark> {
        let values = subject.values(&self.identity);
        let values: BTreeSet<Vec<u8>> = values
            .map(|value| value.expose().as_bytes().to_vec())
            .collect();
        (!values.is_empty()).then(|| Mark {
            kind: self.kind.clone(),
            values,
        })
    }
}

impl Mark {
    /// Whether an object has one of the person's values, byte for byte.
    pub(crate) fn is_on(&self, object: &Object) -> bool {
        let value = object.mark.as_deref();
        value.is_some_and(|value| self.values.contains(value))
    }
}
