//! What stands around the tables and acts on them or shows them: triggers and views.

use adieu_core::ConnectorError;

use super::{Dialect, Session, Sql};

/// The triggers and views of a database.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    pub(crate) triggers: Vec<Trigger>,
    pub(crate) views: Vec<View>,
}

/// A trigger, which the database runs by itself.
#[derive(Debug)]
pub(crate) struct Trigger {
    pub(crate) name: String,
    /// The table, as the catalogue calls it.
    pub(crate) table: String,
    pub(crate) on_delete: bool,
    pub(crate) on_update: bool,
}

/// A view that reads a table.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) name: String,
    pub(crate) table: String,
    /// Whether it keeps a copy of the rows until it is refreshed.
    pub(crate) is_copy: bool,
}

/// In each dialect the same columns: 1 for a trigger, 2 for a view, 3 for a view that is a copy; its name; its table, or nothing
/// where only the text tells it; whether it is run for DELETE and for UPDATE; its text.
const SQLITE: &str = "
    SELECT CASE type WHEN 'trigger' THEN 1 ELSE 2 END, name, CASE type WHEN 'trigger' THEN tbl_name ELSE '' END, 0, 0, coalesce(sql, '')
    FROM sqlite_schema WHERE type IN ('trigger', 'view') ORDER BY name";

const POSTGRES: &str = "
    WITH named AS (
        SELECT c.oid, c.relkind, CASE WHEN pg_table_is_visible(c.oid) THEN c.relname ELSE n.nspname || '.' || c.relname END AS name
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace)
    SELECT 1, t.tgname::text, c.name::text, (t.tgtype & 8 <> 0)::int, (t.tgtype & 16 <> 0)::int, ''
    FROM pg_trigger t JOIN named c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal AND t.tgenabled <> 'D'
    UNION SELECT CASE v.relkind WHEN 'm' THEN 3 ELSE 2 END, v.name::text, c.name::text, 0, 0, ''
    FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid JOIN named v ON v.oid = r.ev_class AND v.relkind IN ('v', 'm')
    JOIN named c ON c.oid = d.refobjid AND c.relkind IN ('r', 'p')
    WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass ORDER BY 1, 2, 3";

const MARIADB: &str = "
    SELECT 1, trigger_name, event_object_table, event_manipulation = 'DELETE', event_manipulation = 'UPDATE', ''
    FROM information_schema.triggers WHERE trigger_schema = database()
    UNION ALL SELECT 2, table_name, '', 0, 0, view_definition FROM information_schema.views
    WHERE table_schema = database() ORDER BY 1, 2, 3";

impl Session {
    /// Reads the triggers and views. They change nothing in what is asked of a table, so they belong to no catalogue that is kept.
    pub(crate) async fn surroundings(
        &mut self,
        dialect: Dialect,
        tables: &[&str],
    ) -> Result<Surroundings, ConnectorError> {
        let text = match dialect {
            Dialect::Sqlite => SQLITE,
            Dialect::Postgres => POSTGRES,
            Dialect::MariaDb | Dialect::MySql => MARIADB,
        };
        let mut around = Surroundings::default();
        for row in self.rows(Sql::text(text), 6).await? {
            let (name, table, body) = (row[1].as_str(), row[2].as_str(), row[5].as_str());
            if row[0].as_integer() == 1 {
                let event = events(body);
                around.triggers.push(Trigger {
                    name: name.to_owned(),
                    table: table.to_owned(),
                    on_delete: row[3].as_integer() != 0 || event == Some("DELETE"),
                    on_update: row[4].as_integer() != 0 || event == Some("UPDATE"),
                });
                continue;
            }
            let named: Vec<&str> = match table {
                "" => tables
                    .iter()
                    .copied()
                    .filter(|one| mentions(body, one))
                    .collect(),
                table => vec![table],
            };
            around.views.extend(named.into_iter().map(|table| View {
                name: name.to_owned(),
                table: table.to_owned(),
                is_copy: row[0].as_integer() == 3,
            }));
        }
        Ok(around)
    }
}

/// The event in the text of a trigger, which stands before its `ON`.
fn events(text: &str) -> Option<&'static str> {
    let upper = text.to_ascii_uppercase();
    upper
        .split_whitespace()
        .take_while(|word| *word != "ON")
        .find_map(|word| {
            ["DELETE", "UPDATE"]
                .into_iter()
                .find(|event| *event == word)
        })
}

/// Whether a text has a name in it as a word of its own.
fn mentions(text: &str, name: &str) -> bool {
    let (text, name) = (text.to_lowercase(), name.to_lowercase());
    let is_part =
        |letter: Option<char>| letter.is_some_and(|one| one.is_alphanumeric() || one == '_');
    text.match_indices(&name).any(|(at, _)| {
        !is_part(text[..at].chars().next_back()) && !is_part(text[at + name.len()..].chars().next())
    })
}
