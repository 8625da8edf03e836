//! What a connector answers when something fails.

use adieu_core::{Collection, Connector, ConnectorError, ErrorKind, Retry, Step, StepKey, Subject};

use crate::collector::Collector;
use crate::compare::{contents, difference};
use crate::faults::Mischief;
use crate::fixture::Broken;
use crate::trial::{Make, Pace, Trial, Verdict, guarded, passes_refusals_on};

pub(crate) async fn errors_classified(make: &Make<'_>, mischief: Mischief) -> Verdict {
    let mut trial = Trial::begin(make, mischief.clone()).await?;
    let subject = trial.subject.clone();
    for broken in trial.fixture.broken().await {
        answers_as_expected(&broken, &subject).await?;
    }
    full_disk_is_passed_on(&mut trial).await?;
    let mut trial = Trial::begin(make, mischief).await?;
    poison_is_counted(&mut trial).await
}

/// Every error that the calls of this connector answer with, with the name of the call.
pub(crate) async fn all_errors(
    connector: &dyn Connector,
    subject: &Subject,
) -> Verdict<Vec<(&'static str, ConnectorError)>> {
    let mut errors = Vec::new();
    if let Err(error) = guarded("check", connector.check()).await? {
        errors.push(("check", error));
    }
    match guarded("survey", connector.survey(subject)).await? {
        Err(error) => errors.push(("survey", error)),
        Ok(survey) => {
            let failed = survey
                .holdings
                .into_iter()
                .filter_map(|holding| holding.tally.err());
            errors.extend(failed.map(|error| ("survey", error)));
        }
    }
    for collection in connector
        .descriptor()
        .collections
        .iter()
        .filter(|c| c.is_reached_by(subject))
    {
        let step = Step::new(
            subject.clone(),
            collection.name.clone(),
            StepKey::new("testkit-broken"),
        );
        if collection.export.is_offered() {
            let mut collector = Collector::new(collection);
            if let Err(error) = guarded("export", collector.export(connector, &step)).await? {
                errors.push(("export", error));
            }
        }
        if collection.erasure.is_offered()
            && let Err(error) = guarded("erase", connector.erase(&step)).await?
        {
            errors.push(("erase", error));
        }
    }
    Ok(errors)
}

async fn answers_as_expected(broken: &Broken, subject: &Subject) -> Verdict {
    let Broken {
        what,
        connector,
        kind,
    } = broken;
    let errors = all_errors(connector.as_ref(), subject)
        .await
        .map_err(|error| format!("{what}: {error}"))?;
    for (call, error) in &errors {
        if error.kind() != *kind {
            return Err(format!("{what}: {call} answers `{error}`, not {kind}"));
        }
        let never = error.retry_advice() == Retry::Never;
        let passes = matches!(
            kind,
            ErrorKind::RateLimited | ErrorKind::TimedOut | ErrorKind::Unavailable
        );
        let stays = matches!(
            kind,
            ErrorKind::Config | ErrorKind::Unauthorized | ErrorKind::Unsupported
        );
        if (passes && never) || (stays && !never) {
            return Err(format!(
                "{what}: {call} answers `{error}` with the advice {:?}",
                error.retry_advice()
            ));
        }
    }
    for call in ["check", "survey", "export", "erase"] {
        let offered = match call {
            "export" => connector
                .descriptor()
                .collections
                .iter()
                .any(|c| c.export.is_offered()),
            "erase" => connector
                .descriptor()
                .collections
                .iter()
                .any(|c| c.erasure.is_offered()),
            // Where nothing is told, nobody is asked.
            "survey" => connector
                .descriptor()
                .collections
                .iter()
                .any(|c| c.tells.is_verifiable()),
            _ => true,
        };
        if offered && !errors.iter().any(|(failed, _)| *failed == call) {
            return Err(format!(
                "{what}: {call} succeeds, and should fail as {kind}"
            ));
        }
    }
    Ok(())
}

/// A page that refuses a record fails the step with the page's own error, and the next sending is whole.
async fn full_disk_is_passed_on(trial: &mut Trial) -> Verdict {
    let subject = trial.subject.clone();
    for collection in trial.readable(&subject) {
        let whole = contents(&trial.walk(&subject, &collection, Pace::Whole).await?);
        for record in 0..3 {
            let mut collector = Collector::new(&collection);
            collector.set_refuses_at(Some(record));
            let step = trial.step(&subject, &collection.name, None, Pace::Whole);
            let answer =
                guarded("export", collector.attempt(trial.connector.as_ref(), &step)).await?;
            passes_refusals_on(&collector, Some(&answer))?;
        }
        let after = contents(&trial.walk(&subject, &collection, Pace::Whole).await?);
        if let Some(difference) = difference(&whole, &after) {
            return Err(format!(
                "after a page had refused a record of `{}`: {difference}",
                collection.name
            ));
        }
    }
    Ok(())
}

/// A record that the system refuses to erase is counted as failed, and the others are erased.
async fn poison_is_counted(trial: &mut Trial) -> Verdict {
    let subject = trial.subject.clone();
    let poisoned = trial.fixture.poison().await;
    if poisoned == 0 {
        return Ok(());
    }
    let before = trial.state().await;
    let erased = trial.erase_all(&subject, trial.pace()).await;
    let erasure = erased.map_err(|what| format!("with {poisoned} poisoned records, {what}"))?;
    let failed: u64 = erasure
        .tallies
        .values()
        .flat_map(|tally| tally.failed())
        .map(|failed| failed.records)
        .sum();
    if failed != poisoned {
        return Err(format!(
            "{poisoned} records are poisoned, and the erasure counts {failed} as failed"
        ));
    }
    let tells = |collection: &Collection| collection.tells.is_verifiable();
    let is_told = trial.erasable(&subject).iter().all(tells);
    let left = trial.pending(&subject).await?;
    if is_told && left != poisoned {
        return Err(format!(
            "{poisoned} records are poisoned, and {left} are left to erase"
        ));
    }
    trial
        .others_unchanged(&before, "an erasure with poisoned records")
        .await
}
