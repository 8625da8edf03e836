//! From a subject to the condition that exactly its rows meet.

use std::future::Future;
use std::pin::Pin;

use adieu_core::{ConnectorError, Subject};

use crate::catalogue::{Catalogue, Column, Table};
use crate::config::{Local, Mapping, ReferenceRule, TableRule};
use crate::dialect::sql::column;
use crate::dialect::{Dialect, Session, Sql, Value};
use crate::equality::{Pair, comparable, equals_any, equals_any_key, is_among};
use crate::error::misfit;

/// Up to this many rows that are referred to, their keys are fetched and bound: a single key then lets the database
/// walk through an index in order. Beyond, the database joins.
const MAX_RESOLVED: usize = 64;

/// Finds a subject's rows.
pub(crate) struct Selector<'a> {
    pub(crate) mapping: &'a Mapping,
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) subject: &'a Subject,
    /// Whether keys may be fetched first and bound: not in a condition that must hold when it is asked.
    pub(crate) resolves: bool,
}

type Selected<'s> = Pin<Box<dyn Future<Output = Result<Option<Sql>, ConnectorError>> + Send + 's>>;

impl Selector<'_> {
    /// The condition on the aliased table that exactly the subject's rows meet; `None` when no row can.
    pub(crate) fn rows<'s>(
        &'s self,
        session: &'s mut Session,
        rule: &'s TableRule,
        alias: &'s str,
    ) -> Selected<'s> {
        Box::pin(async move {
            if rule.recursion.is_empty() {
                return self.own(session, rule, alias).await;
            }
            let base = format!("{alias}b");
            let Some(own) = self.own(session, rule, &base).await? else {
                return Ok(None);
            };
            self.and_what_hangs_on_it(rule, alias, &base, own).map(Some)
        })
    }

    /// The condition that a row which [`Selector::rows`] selects is nobody else's: each array whose elements lead to people
    /// names the subject alone, and each other reference leads to the subject or nowhere. `None` where every row is.
    pub(crate) async fn alone(
        &self,
        session: &mut Session,
        rule: &TableRule,
        alias: &str,
    ) -> Result<Option<Sql>, ConnectorError> {
        if !self.may_be_others(rule) {
            return Ok(None);
        }
        let table = self.table(rule)?;
        let mut parts = Vec::new();
        for reference in &rule.references {
            let hers = self.through(session, rule, reference, alias, true);
            let hers = hers.await?;
            let mut ways = Vec::new();
            if let Some(array) = reference.element() {
                let column = self.column(table, array.name())?;
                let held = self.dialect().held(column, alias, array);
                ways.push(Sql::joined([held.clone(), Sql::text("0")], " = "));
                let one = Sql::joined([held, Sql::text("1")], " = ");
                ways.extend(hers.map(|hers| Sql::joined([one, hers], " AND ")));
            } else {
                let whole = reference.locals().filter(|local| local.is_whole());
                let nowhere = whole.map(|local| format!("{} IS NULL", column(alias, local.name())));
                ways.extend(nowhere.map(Sql::text).chain(hers));
            }
            // A reference that can lead to nobody of hers leads to others.
            if ways.is_empty() {
                ways.push(Sql::text("1 = 0"));
            }
            parts.push(Sql::joined(ways, " OR "));
        }
        Ok(Some(Sql::joined(parts, " AND ")))
    }

    /// Whether a row may be somebody else's too, so that [`Selector::alone`] is to be asked.
    pub(crate) fn may_be_others(&self, rule: &TableRule) -> bool {
        let leads_to_several =
            |one: &ReferenceRule| one.element().is_some() || self.forks(rule, one);
        rule.references.iter().any(leads_to_several)
    }

    /// Whether a reference may lead to several rows, of several people.
    fn forks(&self, rule: &TableRule, reference: &ReferenceRule) -> bool {
        let parent = self.catalogue.table(reference.table.as_str());
        let parent_rule = self.mapping.table(&reference.table);
        parent_rule
            .zip(parent)
            .is_some_and(|(parent_rule, parent)| reference.forks(rule, parent_rule, parent))
    }

    /// The condition that none of the rows to which a row refers is anybody else's.
    async fn leads_to_nobody_else(
        &self,
        session: &mut Session,
        rule: &TableRule,
        reference: &ReferenceRule,
        alias: &str,
    ) -> Result<Sql, ConnectorError> {
        let Some(parent_rule) = self.mapping.table(&reference.table) else {
            return Ok(Sql::text("1 = 0"));
        };
        let (table, parent) = (self.table(rule)?, self.table(parent_rule)?);
        let pairs = self.pairs(table, parent, reference)?;
        let inner = format!("{alias}x");
        let theirs = self.rows_alone(session, parent_rule, &inner).await?;
        let mut others = Sql::text("CASE WHEN ");
        others
            .append(theirs.unwrap_or_else(|| Sql::text("1 = 0")))
            .push(" THEN 0 ELSE 1 END = 1");
        if rule.tenant.is_some()
            && let Some(Some(same)) = self.within_tenant(parent_rule, parent, &inner)
        {
            others = Sql::joined([same, others], " AND ");
        }
        let (here, there) = self.sides(&pairs, alias, &inner);
        let same = here.into_iter().zip(there).map(|(here, there)| {
            let mut same = here;
            same.push(&format!(" = {there}"));
            same
        });
        let mut nobody = Sql::text(format!(
            "NOT EXISTS (SELECT 1 FROM {} AS {inner} WHERE ",
            parent.sql
        ));
        nobody
            .append(Sql::joined(same.chain([others]), " AND "))
            .push(")");
        Ok(nobody)
    }

    /// The condition on the rows that are the subject's and nobody else's: what hangs on them is the subject's too.
    pub(crate) fn rows_alone<'s>(
        &'s self,
        session: &'s mut Session,
        rule: &'s TableRule,
        alias: &'s str,
    ) -> Selected<'s> {
        Box::pin(async move {
            let Some(rows) = self.rows(session, rule, alias).await? else {
                return Ok(None);
            };
            let alone = self.alone(session, rule, alias).await?;
            Ok(Some(match alone {
                Some(alone) => Sql::joined([rows, alone], " AND "),
                None => rows,
            }))
        })
    }

    /// The rows that an identity or a row of another table leads to.
    async fn own(
        &self,
        session: &mut Session,
        rule: &TableRule,
        alias: &str,
    ) -> Result<Option<Sql>, ConnectorError> {
        let table = self.table(rule)?;
        let Some(tenant) = self.within_tenant(rule, table, alias) else {
            return Ok(None);
        };
        let mut ways = Vec::new();
        for (kind, name) in &rule.subject {
            let named: Vec<Value> = self
                .subject
                .values(kind)
                .map(|value| Value::text(value.expose()))
                .collect();
            let column = self.column(table, name)?;
            ways.extend(equals_any(self.dialect(), alias, column, &named));
        }
        for reference in &rule.references {
            ways.extend(self.through(session, rule, reference, alias, false).await?);
        }
        Ok(match (ways.is_empty(), tenant) {
            (true, _) => None,
            (false, None) => Some(Sql::joined(ways, " OR ")),
            (false, Some(tenant)) => {
                Some(Sql::joined([tenant, Sql::joined(ways, " OR ")], " AND "))
            }
        })
    }

    /// The condition on the tenant's column: outer `None` when no row can meet it, inner `None` when there is no column.
    fn within_tenant(&self, rule: &TableRule, table: &Table, alias: &str) -> Option<Option<Sql>> {
        let Some(name) = &rule.tenant else {
            return Some(None);
        };
        let tenant = Value::text(self.subject.tenant()?.expose());
        equals_any(self.dialect(), alias, table.column(name)?, &[tenant]).map(Some)
    }

    /// The rows that refer to a row of the subject in another table; `alone`: and to nobody else's there.
    async fn through(
        &self,
        session: &mut Session,
        rule: &TableRule,
        reference: &ReferenceRule,
        alias: &str,
        alone: bool,
    ) -> Result<Option<Sql>, ConnectorError> {
        let table = self.table(rule)?;
        let Some(parent_rule) = self.mapping.table(&reference.table) else {
            return Ok(None);
        };
        let parent = self.table(parent_rule)?;
        let pairs = self.pairs(table, parent, reference)?;
        let mut keys = self.known_keys(rule, parent_rule, reference);
        let inner = format!("{alias}r");
        let mut ways = Vec::new();
        if let Some(theirs) = self.rows_alone(session, parent_rule, &inner).await? {
            match self
                .resolved(session, parent, reference, &inner, &theirs)
                .await?
            {
                Some(found) => keys.extend(found),
                None => ways.push(self.joined(parent, &pairs, alias, &inner, theirs)),
            }
        }
        ways.extend(equals_any_key(self.dialect(), alias, &pairs, keys));
        if ways.is_empty() {
            return Ok(None);
        }
        let mut found = Sql::joined(ways, " OR ");
        if alone && self.forks(rule, reference) {
            let nobody = self.leads_to_nobody_else(session, rule, reference, alias);
            found = Sql::joined([found, nobody.await?], " AND ");
        }
        if let Some(kind) = self.of_kind(table, reference, alias)? {
            found = Sql::joined([kind, found], " AND ");
        }
        let Some(array) = reference.element() else {
            return Ok(Some(found));
        };
        let column = self.column(table, array.name())?;
        Ok(Some(
            self.dialect().any_element(column, alias, array, found),
        ))
    }

    /// The keys of the rows that a condition selects there; `None` where there are too many, or none may be fetched.
    async fn resolved(
        &self,
        session: &mut Session,
        parent: &Table,
        reference: &ReferenceRule,
        inner: &str,
        theirs: &Sql,
    ) -> Result<Option<Vec<Vec<Value>>>, ConnectorError> {
        if !self.resolves {
            return Ok(None);
        }
        let mut pairs = reference.pairs.iter();
        let targets: Vec<String> = pairs
            .clone()
            .map(|(_, there)| self.dialect().keyed(parent, there, inner))
            .collect();
        // Rows that differ anyway need not be sorted, of which there may be very many.
        let differ = pairs.any(|(_, there)| parent.is_unique(there));
        let distinct = if differ { "" } else { "DISTINCT " };
        let mut query = Sql::text(format!(
            "SELECT {distinct}{} FROM {} AS {inner} WHERE ",
            targets.join(", "),
            parent.sql
        ));
        query
            .append(theirs.clone())
            .push(&format!(" LIMIT {}", MAX_RESOLVED + 1));
        let found = session.rows(query, targets.len()).await?;
        Ok((found.len() <= MAX_RESOLVED).then_some(found))
    }

    /// The condition on a row's columns that say what kind of row its reference leads to; `None` when there are none.
    fn of_kind(
        &self,
        table: &Table,
        reference: &ReferenceRule,
        alias: &str,
    ) -> Result<Option<Sql>, ConnectorError> {
        let mut parts = Vec::new();
        for (local, constant) in &reference.constants {
            let column = self.column(table, local.name())?;
            let value = Value::text(constant.as_str());
            let part = match local.is_whole() {
                true => equals_any(self.dialect(), alias, column, &[value]),
                false => Some(is_among(
                    self.dialect().text_inside(column, alias, local),
                    vec![value],
                )),
            };
            // A column that can never hold the constant finds nothing.
            parts.push(part.unwrap_or_else(|| Sql::text("1 = 0")));
        }
        Ok((!parts.is_empty()).then(|| Sql::joined(parts, " AND ")))
    }

    /// The keys of the subject's rows there, as far as its identities tell them. The rows there may be gone already;
    /// what refers to them is found by these alone.
    ///
    /// Only where each column there is the subject's identity or tenant, and where the tenant is held to on one side
    /// at least: a number that is the subject's in one tenant is somebody else's in another.
    fn known_keys(
        &self,
        rule: &TableRule,
        parent: &TableRule,
        reference: &ReferenceRule,
    ) -> Vec<Vec<Value>> {
        let is_tenant = |there: &String| parent.tenant.as_ref() == Some(there);
        let held_to = parent.tenant.is_none()
            || rule.tenant.is_some()
            || reference.pairs.iter().any(|(_, there)| is_tenant(there));
        let identities = reference
            .pairs
            .iter()
            .filter(|(_, there)| !is_tenant(there))
            .count();
        if !held_to || identities != 1 {
            return Vec::new();
        }
        if parent.tenant.is_some() && self.subject.tenant().is_none() {
            return Vec::new();
        }
        let mut keys: Vec<Vec<Value>> = vec![Vec::new()];
        for (_, there) in &reference.pairs {
            let values: Vec<Value> = if is_tenant(there) {
                self.subject
                    .tenant()
                    .map(|tenant| Value::text(tenant.expose()))
                    .into_iter()
                    .collect()
            } else {
                let kinds = parent
                    .subject
                    .iter()
                    .filter(|(_, column)| column == there)
                    .map(|(kind, _)| kind);
                kinds
                    .flat_map(|kind| self.subject.values(kind))
                    .map(|value| Value::text(value.expose()))
                    .collect()
            };
            keys = keys
                .into_iter()
                .flat_map(|key| {
                    values
                        .iter()
                        .map(move |value| [key.clone(), vec![value.clone()]].concat())
                })
                .collect();
        }
        keys
    }

    /// The rows whose key stands among those that a condition selects there.
    fn joined(
        &self,
        parent: &Table,
        pairs: &[Pair<'_>],
        alias: &str,
        inner: &str,
        theirs: Sql,
    ) -> Sql {
        let (here, there) = self.sides(pairs, alias, inner);
        let mut sql = Sql::text("(");
        sql.append(Sql::listed(here))
            .push(&format!(
                ") IN (SELECT {} FROM {} AS {inner} WHERE ",
                there.join(", "),
                parent.sql
            ))
            .append(theirs)
            .push(")");
        sql
    }

    /// What is compared here, and there, for each pair of a reference.
    fn sides(&self, pairs: &[Pair<'_>], alias: &str, inner: &str) -> (Vec<Sql>, Vec<String>) {
        let dialect = self.dialect();
        let mut here = Vec::new();
        let mut there = Vec::new();
        for pair in pairs {
            if pair.local.is_whole() {
                let (left, right) = comparable(
                    dialect,
                    (column(alias, &pair.here.name), pair.here),
                    (column(inner, &pair.there.name), pair.there),
                );
                here.push(Sql::text(left));
                there.push(right);
            } else {
                here.push(dialect.text_inside(pair.here, alias, pair.local));
                there.push(dialect.key_as_text(pair.there, inner));
            }
        }
        (here, there)
    }

    /// The subject's own rows, and recursively those of the same table that refer to them.
    fn and_what_hangs_on_it(
        &self,
        rule: &TableRule,
        alias: &str,
        base: &str,
        own: Sql,
    ) -> Result<Sql, ConnectorError> {
        let table = self.table(rule)?;
        let (next, grown) = (format!("{alias}n"), format!("{alias}g"));
        let links: Vec<(&String, &String)> = rule
            .recursion
            .iter()
            .flat_map(|one| one.pairs.iter().map(|(local, there)| (local.name(), there)))
            .collect();
        let columns = |of: &str| {
            let all = table
                .key
                .iter()
                .chain(links.iter().map(|(_, there)| *there));
            all.map(|name| column(of, name))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let numbered = |letter: char, count| {
            (0..count)
                .map(|i| format!("{letter}{i}"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let keys = numbered('k', table.key.len());
        let mut at = 0;
        let mut ways = Vec::new();
        for reference in &rule.recursion {
            let mut pairs = Vec::new();
            for (local, there) in &reference.pairs {
                let (here, there) = (
                    self.column(table, local.name())?,
                    self.column(table, there)?,
                );
                let (left, right) = comparable(
                    self.dialect(),
                    (column(&next, local.name()), here),
                    (format!("{grown}.t{at}"), there),
                );
                pairs.push(format!("{left} = {right}"));
                at += 1;
            }
            let pairs = Sql::text(pairs.join(" AND "));
            ways.push(match self.of_kind(table, reference, &next)? {
                Some(kind) => Sql::joined([kind, pairs], " AND "),
                None => pairs,
            });
        }
        let mut hanging = Sql::joined(ways, " OR ");
        if let Some(Some(tenant)) = self.within_tenant(rule, table, &next) {
            hanging = Sql::joined([tenant, hanging], " AND ");
        }
        let name = &table.sql;
        let mut sql = Sql::text(format!(
            "({}) IN (WITH RECURSIVE {grown}({keys}, {}) AS (SELECT {} FROM {name} AS {base} WHERE ",
            table
                .key
                .iter()
                .map(|name| column(alias, name))
                .collect::<Vec<_>>()
                .join(", "),
            numbered('t', links.len()),
            columns(base),
        ));
        sql.append(own)
            .push(&format!(
                " UNION SELECT {} FROM {grown} JOIN {name} AS {next} ON ",
                columns(&next)
            ))
            .append(hanging)
            .push(&format!(") SELECT {keys} FROM {grown})"));
        Ok(sql)
    }

    fn dialect(&self) -> Dialect {
        self.catalogue.dialect
    }

    fn table(&self, rule: &TableRule) -> Result<&Table, ConnectorError> {
        self.catalogue
            .table(rule.name.as_str())
            .ok_or_else(|| misfit(&[format!("there is no table `{}`", rule.name)]))
    }

    fn column<'t>(&self, table: &'t Table, name: &str) -> Result<&'t Column, ConnectorError> {
        table
            .column(name)
            .ok_or_else(|| misfit(&[format!("the table `{}` has no column `{name}`", table.name)]))
    }

    fn pairs<'t>(
        &self,
        table: &'t Table,
        parent: &'t Table,
        reference: &'t ReferenceRule,
    ) -> Result<Vec<Pair<'t>>, ConnectorError> {
        let pair = |(local, there): &'t (Local, String)| {
            Ok(Pair {
                here: self.column(table, local.name())?,
                local,
                there: self.column(parent, there)?,
            })
        };
        reference.pairs.iter().map(pair).collect()
    }
}
