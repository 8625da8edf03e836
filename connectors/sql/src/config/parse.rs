//! From what the configuration says to what is meant by it: names resolved, order settled, every mistake named.

use std::collections::{BTreeMap, BTreeSet};

use adieu_core::{CollectionName, ConfigProblem, IdentityKind};
use jiff::{Span, ToSpan};

use super::SqlConfig;
use super::reference::{ReferenceRule, constant, target};
use super::table::{
    BlockerMapping, ColumnMapping, Columns, EraseMapping, Pseudonymizer, Reference, RetainMapping,
    SharedMapping, TableMapping,
};

/// The mapping with its names resolved. Tables stand in the order in which they are erased.
#[derive(Debug)]
pub(crate) struct Mapping {
    pub(crate) tables: Vec<TableRule>,
    /// Tables that are left out for a reason.
    pub(crate) omit: BTreeSet<String>,
}

/// One mapped table.
#[derive(Debug)]
pub(crate) struct TableRule {
    pub(crate) name: CollectionName,
    pub(crate) subject: Vec<(IdentityKind, String)>,
    pub(crate) yields: Vec<(IdentityKind, String)>,
    pub(crate) tenant: Option<String>,
    /// References to other tables: alternatives.
    pub(crate) references: Vec<ReferenceRule>,
    /// References to the table itself: followed recursively.
    pub(crate) recursion: Vec<ReferenceRule>,
    pub(crate) columns: BTreeMap<String, ColumnMapping>,
    pub(crate) erase: EraseRule,
    /// Why a row stays that an element of an array led to, and that may be somebody else's too.
    pub(crate) shared: Option<SharedMapping>,
    pub(crate) blockers: Vec<BlockerMapping>,
}

/// What happens to a row.
#[derive(Debug)]
pub(crate) enum EraseRule {
    Delete,
    Pseudonymize(Vec<(String, Pseudonymizer)>),
    Retain {
        mapping: Box<RetainMapping>,
        span: Option<Span>,
        from: Option<Fact>,
        pseudonyms: Vec<(String, Pseudonymizer)>,
    },
}

/// A value that stands in the row itself, or in the row that it refers to.
#[derive(Debug)]
pub(crate) enum Fact {
    Own(String),
    Of {
        table: String,
        /// The columns here and there.
        pairs: Vec<(String, String)>,
        column: String,
    },
}

impl Mapping {
    pub(crate) fn parse(config: &SqlConfig) -> Result<Self, Vec<ConfigProblem>> {
        let mut reader = Reader {
            config,
            problems: Vec::new(),
        };
        if config.tables.is_empty() {
            reader.problem(
                ["table"],
                "no table is mapped; add a [connector.table.NAME] with `subject`",
            );
        }
        let tables: Vec<TableRule> = config
            .tables
            .iter()
            .filter_map(|(name, table)| reader.table(name, table))
            .collect();
        reader.omitted();
        let tables = reader.in_erase_order(tables);
        if reader.problems.is_empty() {
            Ok(Self {
                tables,
                omit: config.omit.keys().cloned().collect(),
            })
        } else {
            Err(reader.problems)
        }
    }

    /// The rule of a table.
    pub(crate) fn table(&self, name: &CollectionName) -> Option<&TableRule> {
        self.tables.iter().find(|table| table.name == *name)
    }
}

impl TableRule {
    /// Whether a row may be deleted, now or when its time is over.
    pub(crate) fn deletes(&self) -> bool {
        match &self.erase {
            EraseRule::Delete => true,
            EraseRule::Pseudonymize(_) => false,
            EraseRule::Retain { span, from, .. } => span.is_some() && from.is_some(),
        }
    }

    /// What replaces the values of which columns.
    pub(crate) fn pseudonyms(&self) -> &[(String, Pseudonymizer)] {
        match &self.erase {
            EraseRule::Delete => &[],
            EraseRule::Pseudonymize(pseudonyms) | EraseRule::Retain { pseudonyms, .. } => {
                pseudonyms
            }
        }
    }
}

pub(super) struct Reader<'a> {
    pub(super) config: &'a SqlConfig,
    problems: Vec<ConfigProblem>,
}

