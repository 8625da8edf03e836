//! From a subject to the condition that exactly its rows meet.

use std::future::Future;
use std::pin::Pin;

use adieu_core::{ConnectorError, Subject};

use crate::catalogue::{Catalogue, Column, ColumnType, Table};
use crate::config::{Mapping, ReferenceRule, TableRule};
use crate::dialect::sql::column;
use crate::dialect::{Dialect, Session, Sql, Value};
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
            ways.extend(self.through(session, rule, reference, alias).await?);
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

    /// The rows that refer to a row of the subject in another table.
    async fn through(
        &self,
        session: &mut Session,
        rule: &TableRule,
        reference: &ReferenceRule,
        alias: &str,
    ) -> Result<Option<Sql>, ConnectorError> {
        let table = self.table(rule)?;
        let Some(parent_rule) = self.mapping.table(&reference.table) else {
            return Ok(None);
        };
        let parent = self.table(parent_rule)?;
        let locals = self.locals(table, reference)?;
        let mut keys = self.known_keys(rule, parent_rule, reference);
        let inner = format!("{alias}r");
        let mut ways = Vec::new();
        if let Some(theirs) = self.rows(session, parent_rule, &inner).await? {
            match self
                .resolved(session, parent, reference, &inner, &theirs)
                .await?
            {
                Some(found) => keys.extend(found),
                None => ways.push(self.joined(parent, reference, &locals, alias, &inner, theirs)?),
            }
        }
        ways.extend(equals_any_key(self.dialect(), alias, &locals, keys));
        if ways.is_empty() {
            return Ok(None);
        }
        let found = Sql::joined(ways, " OR ");
        Ok(match self.of_kind(table, reference, alias)? {
            Some(kind) => Some(Sql::joined([kind, found], " AND ")),
            None => Some(found),
        })
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
        let pairs = reference.pairs.iter();
        let targets: Vec<String> = pairs
            .map(|(_, there)| self.dialect().keyed(parent, there, inner))
            .collect();
        let from = format!(" FROM {} AS {inner} WHERE ", parent.sql);
        let mut query = Sql::text(format!("SELECT DISTINCT {}{from}", targets.join(", ")));
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
        for (name, constant) in &reference.constants {
            let column = self.column(table, name)?;
            let value = Value::text(constant.as_str());
            let part = equals_any(self.dialect(), alias, column, &[value]);
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
        reference: &ReferenceRule,
        locals: &[&Column],
        alias: &str,
        inner: &str,
        theirs: Sql,
    ) -> Result<Sql, ConnectorError> {
        let mut here = Vec::new();
        let mut there = Vec::new();
        for ((_, target), local) in reference.pairs.iter().zip(locals) {
            let target = self.column(parent, target)?;
            let (left, right) = comparable(
                self.dialect(),
                (column(alias, &local.name), local),
                (column(inner, &target.name), target),
            );
            here.push(left);
            there.push(right);
        }
        let mut sql = Sql::text(format!(
            "({}) IN (SELECT {} FROM {} AS {inner} WHERE ",
            here.join(", "),
            there.join(", "),
            parent.sql
        ));
        sql.append(theirs).push(")");
        Ok(sql)
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
            .flat_map(|one| one.pairs.iter().map(|(local, there)| (local, there)))
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
                let (here, there) = (self.column(table, local)?, self.column(table, there)?);
                let (left, right) = comparable(
                    self.dialect(),
                    (column(&next, local), here),
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

    fn locals<'t>(
        &self,
        table: &'t Table,
        reference: &ReferenceRule,
    ) -> Result<Vec<&'t Column>, ConnectorError> {
        reference
            .pairs
            .iter()
            .map(|(local, _)| self.column(table, local))
            .collect()
    }
}

/// `column = value`, or `column IN (…)`, for the forms in which the column would hold the values exactly; `None` when it
/// can hold none of them.
fn equals_any(dialect: Dialect, alias: &str, of: &Column, values: &[Value]) -> Option<Sql> {
    let mut forms: Vec<Value> = Vec::new();
    for form in values
        .iter()
        .flat_map(|value| dialect.equal_values(of, value))
    {
        if !forms.contains(&form) {
            forms.push(form);
        }
    }
    let compare = |left: String, forms: &[Value], cast: bool| {
        let mut sql = Sql::text(left);
        let is_list = forms.len() > 1;
        sql.push(if is_list { " IN (" } else { " = " });
        for (index, form) in forms.iter().enumerate() {
            let cast = dialect.compared_as(of, form).filter(|_| cast);
            sql.push(if index > 0 { ", " } else { "" });
            sql.bind_as(form.clone(), cast.as_deref());
        }
        sql.push(if is_list { ")" } else { "" });
        sql
    };
    let left = dialect.compared(of, alias);
    if forms.is_empty() {
        None
    } else if of.exact || of.column_type != ColumnType::Text {
        Some(compare(left, &forms, true))
    } else {
        // The first condition lets an index be used, the second one is byte by byte.
        let exactly = dialect.byte_by_byte(&left);
        Some(Sql::joined(
            [compare(left, &forms, true), compare(exactly, &forms, false)],
            " AND ",
        ))
    }
}

/// Whether the local columns together equal one of these keys.
fn equals_any_key(
    dialect: Dialect,
    alias: &str,
    locals: &[&Column],
    keys: Vec<Vec<Value>>,
) -> Option<Sql> {
    if let [local] = locals {
        return equals_any(dialect, alias, local, &keys.concat());
    }
    let mut ways = Vec::new();
    for key in keys {
        let parts: Option<Vec<Sql>> = locals
            .iter()
            .zip(&key)
            .map(|(local, value)| equals_any(dialect, alias, local, std::slice::from_ref(value)))
            .collect();
        ways.extend(parts.map(|parts| Sql::joined(parts, " AND ")));
    }
    (!ways.is_empty()).then(|| Sql::joined(ways, " OR "))
}

/// Two columns as expressions whose `=` is exact: where one holds numbers and the other may hold text, both are
/// compared as text, because the database would take `'01'` for 1.
fn comparable(
    dialect: Dialect,
    (left, here): (String, &Column),
    (right, there): (String, &Column),
) -> (String, String) {
    use ColumnType::{Any, Decimal, Integer, Numeric, Own, Real, Text, Uuid};
    let as_text = |expression: String| dialect.as_text(&expression);
    match (here.column_type, there.column_type) {
        (Integer | Real | Numeric | Decimal, Integer | Real | Numeric | Decimal) | (Uuid, Uuid) => {
            (left, right)
        }
        (Text | Any, Text | Any) if here.exact && there.exact => (left, right),
        (Text | Any, Text | Any) => (dialect.byte_by_byte(&left), dialect.byte_by_byte(&right)),
        (Own, Own) if here.cast == there.cast => (left, right),
        // Blanks at the end would be overlooked by a collation.
        (Text | Any, _) if !here.exact => (dialect.byte_by_byte(&left), as_text(right)),
        (_, Text | Any) if !there.exact => (as_text(left), dialect.byte_by_byte(&right)),
        (Text | Any, _) => (left, as_text(right)),
        (_, Text | Any) => (as_text(left), right),
        _ => (as_text(left), as_text(right)),
    }
}
