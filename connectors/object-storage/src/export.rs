//! Writing out a person's objects: a record of each, and its bytes.

use std::sync::Arc;

use adieu_core::{
    Attachment, ConnectorError, Cursor, ErrorKind, Field, FieldType, PageWriter, Retry, Schema,
    Step,
};
use jiff::Timestamp;
use serde::Serialize;

use crate::connector::{ObjectStorageConnector, WINDOW};
use crate::folder::{Found, Object, Opened, body};

/// How many objects are listed at first.
const FIRST_WINDOW: usize = 256;

/// What the list of files says of each.
#[derive(Serialize)]
struct Row<'a> {
    key: &'a str,
    size_bytes: u64,
    modified_at: Option<Timestamp>,
    media_type: Option<&'a str>,
}

pub(crate) async fn export(
    connector: &ObjectStorageConnector,
    step: &Step,
    page: &mut PageWriter<'_>,
) -> Result<Option<Cursor>, ConnectorError> {
    let mut after = connector.begin(step)?;
    // Objects yield no identities, so there is nothing else to look for.
    if !page.wants_records() {
        return Ok(None);
    }
    page.schema(&schema())?;
    let places = Arc::new(connector.finder.places(step.subject())?);
    // A page that is full after a few objects should not have looked at thousands.
    let mut window = FIRST_WINDOW;
    loop {
        let objects = connector.folder.list(&places, after, window).await?;
        let more = objects.len() == window;
        window = WINDOW;
        for object in &objects {
            write(connector, object, page).await?;
            if page.is_full() {
                return connector.go_on(step, &object.key).map(Some);
            }
        }
        match objects.into_iter().next_back() {
            Some(last) if more => after = Some(last.key),
            _ => return Ok(None),
        }
    }
}

async fn write(
    connector: &ObjectStorageConnector,
    object: &Object,
    page: &mut PageWriter<'_>,
) -> Result<(), ConnectorError> {
    let key = String::from_utf8_lossy(&object.key).into_owned();
    match &object.found {
        Found::File { .. } => {}
        Found::Other { .. } => return page.missing(key, not_a_file()),
        Found::Closed(error) => return page.missing(key, error.clone()),
    }
    let (file, size_bytes, modified_at) = match connector.folder.open(object).await {
        Ok(Opened::File {
            file,
            size_bytes,
            modified_at,
        }) => (file, size_bytes, modified_at),
        Ok(Opened::Gone) => return page.missing(key, gone()),
        Err(error) => return page.missing(key, error),
    };
    let media_type = mime_guess::from_path(&object.path).first_raw();
    let row = Row {
        key: &key,
        size_bytes,
        modified_at,
        media_type,
    };
    page.record(&row).await?;
    let attachment = Attachment {
        media_type: media_type.map(str::to_owned),
        size_bytes: Some(size_bytes),
        modified_at,
        ..Attachment::new(key)
    };
    page.attachment(attachment, body(file, size_bytes)).await
}

fn schema() -> Schema {
    let field = |name: &str, field_type, description: &str| Field {
        description: Some(description.to_owned()),
        ..Field::new(name, field_type)
    };
    Schema::closed([
        field("key", FieldType::String, "The file's name in the store"),
        field("size_bytes", FieldType::Integer, "Its length in bytes"),
        field(
            "modified_at",
            FieldType::Datetime,
            "When it was last changed",
        ),
        field(
            "media_type",
            FieldType::String,
            "What it is, by the ending of its name",
        ),
    ])
}

fn not_a_file() -> ConnectorError {
    ConnectorError::new(
        ErrorKind::Unsupported,
        "this is a link or a device, not a file; links are not followed",
    )
}

fn gone() -> ConnectorError {
    ConnectorError::new(
        ErrorKind::Unavailable,
        "the object was removed between listing and reading",
    )
    .retry(Retry::Never)
}
