//! An object that was found in a store, and a place in the order of a listing.

use std::path::PathBuf;

use adieu_core::{ConnectorError, RetentionBasis};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What was found at a key. It has no `Debug`: its key is personal.
#[derive(Clone)]
pub(crate) struct Object {
    /// The bytes of its key, with slashes: what it is ordered by.
    pub(crate) key: Vec<u8>,
    pub(crate) kind: Kind,
    pub(crate) at: At,
    pub(crate) modified_at: Option<Timestamp>,
    /// Its length, where the listing tells it.
    pub(crate) size_bytes: Option<u64>,
    /// What keeps it in its store, whatever anybody wants.
    pub(crate) hold: Option<Hold>,
    /// What it is marked with, where that was asked for.
    pub(crate) mark: Option<Vec<u8>>,
}

/// What sort of thing lies at a key.
#[derive(Clone)]
pub(crate) enum Kind {
    /// Bytes that can be read; in a store that keeps versions, one version of them.
    File,
    /// A symbolic link, a socket, a pipe: its content is not the person's, its name may be.
    Link,
    /// A folder that cannot be entered, and why; what it holds is not known.
    Closed(ConnectorError),
    /// What a deletion leaves in a bucket that keeps versions: a note that the object is gone, while its versions are not.
    Marker,
    /// An upload that was begun and not finished; its parts lie in the store and cannot be read.
    Upload,
    /// Deleted already; the store itself gets rid of it on that day.
    Leaving(Option<Date>),
}

/// How the store reaches an object again.
#[derive(Clone)]
pub(crate) enum At {
    /// The path within a folder.
    Path(PathBuf),
    /// Its key, and its version or the name of its upload where the store has those.
    Key {
        version: Option<String>,
        /// The content that was listed, so that another is never read for it.
        etag: Option<String>,
        /// Whether it is what the key holds now, and not an older version.
        is_current: bool,
    },
}

/// What keeps an object: a lock, a hold, a policy of its bucket.
#[derive(Clone)]
pub(crate) struct Hold {
    pub(crate) basis: RetentionBasis,
    pub(crate) reason: &'static str,
    /// The last day; `None` when none is set.
    pub(crate) until: Option<Date>,
}

impl Object {
    pub(crate) fn version(&self) -> Option<&str> {
        match &self.at {
            At::Path(_) => None,
            At::Key { version, .. } => version.as_deref(),
        }
    }

    /// Whether it is what its key holds now.
    pub(crate) fn is_current(&self) -> bool {
        match &self.at {
            At::Path(_) => true,
            At::Key { is_current, .. } => *is_current,
        }
    }

    pub(crate) fn spot(&self) -> Spot {
        Spot {
            key: Key(self.key.clone()),
            version: self.version().map(str::to_owned),
        }
    }
}

/// One of the listings that a store has, in the order in which they are gone through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Listing {
    /// The objects, with all their versions.
    #[default]
    Objects,
    /// Uploads that were not finished.
    Uploads,
    /// What was deleted and is still kept by the store for some days.
    Leaving,
}

/// Where a listing goes on: the content of a cursor. It has no `Debug`: it is personal.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Position {
    pub(crate) listing: Listing,
    /// In this place, which is named by its key; the first when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) place: Option<Key>,
    /// After this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<Spot>,
    /// The store's own name of the page that it is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) page: Option<String>,
    /// The first of what was just removed after it: the store must not list it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) gone: Option<Spot>,
}

/// One entry of a listing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Spot {
    pub(crate) key: Key,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
}

/// Some of what a person has, in the order of the listing. It may be nothing although there is more, where much of others
/// was passed over.
#[derive(Default)]
pub(crate) struct Listed {
    pub(crate) objects: Vec<Object>,
    pub(crate) listing: Listing,
    /// The store's name of the page that these are of.
    pub(crate) page: Option<String>,
    /// The last entry of somebody else that was passed over.
    pub(crate) passed: Option<Passed>,
    /// Where it goes on; `None` when these were the last.
    pub(crate) next: Option<Position>,
}

/// An entry of somebody else among a person's: a place from which a listing can go on.
pub(crate) struct Passed {
    /// How many of the objects come before it.
    pub(crate) before: usize,
    pub(crate) at: Position,
}

/// A key in a cursor: base64, because it need not be text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(pub(crate) Vec<u8>);

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD_NO_PAD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let key = STANDARD_NO_PAD.decode(text);
        key.map(Self).map_err(|_| D::Error::custom("not base64"))
    }
}
