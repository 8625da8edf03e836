//! What an erasure does to a row: the one place that decides it, for the preview, the act and the proof.

use adieu_core::{Disposition, Retention, Secret};
use jiff::Span;
use jiff::civil::Date;

use crate::catalogue::{Catalogue, Column, ColumnType, Table};
use crate::config::{EraseRule, Fact, TableRule};
use crate::dialect::sql::column;
use crate::dialect::{Cell, Row, Sql, Value};
use crate::pseudonym::{Pseudonym, date_of_number, split_date};

/// Decides what happens to the rows of one table.
pub(crate) struct Classifier {
    pub(crate) pseudonyms: Vec<Pseudonym>,
    retention: Option<Keeping>,
    deletes: bool,
    /// How a row tells that it is nobody else's too, and why it stays where it is.
    shared: Option<(Sql, Retention)>,
    today: Date,
}

/// Why and how long rows are kept.
struct Keeping {
    retention: Retention,
    span: Option<Span>,
    /// The expression that the time runs from.
    from: Option<String>,
}

/// What happens to one row.
pub(crate) enum Verdict {
    /// Nothing is left to do, and the row is no longer about the person.
    Done,
    /// It is deleted.
    Delete,
    /// It stays, with these values instead of its own: one for each pseudonymized column.
    Replace(Disposition, Vec<Value>),
    /// It stays as it is.
    Keep(Disposition),
}

impl Classifier {
    /// `alone` is the condition that a row is nobody else's, where not every row is.
    pub(crate) fn new(
        rule: &TableRule,
        table: &Table,
        catalogue: &Catalogue,
        alias: &str,
        alone: Option<Sql>,
        key: Option<&Secret>,
        today: Date,
    ) -> Self {
        let pseudonyms = rule
            .pseudonyms()
            .iter()
            .filter_map(|(name, one)| {
                let column = table.column(name)?;
                Some(Pseudonym::new(
                    catalogue.dialect,
                    column,
                    holds_mail(rule, column),
                    one,
                    key,
                ))
            })
            .collect();
        let retention = match &rule.erase {
            EraseRule::Delete | EraseRule::Pseudonymize(_) => None,
            EraseRule::Retain {
                mapping,
                span,
                from,
                ..
            } => Some(Keeping {
                retention: Retention {
                    basis: mapping.basis,
                    reason: mapping.reason.clone(),
                    until: None,
                },
                span: *span,
                from: from
                    .as_ref()
                    .and_then(|fact| expression(fact, table, catalogue, alias)),
            }),
        };
        let shared = alone.zip(rule.shared.as_ref());
        let shared = shared.map(|(alone, mapping)| {
            let mut fact = Sql::text("CASE WHEN ");
            fact.append(alone).push(" THEN 1 ELSE 0 END");
            let retention = Retention {
                basis: mapping.basis,
                reason: mapping.reason.clone(),
                until: None,
            };
            (fact, retention)
        });
        Self {
            pseudonyms,
            retention,
            shared,
            deletes: matches!(rule.erase, EraseRule::Delete),
            today,
        }
    }

    /// The expressions whose values [`Classifier::verdict`] needs, in this order.
    pub(crate) fn facts(&self, alias: &str) -> Vec<Sql> {
        let replaced = self.pseudonyms.iter().map(|one| one.fact(alias));
        let from = self.retention.iter();
        let from = from.filter_map(|keeping| keeping.from.clone().map(Sql::text));
        let shared = self.shared.iter().map(|(alone, _)| alone.clone());
        replaced.chain(from).chain(shared).collect()
    }

    /// The place among the facts of what decides whether a row's time is over, and how it is asked; none where nothing does.
    pub(crate) fn decisive(&self) -> Option<(usize, Sql)> {
        let from = self.retention.as_ref()?.from.clone()?;
        Some((self.pseudonyms.len(), Sql::text(from)))
    }

    /// What happens to a row whose facts begin at this place.
    pub(crate) fn verdict(&self, row: Row<'_>, first: usize) -> Verdict {
        if let Some((_, retention)) = &self.shared {
            let from = self.retention.iter().filter(|one| one.from.is_some());
            let place = first + self.pseudonyms.len() + from.count();
            if row.cell(place) != Cell::Integer(1) {
                return Verdict::Keep(Disposition::Retain {
                    retention: retention.clone(),
                    pseudonymize: false,
                });
            }
        }
        if self.deletes {
            return Verdict::Delete;
        }
        let until = self.until(row.cell(first + self.pseudonyms.len()));
        if until.is_some_and(|until| until < self.today) {
            return Verdict::Delete;
        }
        let mut replaced = false;
        let mut values = Vec::with_capacity(self.pseudonyms.len());
        for (index, pseudonym) in self.pseudonyms.iter().enumerate() {
            let cell = row.cell(first + index);
            let new = pseudonym.replacement(cell);
            replaced |= new.is_some();
            values.push(new.unwrap_or_else(|| pseudonym.kept(cell)));
        }
        match (&self.retention, replaced) {
            (None, false) => Verdict::Done,
            (None, true) => Verdict::Replace(Disposition::Pseudonymize, values),
            (Some(keeping), replaced) => {
                let retention = Retention {
                    until,
                    ..keeping.retention.clone()
                };
                let disposition = Disposition::Retain {
                    retention,
                    pseudonymize: replaced,
                };
                if replaced {
                    Verdict::Replace(disposition, values)
                } else {
                    Verdict::Keep(disposition)
                }
            }
        }
    }

    /// The last day of keeping; `None` where there is no date to count from, and the row then stays.
    fn until(&self, from: Cell<'_>) -> Option<Date> {
        let span = self.retention.as_ref()?.span?;
        let from = match from {
            Cell::Integer(number) => date_of_number(number)?,
            Cell::Real(number) if number.is_finite() => date_of_number(number.floor() as i64)?,
            cell => split_date(cell.as_text()?)?.0,
        };
        from.checked_add(span).ok()
    }
}

impl Verdict {
    /// How it is counted; `None` when there is nothing to count.
    pub(crate) fn disposition(&self) -> Option<&Disposition> {
        match self {
            Self::Done => None,
            Self::Delete => Some(&Disposition::Erase),
            Self::Replace(disposition, _) | Self::Keep(disposition) => Some(disposition),
        }
    }
}

/// Whether a column holds e-mail addresses: the mapping or its own name says so.
fn holds_mail(rule: &TableRule, column: &Column) -> bool {
    let by_kind = rule
        .subject
        .iter()
        .chain(&rule.yields)
        .any(|(kind, name)| *name == column.name && kind.as_str() == "email");
    by_kind || column.name.to_ascii_lowercase().contains("mail")
}

fn expression(fact: &Fact, table: &Table, catalogue: &Catalogue, alias: &str) -> Option<String> {
    let dialect = catalogue.dialect;
    match fact {
        Fact::Own(name) => Some(dialect.keyed(table, name, alias)),
        Fact::Of {
            table: there,
            pairs,
            column: name,
        } => {
            let pairs: Vec<String> = pairs
                .iter()
                .map(|(here, there)| format!("{} = {}", column("f", there), column(alias, here)))
                .collect();
            let there = catalogue.table(there)?;
            let latest = format!("max({})", column("f", name));
            let latest = match there.column(name)?.column_type {
                ColumnType::Own => dialect.as_text(&latest),
                _ => latest,
            };
            Some(format!(
                "(SELECT {latest} FROM {} AS f WHERE {})",
                there.sql,
                pairs.join(" AND ")
            ))
        }
    }
}
