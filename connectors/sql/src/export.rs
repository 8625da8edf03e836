//! Writing a person's rows and what identities they give away.

use std::collections::HashSet;
use std::sync::Arc;

use adieu_core::{
    CollectionName, ConnectorError, Cursor, ErrorKind, Identity, IdentityKind, IdentityValue,
    PageWriter, Step, Subject,
};
use serde::{Deserialize, Serialize};

use crate::catalogue::{Catalogue, Column, Table};
use crate::compare::{Stops, stopping};
use crate::config::TableRule;
use crate::connector::SqlConnector;
use crate::dialect::{Batch, Cell, Row, Session, Sql, Transaction, Value};
use crate::error::misfit;
use crate::key::{after, key_columns};
use crate::record::{Record, Shape, exported};
use crate::selection::Selector;
use crate::snapshot::{Moment, Place, Reading};
use crate::walk::Walk;

/// How many identities a page remembers, so as not to yield one for each of a million rows.
const MAX_REMEMBERED: usize = 10_000;

/// Where the next page goes on.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Position {
    /// The key of the last row; none when the first row already broke a type.
    after: Option<Vec<Value>>,
    /// By place, the columns in which a value was met that does not keep to the declared type, as SQLite allows.
    deviating: Vec<usize>,
}

pub(crate) async fn export(
    connector: &SqlConnector,
    step: &Step,
    page: &mut PageWriter<'_>,
) -> Result<Option<Cursor>, ConnectorError> {
    let rule = connector.rule(step)?;
    let position: Option<Position> = step
        .cursor()
        .map(|cursor| cursor.decode(step.collection()))
        .transpose()?;
    let mut deviating = Vec::new();
    let mut last = None;
    if let Some(position) = position {
        deviating = position.deviating;
        last = position.after;
    }
    let (moment, place) = match connector.snapshots.take(step) {
        Some(kept) => kept,
        None => begin(connector, step).await?,
    };
    let mut session = None;
    let mut reading = None;
    let catalogue = match place {
        Place::Within(open) => Arc::clone(&reading.insert(open).catalogue),
        Place::Between(open) => session.insert(open).catalogue().await?,
    };
    let problems = stopping(&connector.mapping, rule, &catalogue, Stops::Everything);
    let Some(table) = catalogue
        .table(rule.name.as_str())
        .filter(|_| problems.is_empty())
    else {
        return Err(misfit(&problems));
    };
    if let Some(key) = &last {
        // A cursor of another collection is refused, also where there is nothing to read.
        after(catalogue.dialect, table, key, false)?;
    }
    let yields = yielded(rule, table);
    if !page.wants_records() && yields.is_empty() {
        return Ok(None);
    }
    let shape = Shape::new(rule, table, &deviating);
    if page.wants_records() {
        page.schema(&shape.schema())?;
    }
    let columns: Vec<&Column> = match page.wants_records() {
        true => exported(rule, table).collect(),
        false => Vec::new(),
    };
    let selector = Selector {
        mapping: &connector.mapping,
        catalogue: &catalogue,
        subject: step.subject(),
        resolves: true,
    };
    let mut plan = Plan::new(&catalogue, table, &columns, yields);
    plan.asks_whose = !plan.yields.is_empty() && selector.may_be_others(rule);
    let all = connector.descriptor.collections.iter().filter(|one| {
        one.is_reached_by(step.subject()) && (page.wants_records() || !one.yields.is_empty())
    });
    let all: Vec<&CollectionName> = all.map(|one| &one.name).collect();
    if let Some(mut session) = session {
        let Some(rows) = selector.rows(&mut session, rule, "t").await? else {
            let left = connector
                .snapshots
                .keep_between(step, moment, session, &all);
            return end(left).await;
        };
        let mut walk = plan.walk(rows, last.clone());
        if plan.asks_whose {
            let alone = selector.alone(&mut session, rule, "t").await?;
            let mut whose = Sql::text("CASE WHEN ");
            whose
                .append(alone.unwrap_or_else(|| Sql::text("1 = 1")))
                .push(" THEN 1 ELSE 0 END");
            walk.selected.push(whose);
        }
        reading = Some(Reading {
            catalogue: Arc::clone(&catalogue),
            stream: session.stream(walk, plan.width(), connector.batch_rows)?,
            batch: Batch::new(plan.width()),
            next: 0,
        });
    }
    let Some(mut reading) = reading else {
        return Ok(None);
    };
    let key_width = table.key.len();
    let mut seen = Seen::new(step.subject());
    loop {
        while reading.next < reading.batch.len() {
            let row = reading.batch.row(reading.next);
            plan.yield_identities(row, &mut seen, page)?;
            if page.wants_records() {
                let record = Record {
                    shape: &shape,
                    row,
                    places: &plan.columns,
                };
                let Some(values) = record.values() else {
                    // The next page begins with this row, under a schema that it fits.
                    deviating.extend(record.misfits());
                    if let Some(before) = reading.next.checked_sub(1) {
                        last = Some(reading.batch.row(before).first(key_width));
                    }
                    let next = Position::cursor(step, last, deviating)?;
                    connector
                        .snapshots
                        .keep_within(step, moment, reading, &next);
                    return Ok(Some(next));
                };
                page.values(&values).await?;
            }
            reading.next += 1;
            if page.is_full() {
                let next = Position::cursor(step, Some(row.first(key_width)), deviating)?;
                connector
                    .snapshots
                    .keep_within(step, moment, reading, &next);
                return Ok(Some(next));
            }
        }
        if let Some(end) = reading.batch.len().checked_sub(1) {
            last = Some(reading.batch.row(end).first(key_width));
            if moment.is_over() {
                return Position::cursor(step, last, deviating).map(Some);
            }
        }
        match reading.stream.next().await {
            Some(batch) => (reading.batch, reading.next) = (batch?, 0),
            None => break,
        }
    }
    let session = reading.stream.session().await;
    let left = session.and_then(|session| {
        connector
            .snapshots
            .keep_between(step, moment, session, &all)
    });
    end(left).await
}

