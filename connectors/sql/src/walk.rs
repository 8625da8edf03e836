//! The rows of a table, in the order of its key.

use std::sync::Arc;

use adieu_core::ConnectorError;

use crate::catalogue::{Catalogue, Table};
#[cfg(feature = "d1")]
use crate::dialect::Row;
use crate::dialect::{Sql, Value};
use crate::error::misfit;
use crate::key::{after, key_columns, ordered};

/// A way through the rows of a table that meet a condition. Each row begins with its key.
pub(crate) struct Walk {
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) table: String,
    /// What is read of each row beside its key.
    pub(crate) selected: Vec<Sql>,
    /// The condition on the table, which is called `t`.
    pub(crate) rows: Sql,
    /// The key after which it begins.
    pub(crate) after: Option<Vec<Value>>,
}

impl Walk {
    /// All rows in order.
    pub(crate) fn ordered(&self) -> Result<Sql, ConnectorError> {
        let table = self.table()?;
        let mut query = self.query(table)?;
        query.push(&ordered(table, "t", false));
        Ok(query)
    }

    /// All rows as they come.
    pub(crate) fn unordered(&self) -> Result<Sql, ConnectorError> {
        self.query(self.table()?)
    }

    /// The next rows in order.
    #[cfg(feature = "d1")]
    pub(crate) fn page(&self, rows: u32) -> Result<Sql, ConnectorError> {
        let mut query = self.ordered()?;
        query.push(&format!(" LIMIT {rows}"));
        Ok(query)
    }

    /// Lets the next page begin after this row.
    #[cfg(feature = "d1")]
    pub(crate) fn go_on_after(&mut self, row: Row<'_>) {
        if let Ok(table) = self.table() {
            self.after = Some(row.first(table.key.len()));
        }
    }

    fn query(&self, table: &Table) -> Result<Sql, ConnectorError> {
        let dialect = self.catalogue.dialect;
        let from = match &self.after {
            None => None,
            Some(key) => after(dialect, table, key, false)?,
        };
        let keys = key_columns(dialect, table, "t").into_iter().map(Sql::text);
        let mut query = Sql::text("SELECT ");
        query
            .append(Sql::listed(keys.chain(self.selected.iter().cloned())))
            .push(&format!(" FROM {} AS t WHERE ", table.sql))
            .append(Sql::joined(
                [self.rows.clone()].into_iter().chain(from),
                " AND ",
            ));
        Ok(query)
    }

    fn table(&self) -> Result<&Table, ConnectorError> {
        let table = self.catalogue.table(&self.table);
        table.ok_or_else(|| misfit(&[format!("there is no table `{}`", self.table)]))
    }
}
