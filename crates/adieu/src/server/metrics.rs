//! Metrics in the text form that Prometheus reads.

use std::convert::Infallible;
use std::fmt;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tower_service::Service;

use super::AnswerBody;
use super::problem::{answer, problem};

/// Everything that is counted in this process, at `GET /metrics`: a service for a [`Server`](super::Server) of its own, or for
/// a host to mount where only its operators come.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
}

/// Somebody else collects the metrics of this process already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the metrics of this process are collected by somebody else already")]
pub struct MetricsTaken;

/// How often what was measured is summed up, so that it takes no more memory when nobody reads it.
const SUM_UP_EVERY: Duration = Duration::from_secs(5);

impl Metrics {
    /// Begins to collect the metrics of this process. Needs a tokio runtime around it.
    ///
    /// # Errors
    /// When another recorder was installed before.
    pub fn collect() -> Result<Self, MetricsTaken> {
        let handle = PrometheusBuilder::new()
            .install_recorder()
            .map_err(|_| MetricsTaken)?;
        let kept = handle.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(SUM_UP_EVERY).await;
                kept.run_upkeep();
            }
        });
        Ok(Self { handle })
    }

    /// All of them as text.
    pub fn text(&self) -> String {
        self.handle.render()
    }
}

impl<B> Service<Request<B>> for Metrics {
    type Response = Response<AnswerBody>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let asks = matches!(*request.method(), Method::GET | Method::HEAD);
        std::future::ready(Ok(if asks && request.uri().path() == "/metrics" {
            answer(
                StatusCode::OK,
                "text/plain; version=0.0.4; charset=utf-8",
                self.text(),
            )
        } else {
            problem(StatusCode::NOT_FOUND, "not_found", "there is nothing here")
        }))
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics(…)")
    }
}