/// The end of a collection, and of a transaction that is not kept: who waits for its tables waits no longer.
async fn end(session: Option<Session>) -> Result<Option<Cursor>, ConnectorError> {
    if let Some(mut session) = session {
        session.rollback().await?;
    }
    Ok(None)
}

/// A transaction that sees one moment, for this page and, where it may stay open, for those that follow.
async fn begin(connector: &SqlConnector, step: &Step) -> Result<(Moment, Place), ConnectorError> {
    let mut session = connector.database.session().await?;
    session.begin(Transaction::Read).await?;
    let may_last = connector.snapshots.may_keep_for(step) && session.may_stay_open().await?;
    Ok((connector.snapshots.begin(may_last), Place::Between(session)))
}

impl Position {
    fn cursor(
        step: &Step,
        after: Option<Vec<Value>>,
        deviating: Vec<usize>,
    ) -> Result<Cursor, ConnectorError> {
        Cursor::encode(step.collection(), &Self { after, deviating })
    }
}

/// What a page reads of each row: its key, the exported columns, the columns that yield; each of them once.
pub(crate) struct Plan<'a> {
    catalogue: &'a Arc<Catalogue>,
    table: &'a Table,
    /// What is read of each row after its key.
    selected: Vec<String>,
    /// Where in a row each exported column is.
    columns: Vec<usize>,
    yields: Vec<Yielded<'a>>,
    /// Whether the last value of a row says that it is nobody else's too. Otherwise what it gives away may be theirs.
    asks_whose: bool,
}

/// A column that gives an identity away, and where in a row it is.
struct Yielded<'a> {
    kind: &'a IdentityKind,
    column: &'a str,
    place: usize,
}

