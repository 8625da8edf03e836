//! No record is missing or there twice, whatever happens between two pages; and a damaged spool is an error, never a wrong archive.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on fails"
)]

mod common;

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use adieu_archive::{ArchiveError, ArchiveKey, Format, Mark, Missing, Spool, SpoolOptions};
use adieu_core::{Attachment, ConnectorError, ErrorKind, FieldType, PageSink, PageWriter, Schema};
use common::{World, body, csv_rows, fields, json};
use proptest::prelude::*;
use serde_json::json;

fn schema() -> Schema {
    fields(&[("n", FieldType::Integer), ("text", FieldType::String)])
}

/// Writes records from `first` on and one file, without committing.
async fn write(page: &mut adieu_archive::Page, first: u64, count: u64, text: &str) {
    let mut writer = PageWriter::new(page);
    writer.schema(&schema()).unwrap();
    for n in first..first + count {
        writer.record(&json!({"n": n, "text": text})).await.unwrap();
    }
    writer
        .attachment(
            Attachment::new(format!("file-{first}")),
            body(text.as_bytes()),
        )
        .await
        .unwrap();
}

/// What the archive must hold after these numbers of records were committed.
async fn assert_holds(world: &World, records: u64, files: usize) {
    let entries = world.unzipped().await;
    let numbers: Vec<u64> = json(&entries["s/t.json"])
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["n"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (0..records).collect::<Vec<_>>());
    let rows = csv_rows(&entries["s/t.csv"]);
    assert_eq!(
        rows[1..]
            .iter()
            .map(|row| row[0].parse().unwrap())
            .collect::<Vec<u64>>(),
        numbers
    );
    assert_eq!(
        entries
            .keys()
            .filter(|name| name.starts_with("s/files/"))
            .count(),
        files
    );
}

fn files(world: &World) -> Vec<PathBuf> {
    let folder = world.folder.path().join("spool");
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test]
async fn a_page_that_is_not_committed_has_never_been() {
    let mut world = World::new(Format::Zip);
    let mut page = world.page("s", "t");
    write(&mut page, 0, 10, "kept").await;
    world.commit("s", "t", page).await;
    for _ in 0..3 {
        let mut page = world.page("s", "t");
        write(&mut page, 10, 50_000, "dropped").await;
        drop(page);
    }
    let mut page = world.page("s", "t");
    write(&mut page, 10, 5, "kept").await;
    world.commit("s", "t", page).await;
    assert_holds(&world, 15, 2).await;
    assert!(
        !world.unzipped().await["s/t.csv"]
            .windows(7)
            .any(|text| text == b"dropped")
    );
}

#[tokio::test]
async fn an_attachment_that_breaks_off_leaves_the_page_usable() {
    let mut world = World::new(Format::Zip);
    let mut page = world.page("s", "t");
    let broken = futures_util::stream::iter([
        Ok(bytes::Bytes::from(vec![7; 1 << 20])),
        Err(ConnectorError::new(ErrorKind::Unavailable, "gone")),
    ]);
    let mut writer = PageWriter::new(&mut page);
    let error = writer
        .attachment(Attachment::new("SECRET-broken"), Box::pin(broken))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let mut declared = Attachment::new("SECRET-size");
    for size in [2, 4] {
        declared.size_bytes = Some(size);
        let error = writer
            .attachment(declared.clone(), body(b"abc"))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert!(!format!("{error:?}").contains("SECRET"));
    }
    // A body that never comes, given up by its reader while pieces of it are being written.
    let endless = futures_util::StreamExt::chain(
        futures_util::stream::iter((0..8).map(|_| Ok(bytes::Bytes::from(vec![9; 300_000])))),
        futures_util::stream::pending(),
    );
    let endless = writer.attachment(Attachment::new("SECRET-endless"), Box::pin(endless));
    assert!(
        tokio::time::timeout(std::time::Duration::from_millis(20), endless)
            .await
            .is_err()
    );
    writer.missing("SECRET-broken".to_owned(), error).unwrap();
    declared.size_bytes = Some(3);
    declared.name = "whole".to_owned();
    writer.attachment(declared, body(b"abc")).await.unwrap();
    let committed = world.commit("s", "t", page).await;
    assert_eq!((committed.attachments, committed.bytes), (1, 3));
    let entries = world.unzipped().await;
    assert_eq!(entries["s/files/whole"], b"abc");
    assert_eq!(
        entries
            .keys()
            .filter(|name| name.starts_with("s/files/"))
            .count(),
        1
    );
    assert_eq!(
        json(&entries["datapackage.json"])["missing"][0]["what"],
        "SECRET-broken"
    );
}

