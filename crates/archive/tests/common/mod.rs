//! A small world to make archives of: systems whose pages the tests feed by hand.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "only tests use it, and each test file its own part of it"
)]

pub mod shop;
pub mod tools;

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use adieu_archive::{
    ArchiveKey, CollectionContents, Committed, ConnectorContents, Contents, Format, Mark, Missing,
    Page, Spool, SpoolOptions,
};
use adieu_core::{
    Attachment, Body, Collection, CollectionName, ConnectorError, ConnectorName, Descriptor, Field,
    FieldType, IdentityKind, Need, PageWriter, Processor, Schema,
};
use bytes::Bytes;
use serde::Serialize;
use tempfile::TempDir;

pub struct World {
    pub folder: TempDir,
    pub key: ArchiveKey,
    pub spool: Spool,
    pub format: Format,
    pub options: SpoolOptions,
    systems: Vec<ConnectorContents>,
}

impl World {
    pub fn new(format: Format) -> Self {
        Self::with_options(format, SpoolOptions::default())
    }

    pub fn with_options(format: Format, options: SpoolOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = ArchiveKey::generate();
        let spool = Spool::open(folder.path().join("spool"), &key, format, options).unwrap();
        Self {
            folder,
            key,
            spool,
            format,
            options,
            systems: Vec::new(),
        }
    }

    /// The same spool as another process finds it.
    pub fn restart(&mut self) {
        let key = ArchiveKey::from_bytes(&self.key.to_bytes()).unwrap();
        self.spool = Spool::open(
            self.folder.path().join("spool"),
            &key,
            self.format,
            self.options,
        )
        .unwrap();
    }

    pub fn system(&mut self, name: &str) -> &mut Descriptor {
        let name = ConnectorName::new(name).unwrap();
        let at = match self
            .systems
            .iter()
            .position(|system| system.descriptor.name == name)
        {
            Some(at) => at,
            None => {
                let descriptor = Descriptor::new(name, "memory", Processor::controller());
                self.systems.push(ConnectorContents {
                    descriptor,
                    collections: Vec::new(),
                });
                self.systems.len() - 1
            }
        };
        &mut self.systems[at].descriptor
    }

    pub fn collection(&mut self, system: &str, name: &str) -> Collection {
        let descriptor = self.system(system);
        let name = CollectionName::new(name).unwrap();
        if let Some(known) = descriptor.collection(&name) {
            return known.clone();
        }
        let mut collection =
            Collection::new(name, [Need::one(IdentityKind::new("email").unwrap())]);
        collection.yields = [IdentityKind::new("customer_id").unwrap()].into();
        descriptor.collections.push(collection.clone());
        collection
    }

    pub fn page(&mut self, system: &str, name: &str) -> Page {
        let mark = self.mark(system, name);
        self.page_after(system, name, &mark).unwrap()
    }

    pub fn page_after(
        &mut self,
        system: &str,
        name: &str,
        mark: &Mark,
    ) -> Result<Page, adieu_archive::ArchiveError> {
        let collection = self.collection(system, name);
        self.spool
            .page(&ConnectorName::new(system).unwrap(), &collection, mark)
    }

    pub fn mark(&mut self, system: &str, name: &str) -> Mark {
        self.collection(system, name);
        self.entry(system, name).mark.clone()
    }

    pub fn set_mark(&mut self, system: &str, name: &str, mark: Mark) {
        self.collection(system, name);
        self.entry(system, name).mark = mark;
    }

    pub fn set_missing(&mut self, system: &str, name: &str, missing: Missing) {
        self.collection(system, name);
        self.entry(system, name).missing = Some(missing);
    }

    pub async fn commit(&mut self, system: &str, name: &str, page: Page) -> Committed {
        let committed = page.commit().await.unwrap();
        // A mark is stored as text and read again.
        let mark: Mark =
            serde_json::from_str(&serde_json::to_string(&committed.mark).unwrap()).unwrap();
        assert!(mark == committed.mark);
        self.set_mark(system, name, mark);
        committed
    }

    /// A page of these records.
    pub async fn records<T: Serialize + Sync>(
        &mut self,
        system: &str,
        name: &str,
        schema: &Schema,
        records: &[T],
    ) {
        let mut page = self.page(system, name);
        let mut writer = PageWriter::new(&mut page);
        writer.schema(schema).unwrap();
        for record in records {
            writer.record(record).await.unwrap();
        }
        self.commit(system, name, page).await;
    }

    /// A page of this one file.
    pub async fn file(&mut self, system: &str, name: &str, attachment: Attachment, bytes: &[u8]) {
        let mut page = self.page(system, name);
        PageWriter::new(&mut page)
            .attachment(attachment, body(bytes))
            .await
            .unwrap();
        self.commit(system, name, page).await;
    }

    pub fn contents(&self) -> Contents {
        Contents {
            request: "019AA5E2-7C1D".to_owned(),
            created_at: "2026-11-21T10:00:00Z".parse().unwrap(),
            controller: Some("Example Shop Ltd".to_owned()),
            connectors: self.systems.clone(),
        }
    }

    pub async fn archive(&self) -> Vec<u8> {
        let assembled = self
            .spool
            .assemble(&self.contents(), Vec::new())
            .await
            .unwrap();
        assert_eq!(assembled.bytes, assembled.out.len() as u64);
        assembled.out
    }

    pub async fn unzipped(&self) -> BTreeMap<String, Vec<u8>> {
        unzip(self.archive().await)
    }

    fn entry(&mut self, system: &str, name: &str) -> &mut CollectionContents {
        let system = self
            .systems
            .iter_mut()
            .find(|known| known.descriptor.name.as_str() == system)
            .unwrap();
        let name = CollectionName::new(name).unwrap();
        let at = match system
            .collections
            .iter()
            .position(|known| known.name == name)
        {
            Some(at) => at,
            None => {
                system.collections.push(CollectionContents {
                    name,
                    mark: Mark::default(),
                    missing: None,
                });
                system.collections.len() - 1
            }
        };
        &mut system.collections[at]
    }
}

/// Reads every entry; the library checks sums and lengths.
pub fn unzip(bytes: Vec<u8>) -> BTreeMap<String, Vec<u8>> {
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut entries = BTreeMap::new();
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        let name = entry.name().unwrap().into_owned();
        assert!(entries.insert(name, bytes).is_none());
    }
    entries
}

/// A body that comes in uneven pieces.
pub fn body(bytes: &[u8]) -> Body<'_> {
    let pieces: Vec<Result<Bytes, ConnectorError>> = bytes
        .chunks(1000.max(bytes.len() / 7))
        .map(|piece| Ok(Bytes::copy_from_slice(piece)))
        .collect();
    Box::pin(futures_util::stream::iter(pieces))
}

pub fn fields(fields: &[(&str, FieldType)]) -> Schema {
    Schema::closed(
        fields
            .iter()
            .map(|(name, field_type)| Field::new(*name, *field_type)),
    )
}

/// CSV as an independent reader sees it.
pub fn csv_rows(bytes: &[u8]) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(bytes);
    reader
        .records()
        .map(|row| row.unwrap().iter().map(str::to_owned).collect())
        .collect()
}

pub fn json(bytes: &[u8]) -> serde_json::Value {
    serde_json::from_slice(bytes).unwrap()
}