impl<'a> Plan<'a> {
    pub(crate) fn new(
        catalogue: &'a Arc<Catalogue>,
        table: &'a Table,
        columns: &[&Column],
        yields: Vec<(&'a IdentityKind, &'a str)>,
    ) -> Self {
        let dialect = catalogue.dialect;
        let mut all = key_columns(dialect, table, "t");
        let mut place = |read: String| {
            let known = all.iter().position(|earlier| *earlier == read);
            known.unwrap_or_else(|| {
                all.push(read);
                all.len() - 1
            })
        };
        let columns = columns
            .iter()
            .map(|column| place(dialect.fetched(column, "t")));
        let columns = columns.collect();
        let yields = yields.into_iter().map(|(kind, column)| Yielded {
            kind,
            column,
            place: place(dialect.keyed(table, column, "t")),
        });
        let yields = yields.collect();
        Self {
            catalogue,
            table,
            selected: all.split_off(table.key.len()),
            columns,
            yields,
            asks_whose: false,
        }
    }

    fn width(&self) -> usize {
        self.table.key.len() + self.selected.len() + usize::from(self.asks_whose)
    }

    pub(crate) fn walk(&self, rows: Sql, after: Option<Vec<Value>>) -> Walk {
        Walk {
            catalogue: Arc::clone(self.catalogue),
            table: self.table.name.clone(),
            selected: self.selected.iter().cloned().map(Sql::text).collect(),
            rows,
            after,
        }
    }

    fn yield_identities(
        &self,
        row: Row<'_>,
        seen: &mut Seen<'_>,
        page: &mut PageWriter<'_>,
    ) -> Result<(), ConnectorError> {
        if self.asks_whose && row.cell(self.width() - 1) != Cell::Integer(1) {
            return Ok(());
        }
        for yielded in &self.yields {
            match identity_value(row.cell(yielded.place)) {
                Ok(None) => {}
                Ok(Some(value)) => {
                    let identity = Identity::from_parts(yielded.kind.clone(), value);
                    if seen.is_new(&identity) {
                        page.identity(identity)?;
                    }
                }
                Err(Unusable) => {
                    let what = "a value cannot be used as an identity";
                    page.missing(
                        format!(
                            "the identity in {}.{} of a row",
                            self.table.name, yielded.column
                        ),
                        ConnectorError::new(ErrorKind::Protocol, what),
                    )?;
                }
            }
        }
        Ok(())
    }
}

/// The columns that give identities away: those named in `yields`, and those of `subject` that name one row alone.
fn yielded<'a>(rule: &'a TableRule, table: &Table) -> Vec<(&'a IdentityKind, &'a str)> {
    let unique = rule
        .subject
        .iter()
        .filter(|(_, name)| table.is_unique(name));
    let mut yields: Vec<(&IdentityKind, &str)> = Vec::new();
    for (kind, name) in unique.chain(&rule.yields) {
        if !yields.contains(&(kind, name.as_str())) {
            yields.push((kind, name));
        }
    }
    yields
}

struct Unusable;

/// A value as an identity; none where there is nothing in it.
fn identity_value(cell: Cell<'_>) -> Result<Option<IdentityValue>, Unusable> {
    let text = match cell {
        Cell::Null => return Ok(None),
        Cell::Integer(value) => value.to_string(),
        Cell::Real(value) if value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0 => {
            format!("{value:.0}")
        }
        Cell::Real(_) | Cell::Blob(_) => return Err(Unusable),
        Cell::Text(_) | Cell::Decimal(_) | Cell::Json(_) => {
            cell.as_text().ok_or(Unusable)?.to_owned()
        }
    };
    if text.trim().is_empty() {
        return Ok(None);
    }
    IdentityValue::new(text).map(Some).map_err(|_| Unusable)
}

/// The identities that need not be yielded again.
struct Seen<'a> {
    subject: &'a Subject,
    here: HashSet<Identity>,
}

impl<'a> Seen<'a> {
    fn new(subject: &'a Subject) -> Self {
        Self {
            subject,
            here: HashSet::new(),
        }
    }

    fn is_new(&mut self, identity: &Identity) -> bool {
        if self
            .subject
            .values(identity.kind())
            .any(|known| known == identity.value())
            || self.here.contains(identity)
        {
            return false;
        }
        if self.here.len() < MAX_REMEMBERED {
            self.here.insert(identity.clone());
        }
        true
    }
}
