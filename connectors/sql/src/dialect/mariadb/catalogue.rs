//! Reading the catalogue of MariaDB or MySQL: the tables of the database that the URL names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use adieu_core::{ConnectorError, ErrorKind};

use super::MariaDb;
use super::types::{self, MariaType};
use crate::catalogue::{Catalogue, ForeignKey, LiesIn, OnDelete, Table};
use crate::dialect::connections::lock;
use crate::dialect::server::ServerSession;
use crate::dialect::spelling::qualified;
use crate::dialect::{Dialect, Sql, Value};

/// What changes whenever a table does. Times are told in seconds, so what changed just now is not to be relied on.
const STATE: &str = "
    SELECT database(), count(*), coalesce(sum(unix_timestamp(create_time)), 0) + 0e0,
           coalesce(max(create_time) > now() - INTERVAL 2 SECOND, 0)
    FROM information_schema.tables WHERE table_schema = database()";

const TABLES: &str = "
    SELECT table_schema, table_name, table_type FROM information_schema.tables WHERE table_schema = database()";

const COLUMNS: &str = "
    SELECT table_name, column_name, is_nullable = 'NO', coalesce(generation_expression, '') <> '',
           data_type, column_type, coalesce(character_set_name, ''), coalesce(collation_name, '')
    FROM information_schema.columns WHERE table_schema = database() ORDER BY table_name, ordinal_position";

/// Which of the two it is.
const DIALECT: &str = "SELECT version() LIKE '%MariaDB%'";

/// Columns of MariaDB of which a check asks that they hold JSON, which is all that the type JSON is. How the name is quoted in it goes by
/// the session.
const JSON: &str = "
    SELECT table_name, constraint_name FROM information_schema.check_constraints
    WHERE constraint_schema = database() AND char_length(check_clause) = char_length(constraint_name) + 14
      AND check_clause LIKE 'json_valid(_%_)'";

/// Unique indexes in the order of their columns; `NULL` where only the beginning of a value is unique.
const UNIQUE: &str = "
    SELECT table_name, index_name, CASE WHEN sub_part IS NULL THEN column_name END FROM information_schema.statistics
    WHERE table_schema = database() AND non_unique = 0 ORDER BY table_name, index_name <> 'PRIMARY', index_name, seq_in_index";

/// What foreign keys that lead to tables of this database do, also those of other databases.
const RULES: &str = "
    SELECT constraint_schema, table_name, constraint_name, delete_rule FROM information_schema.referential_constraints
    WHERE unique_constraint_schema = database()";

/// The columns of the foreign keys of one database.
const PAIRS: &str = "
    SELECT table_schema, table_name, constraint_name, column_name, referenced_table_name, referenced_column_name
    FROM information_schema.key_column_usage WHERE referenced_table_schema = database() AND table_schema = ";

/// The columns of all foreign keys of MySQL's own engine that lead to tables of this database, also of those whose tables the
/// user may not see: whether deleting deletes or changes, by whose rows, which it leads to.
const UNSEEN: &str = "
    SELECT f.id, substring_index(f.for_name, '/', 1), substring_index(f.for_name, '/', -1), substring_index(f.ref_name, '/', -1),
           f.type & 1 <> 0, f.type & 2 <> 0, c.for_col_name, c.ref_col_name
    FROM information_schema.innodb_foreign f JOIN information_schema.innodb_foreign_cols c ON c.id = f.id
    WHERE left(f.ref_name, char_length(database()) + 1) = concat(database(), '/') ORDER BY f.id, c.pos";

/// The catalogue. For reading it may be known still; before anything is written it is read anew, because foreign keys of other
/// databases come and go without a trace in this one.
pub(super) async fn current(
    session: &mut ServerSession<MariaDb>,
) -> Result<Arc<Catalogue>, ConnectorError> {
    let mut state = session.rows(Sql::text(STATE), 4).await?.concat();
    let is_settled = state.pop() == Some(Value::Integer(0));
    let known = match &*lock(&session.database.server.catalogue) {
        Some((at, catalogue)) if *at == state && !session.is_writing() => {
            Some(Arc::clone(catalogue))
        }
        _ => None,
    };
    if let Some(catalogue) = known {
        return Ok(catalogue);
    }
    let catalogue = Arc::new(read(session).await?);
    *lock(&session.database.server.catalogue) = is_settled.then(|| (state, Arc::clone(&catalogue)));
    Ok(catalogue)
}

