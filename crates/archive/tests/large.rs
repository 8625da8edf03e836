//! Archives beyond the limits of the old ZIP format, and memory that does not grow with them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on fails"
)]

mod common;

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use adieu_archive::{Format, Mark, SpoolOptions};
use adieu_core::{Attachment, Body, FieldType, PageSink, PageWriter};
use bytes::Bytes;
use common::tools::{run, succeeded};
use common::{World, body, fields, json};
use serde_json::json;

async fn archive_to(world: &World, path: &Path) -> u64 {
    let out = BufWriter::new(File::create(path).unwrap());
    world
        .spool
        .assemble(&world.contents(), out)
        .await
        .unwrap()
        .bytes
}

#[tokio::test]
async fn an_archive_has_more_than_65535_entries() {
    const FILES: usize = 66_000;
    let mut world = World::new(Format::Zip);
    let mut written = 0;
    while written < FILES {
        let mut page = world.page("store", "files");
        let mut writer = PageWriter::new(&mut page);
        while written < FILES && !writer.is_full() {
            let name = format!("{}/{written}.bin", written / 1000);
            writer
                .attachment(Attachment::new(name), body(written.to_string().as_bytes()))
                .await
                .unwrap();
            written += 1;
        }
        world.commit("store", "files", page).await;
    }
    let path = world.folder.path().join("archive.zip");
    archive_to(&world, &path).await;
    let mut zip = zip::ZipArchive::new(File::open(&path).unwrap()).unwrap();
    assert_eq!(zip.len(), FILES + 2);
    for n in [0, 65_533, 65_534, 65_535, 65_536, FILES - 1] {
        let mut text = String::new();
        zip.by_name(&format!("store/files/{}/{n}.bin", n / 1000))
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, n.to_string());
    }
    let mut text = Vec::new();
    zip.by_name("datapackage.json")
        .unwrap()
        .read_to_end(&mut text)
        .unwrap();
    assert_eq!(
        json(&text)["resources"].as_array().unwrap().len(),
        FILES + 1
    );
    others_find_no_error(&path);
}

#[tokio::test]
async fn an_entry_is_larger_than_4_gib() {
    const BYTES: u64 = (4 << 30) + 12_345;
    let mut world = World::new(Format::Zip);
    let mut page = world.page("store", "files");
    let mut attachment = Attachment::new("zeros.txt");
    attachment.size_bytes = Some(BYTES);
    PageWriter::new(&mut page)
        .attachment(attachment, zeros(BYTES))
        .await
        .unwrap();
    world.commit("store", "files", page).await;
    world
        .file(
            "store",
            "files",
            Attachment::new("after.txt"),
            b"what comes after it",
        )
        .await;
    let path = world.folder.path().join("archive.zip");
    archive_to(&world, &path).await;
    let mut zip = zip::ZipArchive::new(File::open(&path).unwrap()).unwrap();
    let entry = zip.by_name("store/files/zeros.txt").unwrap();
    assert_eq!(entry.size(), BYTES);
    // The sum of so many zeros, by another way.
    let mut sum = crc32fast::Hasher::new();
    let mut piece = crc32fast::Hasher::new();
    piece.update(&vec![0; 1 << 20]);
    (0..BYTES >> 20).for_each(|_| sum.combine(&piece));
    sum.update(&vec![0; (BYTES % (1 << 20)) as usize]);
    assert_eq!(entry.crc32(), sum.finalize());
    drop(entry);
    let mut text = String::new();
    zip.by_name("store/files/after.txt")
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text, "what comes after it");
    // Other tools need long for so many zeros, so they look at the lengths and read what comes after.
    if let Some(output) = run("unzip", &["-l".as_ref(), &path]) {
        assert!(succeeded(&output).contains(&BYTES.to_string()));
    }
    if let Some(output) = run(
        "unzip",
        &["-p".as_ref(), &path, "store/files/after.txt".as_ref()],
    ) {
        assert_eq!(succeeded(&output), "what comes after it");
    }
    if let Some(output) = run("7z", &["l".as_ref(), &path]) {
        assert!(succeeded(&output).contains(&BYTES.to_string()));
    }
}

