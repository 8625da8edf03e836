//! Deleting, pseudonymizing or keeping one batch of rows, in one transaction.

use adieu_core::{ConnectorError, Cursor, Disposition, Erased, ErrorKind, Step, Tally};
use serde::{Deserialize, Serialize};

use crate::catalogue::{Catalogue, OnDelete, Table};
use crate::classify::{Classifier, Verdict};
use crate::compare::{Stops, stopping};
use crate::config::TableRule;
use crate::connector::SqlConnector;
use crate::dialect::sql::{column, quoted};
use crate::dialect::{Applied, Row, Session, Sql, Transaction, Value};
use crate::error::misfit;
use crate::key::{after, is_key, key_columns, ordered};
use crate::links::{Linked, Links};
use crate::selection::Selector;

/// Where the next batch goes on.
///
/// In a table that refers to itself a row can go only after those that refer to it, so what was in the way of a row may
/// be gone after a round through the table; rounds go on as long as they delete something.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Position {
    /// The last key; empty at the beginning of a round.
    after: Vec<Value>,
    round: u32,
    /// Whether this round deleted a row.
    deleted: bool,
    /// How many rows of this round had others in the way.
    blocked: u64,
}

pub(crate) async fn erase(connector: &SqlConnector, step: &Step) -> Result<Erased, ConnectorError> {
    let rule = connector.rule(step)?;
    let position: Position = step
        .cursor()
        .map(|cursor| cursor.decode(step.collection()))
        .transpose()?
        .unwrap_or_default();
    let mut session = connector.database.session().await?;
    session.begin(Transaction::Write).await?;
    let catalogue = session.catalogue().await?;
    let problems = stopping(&connector.mapping, rule, &catalogue, Stops::Erasure);
    let Some(table) = catalogue
        .table(rule.name.as_str())
        .filter(|_| problems.is_empty())
    else {
        return Err(misfit(&problems));
    };
    let links = if rule.deletes() {
        Links::of(rule, table)
    } else {
        Links::default()
    };
    let batch = Batch {
        connector,
        step,
        rule,
        table,
        catalogue: &catalogue,
        links,
    };
    let from = if position.after.is_empty() {
        None
    } else {
        after(table, &position.after, batch.backwards())?
    };
    let selector = Selector {
        mapping: &connector.mapping,
        catalogue: &catalogue,
        subject: step.subject(),
    };
    let Some(rows) = selector.rows(&mut session, rule, "t").await? else {
        return Ok(Erased::done(Tally::new()));
    };
    let found = batch.read(&mut session, rows, from).await?;
    let last = found.last().map(|found| found.linked.key.clone());
    let is_full = found.len() as u64 >= u64::from(step.max_records().get());
    let mut done = batch
        .apply(&mut session, found, position.round == 0)
        .await?;
    session.commit().await?;
    batch.next(position, last.filter(|_| is_full), &mut done)
}

/// One batch of a collection.
pub(crate) struct Batch<'a> {
    pub(crate) connector: &'a SqlConnector,
    pub(crate) step: &'a Step,
    pub(crate) rule: &'a TableRule,
    pub(crate) table: &'a Table,
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) links: Links,
}

/// A row of the person.
struct Found {
    linked: Linked,
    verdict: Verdict,
}

/// What a batch did.
#[derive(Default)]
struct Done {
    tally: Tally,
    deleted: bool,
    blocked: u64,
}

