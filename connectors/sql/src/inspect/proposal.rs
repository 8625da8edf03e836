//! What is proposed for each table: pure, from the catalogue to a mapping with remarks.

use std::collections::{BTreeMap, BTreeSet};

use adieu_core::IdentityKind;

use super::personal::{Sort, holds_persons, personal};
use super::pseudonyms::pseudonym;
use super::remarks;
use super::routes::{Hung, Routes};
use super::way::{Way, WayKind, class, single_key, table_words};
use super::words::words;
use crate::catalogue::{Catalogue, Table};
use crate::config::Pseudonymizer;
use crate::dialect::Surroundings;

/// A mapping that a person can edit.
#[derive(Debug)]
pub(crate) struct Draft<'c> {
    /// The subject's own table first, and what hangs on others after it.
    pub(crate) tables: Vec<TableDraft<'c>>,
    /// Tables that are left out, each with the reason that is to be written down.
    pub(crate) omitted: Vec<(&'c Table, String)>,
    /// Tables that nothing leads to and that look personal, and which of their columns do.
    pub(crate) elsewhere: Vec<(&'c Table, Vec<String>)>,
}

/// What is proposed for one table.
#[derive(Debug)]
pub(crate) struct TableDraft<'c> {
    pub(crate) table: &'c Table,
    /// Whether it is in force; otherwise it is written as a comment.
    pub(crate) active: bool,
    pub(crate) subject: Vec<(IdentityKind, String)>,
    pub(crate) yields: Vec<(IdentityKind, String)>,
    pub(crate) ways: Vec<Way>,
    /// Ways that a person may want to follow too.
    pub(crate) offered: Vec<Way>,
    /// Whether several people may lead to one row.
    pub(crate) shared: bool,
    pub(crate) columns: BTreeMap<String, Treatment>,
    pub(crate) erase: Erasing,
    pub(crate) erase_after: Vec<String>,
    pub(crate) looks_personal: Vec<(String, Sort)>,
    pub(crate) remarks: Vec<String>,
}

/// What of a column is not exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// It stays where others are replaced, for this reason.
    Keep(&'static str),
    /// It is about somebody else.
    Mask,
    /// It would help whoever wants to pretend to be the person.
    Omit,
}

/// What is proposed for an erasure.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Erasing {
    Delete,
    /// The row cannot go, for this reason.
    Pseudonymize(BTreeMap<String, Pseudonymizer>, String),
    /// The row cannot go and nothing in it can be replaced.
    Keep(String),
}

/// What a proposal begins with.
pub(crate) struct Given<'c> {
    pub(crate) catalogue: &'c Catalogue,
    pub(crate) around: &'c Surroundings,
    pub(crate) subject: &'c Table,
    pub(crate) identities: &'c [(IdentityKind, String)],
}

impl<'c> Draft<'c> {
    pub(crate) fn of(given: &Given<'c>) -> Self {
        let routes = Routes::from(given.catalogue, given.subject);
        let mut draft = Self {
            tables: vec![given.own_table()],
            omitted: Vec::new(),
            elsewhere: Vec::new(),
        };
        draft
            .tables
            .extend(routes.hung.iter().map(|hung| given.hung_table(hung)));
        draft.mentions(given, &routes);
        draft.named_by_identity(given);
        draft.leave_out_what_has_no_key();
        draft.order(given.catalogue);
        draft.decide_erasures(given);
        draft.outward(given);
        for table in &mut draft.tables {
            table.remark(given);
        }
        draft.elsewhere(given);
        draft
    }

