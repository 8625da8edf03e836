//! The mapping against the catalogue: what does not fit, all at once.

use std::collections::BTreeSet;

use crate::catalogue::{Catalogue, Column, ColumnType, ForeignKey, LiesIn, OnDelete, Table};
use crate::config::{
    Constant, EraseRule, Fact, Local, Mapping, Pseudonymizer, ReferenceRule, TableRule,
};
use crate::constant::{max_chars, refusal};
use crate::pseudonym::{HASH_CHARS, MIN_UNIQUE_CHARS};
use crate::record::exported;

/// A place where the mapping does not fit the database.
#[derive(Clone, Debug)]
pub(crate) struct Misfit {
    /// The mapped table that it is about.
    pub(crate) table: String,
    /// What is wrong, and what would be right.
    pub(crate) problem: String,
    pub(crate) stops: Stops,
}

/// What cannot be done as long as something does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stops {
    /// Nothing for certain: single rows may be refused.
    Nothing,
    /// Erasing from the table.
    Erasure,
    /// Anything with the table.
    Everything,
}

/// Everything that does not fit.
pub(crate) fn misfits(mapping: &Mapping, catalogue: &Catalogue) -> Vec<Misfit> {
    mapping
        .tables
        .iter()
        .flat_map(|rule| misfits_of(mapping, rule, catalogue))
        .collect()
}

/// What does not fit of one table, and of those that its rows are found through.
pub(crate) fn stopping(
    mapping: &Mapping,
    rule: &TableRule,
    catalogue: &Catalogue,
    at_least: Stops,
) -> Vec<String> {
    let mut problems: Vec<String> = misfits_of(mapping, rule, catalogue)
        .into_iter()
        .filter(|misfit| misfit.stops >= at_least)
        .map(|misfit| misfit.problem)
        .collect();
    for reference in &rule.references {
        if let Some(parent) = mapping.table(&reference.table) {
            for problem in stopping(mapping, parent, catalogue, Stops::Everything) {
                if !problems.contains(&problem) {
                    problems.push(problem);
                }
            }
        }
    }
    problems
}

fn misfits_of(mapping: &Mapping, rule: &TableRule, catalogue: &Catalogue) -> Vec<Misfit> {
    let name = rule.name.as_str();
    let mut found = Found {
        table: name,
        misfits: Vec::new(),
    };
    let Some(table) = catalogue.table(name) else {
        let problem = if let Some(what) = catalogue.others.get(name) {
            format!("`{name}` is not a plain table but {what}; map the table behind it")
        } else {
            format!(
                "there is no table `{name}`{}",
                nearest(name, catalogue.tables.keys())
            )
        };
        found.add(Stops::Everything, problem);
        return found.misfits;
    };
    if table.key.is_empty() {
        found.add(
            Stops::Everything,
            match table.lies_in {
                LiesIn::Heirs => format!(
                    "other tables inherit from the table `{name}`, and the same key may name a row in each of them, so its rows cannot be told apart"
                ),
                _ => format!("the table `{name}` has no key by which its rows could be told apart"),
            },
        );
    }
    if table.key_moves && !matches!(rule.erase, EraseRule::Delete) {
        found.add(
            Stops::Erasure,
            format!("the table `{name}` has no key, so its rows can be deleted but not changed; give it a primary key"),
        );
    }
    let width =
        table.key.len() + exported(rule, table).count() + rule.subject.len() + rule.yields.len();
    if let Some(most) = catalogue.max_columns.filter(|most| width > *most) {
        found.add(
            Stops::Everything,
            format!("the table `{name}` has more columns than the database answers at once: {width} with keys and identities, {most} at most; leave some out with `columns`"),
        );
    }
    found.missing_columns(rule, table, catalogue);
    found.unopened(rule, table, catalogue);
    found.shared(mapping, rule, catalogue);
    found.pseudonyms(rule, table, catalogue);
    found.foreign_keys(mapping, rule, catalogue);
    found.misfits
}

struct Found<'a> {
    table: &'a str,
    misfits: Vec<Misfit>,
}

