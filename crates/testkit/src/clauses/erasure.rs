//! Survey and erasure.

use std::collections::BTreeMap;

use adieu_core::{CollectionName, Tally};

use crate::clauses::kept_stand;
use crate::compare::contents;
use crate::counts::{counted, kept, pending};
use crate::faults::Mischief;
use crate::trial::{Make, Pace, Trial, Verdict};

pub(crate) async fn survey_changes_nothing(make: &Make<'_>, mischief: Mischief) -> Verdict {
    let mut trial = Trial::begin(make, mischief).await?;
    let before = trial.state().await;
    for subject in [
        trial.subject.clone(),
        trial.fixture.bystander(),
        trial.fixture.unknown(),
    ] {
        let once = trial.survey(&subject).await?;
        trial.unchanged(&before, "a survey").await?;
        if trial.survey(&subject).await? != once {
            return Err("a second survey counts something else than the first".to_owned());
        }
        trial.unchanged(&before, "a second survey").await?;
    }
    Ok(())
}

pub(crate) async fn survey_counts_what_erase_does(make: &Make<'_>, mischief: Mischief) -> Verdict {
    for pace in [Pace::Whole, Pace::Each(1), Pace::Random] {
        let mut trial = Trial::begin(make, mischief.clone()).await?;
        let subject = trial.subject.clone();
        let surveyed = trial.tallies(&subject).await?;
        let reached = trial.descriptor().collections;
        for collection in reached
            .iter()
            .filter(|collection| collection.is_reached_by(&subject))
        {
            if !surveyed.contains_key(&collection.name) {
                return Err(format!(
                    "the survey leaves `{}` out, which the subject reaches",
                    collection.name
                ));
            }
        }
        let erasure = trial.erase_all(&subject, pace).await?;
        for (name, erased) in &erasure.tallies {
            let Some(surveyed) = surveyed.get(name) else {
                continue;
            };
            let agree = if trial.mischief.is_on() {
                // What was erased by a step whose answer was lost, no answer counts.
                erased.erase() <= surveyed.erase()
                    && erased.pseudonymize() <= surveyed.pseudonymize()
                    && kept(erased) == kept(surveyed)
            } else {
                counted(erased) == counted(surveyed)
            };
            if !agree {
                return Err(format!(
                    "the survey of `{name}` counts: {}; the erasure after it: {}",
                    counted(surveyed),
                    counted(erased)
                ));
            }
        }
        truly_erased(&mut trial, &surveyed).await?;
    }
    Ok(())
}

pub(crate) async fn erasing_twice_equals_erasing_once(
    make: &Make<'_>,
    mut mischief: Mischief,
) -> Verdict {
    let mut trial = Trial::begin(make, mischief.clone()).await?;
    let subject = trial.subject.clone();
    let erasure = trial.erase_all(&subject, trial.pace()).await?;
    let once = trial.state().await;
    let again = trial
        .erase_all(&subject, trial.pace())
        .await
        .map_err(|what| format!("the second time, {what}"))?;
    trial.unchanged(&once, "a second erasure").await?;
    for (name, tally) in &again.tallies {
        if tally.erase() + tally.pseudonymize() > 0 {
            return Err(format!(
                "the second erasure of `{name}` counts records that the first had erased"
            ));
        }
    }
    for step in erasure.steps.iter().rev() {
        trial
            .erase(step)
            .await
            .map_err(|what| format!("long after it was done, {what}"))?;
    }
    trial.unchanged(&once, "a step that came late").await?;

    // Every answer lost once: each step is sent twice in a row.
    mischief.dice.throw();
    let mut trial = Trial::begin(make, mischief).await?;
    let surveyed = trial.tallies(&subject).await?;
    for collection in trial.erasable(&subject) {
        let mut cursor = None;
        for _ in 0..10_000 {
            let step = trial.step(&subject, &collection.name, cursor, Pace::Each(2));
            trial.erase(&step).await?;
            let resent = trial.erase(&step).await;
            cursor = resent
                .map_err(|what| format!("when its answer was lost and it was sent again, {what}"))?
                .next;
            if cursor.is_none() {
                break;
            }
        }
    }
    let left = trial.tallies(&subject).await?;
    for collection in trial.erasable(&subject) {
        let name = &collection.name;
        let Some(left) = left.get(name) else { continue };
        if left.pending() > 0 {
            return Err(format!(
                "when every answer was lost once, the survey of `{name}` ends with: {}",
                counted(left)
            ));
        }
    }
    kept_stand(&trial, &surveyed).await
}

