//! Erasing a person's objects, a batch at a time.

use std::sync::Arc;

use adieu_core::{ConnectorError, Disposition, Erased, ErrorKind, Retry, Step, Tally};

use crate::connector::ObjectStorageConnector;
use crate::object::{Listed, Object, Position};
use crate::store::{For, Removed};

pub(crate) async fn erase(
    connector: &ObjectStorageConnector,
    step: &Step,
) -> Result<Erased, ConnectorError> {
    let from = connector.begin(step)?;
    let places = Arc::new(connector.finder.places(step.subject())?);
    let most = usize::try_from(step.max_records().get()).unwrap_or(usize::MAX);
    let store = &connector.store;
    let listed = store.list(&places, &from, most, For::Erasing).await?;
    refuse_what_comes_back(&from, &listed)?;

    let mut tally = Tally::new();
    let mut is_left = vec![true; listed.objects.len()];
    let mut doomed = Vec::new();
    let dispositions = connector.dispositions(&listed.objects).await?;
    for (index, disposition) in dispositions.iter().enumerate() {
        match disposition {
            Ok(Disposition::Erase) => doomed.push(index),
            Ok(disposition) => tally.count(disposition, 1),
            Err(error) => tally.fail(error.kind(), 1),
        }
    }
    let objects: Vec<&Object> = doomed.iter().map(|&index| &listed.objects[index]).collect();
    let results = store.remove(&objects).await?;
    for (&index, result) in doomed.iter().zip(results) {
        match result {
            Ok(removed) => {
                is_left[index] = false;
                let disposition = match removed {
                    Removed::Now => Disposition::Erase,
                    Removed::Before => Disposition::Absent,
                };
                tally.count(&disposition, 1);
            }
            Err(error) => tally.fail(error.kind(), 1),
        }
    }

    match store.go_on(&places, from, &listed, &is_left) {
        Some(next) => Ok(Erased::more(tally, connector.go_on(step, &next)?)),
        None => {
            store.finish(&places).await?;
            Ok(Erased::done(tally))
        }
    }
}

/// A server that lists what it has just said to have removed would be asked for ever.
fn refuse_what_comes_back(from: &Position, listed: &Listed) -> Result<(), ConnectorError> {
    let first = listed.objects.first().map(Object::spot);
    if from.gone.is_some() && from.gone == first {
        return Err(ConnectorError::new(
            ErrorKind::Unavailable,
            "the store still lists what it said to have removed",
        )
        .retry(Retry::WithBackoff));
    }
    Ok(())
}