async fn read(session: &mut ServerSession<MariaDb>) -> Result<Catalogue, ConnectorError> {
    let is_mariadb = session.rows(Sql::text(DIALECT), 1).await?.concat();
    let mut catalogue = Catalogue {
        dialect: match is_mariadb.first() {
            Some(Value::Integer(0)) => Dialect::MySql,
            _ => Dialect::MariaDb,
        },
        ..Catalogue::default()
    };
    for row in session.rows(Sql::text(TABLES), 3).await? {
        let (schema, name) = (row[0].as_str(), row[1].as_str());
        match row[2].as_str() {
            "BASE TABLE" => {
                catalogue
                    .tables
                    .insert(name.to_owned(), table_of(schema, name, name));
            }
            "SEQUENCE" => {}
            _ => {
                catalogue
                    .others
                    .insert(name.to_owned(), "a view".to_owned());
            }
        }
    }
    read_columns(session, &mut catalogue).await?;
    read_keys(session, &mut catalogue).await?;
    read_foreign_keys(session, &mut catalogue).await?;
    if catalogue.dialect == Dialect::MySql && session.is_writing() {
        read_unseen_keys(session, &mut catalogue).await?;
    }
    Ok(catalogue)
}

fn table_of(schema: &str, relation: &str, name: &str) -> Table {
    Table {
        name: name.to_owned(),
        sql: qualified(Some(schema), relation),
        key: Vec::new(),
        key_moves: false,
        lies_in: LiesIn::OnePlace,
        columns: Vec::new(),
        unique: Vec::new(),
        foreign_keys: Vec::new(),
    }
}

async fn read_columns(
    session: &mut ServerSession<MariaDb>,
    catalogue: &mut Catalogue,
) -> Result<(), ConnectorError> {
    let dialect = catalogue.dialect;
    let json = match dialect {
        // Its JSON is a type.
        Dialect::MySql => Vec::new(),
        _ => session.rows(Sql::text(JSON), 2).await?,
    };
    let json: BTreeSet<(&str, &str)> = json
        .iter()
        .map(|row| (row[0].as_str(), row[1].as_str()))
        .collect();
    for row in session.rows(Sql::text(COLUMNS), 8).await? {
        let Some(table) = catalogue.tables.get_mut(row[0].as_str()) else {
            continue;
        };
        let of = MariaType {
            name: row[4].as_str(),
            declared: row[5].as_str(),
            character_set: row[6].as_str(),
            collation: row[7].as_str(),
            is_json: json.contains(&(row[0].as_str(), row[1].as_str())),
            dialect,
        };
        let mut column = types::column(row[1].as_str().to_owned(), &of);
        column.not_null = row[2].as_integer() != 0;
        column.generated = row[3].as_integer() != 0;
        table.columns.push(column);
    }
    Ok(())
}

async fn read_keys(
    session: &mut ServerSession<MariaDb>,
    catalogue: &mut Catalogue,
) -> Result<(), ConnectorError> {
    let rows = session.rows(Sql::text(UNIQUE), 3).await?;
    for same in rows.chunk_by(|one, next| one[..2] == next[..2]) {
        let Some(table) = catalogue.tables.get_mut(same[0][0].as_str()) else {
            continue;
        };
        let names: Vec<String> = same.iter().map(|row| row[2].as_str().to_owned()).collect();
        if names.iter().any(String::is_empty) {
            continue;
        }
        let is_primary = same[0][1].as_str() == "PRIMARY";
        let never_null = |name: &String| table.column(name).is_some_and(|column| column.not_null);
        if table.key.is_empty() && names.iter().all(never_null) {
            table.key.clone_from(&names);
        }
        if is_primary {
            for column in &mut table.columns {
                column.primary |= names.contains(&column.name);
            }
        }
        table.unique.push(names);
    }
    Ok(())
}