impl Batch<'_> {
    /// Rows that refer to others of the same table mostly come after them.
    fn backwards(&self) -> bool {
        !self.links.is_empty()
    }

    async fn read(
        &self,
        session: &mut Session,
        rows: Sql,
        from: Option<Sql>,
    ) -> Result<Vec<Found>, ConnectorError> {
        let classifier = self.classifier();
        let key_width = self.table.key.len();
        let links_at = key_width + classifier.facts("t").len();
        let links = self.links.clone();
        let visit = move |found: &mut Vec<Found>, row: Row<'_>| {
            let linked = links.read(row, key_width, links_at);
            let verdict = classifier.verdict(row, key_width);
            found.push(Found { linked, verdict });
        };
        let width = self.selected().len();
        session
            .fold(self.query(rows, from), width, Vec::new(), visit)
            .await
    }

    pub(crate) fn query(&self, rows: Sql, from: Option<Sql>) -> Sql {
        let mut query = Sql::text(format!(
            "SELECT {} FROM {} AS t WHERE ",
            self.selected().join(", "),
            quoted(&self.table.name)
        ));
        query.append(Sql::joined([rows].into_iter().chain(from), " AND "));
        let order = ordered(self.table, "t", self.backwards());
        query.push(&format!("{order} LIMIT {}", self.step.max_records()));
        query
    }

    /// The key, the classifier's facts, the links.
    fn selected(&self) -> Vec<String> {
        let links = self
            .links
            .columns(self.table, "t", self.step.max_records().get());
        let keys = key_columns(self.table, "t").into_iter();
        keys.chain(self.classifier().facts("t"))
            .chain(links)
            .collect()
    }

    fn classifier(&self) -> Classifier {
        let key = self.connector.pseudonym_key.as_ref();
        Classifier::new(self.rule, self.table, "t", key, self.connector.today())
    }

    /// Does what was decided. Where rows refer to each other, a later round meets again those that stayed in the first.
    async fn apply(
        &self,
        session: &mut Session,
        found: Vec<Found>,
        first_round: bool,
    ) -> Result<Done, ConnectorError> {
        let mut done = Done::default();
        let mut deletions = Vec::new();
        let mut changes = Vec::new();
        let mut dispositions = Vec::new();
        for Found { linked, verdict } in found {
            match verdict {
                Verdict::Delete => deletions.push(linked),
                Verdict::Replace(disposition, mut values) if first_round => {
                    values.extend(linked.key);
                    changes.push(values);
                    dispositions.push(disposition);
                }
                Verdict::Keep(disposition) if first_round => done.tally.count(&disposition, 1),
                Verdict::Done | Verdict::Replace(..) | Verdict::Keep(_) => {}
            }
        }
        if !changes.is_empty() {
            let applied = session.execute_each(self.update(), changes).await?;
            for (applied, disposition) in applied.into_iter().zip(dispositions) {
                match applied {
                    Applied::Changed => done.tally.count(&disposition, 1),
                    Applied::Nothing | Applied::Refused => done.tally.fail(ErrorKind::Config, 1),
                }
            }
        }
        if !deletions.is_empty() {
            self.delete(session, deletions, &mut done).await?;
        }
        Ok(done)
    }

    async fn delete(
        &self,
        session: &mut Session,
        rows: Vec<Linked>,
        done: &mut Done,
    ) -> Result<(), ConnectorError> {
        let order = self.links.leaves_first(rows);
        done.blocked += order.blocked;
        let applied = session
            .execute_each(self.deletion(true), order.free)
            .await?;
        for applied in applied {
            match applied {
                Applied::Changed => done.count_deleted(),
                // Nobody else writes meanwhile, so a row that is not found is one that others still hang on.
                Applied::Nothing | Applied::Refused if self.links.is_empty() => {
                    done.tally.fail(ErrorKind::Config, 1);
                }
                Applied::Nothing | Applied::Refused => done.blocked += 1,
            }
        }
        if order.circles.is_empty() {
            return Ok(());
        }
        let acts = self.catalogue.leading_to(&self.table.name);
        if acts
            .filter(|(child, _)| child.name == self.table.name)
            .any(|(_, key)| key.on_delete != OnDelete::Refuse)
        {
            // Deleting one would delete or change the next behind the guard's back.
            done.blocked += order.circles.len() as u64;
            return Ok(());
        }
        session.defer_foreign_keys().await?;
        let applied = session
            .execute_each(self.deletion(false), order.circles)
            .await?;
        if applied.iter().any(|applied| *applied != Applied::Changed) {
            let what = format!(
                "rows of `{}` refer to each other in a circle and cannot be deleted",
                self.table.name
            );
            return Err(ConnectorError::new(ErrorKind::Config, what));
        }
        applied.iter().for_each(|_| done.count_deleted());
        Ok(())
    }

    pub(crate) fn update(&self) -> Sql {
        let mut sql = Sql::text(format!("UPDATE {} AS t SET ", quoted(&self.table.name)));
        for (index, (name, _)) in self.rule.pseudonyms().iter().enumerate() {
            sql.push(if index > 0 { ", " } else { "" })
                .push(&format!("{} = ", quoted(name)))
                .bind(Value::Null);
        }
        sql.push(" WHERE ").append(is_key(self.table, "t"));
        sql
    }

    /// Deletes a row unless that would reach further: the database must never delete or change another row along with it.
    pub(crate) fn deletion(&self, with_links: bool) -> Sql {
        let mut sql = Sql::text(format!(
            "DELETE FROM {} AS t WHERE ",
            quoted(&self.table.name)
        ));
        sql.append(is_key(self.table, "t"));
        for (child, key) in self.catalogue.leading_to(&self.table.name) {
            if child.name != self.table.name && (key.on_delete != OnDelete::Refuse || key.may_defer)
            {
                let pairs: Vec<String> = key
                    .pairs
                    .iter()
                    .map(|(local, there)| {
                        format!("{} = {}", column("g", local), column("t", there))
                    })
                    .collect();
                let child = quoted(&child.name);
                sql.push(&format!(
                    " AND NOT EXISTS (SELECT 1 FROM {child} AS g WHERE {})",
                    pairs.join(" AND ")
                ));
            }
        }
        if with_links {
            sql.push(&self.links.guard(self.table, "t"));
        }
        sql
    }

    /// Where the next batch goes on; `last` is the key that a full batch ended at.
    fn next(
        &self,
        position: Position,
        last: Option<Vec<Value>>,
        done: &mut Done,
    ) -> Result<Erased, ConnectorError> {
        let deleted = position.deleted || done.deleted;
        let blocked = position.blocked.saturating_add(done.blocked);
        let next = match last {
            Some(after) => Position {
                after,
                round: position.round,
                deleted,
                blocked,
            },
            None if blocked > 0 && deleted => Position {
                round: position.round.saturating_add(1),
                ..Position::default()
            },
            None => {
                done.tally.fail(ErrorKind::Config, blocked);
                return Ok(Erased::done(std::mem::take(&mut done.tally)));
            }
        };
        Ok(Erased::more(
            std::mem::take(&mut done.tally),
            Cursor::encode(self.step.collection(), &next)?,
        ))
    }
}

impl Done {
    fn count_deleted(&mut self) {
        self.deleted = true;
        self.tally.count(&Disposition::Erase, 1);
    }
}
