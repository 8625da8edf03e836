//! Archives in a vault: whole or not at all, readable from any place, gone when they are removed.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::collections::BTreeMap;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::sync::{Arc, Mutex};

use adieu_archive::{ArchiveError, ArchiveKey, Archives, Deposit, Vault};
use adieu_core::{Body, ConnectorError, ErrorKind};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;

/// A vault in memory that can be told to fail.
#[derive(Debug, Default)]
struct Memory {
    kept: Mutex<BTreeMap<String, Vec<u8>>>,
    fails: bool,
}

struct Incoming {
    memory: Arc<Memory>,
    name: String,
    bytes: Vec<u8>,
}

#[derive(Debug)]
struct Handle(Arc<Memory>);

#[async_trait]
impl Vault for Handle {
    async fn check(&self) -> Result<(), ConnectorError> {
        Ok(())
    }

    async fn begin(&self, name: &str) -> Result<Box<dyn Deposit>, ConnectorError> {
        Ok(Box::new(Incoming {
            memory: Arc::clone(&self.0),
            name: name.to_owned(),
            bytes: Vec::new(),
        }))
    }

    async fn read(
        &self,
        name: &str,
        from: u64,
    ) -> Result<Option<(u64, Body<'static>)>, ConnectorError> {
        let kept = self.0.kept.lock().unwrap();
        Ok(kept.get(name).map(|bytes| {
            let rest = bytes[usize::try_from(from).unwrap()..].to_vec();
            let pieces: Vec<_> = rest
                .chunks(10_000)
                .map(|piece| Ok(Bytes::copy_from_slice(piece)))
                .collect();
            (
                bytes.len() as u64,
                Box::pin(stream::iter(pieces)) as Body<'static>,
            )
        }))
    }

    async fn remove(&self, name: &str) -> Result<(), ConnectorError> {
        self.0.kept.lock().unwrap().remove(name);
        Ok(())
    }

    async fn names(&self) -> Result<Vec<String>, ConnectorError> {
        Ok(self.0.kept.lock().unwrap().keys().cloned().collect())
    }
}

#[async_trait]
impl Deposit for Incoming {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), ConnectorError> {
        if self.memory.fails {
            return Err(ConnectorError::new(
                ErrorKind::Forbidden,
                "this vault takes nothing",
            ));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<(), ConnectorError> {
        self.memory
            .kept
            .lock()
            .unwrap()
            .insert(self.name, self.bytes);
        Ok(())
    }
}

fn long() -> Vec<u8> {
    (0..1_000_000_u32).map(|n| (n % 251) as u8).collect()
}

async fn keep(archives: &Archives, key: &ArchiveKey) -> Result<(), ArchiveError> {
    let mut writer = archives.create("a.age", key).await?;
    tokio::task::spawn_blocking(move || {
        writer.write_all(&long()).map_err(|error| {
            let ours = error
                .get_ref()
                .and_then(|inner| inner.downcast_ref::<ArchiveError>());
            ours.cloned().unwrap()
        })?;
        writer.finish()
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn an_archive_comes_back_from_a_vault_and_from_a_folder_the_same_way() {
    let folder = tempfile::tempdir().unwrap();
    let memory = Arc::new(Memory::default());
    for archives in [
        Archives::Folder(folder.path().to_owned()),
        Archives::Vault(Arc::new(Handle(Arc::clone(&memory)))),
    ] {
        let key = ArchiveKey::generate();
        keep(&archives, &key).await.unwrap();
        assert_eq!(archives.names().await.unwrap(), ["a.age"]);
        let mut reader = archives.open("a.age", &key).await.unwrap();
        assert_eq!(reader.total_bytes(), 1_000_000);
        let read = tokio::task::spawn_blocking(move || {
            let mut whole = Vec::new();
            reader.read_to_end(&mut whole).unwrap();
            let mut part = [0; 1000];
            reader.seek(SeekFrom::Start(777_000)).unwrap();
            reader.read_exact(&mut part).unwrap();
            (whole, part)
        });
        let (whole, part) = read.await.unwrap();
        assert_eq!(whole, long());
        assert_eq!(part, long()[777_000..778_000]);
        let other = archives.open("a.age", &ArchiveKey::generate()).await;
        assert_eq!(other.err(), Some(ArchiveError::Key));
        archives.remove("a.age").await.unwrap();
        archives.remove("a.age").await.unwrap();
        assert!(archives.names().await.unwrap().is_empty());
        assert!(archives.open("a.age", &key).await.is_err());
    }
    let kept = memory.kept.lock().unwrap();
    assert!(kept.is_empty());
}

#[tokio::test]
async fn what_lies_in_a_vault_is_encrypted() {
    let memory = Arc::new(Memory::default());
    let archives = Archives::Vault(Arc::new(Handle(Arc::clone(&memory))));
    keep(&archives, &ArchiveKey::generate()).await.unwrap();
    let kept = memory.kept.lock().unwrap();
    let plain = &long()[..64];
    assert!(kept["a.age"].windows(64).all(|window| window != plain));
}

#[tokio::test]
async fn an_archive_that_was_dropped_before_its_end_never_appears() {
    let memory = Arc::new(Memory::default());
    let archives = Archives::Vault(Arc::new(Handle(Arc::clone(&memory))));
    // On a thread of the runtime, which may not wait.
    drop(
        archives
            .create("a.age", &ArchiveKey::generate())
            .await
            .unwrap(),
    );
    let mut writer = archives
        .create("a.age", &ArchiveKey::generate())
        .await
        .unwrap();
    let writing = tokio::task::spawn_blocking(move || {
        writer.write_all(&long()).unwrap();
        writer
    });
    drop(writing.await.unwrap());
    tokio::task::yield_now().await;
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert!(archives.names().await.unwrap().is_empty());
}

#[tokio::test]
async fn why_a_vault_takes_nothing_is_told() {
    let memory = Arc::new(Memory {
        fails: true,
        ..Memory::default()
    });
    let archives = Archives::Vault(Arc::new(Handle(memory)));
    let error = keep(&archives, &ArchiveKey::generate()).await.unwrap_err();
    let ArchiveError::Vault(error) = error else {
        panic!("{error}");
    };
    assert_eq!(error.kind(), ErrorKind::Forbidden);
}
