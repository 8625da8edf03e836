//! The handle to a system in memory.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use adieu_core::{
    Attachment, Blocker, CollectionName, ConnectorName, Descriptor, ErrorKind, Identity,
    InvalidWord, Processor,
};
use bytes::Bytes;
use serde_json::Value;

use super::connector::MemoryConnector;
use super::switches::{Calls, Switches};
use super::table::{Record, Rule, Stored, Table};

/// A system in memory: tables of JSON records, and switches to make it fail. Clones are handles to the same system.
#[derive(Clone, Default)]
pub struct MemorySystem(Arc<Mutex<Inside>>);

#[derive(Default)]
pub(super) struct Inside {
    pub(super) tables: Vec<Stored>,
    pub(super) blockers: Vec<(Identity, Blocker)>,
    pub(super) switches: Switches,
}

/// A call on a [`MemorySystem`] that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misuse {
    /// There is no table of this name.
    NoSuchTable(String),
    /// There is no record of this key in the table of this name.
    NoSuchRecord(String),
    /// A record is a JSON object.
    NotAnObject,
}

/// Filling it and looking into it.
impl MemorySystem {
    /// A system without tables.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a table. An erasure takes the tables in the order in which they were added.
    ///
    /// # Errors
    /// When a name is none.
    pub fn create(&self, table: Table) -> Result<(), InvalidWord> {
        let table = table.create()?;
        self.inside().tables.push(table);
        Ok(())
    }

    /// Puts a record under a key, in the place of one that is there.
    ///
    /// # Errors
    /// When there is no such table, or the record is no JSON object.
    pub fn put(&self, table: &str, key: impl Into<String>, record: Value) -> Result<(), Misuse> {
        let Value::Object(fields) = record else {
            return Err(Misuse::NotAnObject);
        };
        let record = Record {
            fields,
            ..Record::default()
        };
        self.inside()
            .table(table)?
            .records
            .insert(key.into(), record);
        Ok(())
    }

    /// Takes a record away; `false` when it was not there.
    pub fn remove(&self, table: &str, key: &str) -> bool {
        self.inside()
            .table(table)
            .is_ok_and(|table| table.records.remove(key).is_some())
    }

    /// Gives a record a rule of its own.
    ///
    /// # Errors
    /// When there is no such record.
    pub fn rule(&self, table: &str, key: &str, rule: Rule) -> Result<(), Misuse> {
        self.inside().record(table, key)?.rule = Some(rule);
        Ok(())
    }

    /// Adds a file to a record; it goes with the record.
    ///
    /// # Errors
    /// When there is no such record.
    pub fn attach(
        &self,
        table: &str,
        key: &str,
        attachment: Attachment,
        body: impl Into<Bytes>,
    ) -> Result<(), Misuse> {
        self.inside()
            .record(table, key)?
            .files
            .push((attachment, body.into()));
        Ok(())
    }

    /// Makes a record one that is listed and cannot be read.
    ///
    /// # Errors
    /// When there is no such record.
    pub fn make_unreadable(&self, table: &str, key: &str) -> Result<(), Misuse> {
        self.inside().record(table, key)?.unreadable = true;
        Ok(())
    }

    /// Blocks the erasure of whoever has this identity. The descriptor of a connector made after it says that it may.
    pub fn block(&self, identity: Identity, blocker: Blocker) {
        self.inside().blockers.push((identity, blocker));
    }

    /// Takes all blockers away.
    pub fn unblock(&self) {
        self.inside().blockers.clear();
    }

    /// The records of a table with their keys, in the order of the keys; none where there is no such table.
    pub fn records(&self, table: &str) -> Vec<(String, Value)> {
        let mut inside = self.inside();
        let Ok(table) = inside.table(table) else {
            return Vec::new();
        };
        let all = table.records.iter();
        all.map(|(key, record)| (key.clone(), Value::Object(record.fields.clone())))
            .collect()
    }

    /// How many records a table has.
    pub fn count(&self, table: &str) -> usize {
        self.inside()
            .table(table)
            .map_or(0, |table| table.records.len())
    }

    /// The names of all files of a table's records.
    pub fn files(&self, table: &str) -> Vec<String> {
        let mut inside = self.inside();
        let Ok(table) = inside.table(table) else {
            return Vec::new();
        };
        let files = table.records.values().flat_map(|record| &record.files);
        files
            .map(|(attachment, _)| attachment.name.clone())
            .collect()
    }

