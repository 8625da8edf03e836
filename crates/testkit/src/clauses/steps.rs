//! Steps and cursors.

use adieu_core::{Cursor, Erased, Step};

use crate::clauses::kept_stand;
use crate::collector::{Collector, Page};
use crate::compare::{contents, difference};
use crate::counts::touched;
use crate::faults::{Mischief, Sending, run};
use crate::trial::{Make, Pace, Trial, Verdict, guarded, stored};

pub(crate) async fn bounded(make: &Make<'_>, mischief: Mischief) -> Verdict {
    let mut trial = Trial::begin(make, mischief).await?;
    let subject = trial.subject.clone();
    for collection in trial.readable(&subject) {
        for full in 1..4 {
            for page in trial.walk(&subject, &collection, Pace::Each(full)).await? {
                let records = page.units();
                if records > full as usize + 1 {
                    return Err(format!(
                        "an export step of `{}` wrote {records} records to a page that is full after {full}",
                        collection.name
                    ));
                }
            }
        }
    }
    for collection in trial.erasable(&subject) {
        let mut before = trial.pending(&subject).await?;
        let mut cursor = None;
        for _ in 0..1_000 {
            let step = trial.step(&subject, &collection.name, cursor, Pace::Each(2));
            let erased = trial.erase(&step).await?;
            let counted = touched(&erased.tally);
            let after = trial.pending(&subject).await?;
            let changed = before.saturating_sub(after);
            if counted > 2 || (changed > 2 && !trial.mischief.is_on()) {
                return Err(format!(
                    "an erase step of `{}` may touch 2 records; it counted {counted}, and {changed} are gone",
                    collection.name
                ));
            }
            before = after;
            cursor = erased.next;
            if cursor.is_none() {
                break;
            }
        }
    }
    Ok(())
}

pub(crate) async fn repeatable(make: &Make<'_>, mischief: Mischief) -> Verdict {
    let mut trial = Trial::begin(make, mischief).await?;
    let subject = trial.subject.clone();
    for collection in trial.readable(&subject) {
        let name = &collection.name;
        let mut cursor = None;
        for _ in 0..1_000 {
            let full = trial.fullness(trial.pace());
            let step = trial.step(&subject, name, cursor, Pace::Whole);
            let mut answers = Vec::new();
            for _ in 0..2 {
                let mut collector = Collector::new(&collection);
                collector.set_full_after(full);
                let next = trial.export(&mut collector, &step).await?;
                answers.push((collector.into_pages(), next));
            }
            let [(one, next), (other, other_next)] = answers.as_slice() else {
                break;
            };
            if one != other {
                let difference = difference(&contents(one), &contents(other));
                return Err(format!(
                    "the same step on `{name}` wrote another page: {}",
                    difference.unwrap_or_else(|| "in another order".to_owned())
                ));
            }
            if next != other_next {
                return Err(format!(
                    "the same step on `{name}` answered with another cursor"
                ));
            }
            cursor = next.clone();
            if cursor.is_none() {
                break;
            }
        }
    }
    Ok(())
}

pub(crate) async fn resumable(make: &Make<'_>, mischief: Mischief) -> Verdict {
    let mut trial = Trial::begin(make, mischief).await?;
    let subject = trial.subject.clone();
    for collection in trial.readable(&subject) {
        let whole = contents(&trial.walk(&subject, &collection, Pace::Whole).await?);
        for pace in [Pace::Each(1), Pace::Each(2), Pace::Random] {
            let paged = contents(&trial.walk(&subject, &collection, pace).await?);
            if let Some(difference) = difference(&whole, &paged) {
                return Err(format!(
                    "small pages of `{}` hold something else: {difference}",
                    collection.name
                ));
            }
        }
    }
    let held = trial.tallies(&subject).await?;
    let erasure = trial.erase_all(&subject, Pace::Each(1)).await?;
    for (name, tally) in &erasure.tallies {
        let held = held.get(name).map_or(0, |tally| tally.held());
        let met = tally.held();
        // A record of which the answer was lost is met by an answer that does not count.
        if met > held || (met < held && !trial.mischief.is_on()) {
            return Err(format!(
                "erasing `{name}` one by one met {met} records of {held}"
            ));
        }
    }
    let left: u64 = {
        let tallies = trial.tallies(&subject).await?;
        erasure
            .tallies
            .keys()
            .filter_map(|name| tallies.get(name))
            .map(|tally| tally.pending())
            .sum()
    };
    match left {
        0 => Ok(()),
        _ => Err(format!(
            "erasing from cursor to cursor passed {left} records over"
        )),
    }
}

pub(crate) async fn cancel_safe(make: &Make<'_>, mischief: Mischief) -> Verdict {
    let mut trial = Trial::begin(make, mischief).await?;
    let subject = trial.subject.clone();
    for collection in trial.readable(&subject) {
        let calm = trial.walk(&subject, &collection, Pace::Each(2)).await?;
        let mut collector = Collector::new(&collection);
        let mut cursor = None;
        for page in &calm {
            collector.set_full_after(Some(2));
            let step = trial.step(&subject, &collection.name, cursor, Pace::Whole);
            cursor = export_with_drops(&mut trial, &mut collector, &step).await?;
            let written = collector.pages().last();
            if written.map(std::slice::from_ref).map(contents)
                != Some(contents(std::slice::from_ref::<Page>(page)))
            {
                return Err(format!(
                    "an export step of `{}` wrote another page after it had been dropped",
                    collection.name
                ));
            }
        }
    }
    erase_with_drops_everywhere(&mut trial).await
}

