//! Picking values out of a provider's JSON.

use std::fmt;

use serde_json::Value;

/// Where a value lies in JSON: the part of JSONPath (RFC 9535) that names places and does not search. `$`, `.name`, `['name']`,
/// `[0]`, and `[*]` for every element of an array or every value of an object.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct JsonPath {
    text: String,
    segments: Vec<Segment>,
}

#[derive(Clone, PartialEq, Eq)]
enum Segment {
    Name(String),
    Index(usize),
    All,
}

impl JsonPath {
    /// # Errors
    /// When it is not such a path, in words that say what would be.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` names no place; write `$.name`, `$['a name']`, `$.list[0]` or `$.list[*].name`"
            )
        };
        let mut segments = Vec::new();
        let mut rest = text.strip_prefix('$').ok_or_else(wrong)?;
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix("[*]").or_else(|| rest.strip_prefix(".*")) {
                segments.push(Segment::All);
                rest = after;
            } else if let Some(after) = rest.strip_prefix("['") {
                let (name, after) = after.split_once("']").ok_or_else(wrong)?;
                segments.push(Segment::Name(name.to_owned()));
                rest = after;
            } else if let Some(after) = rest.strip_prefix('[') {
                let (index, after) = after.split_once(']').ok_or_else(wrong)?;
                segments.push(Segment::Index(index.parse().map_err(|_| wrong())?));
                rest = after;
            } else {
                let after = rest.strip_prefix('.').ok_or_else(wrong)?;
                let end = after.find(['.', '[']).unwrap_or(after.len());
                let (name, after) = after.split_at(end);
                if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
                    return Err(wrong());
                }
                segments.push(Segment::Name(name.to_owned()));
                rest = after;
            }
        }
        Ok(Self {
            text: text.to_owned(),
            segments,
        })
    }

    /// Every value at this place, in order. `null` is no value.
    pub(crate) fn all<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        let mut found = vec![value];
        for segment in &self.segments {
            found = found
                .into_iter()
                .flat_map(|value| segment.of(value))
                .collect();
        }
        found.retain(|value| !value.is_null());
        found
    }

    /// The first of them.
    pub(crate) fn first<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.all(value).first().copied()
    }

    /// The first of them as text, when it is a text, a number or a truth value.
    pub(crate) fn text(&self, value: &Value) -> Option<String> {
        self.first(value).and_then(scalar)
    }
}

impl Segment {
    fn of<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        match (self, value) {
            (Self::Name(name), Value::Object(object)) => object.get(name).into_iter().collect(),
            (Self::Index(index), Value::Array(array)) => array.get(*index).into_iter().collect(),
            (Self::All, Value::Array(array)) => array.iter().collect(),
            (Self::All, Value::Object(object)) => object.values().collect(),
            _ => Vec::new(),
        }
    }
}

/// A value as it stands in a path, a query or a comparison.
pub(crate) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

impl fmt::Debug for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn picked(path: &str, value: &Value) -> Vec<Value> {
        JsonPath::parse(path)
            .unwrap()
            .all(value)
            .into_iter()
            .cloned()
            .collect()
    }

    #[test]
    fn a_path_names_places_and_finds_what_is_there() {
        let value = json!({"data": [{"id": 1, "e": null}, {"id": "b"}], "$distinct_id": "d", "by": {"x": {"n": 1}, "y": {"n": 2}}});
        assert_eq!(picked("$", &value), std::slice::from_ref(&value));
        assert_eq!(picked("$.data[*].id", &value), [json!(1), json!("b")]);
        assert_eq!(picked("$.data[1].id", &value), [json!("b")]);
        assert_eq!(picked("$['$distinct_id']", &value), [json!("d")]);
        assert_eq!(picked("$.by[*].n", &value), [json!(1), json!(2)]);
        for nothing in [
            "$.data.id",
            "$.data[7]",
            "$.data[*].e",
            "$.none",
            "$.data[0].id.x",
        ] {
            assert!(picked(nothing, &value).is_empty(), "{nothing}");
        }
    }

    #[test]
    fn what_searches_or_makes_no_sense_is_refused() {
        for bad in [
            "", "data", "$..id", "$.", "$.a b", "$[", "$[-1]", "$['a'", "$[?@.x]", "$.a[*]b",
        ] {
            assert!(JsonPath::parse(bad).is_err(), "{bad} was accepted");
        }
    }
}
