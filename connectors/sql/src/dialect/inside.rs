//! What lies inside a column of JSON or of an array, as an expression.
//!
//! A JSON text is what it says, a JSON number only a whole one in its shortest form; nothing else has a value here. What is not
//! JSON has nothing inside. Keys are bound, never written into a statement.

use adieu_core::FieldType;

use crate::catalogue::{Column, ColumnType};
use crate::config::Local;

use super::spelling::Dialect;
use super::sql::{Sql, column};
use super::value::Value;
use super::{mariadb, postgres, sqlite};

impl Dialect {
    /// The text at a place, compared byte by byte; of an element, within a query from [`Dialect::elements`]. NULL where there
    /// is none.
    pub(crate) fn text_inside(self, of: &Column, alias: &str, local: &Local) -> Sql {
        match self {
            Self::Sqlite => sqlite::inside::text(&column(alias, &of.name), local),
            Self::Postgres => postgres::inside::text(of, &column(alias, &of.name), local),
            Self::MariaDb | Self::MySql => mariadb::inside::text(&column(alias, &of.name), local),
        }
    }

    /// Whether an element of the array at a place meets a condition.
    pub(crate) fn any_element(self, of: &Column, alias: &str, local: &Local, meets: Sql) -> Sql {
        let (before, after) = match self {
            // MySQL before 9 makes a join of EXISTS, in which it reads the array of one row for all of them.
            Self::MySql => ("(SELECT count(*) FROM ", ") > 0"),
            _ => ("EXISTS (SELECT 1 FROM ", ")"),
        };
        let mut any = Sql::text(before);
        any.append(self.elements(of, alias, local))
            .push(" WHERE ")
            .append(meets)
            .push(after);
        any
    }

    /// A table of the elements of the array at a place.
    fn elements(self, of: &Column, alias: &str, local: &Local) -> Sql {
        match self {
            Self::Sqlite => sqlite::inside::elements(&column(alias, &of.name), local),
            Self::Postgres => postgres::inside::elements(of, &column(alias, &of.name), local),
            Self::MariaDb | Self::MySql => {
                mariadb::inside::elements(&column(alias, &of.name), local)
            }
        }
    }

    /// How many elements the array at a place has: 0 where there is nothing, and 2 where there is something that is no array,
    /// because nobody can tell then who is meant.
    pub(crate) fn held(self, of: &Column, alias: &str, local: &Local) -> Sql {
        match self {
            Self::Sqlite => sqlite::inside::held(&column(alias, &of.name), local),
            Self::Postgres => postgres::inside::held(of, &column(alias, &of.name), local),
            Self::MariaDb | Self::MySql => mariadb::inside::held(&column(alias, &of.name), local),
        }
    }

    /// Why there is no such place inside a column; none where there may be one.
    pub(crate) fn unopened(self, of: &Column, local: &Local) -> Option<&'static str> {
        let may_be_json = match self {
            Self::Sqlite => {
                let is_number = matches!(of.column_type, ColumnType::Integer | ColumnType::Real);
                !is_number
                    && !matches!(
                        of.field_type,
                        FieldType::Number | FieldType::Boolean | FieldType::Binary
                    )
            }
            Self::Postgres if postgres::inside::is_array(of) => {
                let is_each = local.outer().is_empty() && local.inner().is_empty();
                return (!is_each).then_some("it is an array; write COLUMN[] for its elements");
            }
            Self::Postgres => {
                if of.column_type == ColumnType::Text {
                    return Some(
                        "it is text, of which PostgreSQL cannot tell whether it is JSON; make it json or jsonb",
                    );
                }
                postgres::inside::is_json(of)
            }
            Self::MariaDb | Self::MySql => of.nested || of.column_type == ColumnType::Text,
        };
        (!may_be_json).then_some("it holds neither JSON nor an array")
    }

    /// A column that a place inside another is compared with: as text, byte by byte.
    pub(crate) fn key_as_text(self, of: &Column, alias: &str) -> String {
        let plain = column(alias, &of.name);
        match self {
            // Other values than these equal nothing that JSON holds.
            Self::Sqlite => format!(
                "CASE WHEN typeof({plain}) IN ('integer', 'text') THEN CAST({plain} AS TEXT) END"
            ),
            Self::MariaDb | Self::MySql if of.field_type == FieldType::Binary => "NULL".to_owned(),
            _ => self.byte_by_byte(&self.restored(of, alias)),
        }
    }

    /// The texts that stand inside JSON for a value of a column, where the column can hold it.
    pub(crate) fn texts_of(self, of: &Column, value: &Value) -> Vec<Value> {
        let mut texts: Vec<Value> = Vec::new();
        for form in self.equal_values(of, value) {
            let text = match form {
                Value::Integer(number) => Value::text(number.to_string()),
                Value::Text(text) => Value::Text(text),
                Value::Null | Value::Real(_) | Value::Blob(_) => continue,
            };
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        texts
    }
}
