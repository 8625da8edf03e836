//! The gateway mounted around whatever is behind it, and its health.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use adieu_gateway::{Gateway, GatewayService, ResponseBody};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Incoming};
use tower_layer::Layer as _;
use tower_service::Service;

use super::problem::{answer, problem};
use super::{AnswerBody, BoxError};

/// A service with a [`Gateway`] around it, as a [`Server`](super::Server) serves it. It also answers `GET {prefix}/health`:
/// 200 while the store can be read, else 503.
#[derive(Clone, Debug)]
pub struct Front<S> {
    gateway: Gateway,
    mounted: GatewayService<S>,
    health: String,
}

/// What is behind a front that has nothing behind it: there is nothing else here.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

type Answering = Pin<Box<dyn Future<Output = Result<Response<AnswerBody>, Infallible>> + Send>>;

impl<S> Front<S> {
    /// Puts a gateway around a service.
    pub fn new(gateway: &Gateway, behind: S) -> Self {
        Self {
            gateway: gateway.clone(),
            mounted: gateway.layer().layer(behind),
            health: format!("{}/health", gateway.prefix()),
        }
    }
}

impl<S, R> Service<Request<Incoming>> for Front<S>
where
    S: Service<Request<Incoming>, Response = Response<R>, Error = Infallible>,
    S::Future: Send + 'static,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    type Response = Response<AnswerBody>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.mounted.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Incoming>) -> Answering {
        let asks = matches!(*request.method(), Method::GET | Method::HEAD);
        if asks && request.uri().path() == self.health {
            return Box::pin(health(self.gateway.clone()));
        }
        let answer = self.mounted.call(request);
        Box::pin(async move { Ok(answer.await?.map(ResponseBody::boxed_unsync)) })
    }
}

async fn health(gateway: Gateway) -> Result<Response<AnswerBody>, Infallible> {
    Ok(match gateway.engine().due(1).await {
        Ok(_) => answer(
            StatusCode::OK,
            "application/json",
            r#"{"status":"ok"}"#.to_owned(),
        ),
        Err(error) => {
            tracing::error!("the store cannot be read: {error}");
            problem(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "the store cannot be read",
            )
        }
    })
}

impl<B> Service<Request<B>> for Nothing {
    type Response = Response<AnswerBody>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        let nothing = problem(StatusCode::NOT_FOUND, "not_found", "there is nothing here");
        std::future::ready(Ok(nothing))
    }
}
