//! Writing out a person's objects: a record of each, and its bytes.

use std::sync::Arc;

use adieu_core::{
    Attachment, ConnectorError, Cursor, ErrorKind, Field, FieldType, PageWriter, Retry, Schema,
    Step,
};
use bytes::Bytes;
use futures_util::stream::FuturesOrdered;
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use serde::Serialize;

use crate::connector::{ObjectStorageConnector, WINDOW};
use crate::manifest::listed_keys;
use crate::object::{At, Kind, Object};
use crate::store::{For, Opened};

/// How many objects are listed at first.
const FIRST_WINDOW: usize = 256;

/// How many short objects of a bucket are read at once, those before their turn included.
const AHEAD: usize = 8;

/// What counts as short: all of them together lie in memory.
const SHORT_BYTES: u64 = 64 << 10;

/// What the list of files says of each.
#[derive(Serialize)]
struct Row<'a> {
    key: &'a str,
    size_bytes: u64,
    modified_at: Option<Timestamp>,
    media_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<Version<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_current: Option<bool>,
}

pub(crate) async fn export(
    connector: &ObjectStorageConnector,
    step: &Step,
    page: &mut PageWriter<'_>,
) -> Result<Option<Cursor>, ConnectorError> {
    let mut position = connector.begin(step)?;
    let store = &connector.store;
    // What manifests list is told at once: there are no more keys than one person may have.
    let listed = match step.cursor() {
        None => listed_keys(store, &connector.finder, step.subject()).await?,
        Some(_) => Vec::new(),
    };
    for key in &listed {
        page.identity(key.clone())?;
    }
    if !page.wants_records() {
        return Ok(None);
    }
    page.schema(&schema(store.is_remote()))?;
    let places = Arc::new(connector.finder.places(step.subject())?);
    // What a manifest lists and cannot be followed would be missing in silence.
    for key in listed.iter().map(|key| key.value().expose()) {
        if let Some((_, reason)) = places.unfit.iter().find(|(unfit, _)| unfit == key) {
            page.missing(key.to_owned(), unfit(reason))?;
        }
    }
    // A page that is full after a few objects should not have looked at thousands.
    let mut window = FIRST_WINDOW;
    loop {
        let listed = store.list(&places, &position, window, For::Reading).await?;
        window = WINDOW;
        let mut waiting = listed.objects.iter();
        let mut ahead = FuturesOrdered::new();
        for object in &listed.objects {
            for next in waiting.by_ref().take(AHEAD - ahead.len()) {
                ahead.push_back(read_ahead(connector, next));
            }
            let ahead = ahead.next().await.flatten();
            write(connector, object, ahead, page).await?;
            if page.is_full() {
                let next = store.after(&places, &listed, object);
                return connector.go_on(step, &next).map(Some);
            }
        }
        match listed.next {
            Some(next) => position = next,
            None => return Ok(None),
        }
    }
}

/// Reads a short object of a bucket whole, before its turn; `None` for every other.
async fn read_ahead(
    connector: &ObjectStorageConnector,
    object: &Object,
) -> Option<Result<Opened, ConnectorError>> {
    let is_short = object.size_bytes.is_some_and(|size| size <= SHORT_BYTES);
    if !connector.store.is_remote() || !is_short || !matches!(object.kind, Kind::File) {
        return None;
    }
    let opened = match connector.store.open(object).await {
        Ok(Opened::Bytes {
            body,
            size_bytes,
            modified_at,
            media_type,
            metadata,
        }) if size_bytes <= SHORT_BYTES => {
            // What breaks off here fails at its turn, as it would have then.
            let pieces: Vec<Result<Bytes, ConnectorError>> = body.collect().await;
            Ok(Opened::Bytes {
                body: Box::pin(stream::iter(pieces)),
                size_bytes,
                modified_at,
                media_type,
                metadata,
            })
        }
        opened => opened,
    };
    Some(opened)
}

