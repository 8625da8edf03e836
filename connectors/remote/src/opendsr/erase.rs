//! Asking for erasures, one request for each identity.

use adieu_core::{ConnectorError, Cursor, Disposition, Erased, Step, Tally};

use super::connector::OpendsrConnector;
use super::names::Named;
use super::survey::Fate;

pub(super) async fn erase(
    connector: &OpendsrConnector,
    step: &Step,
) -> Result<Erased, ConnectorError> {
    let after: Option<Named> = match step.cursor() {
        Some(cursor) => Some(cursor.decode(step.collection())?),
        None => None,
    };
    let all = connector.names.of(step.subject());
    let mut left = all
        .iter()
        .filter(|named| after.as_ref().is_none_or(|after| *named > after));
    let mut tally = Tally::new();
    let mut last = None;
    for named in left.by_ref().take(step.max_records().get() as usize) {
        tally.count(&one(connector, named).await?, 1);
        last = Some(named);
    }
    match (left.next(), last) {
        (Some(_), Some(last)) => Ok(Erased::more(
            tally,
            Cursor::encode(step.collection(), last)?,
        )),
        _ => Ok(Erased::done(tally)),
    }
}

/// Takes up the request that is under way, or makes one. One that is done says nothing of what came after it, so there is a next one.
async fn one(connector: &OpendsrConnector, named: &Named) -> Result<Disposition, ConnectorError> {
    let newest = connector.processor.newest(&connector.names, named).await?;
    if let Fate::UnderWay(disposition) = connector.fate(&newest) {
        return Ok(disposition);
    }
    let number = connector.names.number(named, newest.requests);
    let by = connector.processor.submit(named, &number).await?;
    Ok(Disposition::Scheduled { by: Some(by) })
}