async fn read_foreign_keys(
    session: &mut ServerSession<MariaDb>,
    catalogue: &mut Catalogue,
) -> Result<(), ConnectorError> {
    // Names may be written in another case than the table's own where the server does not tell cases apart.
    let spelled: BTreeMap<String, String> = catalogue
        .tables
        .keys()
        .map(|name| (name.to_lowercase(), name.clone()))
        .collect();
    // To look into all databases takes long; what only reads need not know what a deletion would reach.
    let only_here = if session.is_writing() {
        ""
    } else {
        " AND constraint_schema = database()"
    };
    let rules = session
        .rows(Sql::text(format!("{RULES}{only_here}")), 4)
        .await?;
    let schemas: BTreeSet<&str> = rules.iter().map(|row| row[0].as_str()).collect();
    let own = session
        .rows(Sql::text("SELECT database()"), 1)
        .await?
        .concat();
    for schema in schemas {
        let mut pairs = Sql::text(PAIRS);
        pairs.bind_as(Value::text(schema), None);
        pairs.push(" ORDER BY table_name, constraint_name, ordinal_position");
        let rows = session.rows(pairs, 6).await?;
        for same in rows.chunk_by(|one, next| one[..3] == next[..3]) {
            let first = &same[0];
            let relation = first[1].as_str();
            let name = match own.contains(&first[0]) {
                true => relation.to_owned(),
                false => format!("{schema}.{relation}"),
            };
            let rule = rules.iter().find(|rule| rule[..3] == first[..3]);
            let target = first[4].as_str();
            let spelled = spelled.get(&target.to_lowercase());
            let key = ForeignKey {
                pairs: same
                    .iter()
                    .map(|row| (row[3].as_str().to_owned(), row[5].as_str().to_owned()))
                    .collect(),
                target: spelled.map_or(target, String::as_str).to_owned(),
                on_delete: match rule.map_or("", |rule| rule[3].as_str()) {
                    "CASCADE" => OnDelete::Cascade,
                    "SET NULL" | "SET DEFAULT" => OnDelete::Change,
                    _ => OnDelete::Refuse,
                },
                may_defer: false,
            };
            add_key(catalogue, schema, relation, &name, key);
        }
    }
    Ok(())
}

/// Adds the foreign keys of tables that the user may not see: their rows would be deleted or changed all the same.
async fn read_unseen_keys(
    session: &mut ServerSession<MariaDb>,
    catalogue: &mut Catalogue,
) -> Result<(), ConnectorError> {
    let own = session
        .rows(Sql::text("SELECT database()"), 1)
        .await?
        .concat();
    let rows = session.rows(Sql::text(UNSEEN), 8).await;
    let rows = rows.map_err(|error| match error.kind() {
        ErrorKind::Forbidden => ConnectorError::new(
            ErrorKind::Forbidden,
            "the database user may not see all foreign keys, so nobody knows what a deletion would reach; grant it PROCESS",
        ),
        _ => error,
    })?;
    for same in rows.chunk_by(|one, next| one[0] == next[0]) {
        let first = &same[0];
        let (schema, relation) = (first[1].as_str(), first[2].as_str());
        let name = match own.contains(&first[1]) {
            true => relation.to_owned(),
            false => format!("{schema}.{relation}"),
        };
        let key = ForeignKey {
            pairs: same
                .iter()
                .map(|row| (row[6].as_str().to_owned(), row[7].as_str().to_owned()))
                .collect(),
            target: first[3].as_str().to_owned(),
            on_delete: match (first[4].as_integer(), first[5].as_integer()) {
                (0, 0) => OnDelete::Refuse,
                (0, _) => OnDelete::Change,
                _ => OnDelete::Cascade,
            },
            may_defer: false,
        };
        let known = catalogue.tables.get(&name).is_some_and(|table| {
            let mut keys = table.foreign_keys.iter();
            keys.any(|known| known.target == key.target && known.pairs == key.pairs)
        });
        if !known {
            add_key(catalogue, schema, relation, &name, key);
        }
    }
    Ok(())
}

fn add_key(catalogue: &mut Catalogue, schema: &str, relation: &str, name: &str, key: ForeignKey) {
    let table = catalogue.tables.entry(name.to_owned());
    table
        .or_insert_with(|| table_of(schema, relation, name))
        .foreign_keys
        .push(key);
}
