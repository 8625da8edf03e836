//! Whose records are reached.

use adieu_core::{Collection, Identity, IdentityKind, Need, Subject, Tally, Tells};

use crate::collector::Collector;
use crate::compare::contents;
use crate::counts::touched;
use crate::faults::Mischief;
use crate::trial::{Make, Pace, Trial, Verdict};

pub(crate) async fn empty_subject_matches_nothing(make: &Make<'_>, mischief: Mischief) -> Verdict {
    let mut trial = Trial::begin(make, mischief).await?;
    let before = trial.state().await;
    let mut nobody = Subject::default();
    if let Some(tenant) = trial.subject.tenant() {
        nobody = nobody.within(tenant.clone());
    }
    for collection in trial.descriptor().collections {
        reaches_nothing(
            &mut trial,
            &nobody,
            &collection,
            true,
            "a subject without identities",
        )
        .await?;
        for part in parts(&trial.subject, &collection) {
            let who = "a subject that lacks a part of what is needed";
            reaches_nothing(&mut trial, &part, &collection, true, who).await?;
        }
    }
    trial
        .unchanged(&before, "a subject without identities")
        .await
}

pub(crate) async fn unknown_identity_matches_nothing(
    make: &Make<'_>,
    mischief: Mischief,
) -> Verdict {
    let mut trial = Trial::begin(make, mischief).await?;
    let before = trial.state().await;
    let unknown = trial.fixture.unknown();
    for collection in trial.descriptor().collections {
        if collection.is_reached_by(&unknown) {
            reaches_nothing(
                &mut trial,
                &unknown,
                &collection,
                false,
                "an unknown subject",
            )
            .await?;
        }
        let mut strangers = strangers(&trial, &collection);
        if trial.mischief.is_on() {
            // Each seed takes others.
            strangers.retain(|_| trial.mischief.dice.one_in(6));
        }
        for (stranger, value) in strangers {
            let who = format!("the value {value:?}, which the system does not know,");
            reaches_nothing(&mut trial, &stranger, &collection, false, &who).await?;
        }
    }
    trial.unchanged(&before, "an unknown identity").await
}

pub(crate) async fn bystander_untouched(make: &Make<'_>, mischief: Mischief) -> Verdict {
    let mut trial = Trial::begin(make, mischief).await?;
    let subject = trial.subject.clone();
    let bystander = trial.discover(trial.fixture.bystander()).await?;
    if subject
        .identities()
        .any(|identity| bystander.identities().any(|other| identity == other))
    {
        return Err(
            "discovery learns an identity of the bystander for the subject, or the other way round"
                .to_owned(),
        );
    }
    let before = trial.state().await;
    let surveyed = trial.tallies(&bystander).await?;
    let mut theirs = Vec::new();
    for collection in trial.readable(&bystander) {
        theirs.extend(contents(
            &trial.walk(&bystander, &collection, Pace::Whole).await?,
        ));
    }
    trial
        .try_check()
        .await?
        .map_err(|error| format!("check failed: {error}"))?;
    for collection in trial.readable(&subject) {
        let read = contents(&trial.walk(&subject, &collection, trial.pace()).await?);
        if let Some(text) = read.iter().find(|text| theirs.contains(text)) {
            let name = &collection.name;
            return Err(format!(
                "export of `{name}` reads what is the bystander's: {text}"
            ));
        }
    }
    trial.unchanged(&before, "reading").await?;
    trial.erase_all(&subject, trial.pace()).await?;
    trial.others_unchanged(&before, "an erasure").await?;
    if trial.tallies(&bystander).await? != surveyed {
        return Err(
            "after the subject's erasure, the survey of the bystander is another one".to_owned(),
        );
    }
    Ok(())
}

/// That survey, export and erasure find nothing for this subject in this collection.
async fn reaches_nothing(
    trial: &mut Trial,
    subject: &Subject,
    collection: &Collection,
    may_fail: bool,
    who: &str,
) -> Verdict {
    let name = &collection.name;
    // What a system does not tell cannot be counted; whether it was changed is looked at afterwards.
    let reached = |tally: &Tally| match (&collection.tells, collection.is_reached_by(subject)) {
        (Tells::Holdings, _) | (_, false) => touched(tally),
        _ => counted_as_done(tally),
    };
    match trial.try_survey(subject).await? {
        Ok(survey) => {
            let of_this = survey
                .holdings
                .iter()
                .filter(|holding| holding.collection == *name);
            for holding in of_this {
                match &holding.tally {
                    Ok(tally) if reached(tally) > 0 => {
                        return Err(format!(
                            "{who} reaches {} records of `{name}` in a survey",
                            reached(tally)
                        ));
                    }
                    Err(error) if !may_fail => {
                        return Err(format!("{who} fails a survey of `{name}`: {error}"));
                    }
                    _ => {}
                }
            }
        }
        Err(_) if may_fail => {}
        Err(error) => return Err(format!("{who} fails a survey: {error}")),
    }
    if collection.export.is_offered() {
        let mut collector = Collector::new(collection).full_after(1_000);
        let step = trial.step(subject, name, None, Pace::Whole);
        match trial.try_export(&mut collector, &step).await? {
            Ok(_) => {
                if let Some(text) = contents(collector.pages()).first() {
                    return Err(format!(
                        "{who} reaches records of `{name}` in an export: {text}"
                    ));
                }
            }
            Err(_) if may_fail => {}
            Err(error) => return Err(format!("{who} fails an export of `{name}`: {error}")),
        }
    }
    if collection.erasure.is_offered() {
        let step = trial.step(subject, name, None, Pace::Whole);
        match trial.try_erase(&step).await? {
            Ok(erased) if reached(&erased.tally) > 0 => {
                return Err(format!(
                    "{who} reaches {} records of `{name}` in an erasure",
                    reached(&erased.tally)
                ));
            }
            Ok(_) => {}
            Err(_) if may_fail => {}
            Err(error) => return Err(format!("{who} fails an erasure of `{name}`: {error}")),
        }
    }
    Ok(())
}

