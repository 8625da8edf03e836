//! Records as text: CSV and JSON from one walk over each record.

use std::collections::HashMap;

use adieu_core::{FieldType, FieldValue, Schema};

mod cell;
mod fits;
mod json;
mod key;
mod top;

use cell::Cell;
pub(crate) use cell::quote;
use top::{Top, With};

/// What is wrong with a record that no serializer takes.
const UNWRITABLE: &str = "a record cannot be serialized as a map or a struct";

/// Writes the records of one collection.
pub(crate) struct Rows {
    columns: Vec<Column>,
    by_name: HashMap<String, usize>,
    /// The label of the column that keeps undeclared fields, when the schema is open.
    rest: Option<String>,
    formula_safe: bool,
    /// The cells of the record at hand, in the order of its fields.
    cells: Vec<u8>,
    /// The undeclared fields of the record at hand, as JSON without braces.
    others: Vec<u8>,
    /// Which column is likely to come next.
    next: usize,
}

struct Column {
    field_type: FieldType,
    name: String,
    label: String,
    /// The name as JSON, with its colon.
    key: Vec<u8>,
    /// Where in `cells` this record's value is.
    span: Option<(usize, usize)>,
    misfit: bool,
}

impl Rows {
    /// A writer for this schema. `misfits` are the columns of which an earlier page knows that not all values fit their type.
    pub(crate) fn new(
        schema: &Schema,
        misfits: &[u32],
        formula_safe: bool,
    ) -> Result<Self, &'static str> {
        let labels = labels(schema);
        let mut by_name = HashMap::with_capacity(schema.fields.len());
        let mut columns = Vec::with_capacity(schema.fields.len());
        for (index, (field, label)) in schema.fields.iter().zip(labels.fields).enumerate() {
            if by_name.insert(field.name.clone(), index).is_some() {
                return Err("a schema has two fields of one name");
            }
            let mut key = Vec::new();
            json::text(&field.name, &mut key);
            key.push(b':');
            let misfit = misfits.iter().any(|column| *column as usize == index);
            columns.push(Column {
                field_type: field.field_type,
                name: field.name.clone(),
                label,
                key,
                span: None,
                misfit,
            });
        }
        let (cells, others) = (Vec::new(), Vec::new());
        Ok(Self {
            columns,
            by_name,
            rest: labels.rest,
            formula_safe,
            cells,
            others,
            next: 0,
        })
    }

    /// Writes the line of column names.
    pub(crate) fn write_header(&self, csv: &mut Vec<u8>) {
        let labels = self
            .columns
            .iter()
            .map(|column| &column.label)
            .chain(&self.rest);
        for (index, label) in labels.enumerate() {
            if index > 0 {
                csv.push(b',');
            }
            quote(label.as_bytes(), csv);
        }
        csv.extend_from_slice(b"\r\n");
    }

    /// Writes one record as a JSON object, a CSV line, or both; `json` is written to in any case, and holds no record when
    /// `with_json` is false. After an error both may hold a part of it.
    pub(crate) fn write(
        &mut self,
        record: &dyn erased_serde::Serialize,
        csv: Option<&mut Vec<u8>>,
        json: &mut Vec<u8>,
        with_json: bool,
    ) -> Result<(), &'static str> {
        self.cells.clear();
        self.others.clear();
        self.next = 0;
        for column in &mut self.columns {
            column.span = None;
        }
        let with = With {
            csv: csv.is_some(),
            json: with_json,
        };
        Top::write(self, record, json, with)?;
        if let Some(csv) = csv {
            self.write_line(csv);
        }
        Ok(())
    }

    /// Writes one record that has a value for each column in their order, as [`Rows::write`] writes a map of them.
    pub(crate) fn write_values(
        &mut self,
        values: &[FieldValue<'_>],
        mut csv: Option<&mut Vec<u8>>,
        json: &mut Vec<u8>,
        with_json: bool,
    ) -> Result<(), &'static str> {
        if values.len() != self.columns.len() {
            return Err("a record has not one value for each field of its schema");
        }
        let begun = csv.as_ref().map_or(0, |csv| csv.len());
        for (index, (column, value)) in self.columns.iter_mut().zip(values).enumerate() {
            if let Some(csv) = csv.as_mut().filter(|_| index > 0) {
                csv.push(b',');
            }
            if with_json {
                json.push(if index > 0 { b',' } else { b'{' });
                json.extend_from_slice(&column.key);
            }
            let cell = Cell {
                json,
                with_texts: with_json,
                cells: csv.as_deref_mut(),
                field_type: column.field_type,
                misfit: &mut column.misfit,
                formula_safe: self.formula_safe,
            };
            cell.write(value).map_err(|_| UNWRITABLE)?;
        }
        if with_json {
            json.extend_from_slice(if values.is_empty() { b"{}" } else { b"}" });
        }
        if let Some(csv) = csv {
            if self.rest.is_some() && !values.is_empty() {
                csv.push(b',');
            }
            end_line(csv, begun);
        }
        Ok(())
    }

    /// The columns in which a value did not fit the declared type.
    pub(crate) fn misfits(&self) -> Vec<u32> {
        let misfits = (0..).zip(&self.columns).filter(|(_, column)| column.misfit);
        misfits.map(|(index, _)| index).collect()
    }

    fn write_line(&mut self, csv: &mut Vec<u8>) {
        let before = csv.len();
        for (index, column) in self.columns.iter().enumerate() {
            if index > 0 {
                csv.push(b',');
            }
            if let Some((start, end)) = column.span {
                csv.extend_from_slice(&self.cells[start..end]);
            }
        }
        if self.rest.is_some() {
            if !self.columns.is_empty() {
                csv.push(b',');
            }
            if !self.others.is_empty() {
                self.others.insert(0, b'{');
                self.others.push(b'}');
                quote(&self.others, csv);
            }
        }
        end_line(csv, before);
    }
}

