//! A table whose rows refer to rows of the same table: which of them can go, and in which order.

use std::collections::HashMap;

use crate::catalogue::Table;
use crate::config::{ReferenceRule, TableRule};
use crate::dialect::sql::column;
use crate::dialect::{Cell, Dialect, Row, Value};

/// The ways in which rows of a table refer to each other: by its foreign keys and by the mapping.
#[derive(Clone, Default)]
pub(crate) struct Links(Vec<Link>);

#[derive(Clone)]
struct Link {
    /// The columns here and there: a foreign key's, or, where there is no foreign key, the mapping's. The mapping follows
    /// its references within a tenant, so then the tenant's column is among them on both sides.
    pairs: Vec<(String, String)>,
}

/// A row with what it refers to.
pub(crate) struct Linked {
    pub(crate) key: Vec<Value>,
    /// For each way: how many rows refer to it, what it refers to, and by which values it is referred to.
    ways: Vec<(u64, Vec<Value>, Vec<Value>)>,
}

/// The order in which rows can go.
pub(crate) struct Order {
    /// Keys of rows that can go one after the other.
    pub(crate) free: Vec<Vec<Value>>,
    /// Keys of rows that refer to each other in circles, and to which nothing else refers.
    pub(crate) circles: Vec<Vec<Value>>,
    /// How many rows cannot go, because a row outside refers to them.
    pub(crate) blocked: u64,
}

