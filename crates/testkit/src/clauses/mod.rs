//! What is tried for each clause, in the order of the contract.

mod description;
mod erasure;
mod failures;
mod refusals;
mod shown;
mod steps;
mod whose;

pub(crate) use description::{check_changes_nothing, described_honestly};
pub(crate) use erasure::{
    erasing_twice_equals_erasing_once, progresses_past_retained, survey_changes_nothing,
    survey_counts_what_erase_does, verified_clean,
};
pub(crate) use failures::errors_classified;
pub(crate) use refusals::{garbage_cursor_refused, unknown_collection_refused};
pub(crate) use shown::nothing_personal_shown;
pub(crate) use steps::{bounded, cancel_safe, cursor_survives_restart, repeatable, resumable};
pub(crate) use whose::{
    bystander_untouched, empty_subject_matches_nothing, unknown_identity_matches_nothing,
};

use std::collections::BTreeMap;

use adieu_core::{CollectionName, Tally};

use crate::counts::kept;
use crate::trial::{Trial, Verdict};

/// That the records which a survey says must stay are still in the system.
async fn kept_stand(trial: &Trial, surveyed: &BTreeMap<CollectionName, Tally>) -> Verdict {
    let kept: u64 = surveyed
        .values()
        .map(|tally| kept(tally) + tally.pseudonymize())
        .sum();
    let standing = trial.state().await.of_subject.len() as u64;
    if standing < kept {
        return Err(format!(
            "{kept} records were to stay, and {standing} are left in the system"
        ));
    }
    Ok(())
}