/// Ends the line that began here. An empty one would be taken for no record at all.
fn end_line(csv: &mut Vec<u8>, begun: usize) {
    if csv.len() == begun {
        csv.extend_from_slice(b"\"\"");
    }
    csv.extend_from_slice(b"\r\n");
}

/// The names of the columns in CSV: those of the fields, made unique and never blank.
pub(crate) struct Labels {
    pub(crate) fields: Vec<String>,
    pub(crate) rest: Option<String>,
}

pub(crate) fn labels(schema: &Schema) -> Labels {
    let mut taken = std::collections::HashSet::new();
    let mut unique = |wanted: String| {
        let mut label = wanted.clone();
        let mut count = 1_u32;
        while !taken.insert(label.to_lowercase()) {
            count += 1;
            label = format!("{wanted}_{count}");
        }
        label
    };
    let clean = |(index, name): (usize, &str)| {
        let name: String = name
            .chars()
            .map(|c| {
                if c.is_control() || c == '\u{feff}' {
                    ' '
                } else {
                    c
                }
            })
            .collect();
        match name.trim() {
            "" => format!("field_{}", index + 1),
            name => name.to_owned(),
        }
    };
    let names = schema.fields.iter().map(|field| field.name.as_str());
    let fields = names.enumerate().map(clean).map(&mut unique).collect();
    let rest = schema.open.then(|| unique("other_fields".to_owned()));
    Labels { fields, rest }
}

#[cfg(test)]
mod tests {
    use adieu_core::Field;
    use adieu_core::provider_json::Passed;
    use proptest::prelude::*;

    use super::*;

    /// A value as it is generated, to borrow from.
    #[derive(Clone, Debug)]
    enum Made {
        Null,
        Boolean(bool),
        Integer(i64),
        Float(f64),
        Decimal(String),
        Text(String),
        Bytes(Vec<u8>),
        Json(String),
    }