pub(crate) async fn progresses_past_retained(make: &Make<'_>, mischief: Mischief) -> Verdict {
    for pace in [Pace::Each(1), Pace::Each(3)] {
        let mut trial = Trial::begin(make, mischief.clone()).await?;
        let subject = trial.subject.clone();
        let surveyed = trial.tallies(&subject).await?;
        trial.erase_all(&subject, pace).await?;
        let left = trial.tallies(&subject).await?;
        for collection in trial.erasable(&subject) {
            let name = &collection.name;
            let (Some(surveyed), Some(left)) = (surveyed.get(name), left.get(name)) else {
                continue;
            };
            let standing = kept(surveyed);
            if left.pending() > 0 {
                return Err(format!(
                    "`{name}` keeps {standing} records, and {} others were not erased",
                    left.pending()
                ));
            }
        }
        kept_stand(&trial, &surveyed).await?;
    }
    Ok(())
}

pub(crate) async fn verified_clean(make: &Make<'_>, mischief: Mischief) -> Verdict {
    for pace in [Pace::Whole, Pace::Each(1), Pace::Random] {
        let mut trial = Trial::begin(make, mischief.clone()).await?;
        let subject = trial.subject.clone();
        let surveyed = trial.tallies(&subject).await?;
        trial.erase_all(&subject, pace).await?;
        truly_erased(&mut trial, &surveyed).await?;
    }
    Ok(())
}

/// That nothing is pending any more, that what is read is what is left, and that the system itself shows it.
async fn truly_erased(trial: &mut Trial, surveyed: &BTreeMap<CollectionName, Tally>) -> Verdict {
    let subject = trial.subject.clone();
    let left = trial.tallies(&subject).await?;
    let erasable = trial.erasable(&subject);
    for collection in &erasable {
        let Some(tally) = left.get(&collection.name) else {
            continue;
        };
        if tally.pending() > 0 {
            return Err(format!(
                "after the erasure, {} records of `{}` are pending",
                tally.pending(),
                collection.name
            ));
        }
        let replaced = surveyed
            .get(&collection.name)
            .map_or(0, Tally::pseudonymize);
        // A record that was made pseudonymous may still be found, and is then nobody's.
        if collection.export.is_offered() && replaced == 0 {
            let read = trial.walk(&subject, collection, Pace::Whole).await?;
            let records: usize = read.iter().map(|page| page.records.len()).sum();
            if records as u64 > tally.held() {
                let example = contents(&read);
                let name = &collection.name;
                return Err(format!(
                    "after the erasure, the survey of `{name}` holds {} records and its export reads {records}: {}",
                    tally.held(),
                    example.first().map_or("", String::as_str)
                ));
            }
        }
    }
    kept_stand(trial, surveyed).await?;
    let state = trial.state().await;
    let all_of_it = surveyed.values().all(|tally| tally.held() == tally.erase())
        && trial.descriptor().collections.len() == erasable.len();
    if all_of_it && pending(surveyed) > 0 && !state.of_subject.is_empty() {
        return Err(format!(
            "everything was to be erased, and the system still has {} records of the subject, such as {}",
            state.of_subject.len(),
            state.of_subject.first().map_or("", String::as_str)
        ));
    }
    Ok(())
}
