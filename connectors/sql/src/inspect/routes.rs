//! Which tables hang on the subject's, and by which of their columns.

use std::collections::{BTreeMap, BTreeSet};

use super::way::{Way, WayKind, table_words, ways};
use crate::catalogue::{Catalogue, Table};

/// A table whose rows are the person's.
#[derive(Debug)]
pub(crate) struct Hung<'c> {
    pub(crate) table: &'c Table,
    /// The ways that make a row the person's.
    pub(crate) ways: Vec<Way>,
    /// Ways that lead to the person or to what is hers, and do not make a row hers by themselves.
    pub(crate) beside: Vec<Way>,
}

/// A table whose rows only mention the person, such as who approved something.
#[derive(Debug)]
pub(crate) struct Mention<'c> {
    pub(crate) table: &'c Table,
    pub(crate) ways: Vec<Way>,
}

/// What hangs on a subject table.
#[derive(Debug)]
pub(crate) struct Routes<'c> {
    /// Beside the subject's own table; what hangs on another comes after it.
    pub(crate) hung: Vec<Hung<'c>>,
    pub(crate) mentions: Vec<Mention<'c>>,
}

/// Words for what several persons have in common: whoever owns it does not own what others have put into it.
const COMMON: &[&str] = &[
    "team",
    "organization",
    "organisation",
    "company",
    "workspace",
    "group",
    "tenant",
    "household",
    "room",
    "channel",
    "club",
    "school",
    "department",
    "community",
    "branch",
    "store",
];

impl<'c> Routes<'c> {
    /// Follows ways from the subject's table on, the shortest first.
    pub(crate) fn from(catalogue: &'c Catalogue, subject: &'c Table) -> Self {
        let mut reached: Vec<&Table> = vec![subject];
        let mut seen: BTreeSet<&str> = BTreeSet::from([subject.name.as_str()]);
        let mut mentions: BTreeMap<&str, Mention<'c>> = BTreeMap::new();
        let mut at = 0;
        while let Some(&target) = reached.get(at) {
            at += 1;
            for table in catalogue.tables.values() {
                if seen.contains(table.name.as_str()) || table.columns.is_empty() {
                    continue;
                }
                let ways = leading(catalogue, table, target, subject);
                if ways.is_empty() {
                    continue;
                }
                let is_hers = target.name != subject.name
                    || !is_common(table) && ways.iter().any(|way| way.ownership(subject) > 0);
                if is_hers {
                    seen.insert(&table.name);
                    reached.push(table);
                } else {
                    mentions.insert(&table.name, Mention { table, ways });
                }
            }
        }
        mentions.retain(|name, _| !seen.contains(name));
        let hung =
            (1..reached.len()).map(|at| Hung::of(catalogue, &reached[..at], reached[at], subject));
        Self {
            hung: hung.collect(),
            mentions: mentions.into_values().collect(),
        }
    }
}

impl<'c> Hung<'c> {
    /// `earlier` are the tables that it may hang on.
    fn of(catalogue: &Catalogue, earlier: &[&'c Table], table: &'c Table, subject: &Table) -> Self {
        let mut all: Vec<Way> = earlier
            .iter()
            .flat_map(|target| leading(catalogue, table, target, subject))
            .collect();
        let owner = best(&all, |way| {
            if way.target == subject.name {
                (
                    way.ownership(subject),
                    u8::from(way.is_enforced()),
                    u8::from(way.is_required(table)),
                )
            } else {
                (0, 0, 0)
            }
        });
        let chosen = owner
            .filter(|&at| all[at].target == subject.name && all[at].ownership(subject) > 0)
            .or_else(|| {
                best(&all, |way| {
                    let is_chain = way.target != subject.name;
                    (
                        u8::from(is_chain),
                        u8::from(way.is_enforced()),
                        u8::from(way.is_required(table)),
                    )
                })
            });
        let mut own: Vec<Way> = chosen.map(|at| all.remove(at)).into_iter().collect();
        // What the database deletes along with a row is a part of it.
        let parts = |way: &Way| way.cascades() && way.target != subject.name;
        own.extend(all.iter().filter(|way| parts(way)).cloned());
        all.retain(|way| !parts(way));
        Self {
            table,
            ways: own,
            beside: all,
        }
    }
}

/// The ways to a table. Pairs of which one says the kind are guessed for the subject's table alone.
fn leading(catalogue: &Catalogue, table: &Table, target: &Table, subject: &Table) -> Vec<Way> {
    let mut ways = ways(catalogue, table, target);
    ways.retain(|way| way.kind != WayKind::Polymorphic || target.name == subject.name);
    ways
}

/// The place of the first of the greatest.
fn best<K: Ord>(ways: &[Way], by: impl Fn(&Way) -> K) -> Option<usize> {
    (0..ways.len()).rev().max_by_key(|&at| by(&ways[at]))
}

fn is_common(table: &Table) -> bool {
    let words = table_words(&table.name);
    words
        .last()
        .is_some_and(|word| COMMON.contains(&word.as_str()))
}
