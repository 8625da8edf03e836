//! A database of one's own, looked into without the connector.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use adieu_core::{
    CollectionName, Connector, ConnectorError, ConnectorName, Identity, Step, StepKey, Subject,
    Tally, Tenant,
};
use adieu_sql::{SqlConfig, SqlConnector};
use adieu_testkit::Collector;
use rusqlite::Connection;
use serde_json::Value;

/// A database file in a folder that goes with it.
pub(crate) struct Shop {
    folder: tempfile::TempDir,
}

impl Shop {
    /// Makes a database with this content.
    pub(crate) fn new(sql: &str) -> Self {
        let shop = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let connection = Connection::open(shop.path()).unwrap();
        connection.execute_batch(sql).unwrap();
        shop
    }

    /// Makes a copy of a database file.
    pub(crate) fn copy_of(file: &Path) -> Self {
        let shop = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        // Not `fs::copy`, which would copy that the original may not be written.
        std::fs::write(shop.path(), std::fs::read(file).unwrap()).unwrap();
        shop
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("shop.db")
    }

    /// The database as another program sees it.
    pub(crate) fn open(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    /// A connector over this database, with this mapping in TOML.
    pub(crate) fn connector(&self, mapping: &str) -> SqlConnector {
        self.try_connector(mapping).unwrap()
    }

    pub(crate) fn try_connector(
        &self,
        mapping: &str,
    ) -> Result<SqlConnector, Vec<adieu_core::ConfigProblem>> {
        let config: SqlConfig =
            toml::from_str(&format!("url = \"sqlite:shop.db\"\n{mapping}")).unwrap();
        SqlConnector::new(
            ConnectorName::new("shop").unwrap(),
            &config,
            self.folder.path(),
        )
    }

    /// Every row of every table: its table, its values with their types and every byte.
    pub(crate) fn rows(&self) -> Vec<(String, Vec<String>)> {
        let connection = self.open();
        let mut rows = Vec::new();
        let mut listed = connection
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
            .unwrap();
        let tables: Vec<String> = listed
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        for table in tables {
            let quoted = table.replace('"', "\"\"");
            let mut statement = connection
                .prepare(&format!("SELECT * FROM \"{quoted}\""))
                .unwrap();
            let width = statement.column_count();
            let mut found = statement.query([]).unwrap();
            while let Some(row) = found.next().unwrap() {
                rows.push((
                    table.clone(),
                    (0..width)
                        .map(|i| format!("{:?}", row.get_ref(i).unwrap()))
                        .collect(),
                ));
            }
        }
        rows.sort();
        rows
    }

    /// The rows of one table.
    pub(crate) fn table(&self, name: &str) -> Vec<Vec<String>> {
        self.rows()
            .into_iter()
            .filter(|(table, _)| table == name)
            .map(|(_, row)| row)
            .collect()
    }

    pub(crate) fn count(&self, query: &str) -> i64 {
        self.open().query_row(query, [], |row| row.get(0)).unwrap()
    }
}

/// A subject of `KIND=VALUE`s.
pub(crate) fn subject(identities: &[&str]) -> Subject {
    Subject::new(
        identities
            .iter()
            .map(|text| text.parse::<Identity>().unwrap()),
    )
}

pub(crate) fn within(tenant: &str, identities: &[&str]) -> Subject {
    subject(identities).within(Tenant::new(tenant).unwrap())
}

pub(crate) fn step(subject: &Subject, collection: &str) -> Step {
    Step::new(
        subject.clone(),
        CollectionName::new(collection).unwrap(),
        StepKey::new("test"),
    )
}

/// Erases a collection as the engine does, in transactions as large as the connector makes them; how many rows went with each.
pub(crate) async fn erase_in_steps(
    connector: &SqlConnector,
    subject: &Subject,
    collection: &str,
) -> Vec<u64> {
    let most = connector.descriptor().limits.records_per_step;
    let first = step(subject, collection).at_most(most);
    let first = first.in_run(StepKey::new("erasure"));
    let (mut rows, mut from) = (Vec::new(), None);
    loop {
        let erased = connector.erase(&first.clone().at(from)).await.unwrap();
        assert!(erased.tally.failed().is_empty());
        rows.push(erased.tally.erase());
        from = erased.next;
        if from.is_none() {
            return rows;
        }
    }
}

/// The records of a collection, and that they keep to what was declared.
pub(crate) async fn export(
    connector: &SqlConnector,
    subject: &Subject,
    collection: &str,
) -> Result<Vec<Value>, ConnectorError> {
    Ok(collect(connector, subject, collection, None)
        .await?
        .records()
        .cloned()
        .collect())
}

pub(crate) async fn collect(
    connector: &SqlConnector,
    subject: &Subject,
    collection: &str,
    full_after: Option<usize>,
) -> Result<Collector, ConnectorError> {
    let step = step(subject, collection);
    let mut collector = Collector::new(
        connector
            .descriptor()
            .collection(step.collection())
            .unwrap(),
    );
    if let Some(records) = full_after {
        collector = collector.full_after(records);
    }
    collector.export_all(connector, step).await?;
    assert!(
        collector.breaches().is_empty(),
        "{:?}",
        collector.breaches()
    );
    Ok(collector)
}

/// What a survey counts, by collection.
pub(crate) async fn survey(
    connector: &SqlConnector,
    subject: &Subject,
) -> BTreeMap<String, Result<Tally, ConnectorError>> {
    let survey = connector.survey(subject).await.unwrap();
    survey
        .holdings
        .into_iter()
        .map(|holding| (holding.collection.to_string(), holding.tally))
        .collect()
}

/// Erases one collection step by step.
pub(crate) async fn erase(
    connector: &SqlConnector,
    subject: &Subject,
    collection: &str,
    at_most: u32,
) -> Result<Tally, ConnectorError> {
    let mut tally = Tally::new();
    let mut step = step(subject, collection)
        .in_run(StepKey::new("erasure"))
        .at_most(std::num::NonZeroU32::new(at_most).unwrap());
    for _ in 0..100_000 {
        let erased = connector.erase(&step).await?;
        tally.add(&erased.tally);
        match erased.next {
            None => return Ok(tally),
            next => step = step.at(next),
        }
    }
    panic!("the erasure never ends");
}

/// Erases all collections in the order that the connector says.
pub(crate) async fn erase_all(
    connector: &SqlConnector,
    subject: &Subject,
) -> BTreeMap<String, Tally> {
    let mut tallies = BTreeMap::new();
    for collection in connector
        .descriptor()
        .collections
        .iter()
        .filter(|one| one.is_reached_by(subject))
    {
        let tally = erase(connector, subject, collection.name.as_str(), 100)
            .await
            .unwrap();
        tallies.insert(collection.name.to_string(), tally);
    }
    tallies
}

/// How many rows a tally counts as failed.
pub(crate) fn failed(tally: &Tally) -> u64 {
    tally.failed().iter().map(|one| one.records).sum()
}
