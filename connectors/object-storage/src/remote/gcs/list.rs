//! What a listing says of each generation.

use std::collections::BTreeMap;

use adieu_core::RetentionBasis;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::super::{Ask, Page};
use crate::mark::MarkKind;
use crate::object::{At, Hold, Kind, Listing, Object, Spot};

/// What is asked of each object; a parenthesis closes it.
pub(super) const FIELDS: &str = "nextPageToken,items(name,generation,updated,size,timeDeleted,softDeleteTime,hardDeleteTime,\
                      temporaryHold,eventBasedHold,retentionExpirationTime,retention";

/// A page of a listing.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct List {
    #[serde(default)]
    items: Vec<Item>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    name: String,
    generation: Option<String>,
    updated: Option<Timestamp>,
    size: Option<String>,
    time_deleted: Option<Timestamp>,
    soft_delete_time: Option<Timestamp>,
    hard_delete_time: Option<Timestamp>,
    #[serde(default)]
    temporary_hold: bool,
    #[serde(default)]
    event_based_hold: bool,
    retention_expiration_time: Option<Timestamp>,
    retention: Option<Retention>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Retention {
    retain_until_time: Option<Timestamp>,
}

impl List {
    pub(super) fn page(self, ask: &Ask<'_>) -> Page {
        let items = self.items.into_iter();
        let wanted = items
            .filter(|item| (ask.listing == Listing::Leaving) == item.soft_delete_time.is_some());
        let next = self.next_page_token.filter(|one| !one.is_empty());
        let objects = wanted.map(|item| item.object(ask.mark)).collect();
        Page::of(ask, objects, next, order)
    }
}

impl Item {
    fn object(mut self, mark: Option<&MarkKind>) -> Object {
        let hold = self.hold();
        let mark = match mark {
            Some(MarkKind::Metadata(word)) => self.metadata.remove(word).map(String::into_bytes),
            _ => None,
        };
        Object {
            key: self.name.into_bytes(),
            kind: match (self.soft_delete_time, self.hard_delete_time) {
                (Some(_), by) => Kind::Leaving(by.map(day)),
                (None, _) => Kind::File,
            },
            at: At::Key {
                version: self.generation,
                etag: None,
                is_current: self.time_deleted.is_none(),
            },
            modified_at: self.updated,
            size_bytes: self.size.and_then(|size| size.parse().ok()),
            hold,
            mark,
        }
    }

    fn hold(&self) -> Option<Hold> {
        if self.temporary_hold || self.event_based_hold {
            return Some(Hold {
                basis: RetentionBasis::LegalClaims,
                reason: "a hold lies on it in the store",
                until: None,
            });
        }
        let own = self
            .retention
            .as_ref()
            .and_then(|one| one.retain_until_time);
        let until = own.max(self.retention_expiration_time)?;
        (until > Timestamp::now()).then(|| Hold {
            basis: RetentionBasis::LegalObligation,
            reason: "it is locked in the store",
            until: Some(day(until)),
        })
    }
}

/// Generations grow.
fn order(spot: &Spot) -> (Vec<u8>, Option<u64>) {
    let generation = spot
        .version
        .as_ref()
        .and_then(|version| version.parse().ok());
    (spot.key.0.clone(), generation)
}

fn day(time: Timestamp) -> Date {
    time.to_zoned(TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(json: &str, listing: Listing, after: Option<&Spot>, limit: usize) -> Page {
        let list: List = serde_json::from_str(json).unwrap();
        list.page(&Ask {
            listing,
            prefix: "u/",
            after,
            page: None,
            limit,
            mark: None,
        })
    }

    #[test]
    fn holds_and_retention_come_with_their_day() {
        let found = page(
            r#"{"items":[
                {"name":"u/a","generation":"1","temporaryHold":true},
                {"name":"u/b","generation":"1","eventBasedHold":true},
                {"name":"u/c","generation":"1","retentionExpirationTime":"2099-01-02T03:04:05Z"},
                {"name":"u/d","generation":"1","retention":{"mode":"Locked","retainUntilTime":"2098-01-02T03:04:05Z"}},
                {"name":"u/e","generation":"1","retentionExpirationTime":"2020-01-02T03:04:05Z"}]}"#,
            Listing::Objects,
            None,
            9,
        );
        let holds: Vec<_> = found
            .objects
            .iter()
            .map(|object| {
                object
                    .hold
                    .as_ref()
                    .map(|hold| hold.until.map(|day| day.to_string()))
            })
            .collect();
        let day = |day: &str| Some(Some(day.to_owned()));
        assert_eq!(
            holds,
            [
                Some(None),
                Some(None),
                day("2099-01-02"),
                day("2098-01-02"),
                None
            ]
        );
    }

    #[test]
    fn what_is_softly_deleted_is_told_apart_from_what_is_there() {
        let json = r#"{"items":[
            {"name":"u/a","generation":"1","softDeleteTime":"2026-01-01T00:00:00Z","hardDeleteTime":"2026-01-08T00:00:00Z"},
            {"name":"u/b","generation":"1"}]}"#;
        let leaving = page(json, Listing::Leaving, None, 9).objects;
        assert_eq!(leaving.len(), 1);
        assert!(
            matches!(leaving[0].kind, Kind::Leaving(Some(day)) if day.to_string() == "2026-01-08")
        );
        assert_eq!(page(json, Listing::Objects, None, 9).objects[0].key, b"u/b");
    }

    #[test]
    fn a_page_that_is_cut_goes_on_after_the_last_generation_that_came_through() {
        let json = r#"{"nextPageToken":"t","items":[
            {"name":"u/a","generation":"10"},{"name":"u/a","generation":"9"},{"name":"u/b","generation":"1"}]}"#;
        let first = page(json, Listing::Objects, None, 1);
        assert_eq!(first.objects[0].version(), Some("9"));
        let mark = first.next.unwrap();
        let rest = page(json, Listing::Objects, mark.after.as_ref(), 9);
        let versions: Vec<_> = rest.objects.iter().map(Object::version).collect();
        assert_eq!(versions, [Some("10"), Some("1")]);
        let mark = rest.next.unwrap();
        assert!(mark.after.is_none() && mark.page.as_deref() == Some("t"));
    }
}