pub(crate) async fn cursor_survives_restart(make: &Make<'_>, mischief: Mischief) -> Verdict {
    let mut trial = Trial::begin(make, mischief).await?;
    let subject = trial.subject.clone();
    let mut calm = Vec::new();
    for collection in trial.readable(&subject) {
        calm.push(contents(
            &trial.walk(&subject, &collection, Pace::Each(1)).await?,
        ));
    }
    trial.mischief.always_restarts = true;
    for (collection, calm) in trial.readable(&subject).iter().zip(calm) {
        let walked = trial.walk(&subject, collection, Pace::Each(1)).await;
        let restarted =
            walked.map_err(|what| format!("with a restart between the steps, {what}"))?;
        if let Some(difference) = difference(&calm, &contents(&restarted)) {
            return Err(format!(
                "with a restart between the steps, the pages of `{}` hold something else: {difference}",
                collection.name
            ));
        }
    }
    let erased = trial.erase_all(&subject, Pace::Each(1)).await;
    let erasure = erased.map_err(|what| format!("with a restart between the steps, {what}"))?;
    let tallies = trial.tallies(&subject).await?;
    let left: u64 = erasure
        .tallies
        .keys()
        .filter_map(|name| tallies.get(name))
        .map(|tally| tally.pending())
        .sum();
    match left {
        0 => Ok(()),
        _ => Err(format!(
            "with a restart between the steps, {left} records were not erased"
        )),
    }
}

async fn erase_with_drops_everywhere(trial: &mut Trial) -> Verdict {
    let subject = trial.subject.clone();
    let before = trial.state().await;
    let surveyed = trial.tallies(&subject).await?;
    for collection in trial.erasable(&subject) {
        let mut cursor = None;
        for _ in 0..1_000 {
            let step = trial.step(&subject, &collection.name, cursor, Pace::Each(2));
            cursor = erase_with_drops(trial, &step).await?.next;
            if cursor.is_none() {
                break;
            }
        }
        let tallies = trial.tallies(&subject).await?;
        let name = &collection.name;
        let left = tallies.get(name).map_or(0, |tally| tally.pending());
        if left > 0 {
            return Err(format!(
                "after erase steps of `{name}` had been dropped, {left} records were left"
            ));
        }
    }
    kept_stand(trial, &surveyed).await?;
    trial
        .others_unchanged(&before, "an erasure with dropped steps")
        .await
}

/// Sends an export step that is dropped ever later until it comes through.
async fn export_with_drops(
    trial: &mut Trial,
    collector: &mut Collector,
    step: &Step,
) -> Verdict<Option<Cursor>> {
    for sending in ever_later(&mut trial.mischief) {
        let call = run(sending, collector.attempt(trial.connector.as_ref(), step));
        match guarded("export", call).await? {
            Some(Ok(next)) => {
                collector.commit();
                return Ok(next.map(|cursor| stored(&cursor)));
            }
            Some(Err(error)) => resting("export", step, &error).await?,
            None => {}
        }
    }
    let answer = guarded("export", collector.export(trial.connector.as_ref(), step)).await?;
    answer.map_err(|error| after_a_drop("export", step, &error))
}

/// Sends an erase step that is dropped ever later until it comes through.
async fn erase_with_drops(trial: &mut Trial, step: &Step) -> Verdict<Erased> {
    for sending in ever_later(&mut trial.mischief) {
        let call = run(sending, trial.connector.erase(step));
        match guarded("erase", call).await? {
            Some(Ok(erased)) => return Ok(erased),
            Some(Err(error)) => resting("erase", step, &error).await?,
            None => {}
        }
    }
    let answer = guarded("erase", trial.connector.erase(step)).await?;
    answer.map_err(|error| after_a_drop("erase", step, &error))
}

fn ever_later(mischief: &mut Mischief) -> Vec<Sending> {
    let mut polls = 0;
    let mut sendings = Vec::new();
    while sendings.len() < 24 {
        sendings.push(Sending::Dropped {
            polls,
            while_waiting: sendings.len() % 2 == 0,
        });
        polls += if mischief.is_on() {
            1 + mischief.dice.below(3)
        } else {
            (sendings.len() % 2) as u64
        };
    }
    sendings
}

/// A system may be busy with what was dropped; it may say so, and then it is given a little time.
async fn resting(call: &str, step: &Step, error: &adieu_core::ConnectorError) -> Verdict {
    if error.retry_advice() == adieu_core::Retry::Never {
        return Err(after_a_drop(call, step, error));
    }
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    Ok(())
}

fn after_a_drop(call: &str, step: &Step, error: &adieu_core::ConnectorError) -> String {
    format!(
        "{call} of `{}` failed after it had been dropped: {error}",
        step.collection()
    )
}