impl Links {
    pub(crate) fn of(rule: &TableRule, table: &Table) -> Self {
        let keys = table
            .foreign_keys
            .iter()
            .filter(|key| key.target == table.name);
        let mut links: Vec<Link> = keys
            .map(|key| Link {
                pairs: key.pairs.clone(),
            })
            .collect();
        for mut pairs in rule.recursion.iter().filter_map(ReferenceRule::whole) {
            if !links.iter().any(|link| link.pairs == pairs) {
                pairs.extend(rule.tenant.iter().map(|name| (name.clone(), name.clone())));
                links.push(Link { pairs });
            }
        }
        Self(links)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What to select beside a row so that [`Links::read`] can read it: how many rows refer to it, counted up to one
    /// more than a batch holds, and the linking values.
    pub(crate) fn columns(
        &self,
        dialect: Dialect,
        table: &Table,
        alias: &str,
        max_records: u32,
    ) -> Vec<String> {
        let mut columns = Vec::new();
        for Link { pairs } in &self.0 {
            let refers = refers(pairs, "l", alias);
            let limit = u64::from(max_records) + 1;
            let name = &table.sql;
            let rest = format!("FROM {name} AS l WHERE {refers}");
            columns.push(dialect.counted(&rest, limit));
            let keyed = |name: &String| dialect.keyed(table, name, alias);
            columns.extend(pairs.iter().map(|(local, _)| keyed(local)));
            columns.extend(pairs.iter().map(|(_, there)| keyed(there)));
        }
        columns
    }

    pub(crate) fn read(&self, row: Row<'_>, key_width: usize, mut at: usize) -> Linked {
        let mut ways = Vec::with_capacity(self.0.len());
        for Link { pairs } in &self.0 {
            let referrers = match row.cell(at) {
                Cell::Integer(count) => count.unsigned_abs(),
                _ => 0,
            };
            let values = |from: usize| {
                (from..from + pairs.len())
                    .map(|index| row.cell(index).to_value())
                    .collect()
            };
            ways.push((referrers, values(at + 1), values(at + 1 + pairs.len())));
            at += 1 + 2 * pairs.len();
        }
        Linked {
            key: row.first(key_width),
            ways,
        }
    }

    /// The end of a condition that no other row refers to this one.
    pub(crate) fn guard(&self, dialect: Dialect, table: &Table, alias: &str) -> String {
        let same: Vec<String> = table
            .key
            .iter()
            .map(|name| format!("{} = {}", column("l", name), column(alias, name)))
            .collect();
        let name = &table.sql;
        self.0
            .iter()
            .map(|Link { pairs }| {
                let refers = refers(pairs, "l", alias);
                let same = same.join(" AND ");
                dialect.and_none(&format!("FROM {name} AS l WHERE {refers} AND NOT ({same})"))
            })
            .collect()
    }

    /// Finds the largest part of a batch to which no row outside it refers, and puts what refers before what it refers to.
    pub(crate) fn leaves_first(&self, rows: Vec<Linked>) -> Order {
        if self.0.is_empty() {
            return Order {
                free: rows.into_iter().map(|row| row.key).collect(),
                circles: Vec::new(),
                blocked: 0,
            };
        }
        // Who refers to whom within the batch, apart from rows that refer to themselves.
        let refers_to = self.edges(&rows);
        let mut inside: Vec<u64> = vec![0; rows.len()];
        refers_to.iter().flatten().for_each(|&to| inside[to] += 1);
        let referrers: Vec<u64> = rows
            .iter()
            .map(|row| row.ways.iter().map(|way| way.0).sum())
            .collect();
        let own: Vec<u64> = rows
            .iter()
            .map(|row| row.ways.iter().filter(|way| refers_to_itself(way)).count() as u64)
            .collect();
        // A row with a referrer outside stays, and then so does what it refers to.
        let mut stays = vec![false; rows.len()];
        let mut staying: Vec<usize> = (0..rows.len())
            .filter(|&i| referrers[i] > inside[i] + own[i])
            .collect();
        while let Some(index) = staying.pop() {
            if !std::mem::replace(&mut stays[index], true) {
                staying.extend(&refers_to[index]);
            }
        }
        // Of the others, leaf by leaf.
        let mut waiting_for = vec![0_u64; rows.len()];
        for (from, to) in refers_to
            .iter()
            .enumerate()
            .flat_map(|(from, all)| all.iter().map(move |&to| (from, to)))
        {
            if !stays[from] {
                waiting_for[to] += 1;
            }
        }
        let mut leaves: Vec<usize> = (0..rows.len())
            .filter(|&i| !stays[i] && waiting_for[i] == 0)
            .collect();
        let mut gone = vec![false; rows.len()];
        let mut order = Vec::new();
        while let Some(index) = leaves.pop() {
            gone[index] = true;
            order.push(index);
            for &to in &refers_to[index] {
                waiting_for[to] -= 1;
                if waiting_for[to] == 0 && !stays[to] {
                    leaves.push(to);
                }
            }
        }
        let blocked = stays.iter().filter(|&&stays| stays).count() as u64;
        let circles = (0..rows.len())
            .filter(|&i| !stays[i] && !gone[i])
            .map(|i| rows[i].key.clone())
            .collect();
        Order {
            free: order.into_iter().map(|i| rows[i].key.clone()).collect(),
            circles,
            blocked,
        }
    }

    fn edges(&self, rows: &[Linked]) -> Vec<Vec<usize>> {
        let mut refers_to = vec![Vec::new(); rows.len()];
        for way in 0..self.0.len() {
            let mut by_target: HashMap<String, Vec<usize>> = HashMap::new();
            for (index, row) in rows.iter().enumerate() {
                if let Some(target) = written(&row.ways[way].2) {
                    by_target.entry(target).or_default().push(index);
                }
            }
            for (from, row) in rows.iter().enumerate() {
                let to = written(&row.ways[way].1).and_then(|local| by_target.get(&local));
                refers_to[from].extend(to.into_iter().flatten().filter(|&&to| to != from));
            }
        }
        refers_to
    }
}

fn refers_to_itself((_, local, target): &(u64, Vec<Value>, Vec<Value>)) -> bool {
    local == target && !local.contains(&Value::Null)
}

/// Values as one text, to look them up by; none where one is NULL, because NULL refers to nothing.
fn written(values: &[Value]) -> Option<String> {
    if values.contains(&Value::Null) {
        None
    } else {
        serde_json::to_string(values).ok()
    }
}

fn refers(pairs: &[(String, String)], from: &str, to: &str) -> String {
    let equal: Vec<String> = pairs
        .iter()
        .map(|(local, there)| format!("{} = {}", column(from, local), column(to, there)))
        .collect();
    equal.join(" AND ")
}
