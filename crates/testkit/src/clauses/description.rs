//! What a connector says of itself.

use std::collections::BTreeSet;

use crate::compare::contents;
use crate::faults::Mischief;
use crate::trial::{Make, Pace, Trial, Verdict, guarded};

pub(crate) async fn described_honestly(make: &Make<'_>, mischief: Mischief) -> Verdict {
    let mut trial = Trial::begin(make, mischief).await?;
    names_and_needs(&trial)?;
    let subject = trial.subject.clone();
    let mut most = 0;
    for collection in trial.readable(&subject) {
        for pace in [Pace::Whole, Pace::Each(1), trial.pace()] {
            let pages = trial.walk(&subject, &collection, pace).await?;
            most = most.max(pages.iter().map(|page| page.units()).max().unwrap_or(0));
            let yielded = pages.iter().flat_map(|page| &page.identities);
            let unknown = yielded
                .filter(|&identity| !subject.identities().any(|known| known == identity))
                .count();
            if unknown > 0 {
                return Err(format!(
                    "`{}` yields {unknown} identities only when records are asked for too",
                    collection.name
                ));
            }
        }
    }
    fixture_proves_something(&mut trial, most).await
}

pub(crate) async fn check_changes_nothing(make: &Make<'_>, mischief: Mischief) -> Verdict {
    let mut trial = Trial::begin(make, mischief).await?;
    let before = trial.state().await;
    let described = trial.descriptor();
    for _ in 0..2 {
        trial
            .try_check()
            .await?
            .map_err(|error| format!("check failed: {error}"))?;
    }
    trial.unchanged(&before, "check").await?;
    trial.restart().await;
    if trial.descriptor() != described {
        return Err("the descriptor is another one after a restart".to_owned());
    }
    Ok(())
}

fn names_and_needs(trial: &Trial) -> Verdict {
    let mut names = BTreeSet::new();
    let descriptor = trial.connector.descriptor();
    for collection in &descriptor.collections {
        let name = &collection.name;
        if !names.insert(name) {
            return Err(format!("two collections are called `{name}`"));
        }
        if !collection.needs.iter().any(|need| !need.all_of.is_empty()) {
            return Err(format!(
                "`{name}` is reached by no identity: its needs are empty"
            ));
        }
        if !collection.is_reached_by(&trial.subject) {
            return Err(format!(
                "`{name}` is not reached by the fixture's subject, also after discovery, so nothing is known of it"
            ));
        }
    }
    if descriptor.collections.is_empty() {
        return Err("there is no collection".to_owned());
    }
    Ok(())
}

/// A trial that cannot fail proves nothing, so a fixture that is too poor is refused.
async fn fixture_proves_something(trial: &mut Trial, most: usize) -> Verdict {
    let state = trial.state().await;
    if state.of_subject.is_empty() || state.of_others.is_empty() {
        return Err(
            "the fixture is too poor: nothing belongs to the subject, or nothing to others"
                .to_owned(),
        );
    }
    let mut most = most as u64;
    for (who, subject) in [
        ("subject", trial.subject.clone()),
        ("bystander", trial.fixture.bystander()),
    ] {
        let tallies = trial.tallies(&subject).await?;
        if tallies.values().all(|tally| tally.held() == 0) {
            return Err(format!(
                "the fixture is too poor: the survey finds nothing of the {who}"
            ));
        }
        if who == "subject" {
            most = most.max(
                tallies
                    .values()
                    .map(|tally| tally.held())
                    .max()
                    .unwrap_or(0),
            );
        }
    }
    if most < 3 {
        return Err(
            "the fixture is too poor: no collection has three records of the subject".to_owned(),
        );
    }
    let personal = trial.fixture.personal_values();
    if personal.is_empty() || personal.iter().any(|value| value.chars().count() < 4) {
        return Err(
            "the fixture is too poor: a personal value has four characters or more".to_owned(),
        );
    }
    let bystander = guarded("discovery", trial.discover(trial.fixture.bystander())).await??;
    let mut shown = Vec::new();
    for subject in [trial.subject.clone(), bystander] {
        for collection in trial.readable(&subject) {
            shown.extend(contents(
                &trial.walk(&subject, &collection, Pace::Whole).await?,
            ));
        }
    }
    let everything = [shown, state.of_subject, state.of_others].concat();
    if !personal
        .iter()
        .any(|value| everything.iter().any(|text| text.contains(value.as_str())))
    {
        return Err(
            "the fixture is too poor: none of its personal values is in the system".to_owned(),
        );
    }
    Ok(())
}
