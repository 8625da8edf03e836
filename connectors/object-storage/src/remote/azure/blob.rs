//! What a listing says of each blob, snapshot and version.

use adieu_core::{ConnectorError, RetentionBasis};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::super::encode;
use super::super::read::time_of;
use super::super::xml::Element;
use super::nonsense;
use crate::mark::MarkKind;
use crate::object::{At, Hold, Kind, Object, Spot};

/// Which of the things under one name, as it stands in a position.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Which {
    Snapshot(String),
    /// An older version.
    Version(String),
    /// What the name holds now, where versions are kept.
    Current(String),
    /// What the name holds, where they are not.
    Base,
}

impl Which {
    pub(super) fn of(object: &Object) -> Self {
        Self::parse(object.version())
    }

    pub(super) fn parse(text: Option<&str>) -> Self {
        match text.and_then(|text| text.split_once('=')) {
            Some(("snapshot", time)) => Self::Snapshot(time.to_owned()),
            Some(("version", time)) => Self::Version(time.to_owned()),
            Some(("current", time)) => Self::Current(time.to_owned()),
            _ => Self::Base,
        }
    }

    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::Snapshot(time) => Some(format!("snapshot={time}")),
            Self::Version(time) => Some(format!("version={time}")),
            Self::Current(time) => Some(format!("current={time}")),
            Self::Base => None,
        }
    }

    /// How a call for it names it, besides the name.
    pub(super) fn query(&self) -> String {
        match self {
            Self::Snapshot(time) => encode::query(&[("snapshot", time)]),
            Self::Version(time) => encode::query(&[("versionid", time)]),
            Self::Current(_) | Self::Base => String::new(),
        }
    }

    /// What is older comes first, and what the name holds now last.
    fn order(&self) -> (bool, String) {
        match self {
            Self::Snapshot(time) | Self::Version(time) => (false, time.clone()),
            Self::Current(_) | Self::Base => (true, String::new()),
        }
    }
}

/// By name; what is older comes first.
pub(super) fn order(spot: &Spot) -> (Vec<u8>, (bool, String)) {
    let which = Which::parse(spot.version.as_deref());
    (spot.key.0.clone(), which.order())
}

/// A blob of a listing.
pub(super) fn object_of(
    blob: Element<'_>,
    mark: Option<&MarkKind>,
) -> Result<Object, ConnectorError> {
    let name = blob.child("Name").ok_or_else(nonsense)?;
    // Names with characters that XML cannot hold come encoded.
    let key = match name.attribute("Encoded").as_deref() {
        Some("true") => percent_encoding::percent_decode_str(name.own_text()).collect(),
        _ => name.own_text().as_bytes().to_vec(),
    };
    let snapshot = blob.some_text("Snapshot").map(Which::Snapshot);
    let version = blob.some_text("VersionId").map(|version| {
        if blob.text("IsCurrentVersion") == "true" {
            Which::Current(version)
        } else {
            Which::Version(version)
        }
    });
    let which = snapshot.or(version).unwrap_or(Which::Base);
    let properties = blob.child("Properties").unwrap_or_default();
    let kind = if blob.text("Deleted") == "true" {
        let days: Option<i64> = properties.text("RemainingRetentionDays").parse().ok();
        let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
        Kind::Leaving(days.and_then(|days| today.checked_add(days.days()).ok()))
    } else {
        Kind::File
    };
    let etag = properties
        .some_text("Etag")
        .filter(|_| which == Which::Base);
    Ok(Object {
        key,
        kind,
        at: At::Key {
            version: which.text(),
            etag: etag.map(|etag| {
                if etag.starts_with('"') {
                    etag
                } else {
                    format!("\"{etag}\"")
                }
            }),
            is_current: matches!(which, Which::Base | Which::Current(_)),
        },
        modified_at: time_of(properties.text("Last-Modified")),
        size_bytes: properties.text("Content-Length").parse().ok(),
        hold: hold_of(blob, properties),
        mark: mark.and_then(|mark| mark_of(blob, mark)),
    })
}

/// Names of metadata are headers, of which the case counts for nothing.
fn mark_of(blob: Element<'_>, mark: &MarkKind) -> Option<Vec<u8>> {
    let value = match mark {
        MarkKind::Metadata(word) => {
            let mut words = blob.child("Metadata")?.children();
            let found = words.find(|one| one.name().eq_ignore_ascii_case(word));
            found?.own_text()
        }
        MarkKind::Tag(name) => {
            let mut tags = blob.child("Tags")?.child("TagSet")?.children();
            tags.find(|tag| tag.text("Key") == name)?.text("Value")
        }
    };
    Some(value.as_bytes().to_vec())
}

fn hold_of(blob: Element<'_>, properties: Element<'_>) -> Option<Hold> {
    let text = |name| properties.some_text(name).or_else(|| blob.some_text(name));
    if text("LegalHold").as_deref() == Some("true") {
        return Some(Hold {
            basis: RetentionBasis::LegalClaims,
            reason: "a legal hold lies on it in the store",
            until: None,
        });
    }
    let until = time_of(&text("ImmutabilityPolicyUntilDate")?)?;
    (until > Timestamp::now()).then(|| Hold {
        basis: RetentionBasis::LegalObligation,
        reason: "it is locked in the store",
        until: Some(until.to_zoned(TimeZone::UTC).date()),
    })
}
