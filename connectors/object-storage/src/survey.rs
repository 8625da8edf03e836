//! Counting a person's objects.

use std::sync::Arc;

use adieu_core::{Connector as _, ConnectorError, Holding, Subject, Survey, Tally};

use crate::connector::{ObjectStorageConnector, WINDOW};
use crate::object::Position;
use crate::store::For;

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
    let mut tally = Tally::new();
    let mut from = Some(Position::default());
    while let Some(position) = from {
        let store = &connector.store;
        let listed = store.list(&places, &position, WINDOW, For::Erasing).await?;
        for disposition in connector.dispositions(&listed.objects).await? {
            match disposition {
                Ok(disposition) => tally.count(&disposition, 1),
                Err(error) => tally.fail(error.kind(), 1),
            }
        }
        from = listed.next;
    }
    Ok(tally)
}
