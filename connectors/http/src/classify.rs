//! What an erasure does to a record: asked by the survey and by the act.

use adieu_core::{ConnectorError, Disposition};
use jiff::Span;
use jiff::civil::Date;

use crate::api::Api;
use crate::page::{self, Turn};
use crate::plan::{CollectionPlan, LaterPlan, ListedPlan};
use crate::source::{Found, Source, meets};
use crate::template::today;

/// What is to be done with a record.
#[derive(Clone, Debug)]
pub(crate) struct Fate {
    pub(crate) disposition: Disposition,
    /// Whether the provider must still be told.
    pub(crate) is_to_do: bool,
}

/// The fate of each of these records.
///
/// # Errors
/// When it cannot be found out what the provider has accepted before.
pub(crate) async fn fates(
    api: &Api,
    plan: &CollectionPlan,
    source: &Source<'_>,
    records: &[Found],
) -> Result<Vec<Fate>, ConnectorError> {
    if let Some(retention) = &plan.keep {
        let kept = Fate {
            disposition: Disposition::Retain {
                retention: retention.clone(),
                pseudonymize: false,
            },
            is_to_do: false,
        };
        return Ok(vec![kept; records.len()]);
    }
    if plan.by_itself {
        let later = Fate {
            disposition: Disposition::Scheduled { by: None },
            is_to_do: false,
        };
        return Ok(vec![later; records.len()]);
    }
    let Some(later) = &plan.later else {
        let erased = Fate {
            disposition: Disposition::Erase,
            is_to_do: true,
        };
        return Ok(vec![erased; records.len()]);
    };
    let accepted = match &later.listed {
        Some(listed) if !records.is_empty() => accepted(api, listed, source, records).await?,
        _ => vec![None; records.len()],
    };
    let fates = accepted.into_iter().map(|since| Fate {
        disposition: Disposition::Scheduled {
            by: later.by(since.flatten()),
        },
        is_to_do: since.is_none(),
    });
    Ok(fates.collect())
}

impl LaterPlan {
    /// The day on which it should be done.
    fn by(&self, since: Option<Date>) -> Option<Date> {
        let days = self.days?;
        since
            .unwrap_or_else(today)
            .checked_add(Span::new().days(i32::from(days)))
            .ok()
    }
}

/// For each record whether the provider lists its deletion as accepted, and since when.
async fn accepted(
    api: &Api,
    plan: &ListedPlan,
    source: &Source<'_>,
    records: &[Found],
) -> Result<Vec<Option<Option<Date>>>, ConnectorError> {
    let mut accepted: Vec<Option<Option<Date>>> = vec![None; records.len()];
    let mut next = Some(Turn::First);
    while let Some(turn) = next {
        let page = page::read(api, &plan.list, &source.values(api, None), &turn).await?;
        for entry in &page.records {
            for (record, accepted) in records.iter().zip(&mut accepted) {
                if accepted.is_none()
                    && meets(&plan.only, &source.values(api, Some(&record.value)), entry)?
                {
                    let since = plan.since.as_ref().and_then(|since| since.text(entry));
                    *accepted = Some(since.and_then(|since| since.get(..10)?.parse().ok()));
                }
            }
        }
        next = page.next;
    }
    Ok(accepted)
}
