//! Reading a page of what a service holds.

use adieu_core::{Attachment, Body, ConnectorError, Cursor, Identity, PageWriter, Step};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};

use crate::connector::RemoteConnector;
use crate::service::{Person, Told, Verb};

/// How many records are asked for at a time.
const PAGE: u32 = 200;

pub(crate) async fn export(
    connector: &RemoteConnector,
    step: &Step,
    page: &mut PageWriter<'_>,
) -> Result<Option<Cursor>, ConnectorError> {
    let collection = connector.collection(step)?;
    let mut after: Option<String> = match step.cursor() {
        Some(cursor) => Some(cursor.decode(step.collection())?),
        None => None,
    };
    page.schema(connector.schema(step)?)?;
    let Some(person) = Person::of(collection, step.subject()) else {
        return Ok(None);
    };
    let question = json!({
        "collection": collection.name.as_str(), "after": after, "max_records": PAGE,
        "identities_only": !page.wants_records(),
    });
    let told = connector
        .service
        .ask_about(Verb::Export, &person, question)
        .await?;
    let more: bool = told.part("more", "`more` is neither true nor false")?;
    let entries = told.json["entries"].as_array();
    let entries = entries.ok_or_else(|| told.makes_no_sense("`entries` is not a list"))?;
    if entries.len() > PAGE as usize {
        return Err(told.makes_no_sense("there are more entries than were asked for"));
    }
    for (number, entry) in entries.iter().enumerate() {
        let at = entry["after"].as_str().map(str::to_owned);
        if at.is_none() || at == after {
            return Err(told.makes_no_sense("an entry does not say where the next one goes on"));
        }
        if !person.is_known_as(&entry["of"]) {
            return Err(
                told.makes_no_sense("an entry is somebody else's, or does not say whose it is")
            );
        }
        write(&told, entry, page).await?;
        after = at;
        let is_last = number + 1 == entries.len();
        if page.is_full() && (more || !is_last) {
            return Cursor::encode(step.collection(), &after).map(Some);
        }
    }
    match (more, entries.is_empty()) {
        (false, _) => Ok(None),
        (true, false) => Cursor::encode(step.collection(), &after).map(Some),
        (true, true) => Err(told.makes_no_sense("there is more, and no entry leads to it")),
    }
}

/// Writes an entry: a record or a file, and the identities it gives away.
async fn write(
    told: &Told,
    entry: &Value,
    page: &mut PageWriter<'_>,
) -> Result<(), ConnectorError> {
    for identity in entry["identities"].as_array().into_iter().flatten() {
        let (kind, value) = (identity["kind"].as_str(), identity["value"].as_str());
        let parsed = Identity::new(kind.unwrap_or_default(), value.unwrap_or_default());
        page.identity(parsed.map_err(|_| told.makes_no_sense("an identity is not one"))?)?;
    }
    if !page.wants_records() {
        return Ok(());
    }
    match (entry.get("record"), entry.get("file")) {
        (Some(record @ Value::Object(_)), None) => page.record(record).await,
        (None, Some(file)) => {
            let (name, content) = (file["name"].as_str(), file["content"].as_str());
            let content = content.and_then(|content| STANDARD.decode(content).ok());
            let (Some(name), Some(content)) = (name, content) else {
                return Err(told.makes_no_sense("a file has no name, or no content in base64"));
            };
            let mut attachment = Attachment::new(name);
            attachment.media_type = file["media_type"].as_str().map(str::to_owned);
            attachment.size_bytes = Some(content.len() as u64);
            let body: Body<'_> = Box::pin(stream::iter([Ok(Bytes::from(content))]));
            page.attachment(attachment, body).await
        }
        _ => Err(told.makes_no_sense("an entry is neither a record nor a file")),
    }
}
