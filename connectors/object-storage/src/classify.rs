//! What an erasure does to an object: one answer for the survey and the act.

use adieu_core::{ConnectorError, Disposition, Retention, RetentionBasis};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::object::{Hold, Kind, Object};
use crate::template::Template;

/// Objects that are kept, from the configuration.
#[derive(Clone, Debug)]
pub(crate) struct Keep {
    /// Where they lie; `None` is everywhere.
    pub(crate) prefix: Option<Template>,
    pub(crate) basis: RetentionBasis,
    pub(crate) reason: String,
    pub(crate) years: u16,
}

/// What happens to an object, or why it cannot be handled.
pub(crate) fn classify(
    object: &Object,
    keep: &[Keep],
    today: Date,
) -> Result<Disposition, ConnectorError> {
    match &object.kind {
        Kind::Closed(error) => return Err(error.clone()),
        Kind::Leaving(by) => return Ok(Disposition::Scheduled { by: *by }),
        // What was never finished, or only says that something is gone, is no invoice.
        Kind::Marker | Kind::Upload => return Ok(Disposition::Erase),
        Kind::File | Kind::Link => {}
    }
    // The longest of the rules that fit counts.
    let longest = keep
        .iter()
        .filter(|rule| rule.fits(&object.key))
        .map(|rule| Retention {
            basis: rule.basis,
            reason: rule.reason.clone(),
            until: rule.last_day(object.modified_at),
        })
        .chain(object.hold.as_ref().map(Hold::retention))
        .filter(|retention| retention.until.is_none_or(|until| today <= until))
        .max_by_key(|retention| retention.until.unwrap_or(Date::MAX));
    Ok(match longest {
        None => Disposition::Erase,
        Some(retention) => Disposition::Retain {
            retention,
            pseudonymize: false,
        },
    })
}

/// What happens to a note that an object is gone, by what happens to the versions under it: while one of them stays, the
/// note stays too. Without it the version would be what everybody sees again.
pub(crate) fn classify_marker(versions: &[Object], keep: &[Keep], today: Date) -> Disposition {
    let stays = versions.iter().filter(|one| matches!(one.kind, Kind::File));
    let stays = stays.filter_map(|version| match classify(version, keep, today) {
        Ok(Disposition::Retain { retention, .. }) => Some(retention),
        _ => None,
    });
    match stays.max_by_key(|retention| retention.until.unwrap_or(Date::MAX)) {
        None => Disposition::Erase,
        Some(retention) => Disposition::Retain {
            retention,
            pseudonymize: false,
        },
    }
}

impl Hold {
    fn retention(&self) -> Retention {
        Retention {
            basis: self.basis,
            reason: self.reason.to_owned(),
            until: self.until,
        }
    }
}

impl Keep {
    pub(crate) fn fits(&self, key: &[u8]) -> bool {
        let Some(prefix) = &self.prefix else {
            return true;
        };
        let key = String::from_utf8_lossy(key);
        prefix.may_hold(&key.split('/').collect::<Vec<_>>())
    }

    /// The last day of keeping, in UTC; `None` when it cannot be known.
    fn last_day(&self, modified_at: Option<Timestamp>) -> Option<Date> {
        let day = modified_at?.to_zoned(TimeZone::UTC).date();
        day.checked_add(i32::from(self.years).years()).ok()
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::object::At;

    fn object(key: &str, modified: Option<&str>) -> Object {
        Object {
            key: key.as_bytes().to_vec(),
            kind: Kind::File,
            at: At::Path(key.into()),
            modified_at: modified.map(|at| at.parse().unwrap()),
            size_bytes: None,
            hold: None,
            mark: None,
        }
    }

    fn keep(prefix: Option<&str>, years: u16) -> Keep {
        Keep {
            prefix: prefix.map(|prefix| Template::parse_pattern(prefix).unwrap()),
            basis: RetentionBasis::LegalObligation,
            reason: format!("{years} years"),
            years,
        }
    }

    fn until(object: &Object, rules: &[Keep], today: Date) -> Option<Option<Date>> {
        match classify(object, rules, today).unwrap() {
            Disposition::Retain { retention, .. } => Some(retention.until),
            Disposition::Erase => None,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_invoice_is_kept_to_the_last_day_and_then_erased() {
        let rules = [keep(Some("users/{id}/invoices/"), 10)];
        let invoice = object("users/7/invoices/1.pdf", Some("2020-02-29T12:00:00Z"));
        let last = date(2030, 2, 28);
        assert_eq!(until(&invoice, &rules, date(2026, 1, 1)), Some(Some(last)));
        assert_eq!(until(&invoice, &rules, last), Some(Some(last)));
        assert_eq!(until(&invoice, &rules, date(2030, 3, 1)), None);
        let avatar = object("users/7/avatar.png", Some("2020-02-29T12:00:00Z"));
        assert_eq!(until(&avatar, &rules, date(2026, 1, 1)), None);
        let deeper = object("users/7/invoices/2020/1.pdf", Some("2020-02-29T12:00:00Z"));
        assert!(until(&deeper, &rules, date(2026, 1, 1)).is_some());
    }

    #[test]
    fn the_longest_rule_counts_and_an_unknown_time_keeps() {
        let rules = [keep(None, 2), keep(Some("invoices/"), 10)];
        let invoice = object("invoices/1.pdf", Some("2020-01-01T00:00:00Z"));
        assert_eq!(
            until(&invoice, &rules, date(2021, 1, 1)),
            Some(Some(date(2030, 1, 1)))
        );
        let undated = object("invoices/1.pdf", None);
        assert_eq!(until(&undated, &rules, date(2099, 1, 1)), Some(None));
    }
}
