//! A body that is sent as JSON.

use adieu_core::ConnectorError;
use serde_json::Value;

use crate::template::{Hole, Scope, Template, Values, lacks};

/// A body that is sent as JSON, with placeholders in its texts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum JsonTemplate {
    Text(Template),
    Fixed(Value),
    List(Vec<JsonTemplate>),
    Map(Vec<(String, JsonTemplate)>),
}

impl JsonTemplate {
    /// # Errors
    /// When a placeholder is wrong, or a value is not of JSON.
    pub(crate) fn parse(value: &toml::Value, scope: Scope<'_>) -> Result<Self, String> {
        Ok(match value {
            toml::Value::String(text) => Self::Text(Template::parse(text, scope)?),
            toml::Value::Integer(number) => Self::Fixed(Value::from(*number)),
            toml::Value::Float(number) => Self::Fixed(Value::from(*number)),
            toml::Value::Boolean(truth) => Self::Fixed(Value::from(*truth)),
            toml::Value::Datetime(_) => return Err("JSON has no dates; write a text".to_owned()),
            toml::Value::Array(list) => Self::List(
                list.iter()
                    .map(|one| Self::parse(one, scope))
                    .collect::<Result<_, _>>()?,
            ),
            toml::Value::Table(table) => {
                let pairs = table
                    .iter()
                    .map(|(key, one)| Ok((key.clone(), Self::parse(one, scope)?)));
                Self::Map(pairs.collect::<Result<_, String>>()?)
            }
        })
    }

    pub(crate) fn holes(&self) -> Vec<&Hole> {
        match self {
            Self::Text(template) => template.holes().collect(),
            Self::Fixed(_) => Vec::new(),
            Self::List(list) => list.iter().flat_map(Self::holes).collect(),
            Self::Map(pairs) => pairs.iter().flat_map(|(_, one)| one.holes()).collect(),
        }
    }

    /// Whether every place of a record lies within a list, which is then repeated for each; nothing when there is no such place.
    pub(crate) fn names_every_record(&self) -> Option<bool> {
        match self {
            Self::Fixed(_) => None,
            Self::Text(template) => template.holes().any(Hole::is_of_a_record).then_some(false),
            Self::List(list) => list
                .iter()
                .any(|one| one.holes().into_iter().any(Hole::is_of_a_record))
                .then_some(true),
            Self::Map(pairs) => pairs
                .iter()
                .filter_map(|(_, one)| one.names_every_record())
                .reduce(|one, other| one && other),
        }
    }

    /// The body for these records: a list with a place of a record in it has one element for each of them.
    ///
    /// # Errors
    /// As [`Template::render`].
    pub(crate) fn render(
        &self,
        values: &Values<'_>,
        records: &[&Value],
    ) -> Result<Value, ConnectorError> {
        Ok(match self {
            Self::Fixed(value) => value.clone(),
            Self::Text(template) => match template.as_record() {
                Some(path) => values
                    .record
                    .and_then(|record| path.first(record))
                    .cloned()
                    .ok_or_else(|| lacks(path))?,
                None => Value::String(template.render(values)?),
            },
            Self::List(list) => {
                let mut rendered = Vec::new();
                for one in list {
                    if one.holes().into_iter().any(Hole::is_of_a_record) {
                        for record in records {
                            let values = Values {
                                record: Some(record),
                                ..*values
                            };
                            rendered.push(one.render(&values, &[record])?);
                        }
                    } else {
                        rendered.push(one.render(values, records)?);
                    }
                }
                Value::Array(rendered)
            }
            Self::Map(pairs) => {
                let pairs = pairs
                    .iter()
                    .map(|(key, one)| Ok((key.clone(), one.render(values, records)?)));
                Value::Object(pairs.collect::<Result<_, ConnectorError>>()?)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_keeps_types_and_repeats_a_list_for_each_record() {
        let value: toml::Value =
            toml::from_str("ids = [\"{$.id}\"]\nkind = \"GDPR\"\nn = 1").unwrap();
        let scope = Scope {
            settings: &[],
            identities: &[],
            record: true,
            job: false,
        };
        let body = JsonTemplate::parse(&value, scope).unwrap();
        let (one, other) = (json!({"id": 1}), json!({"id": "b"}));
        let values = Values {
            settings: &BTreeMap::new(),
            identities: &[],
            record: Some(&one),
            job: None,
        };
        let json = body.render(&values, &[&one, &other]).unwrap();
        assert_eq!(json, json!({"ids": [1, "b"], "kind": "GDPR", "n": 1}));
    }
}
