//! Reading SQLite's catalogue: by the same four queries wherever SQLite runs.

use std::collections::BTreeMap;

use crate::catalogue::{Catalogue, Column, ForeignKey, LiesIn, OnDelete, Table};

use super::types::{column_type, field_type};
use crate::dialect::Value;
use crate::dialect::sql::quoted;

/// What the database's own tables begin with.
pub(super) const OWN_TABLES: &[&str] = &["sqlite_"];

/// The queries whose rows [`assembled`] makes a catalogue of, and how many columns they have. What begins with `own` belongs to
/// the database itself.
pub(crate) fn queries(own: &[&str]) -> [(String, usize); 4] {
    let not_own = |name: &str| {
        let parts = own.iter().map(|prefix| {
            let length = prefix.len();
            format!("substr({name}, 1, {length}) <> '{prefix}'")
        });
        parts.collect::<Vec<_>>().join(" AND ")
    };
    let tables = format!(
        "(SELECT name FROM sqlite_schema WHERE type = 'table' AND {}) AS m",
        not_own("name")
    );
    [
        (
            format!(
                "SELECT l.name, l.type, l.wr, coalesce(m.sql, '') FROM pragma_table_list AS l \
                 LEFT JOIN sqlite_schema AS m ON m.name = l.name AND m.type = 'table' \
                 WHERE l.schema = 'main' AND {}",
                not_own("l.name")
            ),
            4,
        ),
        (
            format!(
                "SELECT m.name, x.name, x.type, x.\"notnull\", x.pk, x.hidden \
                 FROM {tables}, pragma_table_xinfo(m.name) AS x ORDER BY m.name, x.cid"
            ),
            6,
        ),
        (
            format!(
                "SELECT m.name, l.seq, i.name FROM {tables}, pragma_index_list(m.name) AS l, pragma_index_info(l.name) AS i \
                 WHERE l.\"unique\" = 1 AND l.partial = 0 ORDER BY m.name, l.seq, i.seqno"
            ),
            3,
        ),
        (
            format!(
                "SELECT m.name, x.id, x.\"table\", x.\"from\", coalesce(x.\"to\", ''), x.on_delete \
                 FROM {tables}, pragma_foreign_key_list(m.name) AS x ORDER BY m.name, x.id, x.seq"
            ),
            6,
        ),
    ]
}

/// The catalogue that the rows of [`queries`] tell.
pub(crate) fn assembled([listed, columns, indexes, keys]: [Vec<Vec<Value>>; 4]) -> Catalogue {
    let (columns, indexes, keys) = (by_table(columns), by_table(indexes), by_table(keys));
    let mut catalogue = Catalogue::default();
    for row in &listed {
        let name = row[0].as_str();
        if row[1].as_str() != "table" {
            let what = "a view or a virtual table";
            catalogue.others.insert(name.to_owned(), what.to_owned());
            continue;
        }
        let of = |rows: &BTreeMap<String, Vec<Vec<Value>>>| rows.get(name).cloned();
        let table = table(
            name,
            row[2].as_integer() != 0,
            &row[3].as_str().to_ascii_uppercase(),
            of(&columns).unwrap_or_default(),
            unique_sets(of(&indexes).unwrap_or_default()),
            of(&keys).unwrap_or_default(),
        );
        catalogue.tables.insert(table.name.clone(), table);
    }
    spell_targets_as_declared(&mut catalogue);
    catalogue
}

/// Rows by the table's name that each begins with.
fn by_table(rows: Vec<Vec<Value>>) -> BTreeMap<String, Vec<Vec<Value>>> {
    let mut tables: BTreeMap<String, Vec<Vec<Value>>> = BTreeMap::new();
    for row in rows {
        let name = row[0].as_str().to_owned();
        tables.entry(name).or_default().push(row);
    }
    tables
}

/// `sql` is the text that made the table, in capitals.
fn table(
    name: &str,
    without_rowid: bool,
    sql: &str,
    told: Vec<Vec<Value>>,
    mut unique: Vec<Vec<String>>,
    keys: Vec<Vec<Value>>,
) -> Table {
    // The catalogue does not tell a column's collation; where the table's text has one, no column is taken as exact.
    let exact = !sql.contains("COLLATE");
    let mut columns = Vec::new();
    let mut primary: BTreeMap<i64, String> = BTreeMap::new();
    let mut declared_of_primary = String::new();
    for row in told {
        let (column, declared) = (row[1].as_str(), row[2].as_str());
        let place = row[4].as_integer();
        if place > 0 {
            primary.insert(place, column.to_owned());
            declared_of_primary = declared.to_owned();
        }
        columns.push(Column {
            name: column.to_owned(),
            column_type: column_type(declared),
            declared: declared.to_owned(),
            exact,
            field_type: field_type(declared),
            fetch: None,
            nested: false,
            cast: None,
            not_null: row[3].as_integer() != 0,
            primary: place > 0,
            generated: row[5].as_integer() != 0,
        });
    }
    let primary: Vec<String> = primary.into_values().collect();
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
    Table {
        sql: quoted(name),
        name: name.to_owned(),
        key,
        key_moves: false,
        lies_in: LiesIn::OnePlace,
        columns,
        unique,
        foreign_keys: foreign_keys(keys, sql.contains("DEFERR")),
    }
}

/// A name of the row number that no column hides.
fn rowid(columns: &[Column]) -> Option<&'static str> {
    ["rowid", "_rowid_", "oid"].into_iter().find(|name| {
        !columns
            .iter()
            .any(|column| column.name.eq_ignore_ascii_case(name))
    })
}

fn unique_sets(rows: Vec<Vec<Value>>) -> Vec<Vec<String>> {
    let mut sets: BTreeMap<i64, Vec<Option<String>>> = BTreeMap::new();
    for row in rows {
        let name = (row[2] != Value::Null).then(|| row[2].as_str().to_owned());
        sets.entry(row[1].as_integer()).or_default().push(name);
    }
    // An index on an expression has a part without a name.
    sets.into_values()
        .filter_map(|set| set.into_iter().collect())
        .collect()
}

fn foreign_keys(rows: Vec<Vec<Value>>, may_defer: bool) -> Vec<ForeignKey> {
    let mut keys: BTreeMap<i64, ForeignKey> = BTreeMap::new();
    for row in rows {
        let on_delete = match row[5].as_str() {
            "CASCADE" => OnDelete::Cascade,
            "SET NULL" | "SET DEFAULT" => OnDelete::Change,
            _ => OnDelete::Refuse,
        };
        let pair = (row[3].as_str().to_owned(), row[4].as_str().to_owned());
        keys.entry(row[1].as_integer())
            .or_insert_with(|| ForeignKey {
                pairs: Vec::new(),
                target: row[2].as_str().to_owned(),
                on_delete,
                may_defer,
            })
            .pairs
            .push(pair);
    }
    keys.into_values().collect()
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
