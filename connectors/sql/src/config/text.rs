//! Reading the places where the mapping allows a short form and a long one.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::table::{Columns, EraseMapping, Pseudonymizer, Reference, References, RetainMapping};

impl<'de> Deserialize<'de> for Columns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = Columns;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a column, or a list of columns")
            }

            fn visit_str<E: Error>(self, column: &str) -> Result<Columns, E> {
                Ok(Columns(vec![column.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, columns: A) -> Result<Columns, A::Error> {
                Deserialize::deserialize(SeqAccessDeserializer::new(columns)).map(Columns)
            }
        }
        deserializer.deserialize_any(Form)
    }
}

impl<'de> Deserialize<'de> for References {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = References;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of columns, such as { customer_id = \"customers.id\" }, or a list of such tables")
            }

            fn visit_map<A: MapAccess<'de>>(self, pairs: A) -> Result<References, A::Error> {
                let one = Reference::deserialize(MapAccessDeserializer::new(pairs))?;
                Ok(References(vec![one]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<References, A::Error> {
                Deserialize::deserialize(SeqAccessDeserializer::new(list)).map(References)
            }
        }
        deserializer.deserialize_any(Form)
    }
}

impl<'de> Deserialize<'de> for EraseMapping {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Long {
            retain: Option<RetainMapping>,
            pseudonymize: Option<BTreeMap<String, Pseudonymizer>>,
        }

        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = EraseMapping;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"delete\", or a table with `pseudonymize`, `retain` or both")
            }

            fn visit_str<E: Error>(self, word: &str) -> Result<EraseMapping, E> {
                match word {
                    "delete" => Ok(EraseMapping::Delete),
                    other => Err(E::unknown_variant(other, &["delete"])),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, keys: A) -> Result<EraseMapping, A::Error> {
                let long = Long::deserialize(MapAccessDeserializer::new(keys))?;
                match (long.retain, long.pseudonymize) {
                    (Some(retain), columns) => {
                        Ok(EraseMapping::Retain(retain, columns.unwrap_or_default()))
                    }
                    (None, Some(columns)) => Ok(EraseMapping::Pseudonymize(columns)),
                    (None, None) => Err(A::Error::custom(
                        "`erase` needs `pseudonymize` or `retain`; or write erase = \"delete\"",
                    )),
                }
            }
        }
        deserializer.deserialize_any(Form)
    }
}