#[tokio::test]
async fn a_small_export_never_touches_the_disk() {
    let mut world = World::new(Format::Zip);
    for system in ["a", "b", "c"] {
        world
            .records(system, "t", &schema(), &[json!({"n": 0, "text": "x"})])
            .await;
    }
    world.archive().await;
    assert_eq!(files(&world).len(), 0);
    assert!(!world.folder.path().join("spool").exists());
}

#[tokio::test]
async fn what_was_synced_is_there_after_a_restart_and_what_was_not_is_an_error() {
    let mut world = World::new(Format::Zip);
    let mut page = world.page("s", "t");
    write(&mut page, 0, 10, "kept").await;
    world.commit("s", "t", page).await;
    world.spool.sync().await.unwrap();
    let synced = world.mark("s", "t");
    let mut page = world.page("s", "t");
    write(&mut page, 10, 10, "lost").await;
    world.commit("s", "t", page).await;
    let lost = world.mark("s", "t");

    world.restart();
    let error = world.page_after("s", "t", &lost).unwrap_err();
    assert!(matches!(error, ArchiveError::Damaged(_)), "{error:?}");
    let error = world
        .spool
        .assemble(&world.contents(), Vec::new())
        .await
        .unwrap_err();
    assert!(matches!(error, ArchiveError::Damaged(_)), "{error:?}");

    world.set_mark("s", "t", synced);
    let mut page = world.page("s", "t");
    write(&mut page, 10, 7, "again").await;
    world.commit("s", "t", page).await;
    assert_holds(&world, 17, 2).await;
}

#[tokio::test]
async fn an_archive_is_put_together_by_a_process_that_wrote_none_of_it() {
    let mut world = World::new(Format::Zip);
    for first in [0, 10, 20] {
        let mut page = world.page("s", "t");
        write(&mut page, first, 10, "kept").await;
        world.commit("s", "t", page).await;
    }
    world.spool.sync().await.unwrap();
    let before = world.archive().await;
    world.restart();
    assert!(
        world.archive().await == before,
        "the same spool made another archive"
    );
    assert_holds(&world, 30, 3).await;
    let spool = world.spool.clone();
    spool.remove().await.unwrap();
    assert!(!world.folder.path().join("spool").exists());
}

#[tokio::test]
async fn nothing_on_disk_can_be_read_without_the_key() {
    let mut world = World::new(Format::Zip);
    let secret = "Ada Lovelace, 12 St James's Square";
    let mut page = world.page("s", "t");
    write(&mut page, 0, 2000, secret).await;
    let mut writer = PageWriter::new(&mut page);
    let mut picture = Attachment::new(secret);
    picture.media_type = Some("image/jpeg".to_owned());
    writer
        .attachment(picture, body(secret.repeat(50_000).as_bytes()))
        .await
        .unwrap();
    world.commit("s", "t", page).await;
    world.spool.sync().await.unwrap();
    assert!(!files(&world).is_empty());
    for file in files(&world) {
        let bytes = fs::read(&file).unwrap();
        assert!(!bytes.windows(12).any(|text| text == b"Ada Lovelace"));
        // What is encrypted does not deflate.
        let mut deflate =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        deflate.write_all(&bytes).unwrap();
        assert!(deflate.finish().unwrap().len() > bytes.len() * 99 / 100);
    }
    let other = Spool::open(
        world.folder.path().join("spool"),
        &ArchiveKey::generate(),
        Format::Zip,
        world.options,
    )
    .unwrap();
    let error = other
        .assemble(&world.contents(), Vec::new())
        .await
        .unwrap_err();
    assert!(matches!(error, ArchiveError::Damaged(_)), "{error:?}");
}