    pub(crate) fn table(&self, name: &str) -> Option<&TableDraft<'c>> {
        self.tables.iter().find(|draft| draft.table.name == name)
    }

    fn is_active(&self, name: &str) -> bool {
        self.table(name).is_some_and(|draft| draft.active)
    }

    /// Rows that only mention the person stay and stop doing so, where the column may be empty.
    fn mentions(&mut self, given: &Given<'c>, routes: &Routes<'c>) {
        for mention in &routes.mentions {
            let optional: Vec<&Way> = mention
                .ways
                .iter()
                .filter(|way| !way.is_required(mention.table) && way.constants.is_empty())
                .collect();
            if optional.len() < mention.ways.len() || optional.is_empty() {
                let columns = locals(&mention.ways);
                let reason = format!("rows of others that mention the person ({columns})");
                self.omitted.push((mention.table, reason));
                continue;
            }
            let mut draft = TableDraft::new(mention.table);
            for (column, _) in &draft.looks_personal {
                draft.columns.insert(
                    column.clone(),
                    Treatment::Keep("it is not about whom the row mentions"),
                );
            }
            draft.ways = optional.into_iter().cloned().collect();
            let nulls = draft.ways.iter().flat_map(Way::locals);
            let nulls = nulls
                .map(|local| (local.to_owned(), Pseudonymizer::Null))
                .collect();
            draft.erase = Erasing::Pseudonymize(
                nulls,
                format!(
                    "the rows are not the person's; they only mention `{}`",
                    given.subject.name
                ),
            );
            self.tables.push(draft);
        }
    }

    /// Tables that name a person by the same identity, without any key.
    fn named_by_identity(&mut self, given: &Given<'c>) {
        for table in given.catalogue.tables.values() {
            if self.table(&table.name).is_some()
                || self
                    .omitted
                    .iter()
                    .any(|(known, _)| known.name == table.name)
            {
                continue;
            }
            let mut draft = TableDraft::new(table);
            for (kind, column) in given.identities {
                let (Some(own), name) = (given.subject.column(column), words(column)) else {
                    continue;
                };
                let is_telling = name.len() > 1
                    || personal(given.subject)
                        .iter()
                        .any(|(one, _)| one.name == own.name);
                let same = table.columns.iter().filter(|one| {
                    is_telling && words(&one.name) == name && class(one) == class(own)
                });
                draft
                    .subject
                    .extend(same.map(|one| (kind.clone(), one.name.clone())));
            }
            if draft.subject.is_empty() {
                continue;
            }
            // Others refer to its rows, so they are something of their own, such as employees.
            draft.active = given.catalogue.leading_to(&table.name).next().is_none();
            let what = if draft.active {
                "GUESS: no key leads here, but a column is called as the identity; delete this table if it is about somebody else"
            } else {
                "A column here is called as the identity, but other tables refer to these rows: they may be another kind of person"
            };
            draft.remarks.push(what.to_owned());
            self.tables.push(draft);
        }
    }

    fn leave_out_what_has_no_key(&mut self) {
        for draft in &mut self.tables {
            if draft.table.key.is_empty() && draft.active {
                draft.active = false;
                let reason = "it has no key by which its rows could be told apart; give it a primary key and map it";
                self.omitted.push((draft.table, reason.to_owned()));
            }
        }
    }

    /// A table that another one refers to is erased after it, also where the mapping does not follow that key.
    fn order(&mut self, catalogue: &Catalogue) {
        let mut before: BTreeSet<(String, String)> = BTreeSet::new();
        for draft in self.tables.iter().filter(|draft| draft.active) {
            before.extend(
                draft
                    .ways
                    .iter()
                    .map(|way| (draft.table.name.clone(), way.target.clone())),
            );
        }
        for at in 0..self.tables.len() {
            let name = self.tables[at].table.name.clone();
            if !self.tables[at].active {
                continue;
            }
            for (child, _) in catalogue.leading_to(&name) {
                let edge = (child.name.clone(), name.clone());
                let is_new =
                    child.name != name && self.is_active(&child.name) && !before.contains(&edge);
                if is_new && !leads(&before, &name, &child.name) {
                    before.insert(edge);
                    self.tables[at].erase_after.push(child.name.clone());
                }
            }
        }
    }

    /// Rows are deleted unless that is impossible; what a row that stays refers to has to stay too.
    fn decide_erasures(&mut self, given: &Given<'c>) {
        loop {
            let blocked = self.tables.iter().position(|draft| {
                draft.active
                    && draft.erase == Erasing::Delete
                    && self.why_it_stays(given, draft).is_some()
            });
            let Some(at) = blocked else { break };
            let why = self
                .why_it_stays(given, &self.tables[at])
                .unwrap_or_default();
            self.tables[at].keep(given.catalogue, why);
        }
    }

    fn why_it_stays(&self, given: &Given<'c>, draft: &TableDraft<'c>) -> Option<String> {
        let is_subject = draft.table.name == given.subject.name;
        for (child, key) in given.catalogue.leading_to(&draft.table.name) {
            let columns: Vec<&str> = key.pairs.iter().map(|(local, _)| local.as_str()).collect();
            let columns = format!("`{}.{}`", child.name, columns.join(", "));
            if child.name == draft.table.name {
                if is_subject {
                    return Some(format!(
                        "other people's rows may refer to this one by {columns}"
                    ));
                }
                continue;
            }
            let Some(other) = self.table(&child.name).filter(|other| other.active) else {
                return Some(format!("{columns} refers to these rows, and is not mapped"));
            };
            match &other.erase {
                Erasing::Delete => {
                    let follows = other
                        .ways
                        .iter()
                        .any(|way| way.target == draft.table.name && way.pairs == key.pairs);
                    if is_subject && !follows {
                        return Some(format!(
                            "rows of other people may refer to this one by {columns}"
                        ));
                    }
                }
                Erasing::Pseudonymize(nulls, _)
                    if key
                        .pairs
                        .iter()
                        .any(|(local, _)| nulls.get(local) == Some(&Pseudonymizer::Null)) => {}
                _ => {
                    return Some(format!(
                        "{columns} refers to these rows, and its own rows stay"
                    ));
                }
            }
        }
        None
    }

    /// Tables that the person's rows refer to: what is about others is masked, what may be hers alone is offered.
    fn outward(&mut self, given: &Given<'c>) {
        let mut offered: Vec<TableDraft<'c>> = Vec::new();
        for draft in self.tables.iter_mut().filter(|draft| draft.active) {
            for key in &draft.table.foreign_keys {
                let Some(target) = given.catalogue.table(&key.target) else {
                    continue;
                };
                let is_own = target.name == draft.table.name
                    || draft.ways.iter().any(|way| way.target == target.name);
                if is_own {
                    continue;
                }
                if holds_persons(target) && target.name != given.subject.name {
                    let locals = key.pairs.iter().map(|(local, _)| local.clone());
                    draft
                        .columns
                        .extend(locals.map(|local| (local, Treatment::Mask)));
                }
            }
        }
        for draft in self.tables.iter().filter(|draft| draft.active) {
            for key in &draft.table.foreign_keys {
                let Some(target) = given.catalogue.table(&key.target) else {
                    continue;
                };
                let is_known = self.table(&target.name).is_some()
                    || offered.iter().any(|known| known.table.name == target.name);
                if is_known || holds_persons(target) || !tells_of_a_person(target) {
                    continue;
                }
                let here: Vec<&str> = key.pairs.iter().map(|(here, _)| here.as_str()).collect();
                let mut other = TableDraft::new(target);
                other.active = false;
                other.shared = !draft.table.tells_apart(&here);
                other.ways = vec![Way {
                    target: draft.table.name.clone(),
                    pairs: key
                        .pairs
                        .iter()
                        .map(|(local, there)| (there.clone(), local.clone()))
                        .collect(),
                    constants: Vec::new(),
                    kind: WayKind::Guessed,
                }];
                other.keep(given.catalogue, "others may share it".to_owned());
                other.remarks.push(format!(
                    "Rows of `{}` refer to these, which look personal. Uncomment it when no row here is shared by several people",
                    draft.table.name
                ));
                offered.push(other);
            }
        }
        self.tables.extend(offered);
    }

    fn elsewhere(&mut self, given: &Given<'c>) {
        for table in given.catalogue.tables.values() {
            let is_told = self.table(&table.name).is_some()
                || self.omitted.iter().any(|(one, _)| one.name == table.name);
            let found = personal(table);
            if is_told || found.is_empty() {
                continue;
            }
            let columns = found
                .iter()
                .map(|(column, _)| column.name.clone())
                .collect();
            self.elsewhere.push((table, columns));
        }
    }
}

