//! Reading SQLite's catalogue.

use std::collections::BTreeMap;

use rusqlite::Connection;

use crate::catalogue::{Catalogue, Column, ForeignKey, OnDelete, Table};

use super::types::{column_type, field_type};
use crate::dialect::sql::quoted;

/// Reads all tables of the main database.
pub(super) fn load(connection: &Connection) -> rusqlite::Result<Catalogue> {
    let mut catalogue = Catalogue::default();
    let mut listed = connection.prepare_cached(
        "SELECT l.name, l.type, l.wr, coalesce(m.sql, '') FROM pragma_table_list AS l \
         LEFT JOIN sqlite_schema AS m ON m.name = l.name AND m.type = 'table' \
         WHERE l.schema = 'main' AND substr(l.name, 1, 7) <> 'sqlite_'",
    )?;
    let mut rows = listed.query([])?;
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        if row.get::<_, String>(1)? != "table" {
            let what = "a view or a virtual table";
            catalogue.others.insert(name, what.to_owned());
            continue;
        }
        let table = table(connection, name, row.get(2)?, &row.get::<_, String>(3)?)?;
        catalogue.tables.insert(table.name.clone(), table);
    }
    spell_targets_as_declared(&mut catalogue);
    Ok(catalogue)
}

fn table(
    connection: &Connection,
    name: String,
    without_rowid: bool,
    sql: &str,
) -> rusqlite::Result<Table> {
    // The catalogue does not tell a column's collation; where the table's text has one, no column is taken as exact.
    let upper = sql.to_ascii_uppercase();
    let exact = !upper.contains("COLLATE");
    let mut columns = Vec::new();
    let mut primary: BTreeMap<i64, String> = BTreeMap::new();
    let mut declared_of_primary = String::new();
    let mut statement = connection.prepare_cached(
        "SELECT name, type, \"notnull\", pk, hidden FROM pragma_table_xinfo(?1) ORDER BY cid",
    )?;
    let mut rows = statement.query([&name])?;
    while let Some(row) = rows.next()? {
        let column: String = row.get(0)?;
        let declared: String = row.get(1)?;
        let place: i64 = row.get(3)?;
        if place > 0 {
            primary.insert(place, column.clone());
            declared_of_primary.clone_from(&declared);
        }
        columns.push(Column {
            name: column,
            column_type: column_type(&declared),
            exact,
            field_type: field_type(&declared),
            fetch: None,
            nested: false,
            cast: None,
            not_null: row.get(2)?,
            primary: place > 0,
            generated: row.get::<_, i64>(4)? != 0,
        });
    }
    let primary: Vec<String> = primary.into_values().collect();
    let mut unique = unique_sets(connection, &name)?;
    if primary.len() == 1 && !unique.contains(&primary) {
        unique.push(primary.clone());
    }
    // Indexes end in the row number, so rows that an index finds come in its order. VACUUM keeps the numbers of a table
    // that has an index (which a primary key makes) and only otherwise may give new ones.
    let key = match rowid(&columns) {
        Some(rowid) if !without_rowid => {
            let is_alias =
                primary.len() == 1 && declared_of_primary.eq_ignore_ascii_case("integer");
            vec![if is_alias {
                primary[0].clone()
            } else {
                rowid.to_owned()
            }]
        }
        _ => primary,
    };
    let foreign_keys = foreign_keys(connection, &name, upper.contains("DEFERR"))?;
    Ok(Table {
        sql: quoted(&name),
        name,
        key,
        key_moves: false,
        columns,
        unique,
        foreign_keys,
    })
}

/// A name of the row number that no column hides.
fn rowid(columns: &[Column]) -> Option<&'static str> {
    ["rowid", "_rowid_", "oid"].into_iter().find(|name| {
        !columns
            .iter()
            .any(|column| column.name.eq_ignore_ascii_case(name))
    })
}

