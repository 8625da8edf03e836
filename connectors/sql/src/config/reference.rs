//! References: by which columns, or places inside of them, a row leads to a row of another table.

use adieu_core::CollectionName;

use super::SqlConfig;
use super::local::Local;
use super::parse::{Reader, TableRule};
use super::table::{Reference, TableMapping};
use crate::catalogue::Table;

/// One reference: all pairs together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReferenceRule {
    pub(crate) table: CollectionName,
    /// A place here, and the column there that it must equal.
    pub(crate) pairs: Vec<(Local, String)>,
    /// A place here, and the text that it must equal: what kind of row the reference leads to.
    pub(crate) constants: Vec<(Local, String)>,
}

impl ReferenceRule {
    /// The places here that must hold something.
    pub(crate) fn locals(&self) -> impl Iterator<Item = &Local> {
        self.pairs
            .iter()
            .chain(&self.constants)
            .map(|(local, _)| local)
    }

    /// The array whose elements lead there, where it is an array. A row may then lead to several people.
    pub(crate) fn element(&self) -> Option<&Local> {
        self.pairs
            .iter()
            .map(|(local, _)| local)
            .find(|local| local.is_element())
    }

    /// Whether it may lead to several rows there, of several people, because nothing tells them apart by these columns. Rows that an
    /// identity of the mapping names are one person's, and a row with a tenant leads to rows of the same one.
    pub(crate) fn forks(&self, rule: &TableRule, parent_rule: &TableRule, parent: &Table) -> bool {
        let mut there: Vec<&str> = self.pairs.iter().map(|(_, there)| there.as_str()).collect();
        // In another tenant the same identity is somebody else's.
        let within_tenant = parent_rule
            .tenant
            .as_deref()
            .is_none_or(|tenant| rule.tenant.is_some() || there.contains(&tenant));
        let names_a_person = within_tenant
            && parent_rule
                .subject
                .iter()
                .any(|(_, column)| there.contains(&column.as_str()));
        if rule.tenant.is_some() {
            there.extend(parent_rule.tenant.as_deref());
        }
        !names_a_person && !parent.tells_apart(&there)
    }

    /// Its pairs where they are whole columns.
    pub(crate) fn whole(&self) -> Option<Vec<(String, String)>> {
        let pair = |(local, there): &(Local, String)| {
            local
                .is_whole()
                .then(|| (local.name().clone(), there.clone()))
        };
        self.pairs.iter().map(pair).collect()
    }
}

impl Reader<'_> {
    /// The references to other tables and those to the table itself.
    pub(super) fn references(
        &mut self,
        name: &str,
        table: &TableMapping,
    ) -> (Vec<ReferenceRule>, Vec<ReferenceRule>) {
        let rules: Vec<ReferenceRule> = table
            .references
            .0
            .iter()
            .filter_map(|reference| self.reference(name, reference))
            .collect();
        let (recursion, references): (Vec<_>, Vec<_>) = rules
            .into_iter()
            .partition(|rule| rule.table.as_str() == name);
        if recursion
            .iter()
            .any(|one| one.locals().any(|local| !local.is_whole()))
        {
            self.problem(
                ["table", name, "references"],
                "a reference of a table to itself goes by whole columns",
            );
        }
        self.shared(name, table, &references, &recursion);
        (references, recursion)
    }

    /// Rows that are found by one element of an array may be somebody else's too.
    fn shared(
        &mut self,
        name: &str,
        table: &TableMapping,
        references: &[ReferenceRule],
        recursion: &[ReferenceRule],
    ) {
        let is_shared = references.iter().any(|one| one.element().is_some());
        match &table.shared {
            Some(shared) if shared.reason.trim().is_empty() => self.problem(
                ["table", name, "shared"],
                "`reason` is empty; say in words why the row is kept",
            ),
            None if is_shared => self.problem(
                ["table", name, "shared"],
                "is missing: an array may name other people too, and their rows stay; say on what ground with shared = { basis, reason }",
            ),
            _ => {}
        }
        if is_shared && !(table.subject.is_empty() && table.yields.is_empty()) {
            self.problem(
                ["table", name],
                "has a reference by the elements of an array, so its rows may be somebody else's too and give away no identity; leave out `subject` and `yields`",
            );
        }
        if is_shared && !recursion.is_empty() {
            self.problem(
                ["table", name, "references"],
                "has a reference by the elements of an array, so its rows may be somebody else's too; leave out the reference to itself",
            );
        }
    }

    fn reference(&mut self, table: &str, reference: &Reference) -> Option<ReferenceRule> {
        if reference.0.is_empty() {
            self.problem(
                ["table", table, "references"],
                "a reference names no column",
            );
            return None;
        }
        let mut to: Option<String> = None;
        let mut pairs = Vec::new();
        let mut constants = Vec::new();
        for (written, text) in &reference.0 {
            let path = ["table", table, "references", written];
            let local = match Local::parse(written) {
                Ok(local) => local,
                Err(why) => {
                    self.problem(path, why);
                    return None;
                }
            };
            if let Some(constant) = constant(text) {
                if local.is_element() {
                    self.problem(
                        path,
                        "an element of an array is not compared with a constant",
                    );
                    return None;
                }
                constants.push((local, constant.to_owned()));
                continue;
            }
            let Some((target, column)) = target(self.config, text) else {
                self.problem(
                    path,
                    format!("`{text}` is not TABLE.COLUMN of a mapped table"),
                );
                return None;
            };
            if to.as_deref().is_some_and(|to| to != target) {
                self.problem(
                    path,
                    "the columns of one reference lead to one table; write a list of references for alternatives",
                );
                return None;
            }
            to = Some(target.to_owned());
            pairs.push((local, column.to_owned()));
        }
        if pairs.iter().filter(|(local, _)| local.is_element()).count() > 1 {
            self.problem(
                ["table", table, "references"],
                "one reference goes through one array; write a list of references for alternatives",
            );
            return None;
        }
        let Some(to) = to else {
            self.problem(
                ["table", table, "references"],
                "a reference names a TABLE.COLUMN beside its constants",
            );
            return None;
        };
        Some(ReferenceRule {
            table: CollectionName::new(to).ok()?,
            pairs,
            constants,
        })
    }
}

/// Splits `table.column` at the dot after a mapped table's name; names may hold dots themselves.
pub(super) fn target<'t>(config: &SqlConfig, text: &'t str) -> Option<(&'t str, &'t str)> {
    text.match_indices('.')
        .map(|(at, _)| (&text[..at], &text[at + 1..]))
        .find(|(table, column)| config.tables.contains_key(*table) && !column.is_empty())
}

/// A text in single quotes.
pub(super) fn constant(text: &str) -> Option<&str> {
    text.strip_prefix('\'')?.strip_suffix('\'')
}