impl<'c> Given<'c> {
    fn own_table(&self) -> TableDraft<'c> {
        let mut draft = TableDraft::new(self.subject);
        draft.subject = self.identities.to_vec();
        if let Some(key) = single_key(self.subject)
            && !draft.subject.iter().any(|(_, column)| *column == key.name)
            && let Ok(kind) = IdentityKind::new(key_kind(&self.subject.name, &key.name))
            && !draft.subject.iter().any(|(known, _)| *known == kind)
        {
            draft.subject.push((kind, key.name.clone()));
        }
        for column in &self.subject.columns {
            if super::words::has(&words(&column.name), "stripe customer id").is_some()
                && let Ok(kind) = IdentityKind::new("stripe_customer")
            {
                draft.yields.push((kind, column.name.clone()));
            }
        }
        draft
    }

    fn hung_table(&self, hung: &Hung<'c>) -> TableDraft<'c> {
        let mut draft = TableDraft::new(hung.table);
        draft.ways.clone_from(&hung.ways);
        let to_subject = |way: &&Way| way.target == self.subject.name;
        draft.offered = hung.beside.iter().filter(to_subject).cloned().collect();
        // Whoever else a row names is somebody else; and so may be its owner, where it came as a part of something.
        let mut masked: Vec<&Way> = hung.beside.iter().filter(to_subject).collect();
        if hung.ways.len() > 1 {
            masked.extend(hung.ways.iter().filter(to_subject));
        }
        for local in masked.into_iter().flat_map(Way::locals) {
            draft.columns.insert(local.to_owned(), Treatment::Mask);
        }
        draft
    }
}

