//! Archives that lie elsewhere: fetched, expired, and removed when nothing leads to them any more.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adieu_archive::{Archives, Deposit, Vault};
use adieu_core::{Body, ConnectorError, async_trait};
use adieu_engine::{Engine, Options, RequestId, Status};
use bytes::Bytes;
use futures_util::stream;

use crate::world::{PATIENCE, World, export};

/// A vault in memory.
#[derive(Clone, Debug, Default)]
struct Memory(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

struct Incoming(Memory, String, Vec<u8>);

impl Memory {
    fn names(&self) -> Vec<String> {
        self.0.lock().unwrap().keys().cloned().collect()
    }
}

#[async_trait]
impl Vault for Memory {
    async fn check(&self) -> Result<(), ConnectorError> {
        Ok(())
    }

    async fn begin(&self, name: &str) -> Result<Box<dyn Deposit>, ConnectorError> {
        Ok(Box::new(Incoming(
            self.clone(),
            name.to_owned(),
            Vec::new(),
        )))
    }

    async fn read(
        &self,
        name: &str,
        from: u64,
    ) -> Result<Option<(u64, Body<'static>)>, ConnectorError> {
        let kept = self.0.lock().unwrap();
        Ok(kept.get(name).map(|bytes| {
            let rest = Bytes::copy_from_slice(&bytes[usize::try_from(from).unwrap()..]);
            let body: Body<'static> = Box::pin(stream::iter([Ok(rest)]));
            (bytes.len() as u64, body)
        }))
    }

    async fn remove(&self, name: &str) -> Result<(), ConnectorError> {
        self.0.lock().unwrap().remove(name);
        Ok(())
    }

    async fn names(&self) -> Result<Vec<String>, ConnectorError> {
        Ok(Memory::names(self))
    }
}

#[async_trait]
impl Deposit for Incoming {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), ConnectorError> {
        self.2.extend_from_slice(bytes);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<(), ConnectorError> {
        self.0.0.lock().unwrap().insert(self.1, self.2);
        Ok(())
    }
}

async fn engine(world: &World, vault: &Memory) -> Engine {
    let archives = Archives::Vault(Arc::new(vault.clone()));
    let store = world.store().await.keep_archives_in(archives).unwrap();
    world.engine_over(store, Options::default())
}

#[tokio::test]
async fn an_archive_is_fetched_from_a_vault_and_expires_there() {
    let (world, vault) = (World::new(), Memory::default());
    let engine = engine(&world, &vault).await;
    engine.check_archives().await.unwrap();
    let (request, _) = engine.submit(export("ada")).await.unwrap();
    let request = engine.run(request.id, PATIENCE).await.unwrap();
    assert_eq!(request.status, Status::Completed);
    assert_eq!(vault.names().len(), 1);
    let beside = world.folder.path().join("adieu.db.files/archives");
    assert_eq!(std::fs::read_dir(beside).unwrap().count(), 0);

    let mut reader = engine.open_archive(request.id).await.unwrap();
    let read = tokio::task::spawn_blocking(move || {
        let mut archive = Vec::new();
        reader.read_to_end(&mut archive).unwrap();
        archive
    });
    let archive = read.await.unwrap();
    assert_eq!(request.archive_bytes, Some(archive.len() as u64));
    assert!(archive.starts_with(b"PK\x03\x04"));

    world.clock.forward(Duration::from_secs(8 * 86_400));
    assert_eq!(engine.expire().await.unwrap(), 1);
    assert_eq!(vault.names(), [""; 0]);
}

#[tokio::test]
async fn an_archive_that_a_crash_left_is_removed_and_no_other() {
    let (world, vault) = (World::new(), Memory::default());
    let engine = engine(&world, &vault).await;
    let mut ids = Vec::new();
    for who in ["ada", "eve"] {
        let (request, _) = engine.submit(export(who)).await.unwrap();
        engine.run(request.id, PATIENCE).await.unwrap();
        ids.push(request.id);
    }
    let name_of = |id: RequestId| {
        let names = vault.names();
        names
            .into_iter()
            .find(|name| name.contains(&id.to_string()))
            .unwrap()
    };
    let (forgotten, kept) = (name_of(ids[0]), name_of(ids[1]));
    // A crash between forgetting a request and removing its archive: the archive is there again.
    let left = vault.0.lock().unwrap()[&forgotten].clone();
    engine.forget(ids[0]).await.unwrap();
    vault.0.lock().unwrap().insert(forgotten.clone(), left);
    // One of which nothing was ever written down, one of another gateway, and something else altogether.
    let mark = kept.split_once('-').unwrap().0;
    let unknown = format!("{mark}-0199a000-0000-7000-8000-000000000001.age");
    let of_another = "0000000000000000-0199a000-0000-7000-8000-000000000001.age".to_owned();
    for name in [&unknown, &of_another, &"readme.txt".to_owned()] {
        vault.0.lock().unwrap().insert(name.clone(), b"x".to_vec());
    }
    assert_eq!(engine.remove_orphaned_archives().await.unwrap(), 2);
    let mut wanted = vec![kept, of_another, "readme.txt".to_owned()];
    wanted.sort();
    assert_eq!(vault.names(), wanted);
    assert!(engine.open_archive(ids[1]).await.is_ok());
    assert_eq!(engine.remove_orphaned_archives().await.unwrap(), 0);
}