impl Found<'_> {
    fn add(&mut self, stops: Stops, problem: String) {
        self.misfits.push(Misfit {
            table: self.table.to_owned(),
            problem,
            stops,
        });
    }

    fn missing_columns(&mut self, rule: &TableRule, table: &Table, catalogue: &Catalogue) {
        let mut named: BTreeSet<&String> = rule
            .subject
            .iter()
            .chain(&rule.yields)
            .map(|(_, column)| column)
            .collect();
        named.extend(&rule.tenant);
        named.extend(rule.columns.keys());
        named.extend(rule.pseudonyms().iter().map(|(column, _)| column));
        let references = rule.references.iter().chain(&rule.recursion);
        named.extend(
            references
                .clone()
                .flat_map(ReferenceRule::locals)
                .map(Local::name),
        );
        let mut there: BTreeSet<(&str, &String)> = references
            .flat_map(|one| {
                one.pairs
                    .iter()
                    .map(|(_, column)| (one.table.as_str(), column))
            })
            .collect();
        match &rule.erase {
            EraseRule::Retain {
                from: Some(Fact::Own(column)),
                ..
            } => {
                named.insert(column);
            }
            EraseRule::Retain {
                from: Some(Fact::Of { table, column, .. }),
                ..
            } => {
                there.insert((table, column));
            }
            _ => {}
        }
        for column in named
            .into_iter()
            .filter(|name| table.column(name).is_none())
        {
            self.no_column(table, column);
        }
        for (target, column) in there {
            // A missing table is told where it is mapped itself.
            if let Some(target) = catalogue
                .table(target)
                .filter(|target| target.column(column).is_none())
            {
                self.no_column(target, column);
            }
        }
    }

    /// Paths into columns that hold neither JSON nor an array.
    fn unopened(&mut self, rule: &TableRule, table: &Table, catalogue: &Catalogue) {
        let locals = rule.references.iter().flat_map(ReferenceRule::locals);
        for local in locals.filter(|local| !local.is_whole()) {
            let why = table
                .column(local.name())
                .and_then(|column| catalogue.dialect.unopened(column, local));
            if let Some(why) = why {
                let column = local.name();
                self.add(
                    Stops::Everything,
                    format!(
                        "`{local}` does not lead into `{}.{column}`: {why}",
                        table.name
                    ),
                );
            }
        }
    }

    /// References to columns by which rows there are not told apart: they may lead to several people.
    fn shared(&mut self, mapping: &Mapping, rule: &TableRule, catalogue: &Catalogue) {
        let name = self.table;
        let mut may_be = rule.references.iter().any(|one| one.element().is_some());
        for reference in rule.references.iter().chain(&rule.recursion) {
            let (Some(parent), Some(parent_rule)) = (
                catalogue.table(reference.table.as_str()),
                mapping.table(&reference.table),
            ) else {
                continue;
            };
            let pairs = reference.pairs.iter();
            let named = pairs
                .clone()
                .all(|(_, there)| parent.column(there).is_some());
            if !named || !reference.forks(rule, parent_rule, parent) {
                continue;
            }
            may_be = true;
            let columns: Vec<&str> = pairs.map(|(_, there)| there.as_str()).collect();
            let leads = format!(
                "`{name}` refers to `{}.{}`, by which rows there are not told apart, so a row of `{name}` may lead to several people",
                parent.name,
                columns.join(", ")
            );
            if reference.table.as_str() == name || !rule.recursion.is_empty() {
                self.add(
                    Stops::Everything,
                    format!(
                        "{leads}; leave out the reference to itself, or refer to a unique column"
                    ),
                );
            } else if rule.shared.is_none() {
                self.add(
                    Stops::Everything,
                    format!("{leads}, and others' rows stay; say on what ground with shared = {{ basis, reason }}, or make the column unique"),
                );
            } else if !rule.subject.is_empty() {
                self.add(Stops::Everything, format!("{leads}; leave out `subject`"));
            }
        }
        if rule.shared.is_some() && !may_be {
            self.add(
                Stops::Nothing,
                format!("no reference of `{name}` leads to several people; leave out `shared`"),
            );
        }
    }

    fn no_column(&mut self, table: &Table, column: &str) {
        let near = nearest(column, table.columns.iter().map(|column| &column.name));
        self.add(
            Stops::Everything,
            format!("the table `{}` has no column `{column}`{near}", table.name),
        );
    }

    fn pseudonyms(&mut self, rule: &TableRule, table: &Table, catalogue: &Catalogue) {
        for (name, pseudonymizer) in rule.pseudonyms() {
            if let Some(column) = table.column(name)
                && let Some(why) = unfit(pseudonymizer, column, table, catalogue)
            {
                self.add(
                    Stops::Erasure,
                    format!("`{}.{name}` cannot be pseudonymized so: {why}", table.name),
                );
            }
        }
    }

    fn foreign_keys(&mut self, mapping: &Mapping, rule: &TableRule, catalogue: &Catalogue) {
        if !rule.deletes() {
            return;
        }
        let place = |name: &str| {
            mapping
                .tables
                .iter()
                .position(|table| table.name.as_str() == name)
        };
        for (child, key) in catalogue.leading_to(self.table) {
            if child.name == self.table {
                continue;
            }
            let from = format!(
                "the foreign key `{}.{}`, which leads to `{}`",
                child.name,
                locals(key),
                self.table
            );
            let Some(child_rule) = mapping
                .tables
                .iter()
                .find(|table| table.name.as_str() == child.name)
            else {
                match key.on_delete {
                    OnDelete::Refuse => self.add(
                        Stops::Nothing,
                        format!("{from}, keeps rows from being deleted, and `{}` is not mapped; map it", child.name),
                    ),
                    OnDelete::Cascade | OnDelete::Change => self.add(
                        Stops::Erasure,
                        format!(
                            "{from}, would delete or change rows of `{}` along with it, which is not mapped; map it",
                            child.name
                        ),
                    ),
                }
                continue;
            };
            if place(&child.name) > place(self.table) {
                self.add(
                    Stops::Nothing,
                    format!(
                        "`{}` is erased before `{}`, but {from}; add erase_after = [\"{}\"] to `{}`",
                        self.table, child.name, child.name, self.table
                    ),
                );
            } else if matches!(rule.erase, EraseRule::Delete)
                && !matches!(child_rule.erase, EraseRule::Delete)
                && covers(child_rule, key)
                && !lets_go(child_rule, key)
            {
                self.add(
                    Stops::Nothing,
                    format!(
                        "`{}` is deleted while `{}` stays, but {from}; pseudonymize or retain `{}` too",
                        self.table, child.name, self.table
                    ),
                );
            }
        }
    }
}

