//! Counting a person's objects.

use std::sync::Arc;

use adieu_core::{Connector as _, ConnectorError, Holding, Subject, Survey, Tally};

use crate::classify::classify;
use crate::connector::{ObjectStorageConnector, WINDOW};

pub(crate) async fn survey(
    connector: &ObjectStorageConnector,
    subject: &Subject,
) -> Result<Survey, ConnectorError> {
    let mut survey = Survey::default();
    for collection in &connector.descriptor().collections {
        if collection.is_reached_by(subject) {
            survey.holdings.push(Holding {
                collection: collection.name.clone(),
                tally: Ok(count(connector, subject).await?),
            });
        }
    }
    Ok(survey)
}

async fn count(
    connector: &ObjectStorageConnector,
    subject: &Subject,
) -> Result<Tally, ConnectorError> {
    let places = Arc::new(connector.finder.places(subject)?);
    let today = ObjectStorageConnector::today();
    let mut tally = Tally::new();
    let mut after = None;
    loop {
        let objects = connector.folder.list(&places, after, WINDOW).await?;
        for object in &objects {
            match classify(object, &connector.keep, today) {
                Ok(disposition) => tally.count(&disposition, 1),
                Err(error) => tally.fail(error.kind(), 1),
            }
        }
        match objects.into_iter().nth(WINDOW - 1) {
            Some(last) => after = Some(last.key),
            None => return Ok(tally),
        }
    }
}
