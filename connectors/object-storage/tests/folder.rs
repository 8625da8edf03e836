//! What lies in the folder after each call.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use adieu_core::{Attachment, Body, ConnectorError, Identity, async_trait};
use adieu_core::{Connector, ErrorKind, PageSink, PageWriter, Schema};
use common::{connector, erase, export, person, put, step, survey, tree};

#[tokio::test]
async fn an_object_arrives_with_its_name_size_type_time_and_every_byte() {
    let folder = tempfile::tempdir().unwrap();
    let long: Vec<u8> = (0..1_000_003_u32).map(|n| (n % 251) as u8).collect();
    put(folder.path(), "users/7/Fotos 2024/ü + %2F #?.JPG", &long);
    put(folder.path(), "users/7/empty", b"");
    put(folder.path(), "users/70/other.txt", b"somebody else's");
    let connector = connector(folder.path(), &["users/{id}/"], &[]);

    let collected = export(&connector, &person(&[("id", "7")]), 1).await;

    let keys = ["users/7/Fotos 2024/ü + %2F #?.JPG", "users/7/empty"];
    let found: Vec<_> = collected.attachments().collect();
    assert_eq!(
        found
            .iter()
            .map(|(one, _)| one.name.as_str())
            .collect::<Vec<_>>(),
        keys
    );
    let (photo, bytes) = found[0];
    assert_eq!(photo.media_type.as_deref(), Some("image/jpeg"));
    assert_eq!(photo.size_bytes, Some(1_000_003));
    assert!(photo.modified_at.is_some());
    assert_eq!(bytes, long);
    let rows: Vec<_> = collected.records().collect();
    assert_eq!(
        rows.iter()
            .map(|row| row["key"].as_str().unwrap())
            .collect::<Vec<_>>(),
        keys
    );
    assert_eq!(rows[0]["size_bytes"], 1_000_003);
    assert_eq!(rows[1]["media_type"], serde_json::Value::Null);
    assert_eq!(
        collected
            .pages()
            .iter()
            .filter(|page| !page.records.is_empty())
            .count(),
        2
    );
}

