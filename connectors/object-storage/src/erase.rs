//! Erasing a person's objects, a batch at a time.

use std::sync::Arc;

use adieu_core::{ConnectorError, Disposition, Erased, Step, Tally};

use crate::classify::classify;
use crate::connector::ObjectStorageConnector;
use crate::folder::Removed;

pub(crate) async fn erase(
    connector: &ObjectStorageConnector,
    step: &Step,
) -> Result<Erased, ConnectorError> {
    let after = connector.begin(step)?;
    let places = Arc::new(connector.finder.places(step.subject())?);
    let most = usize::try_from(step.max_records().get()).unwrap_or(usize::MAX);
    // One more than is touched tells whether there is a next batch.
    let mut objects = connector
        .folder
        .list(&places, after, most.saturating_add(1))
        .await?;
    let more = objects.len() > most;
    objects.truncate(most);

    let today = ObjectStorageConnector::today();
    let mut tally = Tally::new();
    let last = objects.last().map(|object| object.key.clone());
    let mut paths = Vec::new();
    for object in objects {
        match classify(&object, &connector.keep, today) {
            Ok(Disposition::Erase) => paths.push(object.path),
            Ok(disposition) => tally.count(&disposition, 1),
            Err(error) => tally.fail(error.kind(), 1),
        }
    }
    for result in connector.folder.remove(paths).await? {
        match result {
            Ok(Removed::Now) => tally.count(&Disposition::Erase, 1),
            Ok(Removed::Before) => tally.count(&Disposition::Absent, 1),
            Err(error) => tally.fail(error.kind(), 1),
        }
    }
    match last {
        Some(last) if more => Ok(Erased::more(tally, connector.go_on(step, &last)?)),
        _ => {
            connector.folder.remove_empty(&places).await?;
            Ok(Erased::done(tally))
        }
    }
}
