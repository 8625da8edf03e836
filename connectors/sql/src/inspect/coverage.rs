//! What looks personal in a database and is covered by nothing in the mapping.

use std::collections::BTreeSet;
use std::fmt;

use super::personal::personal;
use super::pseudonyms::pseudonym;
use super::text;
use super::way::{Way, WayKind, ways};
use crate::catalogue::{Catalogue, Table};
use crate::config::{EraseRule, Mapping, Pseudonymizer, ReferenceRule, TableRule};

/// Something that looks personal and that the mapping says nothing about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncovered {
    /// The table that it is in.
    pub table: String,
    /// The column; none where it is the whole table.
    pub column: Option<String>,
    /// What is the matter with it.
    pub why: String,
    /// What to write into the mapping.
    pub write: String,
}

impl fmt::Display for Uncovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, "`{}.{column}`", self.table)?,
            None => write!(f, "the table `{}`", self.table)?,
        }
        write!(f, " {}; write {}", self.why, self.write)
    }
}

/// Compares the mapping with what looks personal in the catalogue.
pub(crate) fn uncovered(mapping: &Mapping, catalogue: &Catalogue) -> Vec<Uncovered> {
    let mut found = Vec::new();
    for rule in &mapping.tables {
        if let Some(table) = catalogue.table(rule.name.as_str()) {
            found.extend(staying(rule, table, catalogue));
        }
    }
    found.extend(unmapped(mapping, catalogue));
    found
}

/// Columns that nothing is said of, in rows that outlive an erasure.
fn staying<'a>(
    rule: &'a TableRule,
    table: &'a Table,
    catalogue: &'a Catalogue,
) -> impl Iterator<Item = Uncovered> + 'a {
    let stays = !matches!(rule.erase, EraseRule::Delete);
    let is_told = |name: &String| {
        rule.columns.contains_key(name)
            || rule.pseudonyms().iter().any(|(column, _)| column == name)
    };
    let columns = personal(table).into_iter();
    columns
        .filter(move |(column, _)| stays && !is_told(&column.name))
        .map(move |(column, sort)| {
            let head = format!("connector.table.{}", text::key(&table.name));
            let keep = format!(
                "{} = {{ keep = \"why\" }} under [{head}.columns]",
                text::key(&column.name)
            );
            let write = match pseudonym(column, sort, table, catalogue) {
                Ok(way) => format!(
                    "{} = {} under [{head}.erase.pseudonymize], or {keep}",
                    text::key(&column.name),
                    text::pseudonymizer(&way)
                ),
                Err(_) => keep,
            };
            Uncovered {
                table: table.name.clone(),
                column: Some(column.name.clone()),
                why: format!(
                    "looks like {}, and stays as it is in an erasure",
                    sort.in_words()
                ),
                write,
            }
        })
}

/// Tables that lead to a person and are neither mapped nor left out.
fn unmapped(mapping: &Mapping, catalogue: &Catalogue) -> Vec<Uncovered> {
    let mut reached: Vec<&Table> = mapping
        .tables
        .iter()
        .filter(|rule| holds_her_rows(rule, catalogue))
        .filter_map(|rule| catalogue.table(rule.name.as_str()))
        .collect();
    let mut seen: BTreeSet<&str> = mapping
        .tables
        .iter()
        .map(|rule| rule.name.as_str())
        .collect();
    seen.extend(mapping.omit.iter().map(String::as_str));
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&target) = reached.get(at) {
        at += 1;
        let names_the_person = mapping
            .tables
            .iter()
            .any(|rule| rule.name.as_str() == target.name && !rule.subject.is_empty());
        for table in catalogue.tables.values() {
            if seen.contains(table.name.as_str()) || table.columns.is_empty() {
                continue;
            }
            let mut leading = ways(catalogue, table, target);
            leading.retain(|way| way.kind != WayKind::Polymorphic || names_the_person);
            let Some(way) = leading.first() else {
                continue;
            };
            seen.insert(&table.name);
            reached.push(table);
            if names_the_person || !personal(table).is_empty() {
                found.push(leading_there(table, way));
            }
        }
    }
    found
}

/// Whether the rows are the person's: not those that only mention her, nor those that her rows refer to.
fn holds_her_rows(rule: &TableRule, catalogue: &Catalogue) -> bool {
    let is_key = |name: &String| {
        let table = catalogue.table(rule.name.as_str());
        table.is_some_and(|table| table.is_unique(name))
    };
    let lets_go = |name: &String| {
        let mut pseudonyms = rule.pseudonyms().iter();
        pseudonyms.any(|(column, way)| column == name && *way == Pseudonymizer::Null)
    };
    let makes_hers = |reference: &ReferenceRule| {
        let mut locals = reference.pairs.iter().map(|(local, _)| local);
        locals.any(|local| !local.is_whole() || !is_key(local.name()) && !lets_go(local.name()))
    };
    !rule.subject.is_empty() || rule.references.iter().any(makes_hers)
}

fn leading_there(table: &Table, way: &Way) -> Uncovered {
    let columns: Vec<&str> = way.locals().collect();
    let name = text::key(&table.name);
    let how = if way.is_enforced() {
        "leads"
    } else {
        "seems to lead"
    };
    let looks: Vec<&str> = personal(table)
        .iter()
        .map(|(column, _)| column.name.as_str())
        .collect();
    let looks = match looks.as_slice() {
        [] => String::new(),
        columns => format!(", with {} that look personal", columns.join(", ")),
    };
    Uncovered {
        table: table.name.clone(),
        column: None,
        why: format!(
            "{how} to `{}` by {}{looks}, and is not mapped",
            way.target,
            columns.join(", ")
        ),
        write: format!(
            "[connector.table.{name}] with references = {} and `erase`, or {name} = \"why it is left out\" under [connector.omit]",
            text::reference(way)
        ),
    }
}
