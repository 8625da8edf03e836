//! Erasing a person's records, a batch at a time.

use adieu_core::{ConnectorError, Disposition, Erased, ErrorKind, Retry, Step, Tally};
use serde_json::Value;

use crate::classify::{Fate, fates};
use crate::connector::HttpConnector;
use crate::job;
use crate::page::Turn;
use crate::plan::{CollectionPlan, ErasePlan};
use crate::position::{self, foreign};
use crate::source::{Found, Source, Sources};
use crate::template::Values;

pub(crate) async fn erase(
    connector: &HttpConnector,
    step: &Step,
) -> Result<Erased, ConnectorError> {
    let plan = connector.plan_of(step)?;
    let mut sources = Sources::new(&connector.api, plan, step.subject())?;
    let from: Option<position::Erased> = position::read(step)?;
    let mut at = match &from {
        None => 0,
        Some(from) => sources.index_of(&from.source)?,
    };
    let mut position = from.unwrap_or_default();
    let mut tally = Tally::new();
    let most = usize::try_from(step.max_records().get()).unwrap_or(usize::MAX);
    let mut left_to_do = most;
    while at < sources.all.len() {
        let batch = sources.batch(at, &position, left_to_do).await?;
        if position.gone.is_some()
            && position.gone == batch.found.first().map(|found| found.mark.clone())
        {
            return Err(ConnectorError::new(
                ErrorKind::Unavailable,
                "the provider still lists what it said to have deleted",
            )
            .retry(Retry::WithBackoff));
        }
        position.gone = None;
        let whole = act(
            connector,
            plan,
            &sources.all[at],
            &batch.found,
            &mut tally,
            &mut position,
        )
        .await?;
        left_to_do -= batch.found.len();
        if !whole || batch.has_more || (left_to_do == 0 && at + 1 < sources.all.len()) {
            if whole && !batch.has_more {
                at += 1;
                position = position::Erased::default();
            }
            position.source.clone_from(&sources.all[at].mark);
            return Ok(Erased::more(tally, position::write(step, position)?));
        }
        at += 1;
        position = position::Erased::default();
    }
    Ok(Erased::done(tally))
}

/// What a call made of a record.
enum Done {
    Gone,
    GoneBefore,
    Failed(ErrorKind),
}

/// Does what is to be done to these records; `false` when it has to stop before the last one.
async fn act(
    connector: &HttpConnector,
    plan: &CollectionPlan,
    source: &Source<'_>,
    found: &[Found],
    tally: &mut Tally,
    position: &mut position::Erased,
) -> Result<bool, ConnectorError> {
    let fates = fates(&connector.api, plan, source, found).await?;
    let size = plan.erase.iter().map(|call| call.batch).max().unwrap_or(1);
    let mut handled = 0;
    while handled < found.len() {
        if !fates[handled].is_to_do {
            position.stays(&found[handled], &fates[handled].disposition);
            tally.count(&fates[handled].disposition, 1);
            handled += 1;
            continue;
        }
        let rest = &fates[handled..];
        let together = rest
            .iter()
            .take(size)
            .take_while(|fate| fate.is_to_do)
            .count();
        let chunk = &found[handled..handled + together];
        let done = match run(connector, plan, source, chunk).await {
            Ok(done) => done,
            // What was done before is reported first; the next step meets the same failure.
            Err(_) if handled > 0 => return Ok(false),
            Err(error) => return Err(error),
        };
        for ((found, fate), done) in chunk.iter().zip(rest).zip(done) {
            count(found, fate, &done, tally, position);
        }
        handled += together;
    }
    Ok(true)
}

fn count(
    found: &Found,
    fate: &Fate,
    done: &Done,
    tally: &mut Tally,
    position: &mut position::Erased,
) {
    match done {
        Done::Gone => {
            tally.count(&fate.disposition, 1);
            match fate.disposition {
                Disposition::Erase => {
                    position.gone.get_or_insert_with(|| found.mark.clone());
                }
                _ => position.stays(found, &fate.disposition),
            }
        }
        Done::GoneBefore => {
            tally.count(&Disposition::Absent, 1);
            position.gone.get_or_insert_with(|| found.mark.clone());
        }
        Done::Failed(kind) => {
            tally.fail(*kind, 1);
            position.stay += 1;
            position.left = Some(found.mark.clone());
        }
    }
}

impl position::Erased {
    /// Notes a record that may still be listed.
    fn stays(&mut self, found: &Found, disposition: &Disposition) {
        self.left = Some(found.mark.clone());
        if matches!(disposition, Disposition::Retain { .. }) {
            self.stay += 1;
        }
    }
}