fn unique_sets(connection: &Connection, table: &str) -> rusqlite::Result<Vec<Vec<String>>> {
    let mut statement = connection.prepare_cached(
        "SELECT l.seq, i.name FROM pragma_index_list(?1) AS l, pragma_index_info(l.name) AS i \
         WHERE l.\"unique\" = 1 AND l.partial = 0 ORDER BY l.seq, i.seqno",
    )?;
    let mut sets: BTreeMap<i64, Vec<Option<String>>> = BTreeMap::new();
    let mut rows = statement.query([table])?;
    while let Some(row) = rows.next()? {
        sets.entry(row.get(0)?).or_default().push(row.get(1)?);
    }
    // An index on an expression has a part without a name.
    Ok(sets
        .into_values()
        .filter_map(|set| set.into_iter().collect())
        .collect())
}

fn foreign_keys(
    connection: &Connection,
    table: &str,
    may_defer: bool,
) -> rusqlite::Result<Vec<ForeignKey>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, \"table\", \"from\", coalesce(\"to\", ''), on_delete FROM pragma_foreign_key_list(?1) ORDER BY id, seq",
    )?;
    let mut keys: BTreeMap<i64, ForeignKey> = BTreeMap::new();
    let mut rows = statement.query([table])?;
    while let Some(row) = rows.next()? {
        let on_delete = match row.get::<_, String>(4)?.as_str() {
            "CASCADE" => OnDelete::Cascade,
            "SET NULL" | "SET DEFAULT" => OnDelete::Change,
            _ => OnDelete::Refuse,
        };
        let target: String = row.get(1)?;
        let pair = (row.get(2)?, row.get(3)?);
        keys.entry(row.get(0)?)
            .or_insert_with(|| ForeignKey {
                pairs: Vec::new(),
                target,
                on_delete,
                may_defer,
            })
            .pairs
            .push(pair);
    }
    Ok(keys.into_values().collect())
}

/// Foreign keys may spell names in another case than the tables do, and leave out the columns of a primary key.
fn spell_targets_as_declared(catalogue: &mut Catalogue) {
    let declared: BTreeMap<String, (String, Vec<String>, Vec<String>)> = catalogue
        .tables
        .values()
        .map(|table| {
            let names = table
                .columns
                .iter()
                .map(|column| column.name.clone())
                .collect();
            let primary = primary_in_order(table);
            (
                table.name.to_ascii_lowercase(),
                (table.name.clone(), names, primary),
            )
        })
        .collect();
    let own: BTreeMap<String, Vec<String>> = catalogue
        .tables
        .values()
        .map(|table| {
            (
                table.name.clone(),
                table
                    .columns
                    .iter()
                    .map(|column| column.name.clone())
                    .collect(),
            )
        })
        .collect();
    for table in catalogue.tables.values_mut() {
        for key in &mut table.foreign_keys {
            let target = declared.get(&key.target.to_ascii_lowercase());
            for (index, (local, there)) in key.pairs.iter_mut().enumerate() {
                respell(local, own.get(&table.name).map_or(&[], Vec::as_slice));
                if let Some((_, columns, primary)) = target {
                    if there.is_empty() {
                        *there = primary.get(index).cloned().unwrap_or_default();
                    }
                    respell(there, columns);
                }
            }
            if let Some((name, _, _)) = target {
                key.target.clone_from(name);
            }
        }
    }
}

fn primary_in_order(table: &Table) -> Vec<String> {
    let all: Vec<&String> = table
        .columns
        .iter()
        .filter(|column| column.primary)
        .map(|column| &column.name)
        .collect();
    table
        .unique
        .iter()
        .find(|set| set.len() == all.len() && all.iter().all(|name| set.contains(name)))
        .cloned()
        .unwrap_or_else(|| all.into_iter().cloned().collect())
}

fn respell(name: &mut String, declared: &[String]) {
    if let Some(spelled) = declared.iter().find(|one| one.eq_ignore_ascii_case(name)) {
        name.clone_from(spelled);
    }
}
