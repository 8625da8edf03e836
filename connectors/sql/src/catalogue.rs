//! What the database says of its own tables.

use std::collections::{BTreeMap, BTreeSet};

use adieu_core::FieldType;

/// The tables of a database.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    pub(crate) tables: BTreeMap<String, Table>,
    /// Names that are no plain tables: views, virtual tables.
    pub(crate) others: BTreeSet<String>,
}

/// One table.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    /// The columns that name a row and by which rows can be walked through in order.
    pub(crate) key: Vec<String>,
    pub(crate) columns: Vec<Column>,
    /// The sets of columns in which no two rows are equal.
    pub(crate) unique: Vec<Vec<String>>,
    pub(crate) foreign_keys: Vec<ForeignKey>,
}

/// One column.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) column_type: ColumnType,
    /// Whether `=` compares text byte by byte; `false` where a collation may call different texts equal.
    pub(crate) exact: bool,
    /// What its values are when they keep to the declared type.
    pub(crate) field_type: FieldType,
    pub(crate) not_null: bool,
    pub(crate) primary: bool,
    pub(crate) generated: bool,
}

/// What a column does with values that are stored in it or compared with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnType {
    Text,
    Integer,
    Real,
    /// Integers and decimals as they come; text that is no number stays text.
    Numeric,
    /// Whatever it is given.
    Any,
}

/// A foreign key.
#[derive(Debug)]
pub(crate) struct ForeignKey {
    /// The columns here and the ones there.
    pub(crate) pairs: Vec<(String, String)>,
    pub(crate) target: String,
    /// What happens here when the row there is deleted.
    pub(crate) on_delete: OnDelete,
    /// Whether it may be checked only at the end of a transaction.
    pub(crate) may_defer: bool,
}

/// What a foreign key does when the row it refers to is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnDelete {
    /// The deletion is refused.
    Refuse,
    /// The referring row is deleted too.
    Cascade,
    /// The referring row is changed.
    Change,
}

impl Catalogue {
    pub(crate) fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(name)
    }

    /// The foreign keys that lead to a table, with the tables that have them.
    pub(crate) fn leading_to<'a>(
        &'a self,
        target: &'a str,
    ) -> impl Iterator<Item = (&'a Table, &'a ForeignKey)> {
        self.tables.values().flat_map(move |table| {
            table
                .foreign_keys
                .iter()
                .filter(move |key| key.target == target)
                .map(move |key| (table, key))
        })
    }
}

impl Table {
    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether no two rows have the same value in this column.
    pub(crate) fn is_unique(&self, column: &str) -> bool {
        self.unique
            .iter()
            .any(|set| set.len() == 1 && set[0] == column)
    }
}
