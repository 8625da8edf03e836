//! Writing out a person's records, a page at a time.

use adieu_core::{
    Attachment, ConnectorError, Cursor, ErrorKind, Field, FieldType, Identity, PageWriter, Retry,
    Schema, Step,
};

use crate::connector::HttpConnector;
use crate::page::Turn;
use crate::plan::{CollectionPlan, ContentPlan};
use crate::position::{self, Read};
use crate::source::{Found, Source, Sources};

pub(crate) async fn export(
    connector: &HttpConnector,
    step: &Step,
    page: &mut PageWriter<'_>,
) -> Result<Option<Cursor>, ConnectorError> {
    let plan = connector.plan_of(step)?;
    let mut sources = Sources::new(&connector.api, plan, step.subject())?;
    let mut from: Option<Read> = position::read(step)?;
    page.schema(&schema(plan))?;
    let first = match &from {
        None => 0,
        Some(from) => sources.index_of(&from.source)?,
    };
    for source in first..sources.all.len() {
        let (mut next, mut seen, mut last) = match from.take() {
            Some(Read {
                turn, seen, last, ..
            }) => (Some(turn), seen, last),
            None => (Some(Turn::First), 0, None),
        };
        while let Some(turn) = next {
            let listed = sources.page(source, &turn).await?;
            let begin = sources.past(source, &listed.records, seen, last.as_deref());
            for (index, record) in listed.records.iter().enumerate().skip(begin) {
                let Some(found) = sources.look(source, record).await? else {
                    continue;
                };
                write(connector, plan, &sources.all[source], &found, page).await?;
                if page.is_full() {
                    let on = Read {
                        source: sources.all[source].mark.clone(),
                        turn,
                        seen: index + 1,
                        last: Some(found.mark),
                    };
                    return position::write(step, on).map(Some);
                }
            }
            (next, seen, last) = (listed.next, 0, None);
        }
    }
    Ok(None)
}

/// The declared fields, and whatever else a record has.
fn schema(plan: &CollectionPlan) -> Schema {
    Schema::open(
        plan.fields
            .iter()
            .map(|name| Field::new(name, FieldType::Any)),
    )
}

async fn write(
    connector: &HttpConnector,
    plan: &CollectionPlan,
    source: &Source<'_>,
    found: &Found,
    page: &mut PageWriter<'_>,
) -> Result<(), ConnectorError> {
    page.record(&found.value).await?;
    for (kind, path) in &plan.yields {
        let values = path
            .all(&found.value)
            .into_iter()
            .filter_map(crate::path::scalar);
        // A value that cannot be an identity leads nowhere.
        for identity in values.filter_map(|value| Identity::new(kind.as_str(), value).ok()) {
            page.identity(identity)?;
        }
    }
    match &plan.content {
        Some(content) if page.wants_records() => {
            attach(connector, content, source, found, page).await
        }
        _ => Ok(()),
    }
}

async fn attach(
    connector: &HttpConnector,
    content: &ContentPlan,
    source: &Source<'_>,
    found: &Found,
    page: &mut PageWriter<'_>,
) -> Result<(), ConnectorError> {
    let values = source.values(&connector.api, Some(&found.value));
    let name = content.name.render(&values)?;
    match connector
        .api
        .stream(&content.call, &values, content.max_bytes)
        .await
    {
        Ok(streamed) => {
            let mut attachment = Attachment::new(name);
            attachment.media_type = streamed.header("content-type").map(str::to_owned);
            page.attachment(attachment, streamed.into_body()).await
        }
        // It is gone, or the provider does not hand it out: the archive says so.
        Err(error)
            if error.retry_advice() == Retry::Never && error.kind() != ErrorKind::Unauthorized =>
        {
            page.missing(name, error)
        }
        Err(error) => Err(error),
    }
}
