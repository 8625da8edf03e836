//! Counting what a service holds, collection by collection.

use adieu_core::{
    Blocker, Collection, Connector as _, ConnectorError, Holding, Subject, Survey, Tally,
};
use futures_util::future::join_all;
use serde_json::json;

use crate::connector::RemoteConnector;
use crate::service::{Person, Verb};

pub(crate) async fn survey(connector: &RemoteConnector, subject: &Subject) -> Survey {
    let collections = &connector.descriptor().collections;
    let counts = collections.iter().filter_map(|collection| {
        let person = Person::of(collection, subject)?;
        Some(async move { (collection, count(connector, collection, &person).await) })
    });
    let mut survey = Survey::default();
    for (collection, count) in join_all(counts).await {
        let tally = count.map(|(tally, mut blockers)| {
            survey.blockers.append(&mut blockers);
            tally
        });
        survey.holdings.push(Holding {
            collection: collection.name.clone(),
            tally,
        });
    }
    survey.blockers.sort();
    survey.blockers.dedup();
    survey
}

async fn count(
    connector: &RemoteConnector,
    collection: &Collection,
    person: &Person,
) -> Result<(Tally, Vec<Blocker>), ConnectorError> {
    let question = json!({"collection": collection.name.as_str()});
    let told = connector
        .service
        .ask_about(Verb::Survey, person, question)
        .await?;
    let tally = told.part("tally", "the tally is not one")?;
    let blockers: Option<Vec<Blocker>> =
        told.part("blockers", "the blockers are not a list of such")?;
    let blockers = blockers.unwrap_or_default();
    match blockers.is_empty() || connector.descriptor().may_block {
        true => Ok((tally, blockers)),
        false => Err(told.makes_no_sense("it blocks, and was not declared with may_block")),
    }
}
