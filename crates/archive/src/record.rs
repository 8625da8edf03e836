//! Records as text: CSV and JSON from one walk over each record.

use std::collections::HashMap;

use adieu_core::{FieldType, Schema};

mod cell;
mod fits;
mod json;
mod key;
mod top;

pub(crate) use cell::quote;
use top::{Top, With};

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
        if csv.len() == before {
            // An empty line would be taken for no record at all.
            csv.extend_from_slice(b"\"\"");
        }
        csv.extend_from_slice(b"\r\n");
    }
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
