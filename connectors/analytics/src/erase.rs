//! Asking for deletions, one for each identifier.

use adieu_core::{ConnectorError, Cursor, Erased, Step, Tally};

use crate::connector::AnalyticsConnector;
use crate::google::Submitted;
use crate::visitor::Visitor;

pub(crate) async fn erase(
    connector: &AnalyticsConnector,
    step: &Step,
) -> Result<Erased, ConnectorError> {
    let after: Option<Visitor> = match step.cursor() {
        Some(cursor) => Some(cursor.decode(step.collection())?),
        None => None,
    };
    let visitors = connector.kinds.visitors(step.subject());
    let mut left = visitors
        .iter()
        .filter(|visitor| after.as_ref().is_none_or(|after| *visitor > after));
    let mut tally = Tally::new();
    let mut last = None;
    for visitor in left.by_ref().take(step.max_records().get() as usize) {
        match connector.property.submit(visitor).await? {
            Submitted::Accepted(day) => tally.count(&connector.disposition(day), 1),
            Submitted::Refused(kind) => tally.fail(kind, 1),
        }
        last = Some(visitor);
    }
    match (left.next(), last) {
        (Some(_), Some(last)) => Ok(Erased::more(
            tally,
            Cursor::encode(step.collection(), last)?,
        )),
        _ => Ok(Erased::done(tally)),
    }
}