    /// The keys of the records of a table that wait for their deletion.
    pub fn scheduled(&self, table: &str) -> Vec<String> {
        let mut inside = self.inside();
        let Ok(table) = inside.table(table) else {
            return Vec::new();
        };
        let waiting = table.records.iter().filter(|(_, record)| record.scheduled);
        waiting.map(|(key, _)| key.clone()).collect()
    }

    /// Deletes what was scheduled to be deleted, and says how many records that were.
    pub fn carry_out_schedule(&self) -> usize {
        let mut deleted = 0;
        for table in &mut self.inside().tables {
            let before = table.records.len();
            table.records.retain(|_, record| !record.scheduled);
            deleted += before - table.records.len();
        }
        deleted
    }

    /// A connector to this system, with the tables that it has now.
    ///
    /// # Errors
    /// When the name is none.
    pub fn connector(&self, name: &str) -> Result<MemoryConnector, InvalidWord> {
        let mut descriptor =
            Descriptor::new(ConnectorName::new(name)?, "memory", Processor::controller());
        let inside = self.inside();
        descriptor.collections = inside
            .tables
            .iter()
            .map(|table| table.collection.clone())
            .collect();
        descriptor.may_block = !inside.blockers.is_empty();
        drop(inside);
        Ok(MemoryConnector::new(descriptor, self.clone()))
    }
}

/// Making it fail, and counting.
impl MemorySystem {
    /// Switches the whole system off (every call answers `Unavailable`) or on again.
    pub fn set_unavailable(&self, unavailable: bool) {
        self.inside().switches.unavailable = unavailable;
    }

    /// Makes one collection fail until [`MemorySystem::heal`]: its steps, and its holding in a survey.
    ///
    /// # Errors
    /// When there is no such table.
    pub fn fail_collection(&self, table: &str, kind: ErrorKind) -> Result<(), Misuse> {
        self.fail_times(table, kind, u64::MAX)
    }

    /// Makes one collection fail so many times.
    ///
    /// # Errors
    /// When there is no such table.
    pub fn fail_times(&self, table: &str, kind: ErrorKind, times: u64) -> Result<(), Misuse> {
        let mut inside = self.inside();
        let name = inside.table(table)?.collection.name.clone();
        if times > 0 {
            inside.switches.failing.insert(name, (kind, times));
        }
        Ok(())
    }

    /// Makes all collections work again.
    pub fn heal(&self) {
        self.inside().switches.failing.clear();
    }

    /// Makes the next steps do their work and answer `TimedOut`, as when an answer gets lost on its way.
    pub fn lose_answers(&self, steps: u64) {
        self.inside().switches.answers_to_lose = steps;
    }

    /// Makes each call take from `least` to `most`, chosen by the seed. Uses tokio's timer, which a test may pause.
    pub fn set_latency(&self, least: Duration, most: Duration, seed: u64) {
        self.inside().switches.set_latency(least, most, seed);
    }

    /// Lets no call in until [`MemorySystem::release`]; calls wait.
    pub fn hold(&self) {
        self.inside().switches.open.send_replace(false);
    }

    /// Lets the calls that wait, and all others, in.
    pub fn release(&self) {
        self.inside().switches.open.send_replace(true);
    }

    /// How often it was called.
    pub fn calls(&self) -> Calls {
        self.inside().switches.calls
    }

    pub(super) fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    pub(super) fn table(&mut self, name: &str) -> Result<&mut Stored, Misuse> {
        let found = self
            .tables
            .iter_mut()
            .find(|table| table.collection.name.as_str() == name);
        found.ok_or_else(|| Misuse::NoSuchTable(name.to_owned()))
    }

    pub(super) fn collection(&self, name: &CollectionName) -> Option<&Stored> {
        self.tables
            .iter()
            .find(|table| table.collection.name == *name)
    }

    fn record(&mut self, table: &str, key: &str) -> Result<&mut Record, Misuse> {
        let records = &mut self.table(table)?.records;
        records
            .get_mut(key)
            .ok_or_else(|| Misuse::NoSuchRecord(table.to_owned()))
    }
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchTable(name) => write!(f, "there is no table {name}"),
            Self::NoSuchRecord(table) => write!(f, "there is no such record in {table}"),
            Self::NotAnObject => f.write_str("a record is a JSON object"),
        }
    }
}

impl std::error::Error for Misuse {}

/// How many records there are, never what they are.
impl fmt::Debug for MemorySystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inside = self.inside();
        let tables = inside
            .tables
            .iter()
            .map(|table| (table.collection.name.as_str(), table.records.len()));
        f.debug_map().entries(tables).finish()
    }
}
