//! What the database says of its own tables.

use std::collections::BTreeMap;

use adieu_core::FieldType;

use crate::dialect::Dialect;

/// The tables of a database.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    pub(crate) dialect: Dialect,
    /// By the name that a mapping calls them: without a schema where the database finds them without one.
    pub(crate) tables: BTreeMap<String, Table>,
    /// What is there but no plain table, and what it is: a view, a virtual table, a partition.
    pub(crate) others: BTreeMap<String, String>,
    /// Whether each call is a transaction of its own, so that what one of them read may not be true in the next.
    pub(crate) apart: bool,
    /// How many columns an answer may have, where that is fewer than a table may have.
    pub(crate) max_columns: Option<usize>,
}

/// One table.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    /// How a statement calls it: quoted, with its schema where it has one.
    pub(crate) sql: String,
    /// The columns that name a row and by which rows can be walked through in order.
    pub(crate) key: Vec<String>,
    /// Whether the key is the place of a row, which changes when the row does.
    pub(crate) key_moves: bool,
    pub(crate) lies_in: LiesIn,
    pub(crate) columns: Vec<Column>,
    /// The sets of columns in which no two rows are equal.
    pub(crate) unique: Vec<Vec<String>>,
    pub(crate) foreign_keys: Vec<ForeignKey>,
}

/// Where the rows lie that a statement finds under a table's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LiesIn {
    OnePlace,
    Partitions,
    /// In it and in tables that inherit from it, of which each may have a row of the same key.
    Heirs,
}

/// One column.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) column_type: ColumnType,
    /// Its type as the database spells it, with its length.
    pub(crate) declared: String,
    /// Whether `=` compares text byte by byte; `false` where a collation may call different texts equal.
    pub(crate) exact: bool,
    /// What its values are when they keep to the declared type.
    pub(crate) field_type: FieldType,
    /// How its values are fetched, with `{}` for the column; as they are when there is nothing.
    pub(crate) fetch: Option<String>,
    /// Whether what is fetched is JSON.
    pub(crate) nested: bool,
    /// The type that a text must be cast to before it is stored; none where the database does that itself.
    pub(crate) cast: Option<String>,
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
    /// Numbers of any precision and nothing else.
    Decimal,
    Uuid,
    /// A type of its own, such as a date, an address or an enum: written and compared as text.
    Own,
}

/// A foreign key.
#[derive(Debug, PartialEq, Eq)]
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

    /// The type that a value of this column must be cast to, also where the key is not a column but the row's place.
    pub(crate) fn cast_of(&self, name: &str) -> Option<&str> {
        match self.column(name) {
            Some(column) => column.cast.as_deref(),
            None => (name == "ctid").then_some("tid"),
        }
    }

    /// Whether no two rows have the same value in this column.
    pub(crate) fn is_unique(&self, column: &str) -> bool {
        self.tells_apart(&[column])
    }

    /// Whether no two rows have the same values in these columns.
    pub(crate) fn tells_apart(&self, columns: &[&str]) -> bool {
        self.unique
            .iter()
            .any(|set| set.iter().all(|name| columns.contains(&name.as_str())))
    }
}

#[cfg(test)]
impl Column {
    /// A column without anything special.
    pub(crate) fn plain(name: &str, column_type: ColumnType) -> Self {
        Self {
            name: name.to_owned(),
            column_type,
            declared: String::new(),
            exact: true,
            field_type: FieldType::Any,
            fetch: None,
            nested: false,
            cast: None,
            not_null: false,
            primary: false,
            generated: false,
        }
    }
}
