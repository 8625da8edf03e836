//! Reading PostgreSQL's catalogue.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use adieu_core::ConnectorError;

use super::Postgres;
use super::types::{self, PgType};
use crate::catalogue::{Catalogue, ForeignKey, LiesIn, OnDelete, Table};
use crate::dialect::connections::lock;
use crate::dialect::server::ServerSession;
use crate::dialect::spelling::qualified;
use crate::dialect::{Dialect, Sql, Value};

/// Numbers that change whenever a table, an index or a foreign key comes or goes. What else may change makes a statement
/// fail, and then the catalogue is read anew.
const STATE: &str = "
    WITH mine AS (SELECT c.oid, c.xmin FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't'
                    AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast'),
         facts AS (SELECT 1 AS kind, oid::int8 AS oid, xmin FROM mine
                   UNION ALL SELECT 2, indexrelid::int8, xmin FROM pg_index WHERE indrelid IN (SELECT oid FROM mine)
                   UNION ALL SELECT 3, oid::int8, xmin FROM pg_constraint WHERE conrelid IN (SELECT oid FROM mine))
    SELECT current_setting('search_path'), count(*), coalesce(sum(oid), 0)::text, coalesce(sum(xmin::text::int8), 0)::text FROM facts";

/// Tables and what looks like one: number, schema, name, kind (`i` where other tables inherit from it), whether it is found
/// without its schema, the number of the table that it is a partition of.
const RELATIONS: &str = "
    SELECT c.oid::int8, n.nspname::text, c.relname::text,
           CASE WHEN c.relkind = 'r' AND EXISTS (SELECT 1 FROM pg_inherits i WHERE i.inhparent = c.oid) THEN 'i' ELSE c.relkind::text END,
           pg_table_is_visible(c.oid),
           CASE WHEN c.relispartition THEN pg_partition_root(c.oid)::int8 END
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't'
      AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast'";

/// Columns: table, number, name, whether NULL is refused, whether the database alone gives the value, and the type.
const COLUMNS: &str = "
    WITH RECURSIVE behind(domain, oid, modifier) AS (
        SELECT oid, typbasetype, typtypmod FROM pg_type WHERE typtype = 'd'
        UNION ALL SELECT b.domain, t.typbasetype, CASE WHEN t.typtypmod >= 0 THEN t.typtypmod ELSE b.modifier END
        FROM behind b JOIN pg_type t ON t.oid = b.oid WHERE t.typtype = 'd'),
      base AS (SELECT b.domain, b.oid, b.modifier FROM behind b JOIN pg_type t ON t.oid = b.oid WHERE t.typtype <> 'd')
    SELECT a.attrelid::int8, a.attnum, a.attname::text,
           a.attnotnull OR coalesce((SELECT typnotnull FROM pg_type WHERE oid = a.atttypid), false),
           a.attgenerated <> '' OR a.attidentity = 'a',
           t.typname::text, format_type(t.oid, coalesce(b.modifier, a.atttypmod)), t.typtype::text,
           t.typcategory = 'A', coalesce(l.collisdeterministic, true)
    FROM pg_attribute a LEFT JOIN base b ON b.domain = a.atttypid
    JOIN pg_type t ON t.oid = coalesce(b.oid, a.atttypid) LEFT JOIN pg_collation l ON l.oid = a.attcollation
    JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast'
    WHERE a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum";

/// Unique indexes that hold for all rows at any time: table, whether it is the primary key, the numbers of its columns.
const UNIQUE: &str = "
    SELECT i.indrelid::int8, i.indisprimary,
           (SELECT string_agg(k::text, ' ' ORDER BY place) FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS u(k, place) WHERE place <= i.indnkeyatts)
    FROM pg_index i WHERE i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indisvalid AND i.indimmediate
    ORDER BY i.indrelid, NOT i.indisprimary, i.indexrelid";

/// Foreign keys: number, the two tables, the numbers of the columns, what happens when the row there is deleted.
const FOREIGN_KEYS: &str = "
    SELECT conrelid::int8, confrelid::int8, array_to_string(conkey, ' '), array_to_string(confkey, ' '), confdeltype::text
    FROM pg_constraint WHERE contype = 'f' ORDER BY conparentid <> 0, oid";

pub(super) async fn current(
    session: &mut ServerSession<Postgres>,
) -> Result<Arc<Catalogue>, ConnectorError> {
    let state = session.rows(Sql::text(STATE), 4).await?.concat();
    let known = match &*lock(&session.database.server.catalogue) {
        Some((at, catalogue)) if *at == state => Some(Arc::clone(catalogue)),
        _ => None,
    };
    if let Some(catalogue) = known {
        return Ok(catalogue);
    }
    let catalogue = Arc::new(read(session).await?);
    *lock(&session.database.server.catalogue) = Some((state, Arc::clone(&catalogue)));
    Ok(catalogue)
}

async fn read(session: &mut ServerSession<Postgres>) -> Result<Catalogue, ConnectorError> {
    let mut reading = Reading::default();
    for row in session.rows(Sql::text(RELATIONS), 6).await? {
        reading.relation(&row);
    }
    for row in session.rows(Sql::text(COLUMNS), 10).await? {
        reading.column(&row);
    }
    for row in session.rows(Sql::text(UNIQUE), 3).await? {
        reading.unique(&row);
    }
    for row in session.rows(Sql::text(FOREIGN_KEYS), 5).await? {
        reading.foreign_key(&row);
    }
    Ok(reading.finish())
}

/// A catalogue that is being read; tables by their number.
#[derive(Default)]
struct Reading {
    tables: BTreeMap<i64, Table>,
    /// By table and number.
    columns: HashMap<(i64, i64), String>,
    /// The names of all that looks like a table, and what it is where it is none.
    relations: HashMap<i64, (String, Option<&'static str>)>,
    partition_of: HashMap<i64, i64>,
}

impl Reading {
    fn relation(&mut self, row: &[Value]) {
        let (number, schema, relation) = (row[0].as_integer(), row[1].as_str(), row[2].as_str());
        let name = match row[4].as_integer() {
            0 => format!("{schema}.{relation}"),
            _ => relation.to_owned(),
        };
        let what = match row[3].as_str() {
            "v" => Some("a view"),
            "m" => Some("a materialized view"),
            "f" => Some("a foreign table"),
            _ => None,
        };
        self.relations.insert(number, (name.clone(), what));
        if row[5] != Value::Null {
            self.partition_of.insert(number, row[5].as_integer());
            return;
        }
        if what.is_some() {
            return;
        }
        let table = Table {
            sql: qualified(Some(schema), relation),
            name,
            key: Vec::new(),
            key_moves: false,
            lies_in: match row[3].as_str() {
                "p" => LiesIn::Partitions,
                "i" => LiesIn::Heirs,
                _ => LiesIn::OnePlace,
            },
            columns: Vec::new(),
            unique: Vec::new(),
            foreign_keys: Vec::new(),
        };
        self.tables.insert(number, table);
    }

    fn column(&mut self, row: &[Value]) {
        let table = row[0].as_integer();
        let of = PgType {
            name: row[5].as_str(),
            declared: row[6].as_str(),
            kind: row[7].as_str(),
            is_array: row[8].as_integer() != 0,
            deterministic: row[9].as_integer() != 0,
        };
        let mut column = types::column(row[2].as_str().to_owned(), &of);
        column.not_null = row[3].as_integer() != 0;
        column.generated = row[4].as_integer() != 0;
        self.columns
            .insert((table, row[1].as_integer()), column.name.clone());
        if let Some(table) = self.tables.get_mut(&table) {
            table.columns.push(column);
        }
    }

    fn unique(&mut self, row: &[Value]) {
        let (number, is_primary) = (row[0].as_integer(), row[1].as_integer() != 0);
        let Some(names) = self.names(number, row[2].as_str()) else {
            return;
        };
        let Some(table) = self.tables.get_mut(&number) else {
            return;
        };
        if table.lies_in == LiesIn::Heirs {
            // Each of the tables keeps its own rows apart, and not from those of the others.
            return;
        }
        let never_null = |name: &String| table.column(name).is_some_and(|column| column.not_null);
        if table.key.is_empty() && (is_primary || names.iter().all(never_null)) {
            table.key.clone_from(&names);
        }
        if is_primary {
            for column in &mut table.columns {
                column.primary |= names.contains(&column.name);
            }
        }
        table.unique.push(names);
    }

    /// A partition's foreign key is one of the table that it is a part of.
    fn foreign_key(&mut self, row: &[Value]) {
        let root = |number: i64| *self.partition_of.get(&number).unwrap_or(&number);
        let (from, to) = (root(row[0].as_integer()), root(row[1].as_integer()));
        // A partition may count its columns otherwise, but keys on them are told by the table itself where it has them.
        let (Some(here), Some(there)) = (
            self.names(from, row[2].as_str()),
            self.names(to, row[3].as_str()),
        ) else {
            return;
        };
        let Some((target, _)) = self.relations.get(&to) else {
            return;
        };
        let key = ForeignKey {
            pairs: here.into_iter().zip(there).collect(),
            target: target.clone(),
            on_delete: match row[4].as_str() {
                "c" => OnDelete::Cascade,
                "n" | "d" => OnDelete::Change,
                _ => OnDelete::Refuse,
            },
            // Every constraint is checked at once in our transactions.
            may_defer: false,
        };
        if let Some(table) = self.tables.get_mut(&from)
            && !table.foreign_keys.contains(&key)
        {
            table.foreign_keys.push(key);
        }
    }

    /// The columns of these numbers.
    fn names(&self, table: i64, numbers: &str) -> Option<Vec<String>> {
        let numbers = numbers.split(' ').map(|number| number.parse::<i64>().ok());
        numbers
            .map(|number| self.columns.get(&(table, number?)).cloned())
            .collect()
    }

    fn finish(mut self) -> Catalogue {
        for table in self.tables.values_mut() {
            // A row's place is told apart within one partition only.
            if table.key.is_empty() && table.lies_in == LiesIn::OnePlace {
                table.key.push("ctid".to_owned());
                table.key_moves = true;
            }
        }
        let mut others = BTreeMap::new();
        for (number, (name, what)) in &self.relations {
            let root = self
                .partition_of
                .get(number)
                .and_then(|root| self.relations.get(root));
            match (root, what) {
                (Some((root, _)), _) => {
                    others.insert(name.clone(), format!("a partition of `{root}`"));
                }
                (None, Some(what)) => {
                    others.insert(name.clone(), (*what).to_owned());
                }
                (None, None) => {}
            }
        }
        Catalogue {
            dialect: Dialect::Postgres,
            tables: self
                .tables
                .into_values()
                .map(|table| (table.name.clone(), table))
                .collect(),
            others,
            ..Catalogue::default()
        }
    }
}
