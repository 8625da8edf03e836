//! Everything that the shop holds at one moment, read without adieu.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};

/// Every row of every table, and every file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Snapshot {
    tables: BTreeMap<String, Vec<Row>>,
    files: BTreeMap<String, Vec<u8>>,
}

/// A row: its columns and their values.
pub(super) type Row = BTreeMap<String, Value>;

/// The customer who leaves.
const HER_ID: Value = Value::Integer(1);
const HER_FILES: &str = "users/1/";

impl Snapshot {
    pub(super) fn take(database: &Path, folder: &Path) -> Result<Self, Box<dyn std::error::Error>> {
        let database = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let mut names = database
            .prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")?;
        let names: Vec<String> = names
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let mut tables = BTreeMap::new();
        for name in names {
            let mut select =
                database.prepare(&format!("SELECT * FROM \"{name}\" ORDER BY rowid"))?;
            let columns: Vec<String> = select
                .column_names()
                .into_iter()
                .map(str::to_owned)
                .collect();
            let rows = select.query_map([], |row| {
                columns
                    .iter()
                    .enumerate()
                    .map(|(at, column)| Ok((column.clone(), row.get(at)?)))
                    .collect()
            })?;
            tables.insert(name, rows.collect::<Result<_, _>>()?);
        }
        let mut files = BTreeMap::new();
        read_files(folder, "", &mut files)?;
        Ok(Self { tables, files })
    }

    pub(super) fn rows(&self) -> usize {
        self.tables.values().map(Vec::len).sum()
    }

    pub(super) fn tables(&self) -> usize {
        self.tables.len()
    }

    pub(super) fn files(&self) -> usize {
        self.files.len()
    }

    /// The rows of one table that are hers. `orders` are the ids of her orders, which may be gone by now.
    pub(super) fn her_rows(&self, table: &str, orders: &BTreeSet<String>) -> Vec<&Row> {
        let rows = self.tables.get(table).into_iter().flatten();
        rows.filter(|row| is_hers(table, row, orders)).collect()
    }

    /// The ids of her orders.
    pub(super) fn her_orders(&self) -> BTreeSet<String> {
        let orders = self.her_rows("orders", &BTreeSet::new());
        orders
            .iter()
            .filter_map(|row| row.get("id"))
            .map(|id| format!("{id:?}"))
            .collect()
    }

    /// Everything that is not hers.
    pub(super) fn of_others(&self, orders: &BTreeSet<String>) -> Self {
        let mut others = self.clone();
        for (table, rows) in &mut others.tables {
            rows.retain(|row| !is_hers(table, row, orders));
        }
        others.files.retain(|name, _| !name.starts_with(HER_FILES));
        others
    }

    pub(super) fn her_files(&self) -> BTreeMap<&str, &[u8]> {
        let files = self
            .files
            .iter()
            .filter(|(name, _)| name.starts_with(HER_FILES));
        files
            .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
            .collect()
    }
}

fn is_hers(table: &str, row: &Row, orders: &BTreeSet<String>) -> bool {
    match table {
        "customers" => row.get("id") == Some(&HER_ID),
        "order_lines" => row
            .get("order_id")
            .is_some_and(|id| orders.contains(&format!("{id:?}"))),
        _ => row.get("customer_id") == Some(&HER_ID),
    }
}

fn read_files(
    folder: &Path,
    name: &str,
    files: &mut BTreeMap<String, Vec<u8>>,
) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{name}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            read_files(&entry.path(), &format!("{name}/"), files)?;
        } else {
            files.insert(name, std::fs::read(entry.path())?);
        }
    }
    Ok(())
}