fn others_find_no_error(path: &Path) {
    if let Some(output) = run("unzip", &["-tq".as_ref(), path]) {
        assert!(succeeded(&output).contains("No errors detected"));
    }
    if let Some(output) = run("7z", &["t".as_ref(), path]) {
        assert!(succeeded(&output).contains("Everything is Ok"));
    }
}

fn zeros(bytes: u64) -> Body<'static> {
    let piece = Bytes::from(vec![0; 1 << 20]);
    let whole = (0..bytes >> 20).map({
        let piece = piece.clone();
        move |_| Ok(piece.clone())
    });
    let rest = piece.slice(..(bytes % (1 << 20)) as usize);
    Box::pin(futures_util::stream::iter(whole.chain([Ok(rest)])))
}

/// The most memory this process had since [`forget_peak`], in bytes; `None` where the system does not tell.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace()
        .nth(1)?
        .parse::<u64>()
        .ok()
        .map(|kib| kib << 10)
}

fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

async fn export_rows(rows: u64) {
    let mut world = World::with_options(Format::Zip, SpoolOptions::default());
    let schema = fields(&[
        ("id", FieldType::Integer),
        ("text", FieldType::String),
        ("more", FieldType::Object),
    ]);
    let mut written = 0;
    let mut mark = Mark::default();
    while written < rows {
        let mut page = world.page_after("s", "t", &mark).unwrap();
        let mut writer = PageWriter::new(&mut page);
        writer.schema(&schema).unwrap();
        while written < rows && !writer.is_full() {
            let text = format!("{:x}", written.wrapping_mul(0x9E37_79B9_7F4A_7C15)).repeat(8);
            writer
                .record(&json!({"id": written, "text": text, "more": {"a": [written]}}))
                .await
                .unwrap();
            written += 1;
        }
        mark = page.commit().await.unwrap().mark;
    }
    world.set_mark("s", "t", mark);
    let bytes = world
        .spool
        .assemble(&world.contents(), std::io::sink())
        .await
        .unwrap()
        .bytes;
    assert!(bytes > rows * 20);
}

async fn export_file(bytes: u64) {
    let mut world = World::new(Format::Zip);
    let mut page = world.page("s", "t");
    let mut attachment = Attachment::new("video.mp4");
    attachment.size_bytes = Some(bytes);
    PageWriter::new(&mut page)
        .attachment(attachment, zeros(bytes))
        .await
        .unwrap();
    assert!(page.is_full());
    world.commit("s", "t", page).await;
    let archive = world
        .spool
        .assemble(&world.contents(), std::io::sink())
        .await
        .unwrap();
    assert!(archive.bytes > bytes);
}

/// Alone in its process, so that no other test's memory is counted.
#[test]
fn memory_does_not_grow_with_the_data() {
    if std::env::var_os("ADIEU_TEST_MEMORY").is_none() {
        let myself = std::env::current_exe().unwrap();
        let output = std::process::Command::new(myself)
            .args([
                "--exact",
                "memory_does_not_grow_with_the_data",
                "--nocapture",
            ])
            .env("ADIEU_TEST_MEMORY", "1")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        std::io::stdout().write_all(&output.stdout).unwrap();
        assert!(
            output.status.success(),
            "{text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        return;
    }
    let Some(_) = peak() else {
        println!("skipped: this system does not tell how much memory a process had");
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let idle = peak().unwrap();
    let above_idle = |work: std::pin::Pin<Box<dyn Future<Output = ()>>>| {
        forget_peak();
        runtime.block_on(work);
        (peak().unwrap().saturating_sub(idle)) >> 20
    };
    let few = above_idle(Box::pin(export_rows(10_000)));
    let many = above_idle(Box::pin(export_rows(120_000)));
    let file = above_idle(Box::pin(export_file(300 << 20)));
    println!(
        "MiB above idle: {few} for 10,000 rows, {many} for 120,000 rows, {file} for a file of 300 MiB"
    );
    assert!(many <= few + 8 && many <= 64, "{few} MiB, then {many} MiB");
    assert!(file <= 64, "{file} MiB");
}
