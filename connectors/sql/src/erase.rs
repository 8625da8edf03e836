//! Deleting, pseudonymizing or keeping one batch of rows, in one transaction.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use adieu_core::{ConnectorError, Cursor, Disposition, Erased, ErrorKind, Step, Tally};
use serde::{Deserialize, Serialize};

use crate::catalogue::{Catalogue, OnDelete, Table};
use crate::classify::{Classifier, Verdict};
use crate::compare::{Stops, stopping};
use crate::config::TableRule;
use crate::connector::SqlConnector;
use crate::dialect::sql::column;
use crate::dialect::{Applied, Row, Session, Sql, Transaction, Unchanged, Value, Write};
use crate::error::misfit;
use crate::key::{after, key_columns, ordered};
use crate::links::{Linked, Links};
use crate::pace::Pace;
use crate::selection::Selector;

/// Where the next batch goes on.
///
/// In a table that refers to itself a row can go only after those that refer to it, so what was in the way of a row may
/// be gone after a round through the table; rounds go on as long as they delete something.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Position {
    /// The last key; empty at the beginning of a round.
    after: Vec<Value>,
    round: u32,
    /// Whether this round deleted a row.
    deleted: bool,
    /// How many rows of this round had others in the way.
    blocked: u64,
    /// How many rows were deleted without having been read.
    #[serde(default)]
    pub(crate) unread: u64,
    /// Whether a row was not found where it was to be deleted unread.
    #[serde(default)]
    pub(crate) missed: bool,
    /// Whether what is left is read first.
    #[serde(default)]
    pub(crate) by_key: bool,
    /// Whether it took long to find rows among those that went before.
    #[serde(default)]
    pub(crate) slow_to_find: bool,
    /// How many rows the next transaction should take, as far as is known.
    #[serde(default)]
    pub(crate) pace: Option<NonZeroU32>,
}

impl Position {
    /// Whether no row was read.
    pub(crate) fn may_sweep(&self) -> bool {
        self.after.is_empty() && self.round == 0 && !self.by_key
    }
}

/// How often a batch is tried when other transactions are in its way.
const MAX_ATTEMPTS: u32 = 6;
/// How many rows a batch reads at most: they are held in memory.
const MAX_READ_ROWS: u32 = 10_000;

pub(crate) async fn erase(connector: &SqlConnector, step: &Step) -> Result<Erased, ConnectorError> {
    let mut session = connector.database.session().await?;
    let mut attempt = 1;
    loop {
        let erased = erase_batch(connector, step, &mut session).await;
        if erased.is_ok() || attempt == MAX_ATTEMPTS || !session.met_conflict() {
            return erased;
        }
        session.rollback().await?;
        tokio::time::sleep(pause_after(attempt)).await;
        attempt += 1;
    }
}

/// Longer each time, and not the same for two that are in each other's way.
fn pause_after(attempt: u32) -> Duration {
    let random = uuid::Uuid::new_v4().as_u128() % 20;
    Duration::from_millis((10 << attempt) + random as u64)
}

async fn erase_batch(
    connector: &SqlConnector,
    step: &Step,
    session: &mut Session,
) -> Result<Erased, ConnectorError> {
    let rule = connector.rule(step)?;
    let mut position: Position = step
        .cursor()
        .map(|cursor| cursor.decode(step.collection()))
        .transpose()?
        .unwrap_or_default();
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
    let bound = step.max_records().min(connector.erase_rows);
    let pace = Pace::within(bound, position.pace, connector.erase_lock);
    let mut batch = Batch {
        connector,
        step,
        rule,
        table,
        catalogue: &catalogue,
        links,
        alone: None,
        pace,
        swept: 0,
        max_rows: MAX_READ_ROWS.min(u32::try_from(pace.some).unwrap_or(MAX_READ_ROWS)),
        unchanged: None,
    };
    let from = if position.after.is_empty() {
        None
    } else {
        after(catalogue.dialect, table, &position.after, batch.backwards())?
    };
    let mut selector = Selector {
        mapping: &connector.mapping,
        catalogue: &catalogue,
        subject: step.subject(),
        resolves: true,
    };
    let Some(rows) = selector.rows(session, rule, "t").await? else {
        return Ok(Erased::done(Tally::new()));
    };
    batch.alone = selector.alone(session, rule, "t").await?;
    if catalogue.apart {
        selector.resolves = false;
        let rows = selector.rows_alone(session, rule, "t").await?;
        let decisive = batch.classifier().decisive();
        batch.unchanged = rows.map(|rows| Unchanged {
            rows,
            facts: decisive.map(|(_, fact)| fact).into_iter().collect(),
        });
    }
    if let Some(erased) = batch.sweep(session, &mut position, &rows).await? {
        return Ok(erased);
    }
    let by_place = batch
        .sweep_places(session, &catalogue, &mut position, &rows)
        .await?;
    if let Some(erased) = by_place {
        return Ok(erased);
    }
    let begun = Instant::now();
    let found = batch.read(session, rows, from).await?;
    let key_width = table.key.len();
    let last = found
        .last()
        .map(|found| found.linked.key[..key_width].to_vec());
    let rows = found.len() as u64;
    let is_full = rows >= u64::from(batch.max_rows);
    let mut done = batch.apply(session, found, position.round == 0).await?;
    done.count_deleted(batch.swept);
    session.commit().await?;
    position.pace = Pace::after(rows, begun.elapsed(), connector.erase_lock);
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
    /// The condition that a row is nobody else's, where not every row is.
    pub(crate) alone: Option<Sql>,
    pub(crate) pace: Pace,
    /// How many rows the transaction may still read.
    pub(crate) max_rows: u32,
    /// How many rows it deleted unread.
    pub(crate) swept: u64,
    /// What must still be true of a row when it is written to, where others may write after it was read.
    pub(crate) unchanged: Option<Unchanged>,
}

