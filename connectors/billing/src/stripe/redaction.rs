//! Redaction jobs, a preview of Stripe's: <https://docs.stripe.com/api/privacy/redaction-job>.

use adieu_core::{ConnectorError, ErrorKind};
use adieu_http_client::Response;
use serde_json::Value;

use super::Stripe;
use super::end::post;
use super::error::error;
use super::find::{NO_LIST, is_id, take_list, text};
use crate::provider::{Progress, Redaction};

/// The last job of a customer. One that a crash has left behind is found like any other, and adopted.
pub(super) async fn last(
    stripe: &Stripe,
    customer: &str,
) -> Result<Option<Redaction>, ConnectorError> {
    let mut after: Option<String> = None;
    loop {
        let mut call = stripe
            .client
            .get("/v1/privacy/redaction_jobs")
            .query("limit", "100")
            .query("expand[]", "data.objects");
        if let Some(after) = &after {
            call = call.query("starting_after", after.clone());
        }
        let answer = success(call.send().await?)?;
        let mut page = answer.json()?;
        let jobs = take_list(&mut page).ok_or_else(|| answer.makes_no_sense(NO_LIST))?;
        for job in &jobs {
            let redaction = read(job, &answer)?;
            if concerns(job, customer) && redaction.progress != Progress::Cancelled {
                return Ok(Some(redaction));
            }
            after = Some(redaction.id);
        }
        if page["has_more"] != true || jobs.is_empty() {
            return Ok(None);
        }
    }
}

/// Makes a job, unless there is one.
pub(super) async fn ask(stripe: &Stripe, customer: &str) -> Result<Redaction, ConnectorError> {
    if let Some(job) = last(stripe, customer).await? {
        return Ok(job);
    }
    let call = stripe.client.post("/v1/privacy/redaction_jobs");
    let form = [
        ("objects[customers][]", customer),
        ("validation_behavior", "fix"),
    ];
    let answer = success(post(call).form(form).send().await?)?;
    read(&answer.json()?, &answer)
}

/// Validates a job that failed to, and runs one that is ready.
pub(super) async fn advance(stripe: &Stripe, job: &str) -> Result<Progress, ConnectorError> {
    let client = &stripe.client;
    let answer = client
        .get("/v1/privacy/redaction_jobs/{id}")
        .fill("id", job);
    let answer = success(answer.send().await?)?;
    let now = answer.json()?;
    let call = match text(&now, "status") {
        Some("ready") => client.post("/v1/privacy/redaction_jobs/{id}/run"),
        Some("failed") => client.post("/v1/privacy/redaction_jobs/{id}/validate"),
        _ => return progress(&now, &answer),
    };
    let answer = success(post(call.fill("id", job)).send().await?)?;
    progress(&answer.json()?, &answer)
}

fn success(answer: Response) -> Result<Response, ConnectorError> {
    if answer.status().is_success() {
        return Ok(answer);
    }
    let error = error(&answer);
    if matches!(error.kind(), ErrorKind::Config | ErrorKind::Forbidden) {
        let what = format!(
            "{}; is the preview of redaction jobs enabled for this account?",
            error.what()
        );
        return Err(ConnectorError::new(error.kind(), what).effect(error.effect_seen()));
    }
    Err(error)
}

fn read(job: &Value, answer: &Response) -> Result<Redaction, ConnectorError> {
    let Some(id) = text(job, "id").filter(|id| is_id(id)) else {
        return Err(answer.makes_no_sense("a redaction job has no id"));
    };
    Ok(Redaction {
        id: id.to_owned(),
        progress: progress(job, answer)?,
    })
}

fn progress(job: &Value, answer: &Response) -> Result<Progress, ConnectorError> {
    match text(job, "status") {
        Some("created" | "validating" | "ready" | "failed") => Ok(Progress::Prepared),
        Some("redacting") => Ok(Progress::Running),
        Some("succeeded") => Ok(Progress::Done),
        Some("canceling" | "canceled") => Ok(Progress::Cancelled),
        _ => Err(answer.makes_no_sense("a redaction job has no known status")),
    }
}

fn concerns(job: &Value, customer: &str) -> bool {
    let customers = job["objects"]["customers"].as_array();
    customers.is_some_and(|ids| ids.iter().any(|id| id.as_str() == Some(customer)))
}
