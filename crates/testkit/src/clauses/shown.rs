//! What a connector shows of persons: nothing.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

use adieu_core::{ConnectorError, Cursor, Subject};

use crate::clauses::failures::all_errors;
use crate::collector::Collector;
use crate::faults::Mischief;
use crate::fixture::Fixture;
use crate::trace::Said;
use crate::trial::{Make, Pace, Trial, Verdict};

pub(crate) async fn nothing_personal_shown(
    make: &Make<'_>,
    mischief: Mischief,
    said: &Said,
) -> Verdict {
    // What the fixture says while it fills the system is not the connector's.
    let quietly = || -> Pin<Box<dyn Future<Output = Box<dyn Fixture>> + '_>> {
        Box::pin(async {
            said.mute(true);
            let fixture = make().await;
            said.mute(false);
            fixture
        })
    };
    let mut trial = Trial::begin(&quietly, mischief).await?;
    let words = personal(&trial).await?;
    let mut shown = Shown::default();
    live(&mut trial, &mut shown).await?;
    said.mute(true);
    let broken = trial.fixture.broken().await;
    said.mute(false);
    for broken in &broken {
        shown.note(
            "the Debug of a connector that cannot work",
            &broken.connector,
        );
        for (_, error) in all_errors(broken.connector.as_ref(), &trial.subject).await? {
            shown.error(&error);
        }
    }
    for line in said.lines() {
        shown.texts.push(("a span or event", line));
    }
    match shown.texts.iter().find_map(|(what, text)| {
        Some((what, text, words.iter().find(|word| text.contains(*word))?))
    }) {
        None => Ok(()),
        Some((what, text, word)) => Err(format!("{what} shows {word:?}: {text}")),
    }
}

/// Calls everything, also wrongly, and notes what can be seen.
async fn live(trial: &mut Trial, shown: &mut Shown) -> Verdict {
    let subject = trial.subject.clone();
    shown.note("the Debug of the connector", &trial.connector);
    shown.note("the descriptor", &trial.descriptor());
    shown.json("the descriptor", &trial.descriptor());
    if let Err(error) = trial.try_check().await? {
        shown.error(&error);
    }
    for subject in [
        subject.clone(),
        trial.fixture.bystander(),
        trial.fixture.unknown(),
        Subject::default(),
    ] {
        match trial.try_survey(&subject).await? {
            Ok(survey) => {
                shown.note("the Debug of a survey", &survey);
                shown.json("a survey", &survey);
            }
            Err(error) => shown.error(&error),
        }
    }
    for collection in trial.readable(&subject) {
        for cursor in [None, Some(Cursor::from_bytes(*b"garbage"))] {
            let step = trial.step(&subject, &collection.name, cursor, Pace::Whole);
            let mut collector = Collector::new(&collection).full_after(1);
            match trial.try_export(&mut collector, &step).await? {
                Ok(next) => shown.note("the Debug of a cursor", &next),
                Err(error) => shown.error(&error),
            }
        }
        let mut collector = Collector::new(&collection);
        collector.set_refuses_at(Some(1));
        let step = trial.step(&subject, &collection.name, None, Pace::Whole);
        if let Err(error) = collector.attempt(trial.connector.as_ref(), &step).await {
            shown.error(&error);
        }
        for page in trial.walk(&subject, &collection, trial.pace()).await? {
            page.missing
                .iter()
                .for_each(|(_, error)| shown.error(error));
        }
    }
    trial.fixture.poison().await;
    for collection in trial.erasable(&subject) {
        let mut cursor = Some(Cursor::from_bytes(*b"garbage"));
        for _ in 0..1_000 {
            let step = trial.step(&subject, &collection.name, cursor.take(), Pace::Each(2));
            let began = step.cursor().is_none();
            shown.note("the Debug of a step", &step);
            match trial.try_erase(&step).await? {
                Ok(erased) => {
                    shown.note("the Debug of an erasure", &erased);
                    cursor = erased.next;
                    if cursor.is_none() {
                        break;
                    }
                }
                Err(error) => {
                    shown.error(&error);
                    if began {
                        break;
                    }
                }
            }
        }
    }
    shown.note("the Debug of the connector", &trial.connector);
    Ok(())
}

/// What must not show: the fixture's values, and identities that are long enough not to occur by chance.
async fn personal(trial: &Trial) -> Verdict<Vec<String>> {
    let bystander = trial.discover(trial.fixture.bystander()).await?;
    let identities = trial.subject.identities().chain(bystander.identities());
    let telling = identities
        .map(|identity| identity.value().expose())
        .filter(|value| {
            let least = if value.bytes().all(|byte| byte.is_ascii_digit()) {
                6
            } else {
                4
            };
            value.chars().count() >= least
        });
    let mut words: Vec<String> = telling.map(str::to_owned).collect();
    words.extend(trial.fixture.personal_values());
    Ok(words)
}

#[derive(Default)]
struct Shown {
    texts: Vec<(&'static str, String)>,
}

impl Shown {
    fn note(&mut self, what: &'static str, value: &dyn Debug) {
        self.texts.push((what, format!("{value:?}")));
    }

    fn json(&mut self, what: &'static str, value: &impl serde::Serialize) {
        if let Ok(json) = serde_json::to_string(value) {
            self.texts.push((what, json));
        }
    }

    fn error(&mut self, error: &ConnectorError) {
        self.texts
            .push(("an error", format!("{error} / {error:?}")));
    }
}
