//! A folder with known people in it, and what is in it now.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

pub(crate) mod azurite;
pub(crate) mod between;
pub(crate) mod gcs;
pub(crate) mod hostile;
pub(crate) mod loopback;
pub(crate) mod moto;
pub(crate) mod server;

use std::collections::BTreeMap;
use std::path::Path;

use adieu_core::{
    CollectionName, Connector, ConnectorName, Cursor, Identity, Setting, Step, StepKey, Subject,
    Tally,
};
use adieu_object_storage::{COLLECTION, ObjectStorageConfig, ObjectStorageConnector};
use adieu_testkit::Collector;

/// A connector over this folder.
pub(crate) fn connector(folder: &Path, prefixes: &[&str], keys: &[&str]) -> ObjectStorageConnector {
    let config = ObjectStorageConfig {
        prefixes: prefixes.iter().map(|&prefix| prefix.to_owned()).collect(),
        keys: keys.iter().map(|&kind| kind.to_owned()).collect(),
        ..ObjectStorageConfig::new(Setting::from("folder:.".to_owned()))
    };
    ObjectStorageConnector::new(ConnectorName::new("uploads").unwrap(), &config, folder).unwrap()
}

pub(crate) fn person(identities: &[(&str, &str)]) -> Subject {
    let identities = identities.iter();
    Subject::new(identities.map(|(kind, value)| Identity::new(*kind, *value).unwrap()))
}

pub(crate) fn step(subject: &Subject, cursor: Option<Cursor>) -> Step {
    let collection = CollectionName::new(COLLECTION).unwrap();
    Step::new(subject.clone(), collection, StepKey::new("test")).at(cursor)
}

/// Writes a file and the folders that it lies in.
pub(crate) fn put(folder: &Path, key: &str, content: &[u8]) {
    let path = folder.join(key);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// Every path below the folder, folders with a slash, and what each file holds. Links are told, not followed.
pub(crate) fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left = vec![folder.to_path_buf()];
    while let Some(at) = left.pop() {
        for entry in std::fs::read_dir(&at).unwrap() {
            let path = entry.unwrap().path();
            let name = path
                .strip_prefix(folder)
                .unwrap()
                .to_string_lossy()
                .into_owned();
            let metadata = path.symlink_metadata().unwrap();
            if metadata.is_dir() {
                found.insert(name + "/", Vec::new());
                left.push(path);
            } else if metadata.is_file() {
                found.insert(name, std::fs::read(&path).unwrap());
            } else {
                found.insert(name + " (no file)", Vec::new());
            }
        }
    }
    found
}

/// A whole export, page by page, each full after so many records.
pub(crate) async fn export(
    connector: &dyn Connector,
    subject: &Subject,
    full_after: usize,
) -> Collector {
    let mut collector =
        Collector::new(&connector.descriptor().collections[0]).full_after(full_after);
    collector
        .export_all(connector, step(subject, None))
        .await
        .unwrap();
    assert_eq!(collector.breaches(), [""; 0]);
    collector
}

/// All batches of an erasure, one after the other.
pub(crate) async fn erase(connector: &dyn Connector, subject: &Subject, most: u32) -> Tally {
    let mut tally = Tally::new();
    let mut cursor = None;
    loop {
        let step = step(subject, cursor).at_most(most.try_into().unwrap());
        let erased = connector.erase(&step).await.unwrap();
        tally.add(&erased.tally);
        match erased.next {
            Some(next) => cursor = Some(next),
            None => return tally,
        }
    }
}

pub(crate) async fn survey(connector: &dyn Connector, subject: &Subject) -> Option<Tally> {
    let survey = connector.survey(subject).await.unwrap();
    survey
        .holdings
        .first()
        .map(|holding| holding.tally.clone().unwrap())
}
