//! Counting what is held, and what an erasure would do to it.

use std::sync::Arc;

use adieu_core::{Blocker, ConnectorError, Disposition, Holding, Subject, Survey, Tally};

use crate::catalogue::Catalogue;
use crate::classify::Classifier;
use crate::compare::{Stops, stopping};
use crate::config::{EraseRule, TableRule};
use crate::connector::SqlConnector;
use crate::dialect::{Session, Sql, Transaction};
use crate::error::misfit;
use crate::selection::Selector;
use crate::walk::Walk;

pub(crate) async fn survey(
    connector: &SqlConnector,
    subject: &Subject,
) -> Result<Survey, ConnectorError> {
    let mut survey = Survey::default();
    let reached = connector
        .descriptor
        .collections
        .iter()
        .filter(|collection| collection.is_reached_by(subject));
    let reached: Vec<&TableRule> = reached
        .filter_map(|collection| connector.mapping.table(&collection.name))
        .collect();
    if reached.is_empty() {
        return Ok(survey);
    }
    let mut session = connector.database.session().await?;
    session.begin(Transaction::Read).await?;
    let catalogue = session.catalogue().await?;
    let selector = Selector {
        mapping: &connector.mapping,
        catalogue: &catalogue,
        subject,
        resolves: true,
    };
    for rule in reached {
        let problems = stopping(&connector.mapping, rule, &catalogue, Stops::Erasure);
        let tally = if problems.is_empty() {
            count(connector, &mut session, &selector, rule, &catalogue).await
        } else {
            Err(misfit(&problems))
        };
        if tally.is_ok() {
            survey
                .blockers
                .extend(blockers(&mut session, &selector, rule).await?);
        }
        survey.holdings.push(Holding {
            collection: rule.name.clone(),
            tally,
        });
    }
    Ok(survey)
}

async fn count(
    connector: &SqlConnector,
    session: &mut Session,
    selector: &Selector<'_>,
    rule: &TableRule,
    catalogue: &Arc<Catalogue>,
) -> Result<Tally, ConnectorError> {
    let mut tally = Tally::new();
    let (Some(table), Some(rows)) = (
        catalogue.table(rule.name.as_str()),
        selector.rows(session, rule, "t").await?,
    ) else {
        return Ok(tally);
    };
    let alone = selector.alone(session, rule, "t").await?;
    if alone.is_none() && matches!(rule.erase, EraseRule::Delete) {
        // Every row meets the same verdict, so the database can count them.
        let mut query = Sql::text(format!("SELECT count(*) FROM {} AS t WHERE ", table.sql));
        query.append(rows);
        tally.count(&Disposition::Erase, session.count(query).await?);
        return Ok(tally);
    }
    let classifier = Classifier::new(
        rule,
        table,
        catalogue,
        "t",
        alone,
        connector.pseudonym_key.as_ref(),
        connector.today(),
    );
    let selected = classifier.facts("t");
    let first = table.key.len();
    let width = first + selected.len();
    let walk = Walk {
        catalogue: Arc::clone(catalogue),
        table: table.name.clone(),
        selected,
        rows,
        after: None,
    };
    session
        .visit(walk, width, tally, move |tally, row| {
            if let Some(disposition) = classifier.verdict(row, first).disposition() {
                tally.count(disposition, 1);
            }
        })
        .await
}

async fn blockers(
    session: &mut Session,
    selector: &Selector<'_>,
    rule: &TableRule,
) -> Result<Vec<Blocker>, ConnectorError> {
    let mut found = Vec::new();
    let Some(table) = selector.catalogue.table(rule.name.as_str()) else {
        return Ok(found);
    };
    for blocker in &rule.blockers {
        let Some(rows) = selector.rows(session, rule, "t").await? else {
            break;
        };
        let mut query = Sql::text(format!("SELECT 1 FROM {} AS t WHERE (", table.sql));
        // A comment at the end of the condition must not hide the bracket.
        query
            .append(rows)
            .push(&format!(") AND ({}\n) LIMIT 1", blocker.condition));
        if !session.rows(query, 1).await?.is_empty() {
            found.push(Blocker {
                code: blocker.code.clone(),
                advice: blocker.advice.clone(),
            });
        }
    }
    Ok(found)
}