#[tokio::test]
async fn an_erasure_leaves_neighbours_and_shared_folders_and_no_empty_folder_of_the_person() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "t/acme/users/7/docs/a/b/c.txt", b"c");
    put(folder.path(), "t/acme/users/7/docs/d.txt", b"d");
    put(folder.path(), "t/acme/users/70/docs/d.txt", b"other person");
    put(folder.path(), "t/other/users/7/docs/d.txt", b"other tenant");
    std::fs::create_dir_all(folder.path().join("t/acme/users/7/docs/hollow/deep")).unwrap();
    let connector = connector(folder.path(), &["t/{tenant}/users/{id}/docs/"], &[]);
    let subject = person(&[("id", "7")]);
    assert_eq!(
        survey(&connector, &subject).await,
        None,
        "without a tenant nobody is reached"
    );
    let subject = subject.within(adieu_core::Tenant::new("acme").unwrap());
    assert_eq!(survey(&connector, &subject).await.unwrap().erase(), 2);

    let tally = erase(&connector, &subject, 1).await;

    assert_eq!((tally.erase(), tally.failed().len()), (2, 0));
    let left: Vec<String> = tree(folder.path()).into_keys().collect();
    assert_eq!(
        left,
        [
            "t/",
            "t/acme/",
            "t/acme/users/",
            "t/acme/users/70/",
            "t/acme/users/70/docs/",
            "t/acme/users/70/docs/d.txt",
            "t/other/",
            "t/other/users/",
            "t/other/users/7/",
            "t/other/users/7/docs/",
            "t/other/users/7/docs/d.txt",
        ]
    );
    assert!(survey(&connector, &subject).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_shared_folder_stays_when_the_last_person_in_it_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "users/7/a", b"a");
    let connector = connector(folder.path(), &["users/{id}/"], &[]);
    erase(&connector, &person(&[("id", "7")]), 10).await;
    assert_eq!(
        tree(folder.path()).into_keys().collect::<Vec<_>>(),
        ["users/"]
    );
    connector.check().await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_in_the_folder_is_removed_itself_and_leads_nowhere() {
    use std::os::unix::fs::symlink;

    let outside = tempfile::tempdir().unwrap();
    put(outside.path(), "secret.txt", b"not in the store");
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "users/2/own.txt", b"somebody else's");
    put(folder.path(), "users/1/own.txt", b"theirs");
    symlink(outside.path(), folder.path().join("users/1/out")).unwrap();
    symlink("../2", folder.path().join("users/1/neighbour")).unwrap();
    symlink("../2/own.txt", folder.path().join("users/1/stolen.txt")).unwrap();
    symlink("../1", folder.path().join("users/1/loop")).unwrap();
    let connector = connector(folder.path(), &["users/{id}/"], &[]);
    let subject = person(&[("id", "1")]);

    let collected = export(&connector, &subject, 100).await;
    let names: Vec<_> = collected
        .attachments()
        .map(|(one, _)| one.name.clone())
        .collect();
    assert_eq!(names, ["users/1/own.txt"]);
    let missing: Vec<_> = collected
        .pages()
        .iter()
        .flat_map(|page| &page.missing)
        .collect();
    assert_eq!(missing.len(), 4);
    assert!(
        missing
            .iter()
            .all(|(_, error)| error.kind() == ErrorKind::Unsupported)
    );

    let tally = erase(&connector, &subject, 2).await;
    assert_eq!(tally.erase(), 5);
    let left: Vec<String> = tree(folder.path()).into_keys().collect();
    assert_eq!(left, ["users/", "users/2/", "users/2/own.txt"]);
    assert_eq!(tree(outside.path()).len(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn a_person_whose_folder_is_a_link_is_neither_read_nor_reported_as_erased() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "users/2/own.txt", b"somebody else's");
    std::os::unix::fs::symlink("2", folder.path().join("users/1")).unwrap();
    let before = tree(folder.path());
    let connector = connector(folder.path(), &["users/{id}/"], &[]);
    let subject = person(&[("id", "1")]);

    let held = survey(&connector, &subject).await.unwrap();
    assert_eq!((held.erase(), held.pending()), (0, 1));
    assert_eq!(held.failed()[0].kind, ErrorKind::Config);
    let collected = export(&connector, &subject, 100).await;
    assert_eq!(collected.attachments().count(), 0);
    assert_eq!(
        collected
            .pages()
            .iter()
            .map(|page| page.missing.len())
            .sum::<usize>(),
        1
    );
    assert_eq!(erase(&connector, &subject, 10).await, held);
    assert_eq!(tree(folder.path()), before);
}

#[cfg(unix)]
#[tokio::test]
async fn names_that_are_not_text_or_end_in_white_space_are_exported_and_erased() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let folder = tempfile::tempdir().unwrap();
    let names: [&[u8]; 6] = [b"\xff\xfe", b"\xef\xbf\xbd", b" a", b"a", b"a ", b"a\nb"];
    for name in names {
        let inner = folder.path().join("users/7").join(OsStr::from_bytes(name));
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::write(inner.join(OsStr::from_bytes(name)), name).unwrap();
    }
    let connector = connector(folder.path(), &["users/{id}/"], &[]);
    let subject = person(&[("id", "7")]);

    let collected = export(&connector, &subject, 1).await;
    let mut bytes: Vec<_> = collected
        .attachments()
        .map(|(_, bytes)| bytes.to_vec())
        .collect();
    bytes.sort();
    let mut expected = names.map(<[u8]>::to_vec);
    expected.sort();
    assert_eq!(bytes, expected);
    assert_eq!(erase(&connector, &subject, 1).await.erase(), 6);
    assert_eq!(
        tree(folder.path()).into_keys().collect::<Vec<_>>(),
        ["users/"]
    );
}

#[tokio::test]
async fn a_yielded_key_reaches_its_object_and_nobody_elses_prefix() {
    let folder = tempfile::tempdir().unwrap();
    for key in [
        "users/7/a",
        "users/8/a",
        "files/x/1",
        "files/x/10",
        "files/y",
    ] {
        put(folder.path(), key, key.as_bytes());
    }
    let connector = connector(folder.path(), &["users/{id}/"], &["file_key"]);
    let subject = person(&[
        ("id", "7"),
        ("file_key", "files/x/1"),
        ("file_key", "files/x"),
        ("file_key", "files/gone"),
        ("file_key", "users/7/a"),
        ("file_key", "users/8/a"),
        ("file_key", "files/x/../y"),
    ]);
    let collected = export(&connector, &subject, 1).await;
    let names: Vec<_> = collected
        .attachments()
        .map(|(one, _)| one.name.clone())
        .collect();
    assert_eq!(names, ["files/x/1", "users/7/a"]);
    assert_eq!(erase(&connector, &subject, 1).await.erase(), 2);
    let left = tree(folder.path());
    for key in ["users/8/a", "files/x/10", "files/y"] {
        assert_eq!(left[key], key.as_bytes());
    }
    assert_eq!(left.keys().filter(|key| !key.ends_with('/')).count(), 3);
}