impl Reader<'_> {
    pub(super) fn problem<const N: usize>(&mut self, path: [&str; N], problem: impl Into<String>) {
        self.problems.push(ConfigProblem::new(path, problem));
    }

    fn table(&mut self, name: &str, table: &TableMapping) -> Option<TableRule> {
        let collection = match CollectionName::new(name) {
            Ok(collection) => Some(collection),
            Err(error) => {
                self.problem(["table", name], error.to_string());
                None
            }
        };
        let subject = self.identities(name, "subject", &table.subject);
        let yields = self.identities(name, "yields", &table.yields);
        let (references, recursion) = self.references(name, table);
        if table.subject.is_empty()
            && !table
                .references
                .0
                .iter()
                .any(|one| !self.is_to_itself(name, one))
        {
            self.problem(
                ["table", name],
                "nothing leads to a person here; add `subject` (identity kind = column) or `references` to a table that has it",
            );
        }
        let erase = self.erase(name, table, &references);
        self.column_rules(name, table);
        self.blockers(name, table);
        for other in &table.erase_after {
            if other == name || !self.config.tables.contains_key(other) {
                self.problem(
                    ["table", name, "erase_after"],
                    format!("`{other}` is not another mapped table"),
                );
            }
        }
        Some(TableRule {
            name: collection?,
            subject,
            yields,
            tenant: table.tenant.clone(),
            references,
            recursion,
            columns: table.columns.clone(),
            erase: erase?,
            shared: table.shared.clone(),
            blockers: table.blockers.clone(),
        })
    }

    fn identities(
        &mut self,
        table: &str,
        key: &str,
        mapped: &BTreeMap<String, Columns>,
    ) -> Vec<(IdentityKind, String)> {
        let mut identities = Vec::new();
        for (kind, columns) in mapped {
            match IdentityKind::new(kind.as_str()) {
                Err(error) => self.problem(["table", table, key, kind], error.to_string()),
                Ok(_) if columns.0.is_empty() => {
                    self.problem(["table", table, key, kind], "names no column");
                }
                Ok(kind) => identities.extend(
                    columns
                        .0
                        .iter()
                        .map(|column| (kind.clone(), column.clone())),
                ),
            }
        }
        identities
    }

    fn is_to_itself(&self, table: &str, reference: &Reference) -> bool {
        reference
            .0
            .values()
            .filter(|text| constant(text).is_none())
            .all(|text| target(self.config, text).is_some_and(|(to, _)| to == table))
    }

    fn erase(
        &mut self,
        name: &str,
        table: &TableMapping,
        references: &[ReferenceRule],
    ) -> Option<EraseRule> {
        match &table.erase {
            None => {
                self.problem(
                    ["table", name, "erase"],
                    "is missing; write \"delete\", or a table with `pseudonymize`, `retain` or both",
                );
                None
            }
            Some(EraseMapping::Delete) => Some(EraseRule::Delete),
            Some(EraseMapping::Pseudonymize(columns)) => {
                if columns.is_empty() {
                    self.problem(["table", name, "erase", "pseudonymize"], "names no column");
                }
                Some(EraseRule::Pseudonymize(self.pseudonyms(name, columns)))
            }
            Some(EraseMapping::Retain(retain, columns)) => {
                let pseudonyms = self.pseudonyms(name, columns);
                self.retain(name, retain, references, pseudonyms)
            }
        }
    }

    fn pseudonyms(
        &mut self,
        name: &str,
        columns: &BTreeMap<String, Pseudonymizer>,
    ) -> Vec<(String, Pseudonymizer)> {
        if columns.values().any(|one| *one == Pseudonymizer::Hash)
            && self.config.pseudonym_key.is_none()
        {
            self.problem(
                ["table", name, "erase", "pseudonymize"],
                "`hash` needs a key; add pseudonym_key = \"env:NAME\" to the connector",
            );
        }
        for (column, one) in columns {
            if matches!(one, Pseudonymizer::Value(super::Constant::Real(value)) if !value.is_finite())
            {
                self.problem(
                    ["table", name, "erase", "pseudonymize", column],
                    "is not a finite number",
                );
            }
        }
        columns
            .iter()
            .map(|(column, one)| (column.clone(), one.clone()))
            .collect()
    }

    fn retain(
        &mut self,
        name: &str,
        retain: &RetainMapping,
        references: &[ReferenceRule],
        pseudonyms: Vec<(String, Pseudonymizer)>,
    ) -> Option<EraseRule> {
        let path = ["table", name, "erase", "retain"];
        let timed = (retain.years, retain.months, retain.days) != (0, 0, 0);
        if retain.reason.trim().is_empty() {
            self.problem(path, "`reason` is empty; say in words why the row is kept");
        }
        if timed != retain.from.is_some() {
            self.problem(
                path,
                "a time needs both a length (`years`, `months`, `days`) and `from`, the column that it runs from",
            );
        }
        if retain.years > 1_000 || retain.months > 12_000 || retain.days > 400_000 {
            self.problem(path, "is longer than a thousand years");
            return None;
        }
        let from = match &retain.from {
            None => None,
            Some(text) => Some(match target(self.config, text) {
                None => Fact::Own(text.clone()),
                Some((table, column)) if table == name => Fact::Own(column.to_owned()),
                Some((table, column)) => {
                    let Some(pairs) = references
                        .iter()
                        .filter(|one| one.table.as_str() == table)
                        .find_map(ReferenceRule::whole)
                    else {
                        self.problem(
                            path,
                            format!("`from` names `{table}`, which this table does not refer to by whole columns"),
                        );
                        return None;
                    };
                    Fact::Of {
                        table: table.to_owned(),
                        pairs,
                        column: column.to_owned(),
                    }
                }
            }),
        };
        let span = timed.then(|| {
            i64::from(retain.years)
                .years()
                .months(i64::from(retain.months))
                .days(i64::from(retain.days))
        });
        Some(EraseRule::Retain {
            mapping: Box::new(retain.clone()),
            span,
            from,
            pseudonyms,
        })
    }

    fn column_rules(&mut self, name: &str, table: &TableMapping) {
        for (column, rule) in &table.columns {
            let (ColumnMapping::Omit(reason)
            | ColumnMapping::Mask(reason)
            | ColumnMapping::Keep(reason)) = rule;
            if let (ColumnMapping::Keep(_), Some(EraseMapping::Delete)) = (rule, &table.erase) {
                self.problem(
                    ["table", name, "columns", column],
                    "cannot be kept: its row is deleted",
                );
            }
            if reason.trim().is_empty() {
                self.problem(
                    ["table", name, "columns", column],
                    "needs a reason in words",
                );
            }
        }
    }

    fn omitted(&mut self) {
        for (name, reason) in &self.config.omit {
            if reason.trim().is_empty() {
                self.problem(["omit", name], "needs a reason in words");
            }
            if self.config.tables.contains_key(name) {
                self.problem(["omit", name], "is mapped; leave it out or map it");
            }
        }
    }

    fn blockers(&mut self, name: &str, table: &TableMapping) {
        for blocker in &table.blockers {
            if blocker.code.is_empty()
                || !blocker
                    .code
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            {
                self.problem(
                    ["table", name, "blockers", "code"],
                    "a code is of a-z, 0-9 and _, such as open_invoice",
                );
            }
            if blocker.condition.trim().is_empty() || blocker.condition.contains(';') {
                self.problem(
                    ["table", name, "blockers", "where"],
                    "is one SQL condition, such as status = 'open'",
                );
            }
        }
    }

    /// Orders the tables so that what refers to others comes before what it refers to.
    fn in_erase_order(&mut self, mut waiting: Vec<TableRule>) -> Vec<TableRule> {
        // For each table those that must be erased before it.
        let mut before: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for table in &waiting {
            for reference in &table.references {
                before
                    .entry(reference.table.to_string())
                    .or_default()
                    .insert(table.name.to_string());
            }
            if let Some(mapping) = self.config.tables.get(table.name.as_str()) {
                before
                    .entry(table.name.to_string())
                    .or_default()
                    .extend(mapping.erase_after.iter().cloned());
            }
        }
        let mut ordered: Vec<TableRule> = Vec::new();
        while !waiting.is_empty() {
            let free = waiting.iter().position(|table| {
                before.get(table.name.as_str()).is_none_or(|first| {
                    !waiting
                        .iter()
                        .any(|other| first.contains(other.name.as_str()))
                })
            });
            let Some(free) = free else {
                let names: Vec<&str> = waiting.iter().map(|table| table.name.as_str()).collect();
                let problem = format!(
                    "these tables refer to each other in a circle, so none can be erased first: {}",
                    names.join(", ")
                );
                self.problem(["table"], problem);
                break;
            };
            ordered.push(waiting.remove(free));
        }
        ordered
    }
}