#[tokio::test]
async fn a_spool_that_was_cut_or_changed_anywhere_is_an_error() {
    for format in [Format::Zip, Format::Json] {
        let mut world = World::new(format);
        let mut page = world.page("s", "t");
        write(&mut page, 0, 300, "some text that is worth deflating").await;
        page.missing(
            "a thing".to_owned(),
            ConnectorError::new(ErrorKind::Protocol, "gone"),
        )
        .unwrap();
        world.commit("s", "t", page).await;
        world.spool.sync().await.unwrap();
        let [file] = files(&world).try_into().unwrap();
        let whole = fs::read(&file).unwrap();
        let mut damaged: Vec<Vec<u8>> = (0..whole.len())
            .step_by(7)
            .map(|at| whole[..at].to_vec())
            .collect();
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x10;
            damaged.push(changed);
        }
        for bytes in damaged {
            fs::write(&file, &bytes).unwrap();
            world.restart();
            let outcome = world.spool.assemble(&world.contents(), Vec::new()).await;
            let error = outcome.map(|archive| archive.bytes).unwrap_err();
            assert!(matches!(error, ArchiveError::Damaged(_)), "{error:?}");
        }
        fs::remove_file(&file).unwrap();
        world.restart();
        world
            .spool
            .assemble(&world.contents(), Vec::new())
            .await
            .unwrap_err();
        fs::write(&file, &whole).unwrap();
        world.restart();
        world.archive().await;
    }
}

