//! Steps that make no sense.

use adieu_core::{
    Collection, CollectionName, ConnectorError, Cursor, Effect, ErrorKind, Retry, Subject,
};

use crate::collector::Collector;
use crate::compare::contents;
use crate::faults::Mischief;
use crate::trial::{Make, Pace, Trial, Verdict};

pub(crate) async fn garbage_cursor_refused(make: &Make<'_>, mischief: Mischief) -> Verdict {
    let mut trial = Trial::begin(make, mischief).await?;
    let subject = trial.subject.clone();
    let real = real_cursors(&mut trial, &subject).await?;
    let before = trial.state().await;
    for collection in trial.readable(&subject) {
        for (sort, cursor) in garbage(&mut trial, &collection.name, &real) {
            let step = trial.step(&subject, &collection.name, Some(cursor), Pace::Whole);
            let mut collector = Collector::new(&collection);
            let answer = trial.try_export(&mut collector, &step).await?;
            refused(
                &answer.map(|_| ()),
                &format!("export of `{}` at {sort}", collection.name),
            )?;
        }
    }
    for collection in trial.erasable(&subject) {
        for (sort, cursor) in garbage(&mut trial, &collection.name, &real) {
            let step = trial.step(&subject, &collection.name, Some(cursor), Pace::Whole);
            let answer = trial.try_erase(&step).await?;
            refused(
                &answer.map(|_| ()),
                &format!("erase of `{}` at {sort}", collection.name),
            )?;
        }
    }
    trial.unchanged(&before, "a garbage cursor").await?;
    for (name, cursor) in &real {
        if let Some(collection) = trial.connector.descriptor().collection(name).cloned() {
            flipped(&mut trial, &subject, &collection, cursor).await?;
        }
    }
    trial
        .others_unchanged(&before, "a cursor with a flipped bit")
        .await
}

pub(crate) async fn unknown_collection_refused(make: &Make<'_>, mischief: Mischief) -> Verdict {
    let mut trial = Trial::begin(make, mischief).await?;
    let subject = trial.subject.clone();
    let before = trial.state().await;
    let known = trial.descriptor().collections;
    let mut names = vec![
        "no_such_collection".to_owned(),
        "%".to_owned(),
        "../".to_owned(),
        "'".to_owned(),
    ];
    if let Some(collection) = known.first() {
        names.push(format!("{}_", collection.name));
        names.push(format!("{}; --", collection.name));
    }
    for name in names {
        let Ok(name) = CollectionName::new(name) else {
            continue;
        };
        if known.iter().any(|collection| collection.name == name) {
            continue;
        }
        let unknown = Collection::new(name.clone(), []);
        let step = trial.step(&subject, &name, None, Pace::Whole);
        let exported = trial
            .try_export(&mut Collector::new(&unknown), &step)
            .await?
            .map(|_| ());
        let erased = trial.try_erase(&step).await?.map(|_| ());
        for (call, answer) in [("export", exported), ("erase", erased)] {
            match answer {
                Err(error) if error.kind() == ErrorKind::Config => {}
                Err(error) => {
                    return Err(format!(
                        "{call} of a collection that does not exist answers `{error}`, not config"
                    ));
                }
                Ok(()) => {
                    return Err(format!(
                        "{call} of a collection that does not exist succeeds"
                    ));
                }
            }
        }
    }
    trial
        .unchanged(&before, "a step on a collection that does not exist")
        .await
}

/// One cursor of each collection that makes any.
async fn real_cursors(
    trial: &mut Trial,
    subject: &Subject,
) -> Verdict<Vec<(CollectionName, Cursor)>> {
    let mut cursors = Vec::new();
    for collection in trial.readable(subject) {
        let mut collector = Collector::new(&collection).full_after(1);
        let step = trial.step(subject, &collection.name, None, Pace::Whole);
        if let Some(cursor) = trial.export(&mut collector, &step).await? {
            cursors.push((collection.name.clone(), cursor));
        }
    }
    Ok(cursors)
}