async fn write(
    connector: &ObjectStorageConnector,
    object: &Object,
    ahead: Option<Result<Opened, ConnectorError>>,
    page: &mut PageWriter<'_>,
) -> Result<(), ConnectorError> {
    let key = String::from_utf8_lossy(&object.key).into_owned();
    match &object.kind {
        Kind::File => {}
        // It has no content; what it hides comes as older versions.
        Kind::Marker => return Ok(()),
        Kind::Link => return page.missing(key, not_a_file()),
        Kind::Upload => return page.missing(key, not_finished()),
        Kind::Leaving(_) => return page.missing(key, leaving()),
        Kind::Closed(error) => return page.missing(key, error.clone()),
    }
    let opened = match ahead {
        Some(opened) => opened,
        None => connector.store.open(object).await,
    };
    let (body, size_bytes, modified_at, media_type, metadata) = match opened {
        Ok(Opened::Bytes {
            body,
            size_bytes,
            modified_at,
            media_type,
            metadata,
        }) => (body, size_bytes, modified_at, media_type, metadata),
        Ok(Opened::Gone) => return page.missing(key, gone()),
        // A store that does not answer now may answer the same step later.
        Err(error) if connector.store.is_remote() && error.retry_advice() != Retry::Never => {
            return Err(error);
        }
        Err(error) => return page.missing(key, error),
    };
    let guessed = mime_guess::from_path(&key).first_raw();
    let media_type = media_type.or(guessed.map(str::to_owned));
    let (version, is_current) = match &object.at {
        At::Path(_) => (None, None),
        At::Key {
            version,
            is_current,
            ..
        } => (Some(Version(version.as_deref())), Some(*is_current)),
    };
    let row = Row {
        key: &key,
        size_bytes,
        modified_at,
        media_type: media_type.as_deref(),
        version,
        is_current,
    };
    page.record(&row).await?;
    let mut attachment = Attachment {
        media_type,
        size_bytes: Some(size_bytes),
        modified_at,
        metadata: metadata.into_iter().collect(),
        ..Attachment::new(key)
    };
    if let (Some(version), Some(false)) = (object.version(), is_current) {
        attachment
            .metadata
            .insert("older_version".to_owned(), version.to_owned());
    }
    page.attachment(attachment, body).await
}

fn schema(with_versions: bool) -> Schema {
    let field = |name: &str, field_type, description: &str| Field {
        description: Some(description.to_owned()),
        ..Field::new(name, field_type)
    };
    let mut fields = vec![
        field("key", FieldType::String, "The file's name in the store"),
        field("size_bytes", FieldType::Integer, "Its length in bytes"),
        field(
            "modified_at",
            FieldType::Datetime,
            "When it was last changed",
        ),
        field("media_type", FieldType::String, "What sort of file it is"),
    ];
    if with_versions {
        fields.push(field(
            "version",
            FieldType::String,
            "Which version of the file this is, where the store keeps several",
        ));
        fields.push(field(
            "is_current",
            FieldType::Boolean,
            "Whether it is the newest, and not an older one that the store still keeps",
        ));
    }
    Schema::closed(fields)
}

/// A version's name, which is null where the store has none.
#[derive(Serialize)]
#[serde(transparent)]
struct Version<'a>(Option<&'a str>);

fn not_a_file() -> ConnectorError {
    ConnectorError::new(
        ErrorKind::Unsupported,
        "this is a link or a device, not a file; links are not followed",
    )
}

fn unfit(reason: &str) -> ConnectorError {
    let what = format!("a key that cannot be followed: {reason}");
    ConnectorError::new(ErrorKind::Unsupported, what)
}

fn gone() -> ConnectorError {
    ConnectorError::new(
        ErrorKind::Unavailable,
        "the object was removed between listing and reading",
    )
    .retry(Retry::Never)
}

fn not_finished() -> ConnectorError {
    ConnectorError::new(
        ErrorKind::Unsupported,
        "an upload of it was begun and never finished; the store lets nobody read its parts",
    )
}

fn leaving() -> ConnectorError {
    ConnectorError::new(
        ErrorKind::Unsupported,
        "it was deleted; the store keeps it for some days more and lets nobody read it",
    )
}
