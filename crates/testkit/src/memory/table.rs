//! Tables and what an erasure does to their records.

use adieu_core::{
    Collection, CollectionName, Disposition, ErrorKind, Field, FieldType, Identity, IdentityKind,
    InvalidWord, Need, Retention, Schema, Subject, Support,
};
use bytes::Bytes;
use jiff::civil::Date;
use serde_json::{Map, Value};

/// A table to be created: how its records are found, what they yield, and what an erasure does to them.
#[derive(Clone, Debug)]
pub struct Table {
    name: String,
    needs: Vec<Vec<(String, String)>>,
    tenant: Option<String>,
    yields: Vec<(String, String)>,
    fields: Vec<Field>,
    rule: Rule,
    export: Support,
    erasure: Support,
}

/// What an erasure does to a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Deletes it.
    Delete,
    /// Sets these fields to null.
    Pseudonymize(Vec<String>),
    /// Keeps it, and sets these fields to null.
    Retain {
        /// Why, and until when.
        retention: Retention,
        /// The fields that are replaced all the same.
        pseudonymize: Vec<String>,
    },
    /// Marks it, to be deleted later by [`MemorySystem::carry_out_schedule`](super::MemorySystem::carry_out_schedule).
    Schedule {
        /// By when.
        by: Option<Date>,
    },
    /// Refuses: a poisoned record, which is counted as failed.
    Refuse(ErrorKind),
}

impl Table {
    /// A table whose records are deleted by an erasure. Without [`Table::found_by`], nobody reaches it.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            needs: Vec::new(),
            tenant: None,
            yields: Vec::new(),
            fields: Vec::new(),
            rule: Rule::Delete,
            export: Support::Offered,
            erasure: Support::Offered,
        }
    }

    /// Its records are found by this kind of identity in this field. Said several times, any of them is enough.
    #[must_use]
    pub fn found_by(self, kind: impl Into<String>, field: impl Into<String>) -> Self {
        self.found_by_all([(kind.into(), field.into())])
    }

    /// Its records are found by these kinds of identity together.
    #[must_use]
    pub fn found_by_all<K: Into<String>, F: Into<String>>(
        mut self,
        kinds: impl IntoIterator<Item = (K, F)>,
    ) -> Self {
        let need = kinds
            .into_iter()
            .map(|(kind, field)| (kind.into(), field.into()));
        self.needs.push(need.collect());
        self
    }

    /// Its records are found only within the tenant that stands in this field.
    #[must_use]
    pub fn within_tenant(mut self, field: impl Into<String>) -> Self {
        self.tenant = Some(field.into());
        self
    }

    /// Its records yield identities of this kind from this field.
    #[must_use]
    pub fn yields(mut self, kind: impl Into<String>, field: impl Into<String>) -> Self {
        self.yields.push((kind.into(), field.into()));
        self
    }

    /// Declares a field. Where none is declared, records may have any; where one is, they have no others.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, field_type: FieldType) -> Self {
        self.fields.push(Field::new(name, field_type));
        self
    }

    /// What an erasure does to its records, unless one has a rule of its own.
    #[must_use]
    pub fn on_erasure(mut self, rule: Rule) -> Self {
        self.rule = rule;
        self
    }

    /// The system has no way to read it.
    #[must_use]
    pub fn refusing_export(mut self, why: impl Into<String>) -> Self {
        self.export = Support::Refused(why.into());
        self
    }

    /// The system has no way to erase it.
    #[must_use]
    pub fn refusing_erasure(mut self, why: impl Into<String>) -> Self {
        self.erasure = Support::Refused(why.into());
        self
    }

    pub(super) fn create(self) -> Result<Stored, InvalidWord> {
        let mut finds = Vec::new();
        let mut needs = Vec::new();
        for need in self.needs {
            let kinds = need
                .into_iter()
                .map(|(kind, field)| Ok((IdentityKind::new(kind)?, field)));
            let kinds = kinds.collect::<Result<Vec<_>, InvalidWord>>()?;
            let need = Need::all(kinds.iter().map(|(kind, _)| kind.clone()));
            needs.push(if self.tenant.is_some() {
                need.within_tenant()
            } else {
                need
            });
            finds.push(kinds);
        }
        let mut collection = Collection::new(CollectionName::new(self.name)?, needs);
        let yields = self
            .yields
            .into_iter()
            .map(|(kind, field)| Ok((IdentityKind::new(kind)?, field)));
        let yields = yields.collect::<Result<Vec<_>, InvalidWord>>()?;
        collection.yields = yields.iter().map(|(kind, _)| kind.clone()).collect();
        collection.export = self.export;
        collection.erasure = self.erasure;
        let schema = if self.fields.is_empty() {
            Schema::open([])
        } else {
            Schema::closed(self.fields)
        };
        Ok(Stored {
            collection,
            finds,
            tenant: self.tenant,
            yields,
            schema,
            rule: self.rule,
            records: Default::default(),
        })
    }
}