/// Sends the calls of an erasure for these records, one call after the other.
///
/// # Errors
/// When the provider cannot be reached or does not let us; what it refuses for single records is told for those.
async fn run(
    connector: &HttpConnector,
    plan: &CollectionPlan,
    source: &Source<'_>,
    found: &[Found],
) -> Result<Vec<Done>, ConnectorError> {
    let mut done: Vec<Done> = found.iter().map(|_| Done::GoneBefore).collect();
    for call in &plan.erase {
        let open: Vec<usize> = (0..found.len())
            .filter(|&index| !matches!(done[index], Done::Failed(_)))
            .collect();
        for together in open.chunks(call.batch) {
            let records: Vec<&Value> = together.iter().map(|&index| &found[index].value).collect();
            for (&index, result) in together
                .iter()
                .zip(send(connector, source, call, &records).await?)
            {
                match result {
                    Done::GoneBefore => {}
                    other => done[index] = other,
                }
            }
        }
    }
    Ok(done)
}

/// Sends one call for these records; when it is refused for several, for each of them alone.
async fn send(
    connector: &HttpConnector,
    source: &Source<'_>,
    call: &ErasePlan,
    records: &[&Value],
) -> Result<Vec<Done>, ConnectorError> {
    match send_together(connector, source, call, records).await {
        Ok(is_gone) => Ok(records
            .iter()
            .map(|_| {
                if is_gone {
                    Done::Gone
                } else {
                    Done::GoneBefore
                }
            })
            .collect()),
        Err(error) if !is_of_the_record(&error) => Err(error),
        Err(error) if records.len() == 1 => Ok(vec![Done::Failed(error.kind())]),
        Err(_) => {
            let mut each = Vec::new();
            for record in records {
                each.push(
                    match send_together(connector, source, call, &[record]).await {
                        Ok(true) => Done::Gone,
                        Ok(false) => Done::GoneBefore,
                        Err(error) if is_of_the_record(&error) => Done::Failed(error.kind()),
                        Err(error) => return Err(error),
                    },
                );
            }
            Ok(each)
        }
    }
}

/// Whether the provider did something; `false` when there was nothing left to do.
async fn send_together(
    connector: &HttpConnector,
    source: &Source<'_>,
    call: &ErasePlan,
    records: &[&Value],
) -> Result<bool, ConnectorError> {
    let values = Values {
        record: records.first().copied(),
        ..source.values(&connector.api, None)
    };
    let Some(response) = connector
        .api
        .send(&call.call, &values, records, &Turn::First)
        .await?
    else {
        return Ok(false);
    };
    if let Some(plan) = &call.job {
        job::wait(&connector.api, plan, &response).await?;
    }
    Ok(true)
}

/// Whether a refusal may be meant for this one record, so that the others go on.
fn is_of_the_record(error: &ConnectorError) -> bool {
    error.retry_advice() == Retry::Never && error.kind() != ErrorKind::Unauthorized
}

/// Some of a person's records, in the order of their list.
pub(crate) struct Batch {
    pub(crate) found: Vec<Found>,
    pub(crate) has_more: bool,
}

impl Sources<'_> {
    /// The next records of a source, past those that were left in it.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(crate) async fn batch(
        &mut self,
        source: usize,
        position: &position::Erased,
        most: usize,
    ) -> Result<Batch, ConnectorError> {
        if let Some(left) = &position.left
            && let Some(batch) = self.after(source, Past::Record(left.clone()), most).await?
        {
            return Ok(batch);
        }
        let batch = self.after(source, Past::Many(position.stay), most).await?;
        batch.ok_or_else(foreign)
    }

    /// The records after some; nothing when the one that they come after is not listed any more.
    async fn after(
        &mut self,
        source: usize,
        past: Past,
        most: usize,
    ) -> Result<Option<Batch>, ConnectorError> {
        let mut past = Some(past).filter(|past| !matches!(past, Past::Many(0)));
        let mut found = Vec::new();
        let mut next = Some(Turn::First);
        while let Some(turn) = next {
            let page = self.page(source, &turn).await?;
            for listed in &page.records {
                let Some(record) = self.look(source, listed).await? else {
                    continue;
                };
                match &mut past {
                    None if found.len() == most => {
                        return Ok(Some(Batch {
                            found,
                            has_more: true,
                        }));
                    }
                    None => found.push(record),
                    Some(Past::Record(mark)) if *mark == record.mark => past = None,
                    Some(Past::Record(_)) => {}
                    Some(Past::Many(1)) => past = None,
                    Some(Past::Many(left)) => *left -= 1,
                }
            }
            next = page.next;
        }
        let was_passed = !matches!(past, Some(Past::Record(_)));
        Ok(was_passed.then_some(Batch {
            found,
            has_more: false,
        }))
    }
}

/// What the next records come after.
enum Past {
    Record(String),
    Many(u64),
}
