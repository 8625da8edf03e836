//! Memory does not grow with the number of objects, nor with their size.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use adieu_core::{
    Attachment, Body, Connector, ConnectorError, Identity, PageSink, PageWriter, Schema,
    async_trait,
};
use common::{connector, erase, person, put, step, survey};
use futures_util::StreamExt as _;

const MAY_GROW_KIB: u64 = 8 << 10;

#[test]
fn thirty_thousand_objects_and_a_long_one_pass_in_the_memory_of_a_few() {
    // The allocator keeps memory for each thread, so there are few of them.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    // The first time also brings in the program's code.
    runtime.block_on(go_through(1_000, 8 << 20));
    let few = runtime.block_on(peak_of(go_through(1_000, 8 << 20)));
    let many = runtime.block_on(peak_of(go_through(30_000, 192 << 20)));
    let grown = many.saturating_sub(few);
    assert!(grown < MAY_GROW_KIB, "{few} KiB, then {many} KiB");
}

/// Finds, exports and erases so many objects of one person in one folder, and one of so many bytes.
async fn go_through(objects: u64, long_bytes: u64) {
    let folder = tempfile::tempdir().unwrap();
    let wide = folder
        .path()
        .join("users/7/a-folder-with-a-name-that-takes-some-room-in-memory");
    std::fs::create_dir_all(&wide).unwrap();
    for n in 0..objects {
        std::fs::write(
            wide.join(format!("an-object-with-a-name-that-takes-room-{n}.txt")),
            b"x",
        )
        .unwrap();
    }
    put(folder.path(), "users/7/long.bin", b"");
    let long = std::fs::File::options()
        .write(true)
        .open(folder.path().join("users/7/long.bin"));
    long.unwrap().set_len(long_bytes).unwrap();
    let connector = connector(folder.path(), &["users/{id}/"], &[]);
    let subject = person(&[("id", "7")]);

    let found = survey(&connector, &subject).await.unwrap().erase();
    assert_eq!(found, objects + 1);
    let mut counts = Counts::default();
    let mut cursor = None;
    loop {
        counts.on_page = 0;
        let mut page = PageWriter::new(&mut counts);
        cursor = connector
            .export(&step(&subject, cursor), &mut page)
            .await
            .unwrap();
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(
        (counts.records, counts.attachments),
        (objects + 1, objects + 1)
    );
    assert_eq!(counts.bytes, objects + long_bytes);
    let erased = erase(&connector, &subject, 1_000).await.erase();
    assert_eq!(erased, objects + 1);
}

/// The most memory that this process had while it did this (proc(5): `clear_refs`, `VmHWM`).
async fn peak_of(work: impl Future<Output = ()>) -> u64 {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    work.await;
    peak_kib()
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

/// A page that counts and keeps nothing; full after ten thousand records.
#[derive(Default)]
struct Counts {
    records: u64,
    on_page: u64,
    attachments: u64,
    bytes: u64,
}

#[async_trait]
impl PageSink for Counts {
    fn wants_records(&self) -> bool {
        true
    }

    fn schema(&mut self, _: &Schema) -> Result<(), ConnectorError> {
        Ok(())
    }

    fn record(&mut self, _: &dyn erased_serde::Serialize) -> Result<(), ConnectorError> {
        self.records += 1;
        self.on_page += 1;
        Ok(())
    }

    fn must_drain(&self) -> bool {
        false
    }

    async fn drain(&mut self) -> Result<(), ConnectorError> {
        Ok(())
    }

    fn identity(&mut self, _: Identity) -> Result<(), ConnectorError> {
        Ok(())
    }

    async fn attachment(
        &mut self,
        _: Attachment,
        mut body: Body<'_>,
    ) -> Result<(), ConnectorError> {
        self.attachments += 1;
        while let Some(piece) = body.next().await {
            self.bytes += piece?.len() as u64;
        }
        Ok(())
    }

    fn missing(&mut self, _: String, error: ConnectorError) -> Result<(), ConnectorError> {
        Err(error)
    }

    fn is_full(&self) -> bool {
        self.on_page >= 10_000
    }
}