/// A table with its records, by key.
pub(super) struct Stored {
    pub(super) collection: Collection,
    finds: Vec<Vec<(IdentityKind, String)>>,
    tenant: Option<String>,
    yields: Vec<(IdentityKind, String)>,
    pub(super) schema: Schema,
    rule: Rule,
    pub(super) records: std::collections::BTreeMap<String, Record>,
}

#[derive(Clone, Default)]
pub(super) struct Record {
    pub(super) fields: Map<String, Value>,
    pub(super) rule: Option<Rule>,
    pub(super) files: Vec<(adieu_core::Attachment, Bytes)>,
    pub(super) scheduled: bool,
    pub(super) unreadable: bool,
}

impl Stored {
    /// The keys of the subject's records that come after this one.
    pub(super) fn keys(&self, subject: &Subject, after: Option<&str>) -> Vec<String> {
        let all = self
            .records
            .iter()
            .filter(|(key, _)| after.is_none_or(|after| key.as_str() > after));
        all.filter(|(_, record)| self.is_about(subject, record))
            .map(|(key, _)| key.clone())
            .collect()
    }

    pub(super) fn identities(&self, record: &Record) -> Vec<Identity> {
        let found = self.yields.iter().filter_map(|(kind, field)| {
            let value = text(record.fields.get(field)?)?;
            Identity::new(kind.as_str(), value).ok()
        });
        found.collect()
    }

    /// The one classifier that survey and erasure ask; an error is a record that refuses.
    pub(super) fn classify(&self, record: &Record) -> Result<Disposition, ErrorKind> {
        let rule = record.rule.as_ref().unwrap_or(&self.rule);
        let full = |fields: &[String]| {
            fields
                .iter()
                .any(|field| record.fields.get(field).is_some_and(|v| !v.is_null()))
        };
        Ok(match rule {
            Rule::Delete => Disposition::Erase,
            Rule::Pseudonymize(fields) if full(fields) => Disposition::Pseudonymize,
            Rule::Pseudonymize(_) => Disposition::Absent,
            Rule::Retain {
                retention,
                pseudonymize,
            } => Disposition::Retain {
                retention: retention.clone(),
                pseudonymize: full(pseudonymize),
            },
            Rule::Schedule { by } => Disposition::Scheduled { by: *by },
            Rule::Refuse(kind) => return Err(*kind),
        })
    }

    /// Erases one record as the classifier says; a record that is not there is absent.
    pub(super) fn erase(&mut self, subject: &Subject, key: &str) -> Result<Disposition, ErrorKind> {
        let Some(record) = self
            .records
            .get(key)
            .filter(|record| self.is_about(subject, record))
        else {
            return Ok(Disposition::Absent);
        };
        let disposition = self.classify(record)?;
        let rule = record.rule.clone().unwrap_or_else(|| self.rule.clone());
        if disposition == Disposition::Erase {
            self.records.remove(key);
        } else if let Some(record) = self.records.get_mut(key) {
            match rule {
                Rule::Pseudonymize(fields)
                | Rule::Retain {
                    pseudonymize: fields,
                    ..
                } => {
                    for field in fields {
                        record
                            .fields
                            .entry(field)
                            .and_modify(|value| *value = Value::Null);
                    }
                }
                Rule::Schedule { .. } => record.scheduled = true,
                Rule::Delete | Rule::Refuse(_) => {}
            }
        }
        Ok(disposition)
    }

    fn is_about(&self, subject: &Subject, record: &Record) -> bool {
        let holds = |field: &String, wanted: &str| {
            record
                .fields
                .get(field)
                .and_then(text)
                .is_some_and(|v| v == wanted)
        };
        let tenant = match (&self.tenant, subject.tenant()) {
            (None, _) => true,
            (Some(field), Some(tenant)) => holds(field, tenant.expose()),
            (Some(_), None) => false,
        };
        tenant
            && self.finds.iter().any(|need| {
                !need.is_empty()
                    && need.iter().all(|(kind, field)| {
                        subject
                            .values(kind)
                            .any(|value| holds(field, value.expose()))
                    })
            })
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
