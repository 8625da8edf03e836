//! `adieu check`

use adieu::core::{Collection, ConnectorError, Descriptor};
use clap::Args;
use serde_json::json;

use crate::exit::{Exit, Failure};
use crate::gateway::ConfigArgument;
use crate::report::{listed, unreachable};
use crate::table::Table;
use crate::terminal::Terminal;

/// Check the configuration and every system in it
///
/// Connects to each system without reading personal data, and says what it can and cannot do. What looks personal in a database and
/// is neither mapped nor left out with a reason makes it fail: it would be forgotten in every export and erasure.
#[derive(Args, Debug)]
pub(crate) struct Check {
    #[command(flatten)]
    config: ConfigArgument,
    /// Only warn of what looks personal and is not covered.
    #[arg(long)]
    warn_uncovered: bool,
}

impl Check {
    pub(crate) async fn run(self, terminal: &Terminal) -> Result<Exit, Failure> {
        let (config, engine) = self.config.open().await?;
        let notices = match config.courier()? {
            Some(courier) => Some(courier.check().await),
            None => None,
        };
        let uncovered = config.uncovered().await?;
        let answers = engine.check().await;
        let archives = engine
            .check_archives()
            .await
            .map_err(|error| error.to_string());
        let checked: Vec<(&Descriptor, Result<(), ConnectorError>)> = engine
            .descriptors()
            .filter_map(|descriptor| {
                let (_, answer) = answers.iter().find(|(name, _)| *name == descriptor.name)?;
                Some((descriptor, answer.clone()))
            })
            .collect();
        let connectors: Vec<_> = checked
            .iter()
            .map(|(descriptor, answer)| {
                let error = answer.as_ref().err();
                json!({
                    "descriptor": descriptor,
                    "works": answer.is_ok(),
                    "kind": error.map(ConnectorError::kind),
                    "reason": error.map(ConnectorError::what),
                })
            })
            .collect();
        terminal.json(&json!({
            "connectors": connectors,
            "uncovered": uncovered.iter().map(|(name, one)| json!({
                "connector": name, "table": one.table, "column": one.column, "why": one.why, "write": one.write,
            })).collect::<Vec<_>>(),
            "archives": { "works": archives.is_ok(), "reason": archives.as_ref().err() },
            "notices": notices.as_ref().map(|answer| json!({
                "works": answer.is_ok(),
                "reason": answer.as_ref().err().map(ConnectorError::what),
            })),
        }));
        for (descriptor, answer) in &checked {
            terminal.say(&told(descriptor, answer));
        }
        if let Err(reason) = &archives {
            terminal.complain(&format!("the place for archives FAILS: {reason}"));
        }
        match &notices {
            Some(Ok(())) => terminal.say("Notices can be sent."),
            Some(Err(error)) => terminal.complain(&format!("notices: FAILS: {error}")),
            None => {}
        }
        let can_tell = notices.is_none_or(|answer| answer.is_ok());
        for (name, one) in &uncovered {
            terminal.complain(&format!("{name}: {one}"));
        }
        let failing = checked.iter().filter(|(_, answer)| answer.is_err()).count();
        let stops = !uncovered.is_empty() && !self.warn_uncovered;
        match failing {
            0 if stops => terminal.complain(&format!(
                "{} of what looks personal is not covered; cover it, or check with --warn-uncovered",
                uncovered.len()
            )),
            0 if checked.len() == 1 => terminal.say("The system works."),
            0 => terminal.say(&format!("All {} systems work.", checked.len())),
            failing => terminal.complain(&format!(
                "{failing} of {} systems would fail",
                checked.len()
            )),
        }
        Ok(if failing == 0 && archives.is_ok() && can_tell && !stops {
            Exit::Done
        } else {
            Exit::Failed
        })
    }
}

fn told(descriptor: &Descriptor, answer: &Result<(), ConnectorError>) -> String {
    let run_by = descriptor
        .processor
        .name
        .as_deref()
        .unwrap_or("the controller itself");
    let state = match answer {
        Ok(()) => "works".to_owned(),
        Err(error) => format!("FAILS: {error}"),
    };
    let mut text = format!(
        "{} ({}, run by {run_by}): {state}\n",
        descriptor.name, descriptor.kind
    );
    let mut table = Table::new(["collection", "found by", "yields", "export", "erasure"]);
    for collection in &descriptor.collections {
        let yields: Vec<&str> = collection.yields.iter().map(|kind| kind.as_str()).collect();
        table.row([
            collection.name.to_string(),
            found_by(collection),
            yields.join(", "),
            support(&collection.export),
            support(&collection.erasure),
        ]);
    }
    text.push_str(&table.to_string());
    let beyond: Vec<String> = descriptor
        .unreachable
        .iter()
        .map(|one| unreachable(descriptor.name.as_str(), one))
        .collect();
    text.push_str(&listed("Out of reach:", &beyond));
    text
}

fn found_by(collection: &Collection) -> String {
    let needs = collection.needs.iter().map(|need| {
        let kinds = need.all_of.iter().map(|kind| kind.as_str());
        need.tenant
            .then_some("tenant")
            .into_iter()
            .chain(kinds)
            .collect::<Vec<_>>()
            .join(" and ")
    });
    needs.collect::<Vec<_>>().join(", or ")
}

fn support(support: &adieu::core::Support) -> String {
    match support {
        adieu::core::Support::Offered => "yes".to_owned(),
        adieu::core::Support::Refused(why) => format!("no: {why}"),
    }
}
