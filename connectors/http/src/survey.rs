//! Counting a person's records.

use adieu_core::{ConnectorError, Holding, Subject, Survey, Tally};

use crate::classify::fates;
use crate::connector::HttpConnector;
use crate::page::Turn;
use crate::plan::CollectionPlan;
use crate::source::Sources;

pub(crate) async fn survey(
    connector: &HttpConnector,
    subject: &Subject,
) -> Result<Survey, ConnectorError> {
    let mut survey = Survey::default();
    for (collection, plan) in connector.collections() {
        if collection.is_reached_by(subject) {
            survey.holdings.push(Holding {
                collection: collection.name.clone(),
                tally: count(connector, plan, subject).await,
            });
        }
    }
    Ok(survey)
}

async fn count(
    connector: &HttpConnector,
    plan: &CollectionPlan,
    subject: &Subject,
) -> Result<Tally, ConnectorError> {
    let mut sources = Sources::new(&connector.api, plan, subject)?;
    let mut tally = Tally::new();
    for source in 0..sources.all.len() {
        let mut next = Some(Turn::First);
        while let Some(turn) = next {
            let page = sources.page(source, &turn).await?;
            let mut found = Vec::new();
            for listed in &page.records {
                found.extend(sources.look(source, listed).await?);
            }
            for fate in fates(&connector.api, plan, &sources.all[source], &found).await? {
                tally.count(&fate.disposition, 1);
            }
            next = page.next;
        }
    }
    Ok(tally)
}
