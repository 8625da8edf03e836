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

const OBJECTS: u64 = 30_000;
const LONG_BYTES: u64 = 192 << 20;
const MAY_GROW_KIB: u64 = 24 << 10;

#[tokio::test]
async fn thirty_thousand_objects_and_a_long_one_pass_through_a_few_mebibytes() {
    let folder = tempfile::tempdir().unwrap();
    let wide = folder
        .path()
        .join("users/7/a-folder-with-a-name-that-takes-some-room-in-memory");
    std::fs::create_dir_all(&wide).unwrap();
    for n in 0..OBJECTS {
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
    long.unwrap().set_len(LONG_BYTES).unwrap();
    let connector = connector(folder.path(), &["users/{id}/"], &[]);
    let subject = person(&[("id", "7")]);

    let before = peak_kib();
    assert_eq!(
        survey(&connector, &subject).await.unwrap().erase(),
        OBJECTS + 1
    );
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
        (OBJECTS + 1, OBJECTS + 1)
    );
    assert_eq!(counts.bytes, OBJECTS + LONG_BYTES);
    assert_eq!(
        erase(&connector, &subject, 1_000).await.erase(),
        OBJECTS + 1
    );
    let grown = peak_kib() - before;
    assert!(grown < MAY_GROW_KIB, "{grown} KiB more at the peak");
}

/// The most memory that this process ever had.
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
