//! The finished archive at rest.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on fails"
)]

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};

use adieu_archive::sealed::{SealedReader, SealedWriter};
use adieu_archive::{ArchiveError, ArchiveKey};
use proptest::prelude::*;

fn text(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 31 % 251) as u8).collect()
}

#[test]
fn an_archive_appears_only_when_it_is_finished() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("archive.age");
    let key = ArchiveKey::generate();
    let mut writer = SealedWriter::create(&path, &key).unwrap();
    writer.write_all(b"half of it").unwrap();
    assert!(!path.exists());
    drop(writer);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let mut writer = SealedWriter::create(&path, &key).unwrap();
    writer.write_all(b"all of it").unwrap();
    writer.finish().unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let bytes = fs::read(&path).unwrap();
    assert!(
        bytes.starts_with(b"age-encryption.org/v1")
            && !bytes.windows(9).any(|window| window == b"all of it")
    );
    let mut read = Vec::new();
    SealedReader::open(&path, &key)
        .unwrap()
        .read_to_end(&mut read)
        .unwrap();
    assert_eq!(read, b"all of it");
}

#[test]
fn another_key_does_not_open_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("archive.age");
    let key = ArchiveKey::generate();
    SealedWriter::create(&path, &key).unwrap().finish().unwrap();
    assert_eq!(
        SealedReader::open(&path, &ArchiveKey::generate()).unwrap_err(),
        ArchiveError::Key
    );
    let same = ArchiveKey::from_bytes(&key.to_bytes()).unwrap();
    assert_eq!(SealedReader::open(&path, &same).unwrap().total_bytes(), 0);
    assert_eq!(
        ArchiveKey::from_bytes(b"not a key").unwrap_err(),
        ArchiveError::Key
    );
}

#[test]
fn what_was_cut_or_changed_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("archive.age");
    let key = ArchiveKey::generate();
    let mut writer = SealedWriter::create(&path, &key).unwrap();
    writer.write_all(&text(200_000)).unwrap();
    writer.finish().unwrap();
    let whole = fs::read(&path).unwrap();
    let is_refused = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        match SealedReader::open(&path, &key) {
            Err(ArchiveError::Damaged(_) | ArchiveError::Key) => true,
            Err(other) => panic!("{other:?}"),
            Ok(mut reader) => reader.read_to_end(&mut Vec::new()).is_err(),
        }
    };
    for at in (0..whole.len()).step_by(3001) {
        assert!(is_refused(&whole[..at]), "cut at {at}");
        let mut changed = whole.clone();
        changed[at] ^= 1;
        assert!(is_refused(&changed), "changed at {at}");
    }
    assert!(!is_refused(&whole));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn any_range_is_read_from_anywhere(
        length in prop_oneof![0_usize..200, 65_530_usize..65_545, 131_060_usize..131_080, 0_usize..300_000],
        reads in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..70_000), 1..12),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("archive.age");
        let key = ArchiveKey::generate();
        let whole = text(length);
        let mut writer = SealedWriter::create(&path, &key).unwrap();
        for piece in whole.chunks(9_999) {
            writer.write_all(piece).unwrap();
        }
        writer.finish().unwrap();
        let mut reader = SealedReader::open(&path, &key).unwrap();
        prop_assert_eq!(reader.total_bytes(), length as u64);
        for (from, count) in reads {
            let from = from.index(length + 1);
            let to = length.min(from + count);
            reader.seek(SeekFrom::Start(from as u64)).unwrap();
            let mut read = Vec::new();
            reader.by_ref().take((to - from) as u64).read_to_end(&mut read).unwrap();
            prop_assert!(read == whole[from..to], "{}..{} of {}", from, to, length);
        }
    }
}