#[tokio::test]
async fn pages_and_batches_of_a_wide_and_a_branching_folder_meet_each_object_once_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut keys = Vec::new();
    for n in 0..5_000 {
        keys.push(format!("users/7/wide/{n}.txt"));
    }
    for n in 0..300 {
        // Folders between files: `a.x` comes before `a/…`, and `a0` after it.
        keys.push(format!("users/7/{n}/inner/file"));
        keys.push(format!("users/7/{n}.x"));
        keys.push(format!("users/7/{n}0x"));
        std::fs::create_dir_all(folder.path().join(format!("users/7/{n}-hollow"))).unwrap();
    }
    for key in &keys {
        put(folder.path(), key, b"");
    }
    keys.sort();
    let connector = connector(folder.path(), &["users/{id}/"], &[]);
    let subject = person(&[("id", "7")]);
    for full_after in [997, 100_000] {
        let collected = export(&connector, &subject, full_after).await;
        let names: Vec<_> = collected
            .attachments()
            .map(|(one, _)| one.name.clone())
            .collect();
        assert_eq!(names, keys);
    }
    assert_eq!(
        survey(&connector, &subject).await.unwrap().erase(),
        keys.len() as u64
    );
    assert_eq!(
        erase(&connector, &subject, 999).await.erase(),
        keys.len() as u64
    );
    assert_eq!(
        tree(folder.path()).into_keys().collect::<Vec<_>>(),
        ["users/"]
    );
}

#[tokio::test]
async fn an_object_that_vanishes_between_listing_and_reading_is_named_as_missing() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "users/7/1", b"first");
    put(folder.path(), "users/7/2", b"second");
    let connector = connector(folder.path(), &["users/{id}/"], &[]);
    let mut sink = RemovesOnRecord {
        path: folder.path().join("users/7/2"),
        attached: Vec::new(),
        missing: Vec::new(),
    };
    let next = connector
        .export(
            &step(&person(&[("id", "7")]), None),
            &mut PageWriter::new(&mut sink),
        )
        .await
        .unwrap();
    assert!(next.is_none());
    assert_eq!(sink.attached, ["users/7/1"]);
    assert_eq!(sink.missing, ["users/7/2"]);
}

/// A page during whose first record somebody removes a file.
struct RemovesOnRecord {
    path: std::path::PathBuf,
    attached: Vec<String>,
    missing: Vec<String>,
}

#[async_trait]
impl PageSink for RemovesOnRecord {
    fn wants_records(&self) -> bool {
        true
    }

    fn schema(&mut self, _: &Schema) -> Result<(), ConnectorError> {
        Ok(())
    }

    fn record(&mut self, _: &dyn erased_serde::Serialize) -> Result<(), ConnectorError> {
        std::fs::remove_file(&self.path).unwrap();
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
        attachment: Attachment,
        _: Body<'_>,
    ) -> Result<(), ConnectorError> {
        self.attached.push(attachment.name);
        Ok(())
    }

    fn missing(&mut self, what: String, _: ConnectorError) -> Result<(), ConnectorError> {
        self.missing.push(what);
        Ok(())
    }

    fn is_full(&self) -> bool {
        false
    }
}

#[tokio::test]
async fn a_missing_store_or_a_mistyped_prefix_is_an_error_and_not_an_empty_person() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "users/7/a", b"a");
    let mistyped = connector(folder.path(), &["user/{id}/"], &[]);
    let error = mistyped.check().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.what().contains("`user`"), "{error}");

    let gone = folder.path().join("not-mounted");
    let gone = connector(&gone, &["users/{id}/"], &[]);
    let subject = person(&[("id", "7")]);
    assert_eq!(gone.check().await.unwrap_err().kind(), ErrorKind::Config);
    assert_eq!(
        gone.survey(&subject).await.unwrap_err().kind(),
        ErrorKind::Config
    );
    assert!(!folder.path().join("not-mounted").exists());
}