impl<'c> TableDraft<'c> {
    fn new(table: &'c Table) -> Self {
        let looks_personal: Vec<(String, Sort)> = personal(table)
            .into_iter()
            .map(|(column, sort)| (column.name.clone(), sort))
            .collect();
        let secrets = looks_personal
            .iter()
            .filter(|(_, sort)| *sort == Sort::Secret);
        Self {
            table,
            active: true,
            subject: Vec::new(),
            yields: Vec::new(),
            ways: Vec::new(),
            offered: Vec::new(),
            shared: false,
            columns: secrets
                .map(|(column, _)| (column.clone(), Treatment::Omit))
                .collect(),
            erase: Erasing::Delete,
            erase_after: Vec::new(),
            looks_personal,
            remarks: Vec::new(),
        }
    }

    /// Replaces what looks personal, because the row cannot go.
    fn keep(&mut self, catalogue: &Catalogue, why: String) {
        let mut replaced = BTreeMap::new();
        for (name, sort) in &self.looks_personal {
            let Some(column) = self.table.column(name) else {
                continue;
            };
            match pseudonym(column, *sort, self.table, catalogue) {
                Ok(pseudonymizer) => {
                    replaced.insert(name.clone(), pseudonymizer);
                }
                Err(reason) => {
                    self.columns
                        .entry(name.clone())
                        .or_insert(Treatment::Keep(reason));
                }
            }
        }
        self.erase = if replaced.is_empty() || self.table.key_moves {
            let kept = replaced.into_keys().map(|name| {
                (
                    name,
                    Treatment::Keep("the row has no key, so it cannot be changed"),
                )
            });
            for (name, treatment) in kept {
                self.columns.entry(name).or_insert(treatment);
            }
            Erasing::Keep(why)
        } else {
            Erasing::Pseudonymize(replaced, why)
        };
    }

    fn remark(&mut self, given: &Given<'_>) {
        let told = remarks::of(given, self);
        self.remarks.extend(told);
    }
}

/// Whether a table without persons tells something of one all the same, such as where somebody lives.
fn tells_of_a_person(table: &Table) -> bool {
    let is_telling = |sort: &Sort| !matches!(sort, Sort::Secret | Sort::FreeText | Sort::Json);
    personal(table).iter().any(|(_, sort)| is_telling(sort))
}

/// What a person is called by the key of her table: `customer_id` for `Customer.CustomerId`.
fn key_kind(table: &str, key: &str) -> String {
    let (table, key) = (table_words(table), words(key));
    let whole = match key.len() {
        1 => [table, key].concat(),
        _ => key,
    };
    whole.join("_")
}

pub(crate) fn locals(ways: &[Way]) -> String {
    let locals: Vec<&str> = ways.iter().flat_map(Way::locals).collect();
    locals.join(", ")
}

/// Whether a table must be erased before another one already.
fn leads(before: &BTreeSet<(String, String)>, from: &str, to: &str) -> bool {
    let mut waiting = vec![from.to_owned()];
    let mut seen = BTreeSet::new();
    while let Some(one) = waiting.pop() {
        if one == to {
            return true;
        }
        if seen.insert(one.clone()) {
            let next = before.iter().filter(|(first, _)| *first == one);
            waiting.extend(next.map(|(_, then)| then.clone()));
        }
    }
    false
}