#[tokio::test]
async fn an_archive_that_failed_is_never_complete() {
    let mut world = World::new(Format::Zip);
    let noise: Vec<u8> = (0..3_000_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    world
        .records("s", "t", &schema(), &[json!({"n": 0, "text": "x"})])
        .await;
    world
        .file("s", "t", Attachment::new("noise.zip"), &noise)
        .await;
    let whole = world.archive().await;
    for limit in [0, 100, 70_000, whole.len() / 2, whole.len() - 1] {
        let file = world.folder.path().join("out.zip");
        let out = Limited {
            file: fs::File::create(&file).unwrap(),
            left: limit,
        };
        let error = world
            .spool
            .assemble(&world.contents(), out)
            .await
            .map(|archive| archive.bytes)
            .unwrap_err();
        assert_eq!(
            error,
            ArchiveError::Storage {
                doing: "writing the archive",
                kind: std::io::ErrorKind::StorageFull
            }
        );
        let written = fs::read(&file).unwrap();
        assert!(
            zip::ZipArchive::new(std::io::Cursor::new(written)).is_err(),
            "a part of an archive looks whole"
        );
    }
    assert_eq!(world.archive().await, whole);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_nobody_waits_for_any_more_is_not_finished() {
    let mut world = World::new(Format::Zip);
    let noise = vec![1; 8 << 20];
    world
        .file("s", "t", Attachment::new("noise.zip"), &noise)
        .await;
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    let contents = world.contents();
    let assembling = world.spool.assemble(&contents, Channel(sender));
    assert!(
        tokio::time::timeout(std::time::Duration::from_millis(50), assembling)
            .await
            .is_err()
    );
    // The writer was waiting for this reader, and stops as soon as it can go on.
    let written: Vec<u8> = receiver.iter().flatten().collect();
    assert!(written.len() < 1 << 20, "{} bytes", written.len());
    assert!(zip::ZipArchive::new(std::io::Cursor::new(written)).is_err());
}

/// A slow download.
struct Channel(std::sync::mpsc::SyncSender<Vec<u8>>);

impl Write for Channel {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0
            .send(bytes.to_vec())
            .map_err(|_| std::io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A disk that becomes full.
struct Limited {
    file: fs::File,
    left: usize,
}

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.left == 0 {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        let written = self.file.write(&bytes[..bytes.len().min(self.left)])?;
        self.left -= written;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

#[tokio::test]
async fn a_page_says_that_it_is_full_and_waits_for_what_is_behind() {
    let mut options = SpoolOptions::default();
    options.page_bytes = 1 << 20;
    let mut world = World::with_options(Format::Zip, options);
    let mut page = world.page("s", "t");
    let mut writer = PageWriter::new(&mut page);
    writer.schema(&schema()).unwrap();
    let mut count = 0;
    while !writer.is_full() {
        writer
            .record(&json!({"n": count, "text": "t".repeat(500)}))
            .await
            .unwrap();
        count += 1;
    }
    assert!(
        (900..1100).contains(&count),
        "{count} records of 1,040 bytes"
    );
    assert!(!page.must_drain());
    let committed = world.commit("s", "t", page).await;
    assert_eq!(committed.records, count);
    assert!(
        (1 << 20..(1 << 20) + 2048).contains(&committed.bytes),
        "{}",
        committed.bytes
    );
}

#[tokio::test]
async fn a_mark_stays_small_and_shows_nothing() {
    let mut world = World::new(Format::Zip);
    let mut sizes = Vec::new();
    for first in 0..40_u64 {
        let mut page = world.page("s", "t");
        write(&mut page, first * 50, 50, "SECRET").await;
        world.commit("s", "t", page).await;
        let mark = world.mark("s", "t");
        sizes.push(serde_json::to_string(&mark).unwrap().len());
        assert!(!format!("{mark:?} {:?}", world.spool).contains("SECRET"));
    }
    assert!(sizes.iter().all(|size| *size < 1500), "{sizes:?}");
    assert!(sizes[39] - sizes[0] < 60, "{sizes:?}");
    assert!(
        !format!("{:?}", world.key).contains(std::str::from_utf8(&world.key.to_bytes()).unwrap())
    );
}

#[tokio::test]
async fn what_is_missing_is_named_with_its_reason() {
    for format in [Format::Zip, Format::Csv, Format::Json] {
        let world = common::shop::shop(format).await;
        let missing = match format {
            Format::Json => json(&world.archive().await)["missing"].clone(),
            _ => json(&world.unzipped().await["datapackage.json"])["missing"].clone(),
        };
        let found: Vec<[&str; 4]> = missing
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| {
                ["connector", "collection", "what", "reason"]
                    .map(|key| entry[key].as_str().unwrap_or_default())
            })
            .collect();
        let mut expected = vec![
            ["shop", "", "backups", "unreachable"],
            [
                "uploads",
                "documents",
                "customers/41/contract.pdf",
                "failed",
            ],
            ["billing", "charges", "The whole collection", "failed"],
            ["billing", "fraud_scores", "The whole collection", "refused"],
            ["billing", "cards", "The whole collection", "not_reached"],
        ];
        if format == Format::Csv {
            expected.insert(2, ["uploads", "documents", "4 files", "left_out"]);
        }
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn a_json_archive_is_one_document_with_the_files_in_it() {
    use base64::Engine as _;
    let mut world = World::new(Format::Json);
    world
        .records("s", "t", &schema(), &[json!({"n": 0, "text": "x"})])
        .await;
    let text = "deflated text ".repeat(40_000);
    world
        .file("s", "t", Attachment::new("a/b.txt"), text.as_bytes())
        .await;
    world
        .file("s", "t", Attachment::new("c.png"), common::shop::PIXEL)
        .await;
    world.records::<()>("s", "empty", &schema(), &[]).await;
    world.set_missing("s", "t", Missing::not_reached());
    let document = json(&world.archive().await);
    assert_eq!(document["request"]["id"], "019AA5E2-7C1D");
    let collections = &document["systems"][0]["collections"];
    assert_eq!(collections[0]["records"], json!([{"n": 0, "text": "x"}]));
    assert_eq!(collections[0]["complete"], false);
    assert_eq!(collections[1]["records"], json!([]));
    let bytes = |index: usize| {
        let content = collections[0]["files"][index]["content_base64"]
            .as_str()
            .unwrap();
        base64::engine::general_purpose::STANDARD
            .decode(content)
            .unwrap()
    };
    assert_eq!(bytes(0), text.as_bytes());
    assert_eq!(bytes(1), common::shop::PIXEL);
    assert_eq!(collections[0]["files"][0]["name"], "a/b.txt");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Any order of commits, drops, syncs and restarts, each page going on from the last mark that survived.
    #[test]
    fn no_record_is_lost_or_doubled_whatever_happens(
        steps in prop::collection::vec((0_u8..5, 0_u64..400), 1..14),
        memory_bytes in prop_oneof![Just(0_usize), Just(2_000), Just(1 << 20)],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut options = SpoolOptions::default();
            options.memory_bytes = memory_bytes;
            let mut world = World::with_options(Format::Zip, options);
            // What is committed, and what of it is durable: mark, records, files.
            let mut now = (Mark::default(), 0, 0);
            let mut durable = now.clone();
            for (step, count) in steps {
                let mut page = world.page_after("s", "t", &now.0).unwrap();
                write(&mut page, now.1, count, &format!("text {count}")).await;
                match step {
                    0 => drop(page),
                    1 => { drop(page.commit()); }
                    2 => {
                        drop(page.commit().await.unwrap());
                        world.restart();
                        now = durable.clone();
                    }
                    step => {
                        let committed = page.commit().await.unwrap();
                        now = (committed.mark, now.1 + count, now.2 + 1);
                        if step == 4 {
                            world.spool.sync().await.unwrap();
                            durable = now.clone();
                        }
                    }
                }
            }
            if now.2 > 0 {
                world.set_mark("s", "t", now.0.clone());
                assert_holds(&world, now.1, now.2).await;
            }
        });
    }
}
