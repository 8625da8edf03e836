//! Generations of Google Cloud Storage.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use adieu_core::{Connector as _, ConnectorName};
use adieu_object_storage::{ObjectStorageConfig, ObjectStorageConnector};
use common::between::{Act, Between};
use common::gcs::{GcsBucket, gcs};
use common::{export, person, step, survey};

fn connector(config: ObjectStorageConfig) -> ObjectStorageConnector {
    let config = ObjectStorageConfig {
        prefixes: vec!["users/{id}/".to_owned()],
        ..config
    };
    ObjectStorageConnector::new(
        ConnectorName::new("uploads").unwrap(),
        &config,
        ".".as_ref(),
    )
    .unwrap()
}

#[tokio::test]
async fn every_generation_is_counted_read_and_deleted_by_its_number() {
    let bucket = GcsBucket::with_versions();
    bucket.put("users/7/a b+c%2F.txt", b"first");
    bucket.put("users/7/a b+c%2F.txt", b"second");
    bucket.put("users/7/gone.txt", b"deleted by the application");
    bucket.delete("users/7/gone.txt");
    bucket.put("users/70/a.txt", b"somebody else's");
    let entries = bucket.entries();
    let between = Between::start(gcs().port, |_| Act::Pass);
    let connector = connector(bucket.config_behind(between.port));
    let subject = person(&[("id", "7")]);

    assert_eq!(survey(&connector, &subject).await.unwrap().erase(), 3);
    let collected = export(&connector, &subject, 1).await;
    let mut contents: Vec<&[u8]> = collected.attachments().map(|(_, bytes)| bytes).collect();
    contents.sort_unstable();
    assert_eq!(
        contents,
        [
            b"deleted by the application".as_slice(),
            b"first",
            b"second"
        ]
    );
    let current = collected.records().filter(|row| row["is_current"] == true);
    assert_eq!(current.count(), 1);
    let media_type = collected
        .attachments()
        .next()
        .unwrap()
        .0
        .media_type
        .as_deref();
    assert_eq!(media_type, Some("text/x-own"));

    connector.erase(&step(&subject, None)).await.unwrap();
    for (key, generation, _) in entries {
        let is_theirs = key.starts_with("users/7/");
        let deleted = between.count(&format!("?generation={generation} HTTP"));
        let deletions = between
            .seen
            .lock()
            .unwrap()
            .iter()
            .filter(|line| {
                line.starts_with("DELETE") && line.contains(&format!("generation={generation} "))
            })
            .count();
        assert_eq!(deletions, usize::from(is_theirs), "{deleted}");
    }
}