/// What a tally says was done, and not only asked for.
fn counted_as_done(tally: &Tally) -> u64 {
    touched(tally) - tally.scheduled().map_or(0, |later| later.records)
}

/// The subject with one identity's kind, or the tenant, too few for the needs that ask for several.
fn parts(subject: &Subject, collection: &Collection) -> Vec<Subject> {
    let mut parts = Vec::new();
    for need in &collection.needs {
        for left_out in need.all_of.iter().filter(|_| need.all_of.len() > 1) {
            parts.push(with_tenant_of(subject, only(subject, need, left_out), need));
        }
        if need.tenant {
            parts.push(Subject::new(identities(subject, need)));
        }
    }
    parts.retain(|part| !collection.is_reached_by(part));
    parts
}

/// The subject with one value replaced by one that only an interpreter would take for the subject's own.
fn strangers(trial: &Trial, collection: &Collection) -> Vec<(Subject, String)> {
    let subject = &trial.subject;
    let mut strangers = Vec::new();
    for need in collection
        .needs
        .iter()
        .filter(|need| need.is_met_by(subject))
    {
        for kind in &need.all_of {
            let others = with_tenant_of(subject, only(subject, need, kind), need);
            if collection.is_reached_by(&others) {
                continue;
            }
            let bystander = trial.fixture.bystander();
            let known: Vec<&str> = subject
                .values(kind)
                .chain(bystander.values(kind))
                .map(|value| value.expose())
                .collect();
            for value in hostile(&known) {
                let Ok(identity) = Identity::new(kind.as_str(), value.clone()) else {
                    continue;
                };
                let mut stranger = others.clone();
                stranger.learn(identity);
                strangers.push((stranger, value));
            }
        }
    }
    strangers
}

/// Values that are nobody's, but match somebody where they are interpreted.
fn hostile(known: &[&str]) -> Vec<String> {
    let fixed = [
        "%",
        "_",
        "*",
        "?",
        "%%",
        ".*",
        "**",
        "..",
        "../",
        "/",
        "\\",
        "'",
        "\"",
        "`",
        "' OR '1'='1",
        "\" OR 1=1 --",
        "1 OR 1=1",
        "; --",
        "[a-z]*",
        "{}",
        "$ne",
        "null",
        "NULL",
        "\u{feff}",
        "{customer}",
    ];
    let mut values: Vec<String> = fixed.iter().map(|value| (*value).to_owned()).collect();
    if let Some(one) = known.first() {
        let mut shorter = one.chars();
        shorter.next_back();
        let shorter = shorter.as_str();
        values.extend([
            format!("{one}%"),
            format!("%{one}"),
            format!("{one}*"),
            format!("{shorter}_"),
            format!("{shorter}%"),
            format!("{shorter}?"),
            format!("{one}'"),
            format!("{one}' --"),
            format!("{one}/"),
            format!("{one}/../{one}"),
            format!("./{one}"),
            format!("0{one}"),
            format!("+{one}"),
            format!("{one}.0"),
            format!("{one}abc"),
            format!(" {one}"),
        ]);
    }
    values.retain(|value| !known.contains(&value.as_str()));
    values
}

fn only(subject: &Subject, need: &Need, left_out: &IdentityKind) -> Subject {
    Subject::new(identities(subject, need).filter(|identity| identity.kind() != left_out))
}

fn identities<'a>(subject: &'a Subject, need: &'a Need) -> impl Iterator<Item = Identity> + 'a {
    subject
        .identities()
        .filter(|identity| need.all_of.contains(identity.kind()))
        .cloned()
}

fn with_tenant_of(subject: &Subject, part: Subject, need: &Need) -> Subject {
    match subject.tenant() {
        Some(tenant) if need.tenant => part.within(tenant.clone()),
        _ => part,
    }
}