    impl Made {
        fn value(&self) -> FieldValue<'_> {
            match self {
                Self::Null => FieldValue::Null,
                Self::Boolean(value) => FieldValue::Boolean(*value),
                Self::Integer(value) => FieldValue::Integer(*value),
                Self::Float(value) => FieldValue::Float(*value),
                Self::Decimal(digits) => FieldValue::decimal(digits),
                Self::Text(text) => FieldValue::Text(text.into()),
                Self::Bytes(bytes) => FieldValue::Bytes(bytes),
                Self::Json(json) => FieldValue::Json(Passed::new(json.as_bytes()).unwrap()),
            }
        }
    }

    fn json() -> impl Strategy<Value = String> {
        let text = r#"[^"\\[:cntrl:]]{0,6}|\\n|\\u00e9|\\ud83d|\\\\"#;
        let scalar = prop_oneof![
            Just("null".to_owned()),
            // As both ways write them: a float is else written in its shortest form where it is read.
            "-?[1-9][0-9]{0,20}",
            "[0-9]\\.[0-9]{0,14}[1-9]",
            text.prop_map(|text| format!("\"{text}\"")),
        ];
        scalar.prop_recursive(3, 12, 3, |inner| {
            let key = r#" ?"[a-z ]{0,3}" ?"#;
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3)
                    .prop_map(|all| format!(" [{}\n]", all.join(" , "))),
                proptest::collection::vec((key, inner), 0..3).prop_map(|all| {
                    let all: Vec<_> = all.into_iter().map(|(k, v)| format!("{k}:\t{v}")).collect();
                    format!("{{{}}} ", all.join(", "))
                }),
            ]
        })
    }

    fn made() -> impl Strategy<Value = Made> {
        prop_oneof![
            Just(Made::Null),
            any::<bool>().prop_map(Made::Boolean),
            any::<i64>().prop_map(Made::Integer),
            any::<f64>().prop_map(Made::Float),
            "-?[0-9]{1,16}(\\.[0-9]{1,4})?".prop_map(Made::Decimal),
            "[=+@a,\"\r\n é]{0,8}|2024-02-(29|30)|(2|12):30:00|P1D|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}".prop_map(Made::Text),
            // Of two bytes the base64 is never a number or a date.
            proptest::collection::vec(any::<u8>(), 0..3).prop_map(Made::Bytes),
            json().prop_map(Made::Json),
        ]
    }

    fn field_type() -> impl Strategy<Value = FieldType> {
        use FieldType::{
            Any, Array, Binary, Boolean, Date, Integer, Number, Object, String, Time, Uuid,
        };
        proptest::sample::select(vec![
            String, Integer, Number, Boolean, Date, Time, Uuid, Binary, Object, Array, Any,
        ])
    }

    /// What is written of two records, in each form, and the columns that did not fit.
    type Written = (Vec<u8>, Vec<u8>, Vec<u32>);

    fn written(
        schema: &Schema,
        formula_safe: bool,
        (with_csv, with_json): (bool, bool),
        write: impl Fn(&mut Rows, Option<&mut Vec<u8>>, &mut Vec<u8>, bool),
    ) -> Written {
        let mut rows = Rows::new(schema, &[], formula_safe).unwrap();
        let (mut csv, mut json) = (Vec::new(), Vec::new());
        for _ in 0..2 {
            write(
                &mut rows,
                with_csv.then_some(&mut csv),
                &mut json,
                with_json,
            );
            if !with_json {
                json.clear();
            }
        }
        (csv, json, rows.misfits())
    }

    proptest! {
        #[test]
        fn values_are_written_as_a_map_of_them_is(
            columns in proptest::collection::vec((field_type(), made()), 0..5),
            open in any::<bool>(),
            formula_safe in any::<bool>(),
            forms in proptest::sample::select(vec![(true, true), (true, false), (false, true)]),
        ) {
            let fields = (0..).zip(&columns).map(|(at, (kind, _))| Field::new(format!("f{at}"), *kind));
            let schema = Schema { fields: fields.collect(), open };
            let values: Vec<_> = columns.iter().map(|(_, made)| made.value()).collect();
            let map: Vec<_> = schema.fields.iter().map(|field| &field.name).zip(&values).collect();
            let map = serde_map(&map);
            let by_values = written(&schema, formula_safe, forms, |rows, csv, json, with_json| {
                rows.write_values(&values, csv, json, with_json).unwrap();
            });
            let by_map = written(&schema, formula_safe, forms, |rows, csv, json, with_json| {
                rows.write(&map, csv, json, with_json).unwrap();
            });
            prop_assert_eq!(
                (String::from_utf8(by_values.0), String::from_utf8(by_values.1), by_values.2),
                (String::from_utf8(by_map.0), String::from_utf8(by_map.1), by_map.2)
            );
        }
    }

    fn serde_map<'a>(
        entries: &'a [(&'a String, &'a FieldValue<'a>)],
    ) -> impl serde::Serialize + 'a {
        struct Map<'a>(&'a [(&'a String, &'a FieldValue<'a>)]);
        impl serde::Serialize for Map<'_> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map(self.0.iter().copied())
            }
        }
        Map(entries)
    }

    #[test]
    fn a_record_of_another_length_is_refused() {
        let schema = Schema::closed([Field::new("a", FieldType::String)]);
        let mut rows = Rows::new(&schema, &[], false).unwrap();
        for values in [&[][..], &[FieldValue::Null, FieldValue::Null]] {
            assert!(
                rows.write_values(values, None, &mut Vec::new(), true)
                    .is_err()
            );
        }
    }
}
