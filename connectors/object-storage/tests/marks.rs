//! Objects that say themselves whose they are: by tags and by metadata, version by version.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use adieu_core::{Connector as _, ConnectorName};
use adieu_object_storage::{MarkedRule, ObjectStorageConfig, ObjectStorageConnector};
use common::azurite::Container;
use common::between::{Act, Between};
use common::moto::{Bucket, config_at, moto};
use common::{erase, export, person, survey};

fn marked(tag: Option<&str>, metadata: Option<&str>) -> MarkedRule {
    MarkedRule {
        prefix: "shared/".to_owned(),
        tag: tag.map(str::to_owned),
        metadata: metadata.map(str::to_owned),
        identity: "id".to_owned(),
    }
}

fn connector(config: ObjectStorageConfig, rule: MarkedRule) -> ObjectStorageConnector {
    let config = ObjectStorageConfig {
        marked: vec![rule],
        ..config
    };
    let name = ConnectorName::new("uploads").unwrap();
    ObjectStorageConnector::new(name, &config, ".".as_ref()).unwrap()
}

/// Kinds and keys of what is left.
fn left(bucket: &Bucket) -> Vec<(&'static str, String)> {
    let entries = bucket.entries().into_iter();
    entries.map(|one| (one.kind, one.key)).collect()
}

