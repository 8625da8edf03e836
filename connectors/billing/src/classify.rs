//! What an erasure does to a record: one answer for the survey and the act.

use adieu_core::{Disposition, Retention, RetentionBasis};
use jiff::ToSpan;
use jiff::civil::Date;

use crate::config::{OpenInvoices, RetainRule};
use crate::provider::{Record, Standing};

/// What the operator decided.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) open_invoices: OpenInvoices,
    pub(crate) retain: Option<RetainRule>,
    pub(crate) redaction: bool,
}

/// What becomes of all that the provider does not delete for a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It stays.
    Stays,
    /// It can be redacted from this day on.
    RedactedFrom(Date),
    /// It can be redacted now.
    RedactedNow,
    /// The provider is redacting it.
    BeingRedacted,
    /// It is redacted: no longer about the person.
    Redacted,
}

/// What happens to a record of a customer with this fate.
pub(crate) fn classify(record: &Record, rules: &Rules, fate: Fate, today: Date) -> Disposition {
    let void = rules.open_invoices == OpenInvoices::Void;
    match record.standing {
        Standing::Draft | Standing::TaxId => Disposition::Erase,
        Standing::Attached => Disposition::Pseudonymize,
        Standing::Open if !void => retained(
            RetentionBasis::Contract,
            "it is still to be paid",
            None,
            false,
        ),
        Standing::Running | Standing::Open => match fate {
            Fate::Stays => rest(record, rules, fate, today, true),
            _ => Disposition::Pseudonymize,
        },
        Standing::Ended | Standing::Final | Standing::Charged => {
            rest(record, rules, fate, today, false)
        }
    }
}

/// Whether something is still to be done to it.
pub(crate) fn is_pending(disposition: &Disposition) -> bool {
    match disposition {
        Disposition::Erase | Disposition::Pseudonymize => true,
        Disposition::Retain { pseudonymize, .. } => *pseudonymize,
        Disposition::Absent | Disposition::Scheduled { .. } => false,
    }
}

/// The last day on which a record must be kept, when there is such a rule.
pub(crate) fn kept_until(day: Option<Date>, rules: &Rules) -> Option<Date> {
    let years = rules.retain.as_ref()?.years;
    day?.checked_add(i32::from(years).years()).ok()
}

/// A record that the provider does not delete.
fn rest(record: &Record, rules: &Rules, fate: Fate, today: Date, ends: bool) -> Disposition {
    match fate {
        Fate::Stays => {
            let until = kept_until(record.day, rules).filter(|until| *until >= today);
            match &rules.retain {
                Some(rule) => retained(rule.basis, &rule.reason, until, ends),
                None => retained(RetentionBasis::LegalObligation, AS_THE_PROVIDER, None, ends),
            }
        }
        Fate::RedactedFrom(day) => Disposition::Scheduled { by: Some(day) },
        Fate::RedactedNow | Fate::BeingRedacted => Disposition::Scheduled { by: None },
        Fate::Redacted => Disposition::Absent,
    }
}

const AS_THE_PROVIDER: &str =
    "a record of payments and invoices, which the payment provider keeps and does not delete";

fn retained(
    basis: RetentionBasis,
    reason: &str,
    until: Option<Date>,
    pseudonymize: bool,
) -> Disposition {
    Disposition::Retain {
        retention: Retention {
            basis,
            reason: reason.to_owned(),
            until,
        },
        pseudonymize,
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use serde_json::Value;

    use super::*;

    fn record(standing: Standing) -> Record {
        Record {
            id: "x".to_owned(),
            standing,
            day: Some(date(2020, 2, 29)),
            value: Value::Null,
        }
    }

    fn rules(open_invoices: OpenInvoices, years: Option<u16>) -> Rules {
        Rules {
            open_invoices,
            retain: years.map(|years| RetainRule {
                basis: RetentionBasis::LegalObligation,
                reason: "tax law".to_owned(),
                years,
            }),
            redaction: false,
        }
    }

    const TODAY: Date = date(2026, 11, 22);

    fn until(disposition: &Disposition) -> Option<Date> {
        match disposition {
            Disposition::Retain { retention, .. } => retention.until,
            other => panic!("{other:?} is not kept"),
        }
    }

    #[test]
    fn a_final_invoice_is_kept_for_the_years_of_the_rule() {
        let rules = rules(OpenInvoices::Block, Some(10));
        let kept = classify(&record(Standing::Final), &rules, Fate::Stays, TODAY);
        assert_eq!(until(&kept), Some(date(2030, 2, 28)));
        assert!(!is_pending(&kept));
        let later = classify(
            &record(Standing::Final),
            &rules,
            Fate::Stays,
            date(2031, 1, 1),
        );
        assert_eq!(until(&later), None, "a day in the past was promised");
    }

    #[test]
    fn whatever_goes_on_or_can_be_deleted_is_pending() {
        let rules = rules(OpenInvoices::Void, None);
        for fate in [Fate::Stays, Fate::RedactedNow, Fate::RedactedFrom(TODAY)] {
            for standing in [
                Standing::Running,
                Standing::Attached,
                Standing::Draft,
                Standing::Open,
                Standing::TaxId,
            ] {
                let disposition = classify(&record(standing), &rules, fate, TODAY);
                assert!(is_pending(&disposition), "{standing:?} {fate:?}");
            }
            for standing in [Standing::Ended, Standing::Final, Standing::Charged] {
                let disposition = classify(&record(standing), &rules, fate, TODAY);
                assert!(!is_pending(&disposition), "{standing:?} {fate:?}");
            }
        }
    }

    #[test]
    fn an_open_invoice_waits_unless_it_is_to_be_voided() {
        let blocked = classify(
            &record(Standing::Open),
            &rules(OpenInvoices::Block, None),
            Fate::Stays,
            TODAY,
        );
        assert!(!is_pending(&blocked));
        assert_eq!(until(&blocked), None);
    }
}
