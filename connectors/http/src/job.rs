//! Waiting for the job that a deletion begins.

use std::time::Duration;

use adieu_core::{ConnectorError, Effect, ErrorKind, Retry};
use adieu_http_client::Response;
use tokio::time::{Instant, sleep};

use crate::api::Api;
use crate::page::Turn;
use crate::plan::JobPlan;
use crate::template::{Values, lacks};

/// The first pause between two questions; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Waits until the job is done. Its number is kept nowhere: a step that breaks off is sent again, finds the records that are still
/// there, and begins another job for those.
///
/// # Errors
/// When the job fails, or is not done in time; it may then have had an effect.
pub(crate) async fn wait(
    api: &Api,
    plan: &JobPlan,
    begun: &Response,
) -> Result<(), ConnectorError> {
    let json = begun
        .json()
        .map_err(|error| error.effect(Effect::Unknown))?;
    let id = plan
        .id
        .text(&json)
        .ok_or_else(|| lacks(&plan.id).effect(Effect::Unknown))?;
    let values = Values {
        settings: &api.settings,
        identities: &[],
        record: None,
        job: Some(&id),
    };
    let until = Instant::now() + plan.wait;
    let mut pause = FIRST_PAUSE;
    loop {
        let answer = api.send(&plan.call, &values, &[], &Turn::First).await;
        let answer = answer.map_err(|error| error.effect(Effect::Unknown))?;
        let state = match answer {
            Some(response) => plan.state.text(&response.json()?),
            None => None,
        };
        let is_one_of =
            |states: &[String]| state.as_ref().is_some_and(|state| states.contains(state));
        if is_one_of(&plan.done) {
            return Ok(());
        }
        if is_one_of(&plan.failed) {
            return Err(ConnectorError::new(
                ErrorKind::Protocol,
                "the provider gave the deletion up",
            )
            .effect(Effect::Unknown));
        }
        if Instant::now() + pause > until {
            return Err(ConnectorError::new(
                ErrorKind::TimedOut,
                "the provider has not finished the deletion yet",
            )
            .retry(Retry::WithBackoff)
            .effect(Effect::Unknown));
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