/// Whether the erasure makes rows stop referring by this key.
fn lets_go(rule: &TableRule, key: &ForeignKey) -> bool {
    rule.pseudonyms().iter().any(|(column, way)| {
        *way == Pseudonymizer::Null && key.pairs.iter().any(|(local, _)| local == column)
    })
}

fn covers(rule: &TableRule, key: &ForeignKey) -> bool {
    let goes_along = |reference: &ReferenceRule| {
        reference.table.as_str() == key.target
            && reference
                .whole()
                .is_some_and(|pairs| pairs.iter().all(|pair| key.pairs.contains(pair)))
    };
    rule.references.iter().any(goes_along)
}

/// Why a column cannot be replaced so.
pub(crate) fn unfit(
    pseudonymizer: &Pseudonymizer,
    column: &Column,
    table: &Table,
    catalogue: &Catalogue,
) -> Option<&'static str> {
    let is_text = matches!(
        column.column_type,
        ColumnType::Text | ColumnType::Any | ColumnType::Numeric
    );
    let is_target = || {
        catalogue
            .leading_to(&table.name)
            .any(|(_, key)| key.pairs.iter().any(|(_, there)| *there == column.name))
    };
    if column.primary || table.key.contains(&column.name) {
        return Some("it is part of the key");
    }
    if column.generated {
        return Some("it is a generated column");
    }
    if is_target() {
        return Some("a foreign key leads to it");
    }
    match pseudonymizer {
        Pseudonymizer::Null if column.not_null => {
            Some("it may not be NULL; use \"unique\" or { value = \"…\" }")
        }
        Pseudonymizer::Value(_) | Pseudonymizer::Truncate | Pseudonymizer::Date(_)
            if table.is_unique(&column.name) =>
        {
            Some("its values are unique; use \"unique\"")
        }
        Pseudonymizer::Value(Constant::Real(_)) if column.column_type == ColumnType::Text => {
            Some("it holds text; write the constant as text")
        }
        Pseudonymizer::Value(constant) => refusal(constant, column, catalogue.dialect),
        Pseudonymizer::Unique if max_chars(column).is_some_and(|most| most < MIN_UNIQUE_CHARS) => {
            Some("it is too short for a unique value; use { value = … } or \"null\"")
        }
        Pseudonymizer::Hash if max_chars(column).is_some_and(|most| most < HASH_CHARS) => {
            Some("it is shorter than a hash, which has 55 characters; use \"unique\"")
        }
        Pseudonymizer::Unique | Pseudonymizer::Hash if column.column_type == ColumnType::Own => {
            Some("its type has its own values; use { value = … } or \"null\"")
        }
        Pseudonymizer::Unique | Pseudonymizer::Hash if !is_text => {
            Some("it holds numbers; use { value = … }")
        }
        _ => None,
    }
}

fn locals(key: &ForeignKey) -> String {
    key.pairs
        .iter()
        .map(|(local, _)| local.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}

/// A hint at a name that differs in case alone.
fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a String>) -> String {
    known
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(name))
        .map_or_else(String::new, |known| format!("; it is spelled `{known}`"))
}