/// Cursors that this collection did not make, with what they are.
fn garbage(
    trial: &mut Trial,
    collection: &CollectionName,
    real: &[(CollectionName, Cursor)],
) -> Vec<(&'static str, Cursor)> {
    let dice = &mut trial.mischief.dice;
    let mut garbage = vec![
        ("an empty cursor", Cursor::from_bytes([])),
        ("a cursor of zeros", Cursor::from_bytes([0; 16])),
        ("a cursor that is `null`", Cursor::from_bytes(*b"null")),
        ("a cursor that is `{}`", Cursor::from_bytes(*b"{}")),
        ("a cursor that is `[]`", Cursor::from_bytes(*b"[]")),
        ("a cursor that is `0`", Cursor::from_bytes(*b"0")),
        ("a cursor of a quote", Cursor::from_bytes(*b"' OR 1=1 --")),
    ];
    for _ in 0..6 {
        let length = 1 + dice.below(64);
        garbage.push(("a random cursor", Cursor::from_bytes(dice.bytes(length))));
    }
    for (name, cursor) in real {
        let bytes = cursor.as_bytes();
        if name != collection {
            garbage.push(("the cursor of another collection", cursor.clone()));
            continue;
        }
        for length in [
            bytes.len() / 2,
            bytes.len().saturating_sub(1),
            dice.below(bytes.len() as u64) as usize,
        ] {
            garbage.push(("a truncated cursor", Cursor::from_bytes(&bytes[..length])));
        }
        garbage.push((
            "a doubled cursor",
            Cursor::from_bytes([bytes, bytes].concat()),
        ));
    }
    garbage
}

fn refused(answer: &Result<(), ConnectorError>, what: &str) -> Verdict {
    match answer {
        Ok(()) => Err(format!("{what} succeeds")),
        Err(error) if error.kind() != ErrorKind::Protocol => {
            Err(format!("{what} answers `{error}`, not protocol"))
        }
        Err(error) if error.retry_advice() != Retry::Never => {
            Err(format!("{what} asks to be retried"))
        }
        Err(error) if error.effect_seen() != Effect::None => {
            Err(format!("{what} may have had an effect"))
        }
        Err(_) => Ok(()),
    }
}

/// A cursor with a flipped bit may still mean something, but never the records of somebody else.
async fn flipped(
    trial: &mut Trial,
    subject: &Subject,
    collection: &Collection,
    cursor: &Cursor,
) -> Verdict {
    let own = contents(&trial.walk(subject, collection, Pace::Whole).await?);
    let flips: Vec<Cursor> = (0..24).map(|_| flip(trial, cursor)).collect();
    let what = format!(
        "export of `{}` at a cursor with a flipped bit",
        collection.name
    );
    for flip in &flips {
        let step = trial.step(subject, &collection.name, Some(flip.clone()), Pace::Whole);
        let mut collector = Collector::new(collection);
        match trial.try_export(&mut collector, &step).await? {
            Ok(_) => {
                let found = contents(collector.pages());
                if let Some(foreign) = found.iter().find(|text| !own.contains(text)) {
                    return Err(format!("{what} reads what is not the subject's: {foreign}"));
                }
            }
            Err(error) => refused(&Err(error), &what)?,
        }
    }
    if !collection.erasure.is_offered() {
        return Ok(());
    }
    let what = format!(
        "erase of `{}` at a cursor with a flipped bit",
        collection.name
    );
    for flip in flips {
        let step = trial.step(subject, &collection.name, Some(flip), Pace::Each(1));
        if let Err(error) = trial.try_erase(&step).await? {
            refused(&Err(error), &what)?;
        }
    }
    Ok(())
}

fn flip(trial: &mut Trial, cursor: &Cursor) -> Cursor {
    let mut bytes = cursor.as_bytes().to_vec();
    let at = trial.mischief.dice.below(bytes.len() as u64) as usize;
    let bit = trial.mischief.dice.below(8);
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << bit;
    }
    Cursor::from_bytes(bytes)
}