#[tokio::test]
async fn each_version_is_whose_mark_it_has() {
    let bucket = Bucket::with_versions();
    for (key, owner) in [
        ("shared/ours", "7"),
        ("shared/ours", "8"),
        ("shared/ours", "7"),
        ("shared/theirs", "70"),
        ("shared/mine", "7"),
        ("elsewhere/mine", "7"),
    ] {
        let mark = [("x-amz-meta-owner", owner)];
        bucket.put_with(key, format!("of {owner}").as_bytes(), &mark);
    }
    bucket.put("shared/without", b"of nobody");
    // A note of deletion over one's own goes; over what is somebody else's too it stays, as one that hides nothing.
    bucket.delete("shared/mine");
    bucket.delete("shared/ours");
    let version = bucket.put("shared/nothing", b"of nobody");
    bucket.delete("shared/nothing");
    bucket.ok(
        "DELETE",
        &format!("/shared/nothing?versionId={version}"),
        &[],
        b"",
    );
    bucket.begin_upload("shared/film");
    let connector = connector(config_at(&bucket.url()), marked(None, Some("owner")));
    let subject = person(&[("id", "7")]);

    assert_eq!(survey(&connector, &subject).await.unwrap().erase(), 4);
    let collected = export(&connector, &subject, 1).await;
    let contents: Vec<&[u8]> = collected.attachments().map(|(_, bytes)| bytes).collect();
    assert_eq!(contents, [b"of 7"; 3]);
    assert_eq!(erase(&connector, &subject, 1).await.erase(), 4);
    let stays = |kind, key: &str| (kind, key.to_owned());
    assert_eq!(
        left(&bucket),
        [
            stays("DeleteMarker", "shared/nothing"),
            stays("DeleteMarker", "shared/ours"),
            stays("Upload", "shared/film"),
            stays("Version", "elsewhere/mine"),
            stays("Version", "shared/ours"),
            stays("Version", "shared/theirs"),
            stays("Version", "shared/without"),
        ]
    );
    assert!(survey(&connector, &subject).await.unwrap().is_empty());
    let told = &connector.descriptor().unreachable;
    assert!(
        told.iter().any(|one| one.why.contains("no mark")),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_tag_of_another_name_or_case_is_no_mark() {
    let bucket = Bucket::new();
    for (key, tags) in [
        ("shared/1", "owner=7&of=shop"),
        ("shared/2", "Owner=7"),
        ("shared/3", "owner=70"),
        ("shared/4", "reader=7"),
        ("shared/5", "owner=7%20"),
    ] {
        bucket.put_with(key, b"x", &[("x-amz-tagging", tags)]);
    }
    let connector = connector(config_at(&bucket.url()), marked(Some("owner"), None));
    assert_eq!(
        erase(&connector, &person(&[("id", "7")]), 9).await.erase(),
        1
    );
    assert_eq!(
        bucket.keys(),
        ["shared/2", "shared/3", "shared/4", "shared/5"]
    );
}

#[tokio::test]
async fn metadata_of_azure_is_a_mark_of_its_blob_and_of_each_snapshot() {
    let container = Container::new().await;
    let owner = |owner| ("x-ms-meta-owner", owner);
    for (key, whose) in [
        ("shared/ours", "8"),
        ("shared/mine", "7"),
        ("shared/theirs", "70"),
        ("elsewhere/mine", "7"),
    ] {
        container.put_with(key, b"x", owner(whose)).await;
    }
    container.put("shared/without", b"of nobody").await;
    container.snapshot("shared/mine").await;
    // A snapshot keeps the mark that its blob had.
    container
        .put_with("shared/moved", b"was hers", owner("7"))
        .await;
    container.snapshot("shared/moved").await;
    container
        .put_with("shared/moved", b"is theirs", owner("8"))
        .await;
    // Names of metadata are headers: their case counts for nothing. The value's does.
    let upper = ("x-ms-meta-OWNER", "7");
    container.put_with("shared/upper", b"x", upper).await;
    let connector = connector(container.config(), marked(None, Some("owner")));
    let subject = person(&[("id", "7")]);

    assert_eq!(survey(&connector, &subject).await.unwrap().erase(), 4);
    let collected = export(&connector, &subject, 1).await;
    assert_eq!(collected.attachments().count(), 4);
    assert_eq!(erase(&connector, &subject, 1).await.erase(), 4);
    let left: Vec<(String, bool)> = container
        .entries()
        .await
        .into_iter()
        .map(|(name, snapshot, _)| (name, snapshot.is_empty()))
        .collect();
    let stays = |key: &str| (key.to_owned(), true);
    assert_eq!(
        left,
        [
            stays("elsewhere/mine"),
            stays("shared/moved"),
            stays("shared/ours"),
            stays("shared/theirs"),
            stays("shared/without"),
        ]
    );
    assert!(survey(&connector, &subject).await.unwrap().is_empty());
}

#[tokio::test]
async fn many_objects_of_others_are_listed_once_however_small_the_batches() {
    let bucket = Bucket::new();
    for n in 0..60 {
        let owner = if n % 7 == 3 { "7" } else { "8" };
        bucket.put_with(
            &format!("shared/{n:02}"),
            b"x",
            &[("x-amz-meta-owner", owner)],
        );
    }
    let between = Between::start(moto().port, |_| Act::Pass);
    let config = config_at(&bucket.url_at(between.port));
    let connector = connector(config, marked(None, Some("owner")));
    let subject = person(&[("id", "7")]);
    assert_eq!(erase(&connector, &subject, 10).await.erase(), 9);
    assert_eq!(bucket.keys().len(), 51);
    // Each once; and at most once more what follows the last of others before a batch's end.
    let looked_at = between.count("HEAD ");
    assert!((60..=72).contains(&looked_at), "{looked_at}");
}

#[tokio::test]
async fn what_reaches_two_people_or_asks_for_what_a_store_does_not_have_is_refused() {
    let problems = |url: &str, more: &str| -> Vec<String> {
        let toml = format!("url = \"{url}\"\n{more}");
        let config: ObjectStorageConfig = toml::from_str(&toml).unwrap();
        config.validate().iter().map(ToString::to_string).collect()
    };
    let s3 = "s3://uploads?region=x";
    let shared = r#"{ prefix = "shared/", tag = "owner", identity = "id" }"#;
    let list =
        r#"{ object = "lists/{id}.csv", format = "csv", field = "key", yields = "file_key" }"#;
    let whole = format!("marked = [{shared}]\nmanifests = [{list}]");
    assert_eq!(problems(s3, &whole), [""; 0]);
    for (url, more, place) in [
        ("folder:x", format!("marked = [{shared}]"), "marked.0.tag"),
        ("gs://uploads", format!("marked = [{shared}]"), "marked.0.tag"),
        ("r2://uploads?account=x", format!("marked = [{shared}]"), "marked.0.tag"),
        (
            "folder:x",
            r#"marked = [{ prefix = "shared/", metadata = "owner", identity = "id" }]"#.to_owned(),
            "marked.0.metadata",
        ),
        (s3, r#"marked = [{ prefix = "shared/", identity = "id" }]"#.to_owned(), "marked.0.tag"),
        (
            s3,
            r#"marked = [{ prefix = "shared/", metadata = "a b", identity = "id" }]"#.to_owned(),
            "marked.0.metadata",
        ),
        (
            s3,
            r#"marked = [{ prefix = "", tag = "owner", identity = "id" }]"#.to_owned(),
            "marked.0.prefix",
        ),
        (
            s3,
            r#"marked = [{ prefix = "{id}/", tag = "owner", identity = "id" }]"#.to_owned(),
            "marked.0.prefix",
        ),
        (s3, format!("prefixes = [\"{{id}}/\"]\nmarked = [{shared}]"), "marked.0.prefix"),
        (
            s3,
            r#"marked = [{ prefix = "shared/", tag = "owner", identity = "Id" }]"#.to_owned(),
            "marked.0.identity",
        ),
        (
            s3,
            r#"manifests = [{ object = "lists/all.csv", format = "lines", yields = "file_key" }]"#.to_owned(),
            "manifests.0.object",
        ),
        (
            s3,
            r#"manifests = [{ object = "lists/{id}", format = "csv", yields = "file_key" }]"#.to_owned(),
            "manifests.0.field",
        ),
        (
            s3,
            r#"manifests = [{ object = "lists/{id}", format = "json", field = "a..b", yields = "file_key" }]"#
                .to_owned(),
            "manifests.0.field",
        ),
        (s3, format!("marked = [{shared}]\nmanifests = [{}]", list.replace("lists/", "shared/")), "manifests.0.object"),
        (
            s3,
            format!("prefixes = [\"lists/{{email}}/\"]\nmanifests = [{}]", list.replace("lists/", "lists/x/")),
            "manifests.0.object",
        ),
        (s3, format!("manifests = [{list}, {}]", list.replace("{id}", "{email}")), "manifests.1.object"),
    ] {
        let found = problems(url, &more);
        assert!(found.iter().any(|one| one.starts_with(place)), "{more}: {found:?}");
    }
    // Within the person's own prefix it is found as all that lies there.
    let own = format!(
        "prefixes = [\"users/{{id}}/\"]\nmanifests = [{}]",
        list.replace("lists/{id}.csv", "users/{id}/list.csv")
    );
    assert_eq!(problems(s3, &own), [""; 0]);
}
