//! Having a service erase a batch.

use adieu_core::{ConnectorError, Cursor, Erased, Step, Tally};
use serde_json::json;

use crate::connector::RemoteConnector;
use crate::service::{Person, Verb};

pub(crate) async fn erase(
    connector: &RemoteConnector,
    step: &Step,
) -> Result<Erased, ConnectorError> {
    let collection = connector.collection(step)?;
    let after: Option<String> = match step.cursor() {
        Some(cursor) => Some(cursor.decode(step.collection())?),
        None => None,
    };
    let Some(person) = Person::of(collection, step.subject()) else {
        return Ok(Erased::default());
    };
    let question = json!({
        "collection": collection.name.as_str(), "after": after,
        "max_records": step.max_records(), "key": step.key().as_str(),
    });
    let told = connector
        .service
        .ask_about(Verb::Erase, &person, question)
        .await?;
    let tally: Tally = told.part("tally", "the tally is not one")?;
    if tally.held().saturating_add(tally.absent()) > u64::from(step.max_records().get()) {
        return Err(told.makes_no_sense("it counts more records than it was allowed to touch"));
    }
    let next: Option<String> = told.part("after", "`after` is neither a text nor null")?;
    match next {
        None => Ok(Erased::done(tally)),
        Some(_) if next == after => {
            Err(told.makes_no_sense("it does not get on: `after` stays the same"))
        }
        Some(next) => Ok(Erased::more(
            tally,
            Cursor::encode(step.collection(), &next)?,
        )),
    }
}