/// A row of the person.
struct Found {
    /// Its key is followed by the values of [`Unchanged::facts`].
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
        let decisive = classifier
            .decisive()
            .filter(|_| self.unchanged.is_some())
            .map(|(place, _)| key_width + place);
        let visit = move |found: &mut Vec<Found>, row: Row<'_>| {
            let mut linked = links.read(row, key_width, links_at);
            let decisive = decisive.map(|place| row.cell(place).to_value());
            linked.key.extend(decisive);
            let verdict = classifier.verdict(row, key_width);
            found.push(Found { linked, verdict });
        };
        let width = self.selected().len();
        session
            .fold(self.query(rows, from), width, Vec::new(), visit)
            .await
    }

    pub(crate) fn query(&self, rows: Sql, from: Option<Sql>) -> Sql {
        let mut query = Sql::text("SELECT ");
        query.append(Sql::listed(self.selected()));
        query.push(&format!(" FROM {} AS t WHERE ", self.table.sql));
        query.append(Sql::joined([rows].into_iter().chain(from), " AND "));
        let order = ordered(self.table, "t", self.backwards());
        let limit = self.max_rows;
        let lock = self.catalogue.dialect.for_update();
        query.push(&format!("{order} LIMIT {limit}{lock}"));
        query
    }

    /// The key, the classifier's facts, the links.
    fn selected(&self) -> Vec<Sql> {
        let dialect = self.catalogue.dialect;
        let links = self.links.columns(dialect, self.table, "t", self.max_rows);
        let keys = key_columns(dialect, self.table, "t").into_iter();
        keys.map(Sql::text)
            .chain(self.classifier().facts("t"))
            .chain(links.into_iter().map(Sql::text))
            .collect()
    }

    fn classifier(&self) -> Classifier {
        let key = self.connector.pseudonym_key.as_ref();
        let today = self.connector.today();
        let alone = self.alone.clone();
        Classifier::new(
            self.rule,
            self.table,
            self.catalogue,
            "t",
            alone,
            key,
            today,
        )
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
            let applied = session.write(&self.update(), changes).await?;
            for (applied, disposition) in applied.into_iter().zip(dispositions) {
                match applied {
                    Applied::Changed => done.tally.count(&disposition, 1),
                    Applied::Nothing | Applied::Refused => done.tally.fail(ErrorKind::Config, 1),
                    Applied::Gone => {}
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
        let applied = session.write(&self.deletion(true), order.free).await?;
        for applied in applied {
            match applied {
                Applied::Changed => done.count_deleted(1),
                Applied::Gone => {}
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
        let circles = order.circles.len() as u64;
        if session
            .write_together(&self.deletion(false), order.circles)
            .await?
        {
            done.count_deleted(circles);
        } else {
            done.blocked += circles;
        }
        Ok(())
    }

    pub(crate) fn update(&self) -> Write<'_> {
        let names = self.rule.pseudonyms().iter().map(|(name, _)| name);
        Write {
            table: self.table,
            set: names.filter_map(|name| self.table.column(name)).collect(),
            guard: String::new(),
            in_order: false,
            unchanged: self.unchanged.as_ref(),
        }
    }

    /// Deletes a row unless that would reach further: the database must never delete or change another row along with it.
    pub(crate) fn deletion(&self, with_links: bool) -> Write<'_> {
        let dialect = self.catalogue.dialect;
        let (_, alias) = dialect.target(self.table);
        let mut guard = String::new();
        for (child, key) in self.catalogue.leading_to(&self.table.name) {
            if child.name != self.table.name && (key.on_delete != OnDelete::Refuse || key.may_defer)
            {
                let pairs: Vec<String> = key
                    .pairs
                    .iter()
                    .map(|(local, there)| {
                        format!("{} = {}", column("g", local), column(&alias, there))
                    })
                    .collect();
                let (child, pairs) = (&child.sql, pairs.join(" AND "));
                guard += &format!(" AND NOT EXISTS (SELECT 1 FROM {child} AS g WHERE {pairs})");
            }
        }
        if with_links {
            guard += &self.links.guard(dialect, self.table, &alias);
        }
        Write {
            table: self.table,
            set: Vec::new(),
            guard,
            in_order: with_links && !self.links.is_empty(),
            unchanged: self.unchanged.as_ref(),
        }
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
                deleted,
                blocked,
                ..position
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
    fn count_deleted(&mut self, rows: u64) {
        self.deleted |= rows > 0;
        self.tally.count(&Disposition::Erase, rows);
    }
}
