//! By which columns rows of one table lead to rows of another: foreign keys, and guesses where there are none.

use super::words::words;
use crate::catalogue::{Catalogue, Column, ColumnType, OnDelete, Table};

/// A way from a row to one of another table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) target: String,
    /// The columns here and the ones there.
    pub(crate) pairs: Vec<(String, String)>,
    /// What kind of row it leads to, where a column says so.
    pub(crate) constants: Vec<(String, String)>,
    pub(crate) kind: WayKind,
}

/// How sure a way is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WayKind {
    /// A foreign key, and what it does when the row there is deleted.
    Enforced(OnDelete),
    /// The names and types look like it.
    Guessed,
    /// The same, for a pair of columns of which one says what kind of row the other leads to.
    Polymorphic,
}

impl Way {
    pub(crate) fn is_enforced(&self) -> bool {
        matches!(self.kind, WayKind::Enforced(_))
    }

    /// Whether the rows here go when the row there does.
    pub(crate) fn cascades(&self) -> bool {
        self.kind == WayKind::Enforced(OnDelete::Cascade)
    }

    pub(crate) fn locals(&self) -> impl Iterator<Item = &str> {
        self.pairs.iter().map(|(local, _)| local.as_str())
    }

    /// Whether its columns are always filled.
    pub(crate) fn is_required(&self, table: &Table) -> bool {
        self.locals()
            .all(|local| table.column(local).is_some_and(|column| column.not_null))
    }

    /// How much its columns look like the owner of a row: 0 when they only name somebody who had to do with it.
    pub(crate) fn ownership(&self, target: &Table) -> u8 {
        let Some(local) = self.locals().next() else {
            return 0;
        };
        let local = words(local);
        let is = |known: &[&str]| {
            let joined = local.join(" ");
            known.iter().any(|word| {
                joined == *word
                    || joined.strip_suffix(" id") == Some(word)
                    || joined.strip_suffix(" sid") == Some(word)
            })
        };
        if is_named_after(&local, target) {
            3
        } else if is(OWNERS) {
            2
        } else if is(OTHERS) {
            0
        } else {
            1
        }
    }
}

/// Words for whom a row belongs to.
const OWNERS: &[&str] = &[
    "owner",
    "author",
    "user",
    "customer",
    "client",
    "member",
    "person",
    "subject",
    "sender",
    "from",
    "from user",
    "buyer",
    "patient",
    "student",
    "guest",
    "subscriber",
    "follower",
    "employee",
    "holder",
    "requester",
];

/// Words for somebody who only had to do with a row.
const OTHERS: &[&str] = &[
    "created by",
    "creator",
    "updated by",
    "modified by",
    "changed by",
    "deleted by",
    "approved by",
    "approver",
    "assigned to",
    "assignee",
    "assigned by",
    "reviewed by",
    "reviewer",
    "verified by",
    "closed by",
    "handled by",
    "processed by",
    "resolved by",
    "editor",
    "edited by",
    "manager",
    "moderator",
    "operator",
    "agent",
    "support rep",
    "invited by",
    "inviter",
    "referrer",
    "referred by",
    "recipient",
    "receiver",
    "to",
    "to user",
    "target",
    "target user",
    "friend",
    "followed",
    "followee",
    "following",
    "blocked",
    "parent",
    "report to",
    "last editor",
    "supervisor",
    "seller",
];

/// All ways from a table to another one.
pub(crate) fn ways(catalogue: &Catalogue, from: &Table, to: &Table) -> Vec<Way> {
    let keys = from.foreign_keys.iter().filter(|key| key.target == to.name);
    let mut ways: Vec<Way> = Vec::new();
    for key in keys {
        let way = Way {
            target: to.name.clone(),
            pairs: key.pairs.clone(),
            constants: Vec::new(),
            kind: WayKind::Enforced(key.on_delete),
        };
        if !ways.iter().any(|known| known.pairs == way.pairs) {
            ways.push(way);
        }
    }
    if from.name != to.name {
        ways.extend(guessed(catalogue, from, to));
    }
    ways
}

/// Columns without a foreign key that are named after the other table, and of the type of its key.
fn guessed<'a>(
    catalogue: &'a Catalogue,
    from: &'a Table,
    to: &'a Table,
) -> impl Iterator<Item = Way> + 'a {
    let key = single_key(to);
    from.columns.iter().filter_map(move |column| {
        let key = key?;
        if has_foreign_key(from, &column.name) || class(column) != class(key) {
            return None;
        }
        let name = words(&column.name);
        let (kind, constants) = if is_named_after(&name, to) {
            (WayKind::Guessed, Vec::new())
        } else {
            let says = kind_column(catalogue, from, &name)?;
            (WayKind::Polymorphic, vec![(says, class_name(&to.name))])
        };
        Some(Way {
            target: to.name.clone(),
            pairs: vec![(column.name.clone(), key.name.clone())],
            constants,
            kind,
        })
    })
}

/// Whether a column is called as a key of a table would be elsewhere: `user_id`, or the key's own name when it is telling.
fn is_named_after(name: &[String], target: &Table) -> bool {
    let Some(key) = single_key(target) else {
        return false;
    };
    let (table, key) = (table_words(&target.name), words(&key.name));
    let whole = [table.as_slice(), key.as_slice()].concat();
    name == whole.as_slice()
        || key.len() > 1 && name == key.as_slice()
        || name.len() == 1 && name[0] == whole.concat()
        || key.len() == 1
            && name.strip_suffix(key.as_slice()) == table.last().map(std::slice::from_ref)
}

/// `owner_type` beside `owner_id`, when there is no table of owners.
fn kind_column(catalogue: &Catalogue, from: &Table, name: &[String]) -> Option<String> {
    let stem = name.strip_suffix(["id".to_owned()].as_slice())?;
    if stem.is_empty()
        || catalogue
            .tables
            .keys()
            .any(|table| table_words(table) == stem)
    {
        return None;
    }
    let kind = [stem, &["type".to_owned()]].concat();
    let column = from.columns.iter().find(|one| words(&one.name) == kind)?;
    (class(column) == Class::Text).then(|| column.name.clone())
}

/// `User` for a table `users`, as most libraries write what kind of row a pair leads to.
fn class_name(table: &str) -> String {
    let capital = |word: String| {
        let mut letters = word.chars();
        let first = letters
            .next()
            .map(|letter| letter.to_uppercase().to_string());
        first.unwrap_or_default() + letters.as_str()
    };
    table_words(table).into_iter().map(capital).collect()
}

/// The words of a table's name, without its schema.
pub(crate) fn table_words(name: &str) -> Vec<String> {
    words(name.rsplit('.').next().unwrap_or(name))
}

/// The only column of a table's primary key.
pub(crate) fn single_key(table: &Table) -> Option<&Column> {
    let mut keys = table.columns.iter().filter(|column| column.primary);
    let key = keys.next()?;
    keys.next().is_none().then_some(key)
}

fn has_foreign_key(table: &Table, column: &str) -> bool {
    let mut keys = table.foreign_keys.iter();
    keys.any(|key| key.pairs.iter().any(|(local, _)| local == column))
}

/// Which columns could hold the same values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Number,
    Uuid,
    Text,
}

pub(crate) fn class(column: &Column) -> Class {
    match column.column_type {
        ColumnType::Integer | ColumnType::Real | ColumnType::Numeric | ColumnType::Decimal => {
            Class::Number
        }
        ColumnType::Uuid => Class::Uuid,
        ColumnType::Text | ColumnType::Any | ColumnType::Own => Class::Text,
    }
}
