//! Refusing the tokens of erased persons on the host's own routes.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use adieu_auth::Denied;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use crate::api::secured;
use crate::body::ResponseBody;
use crate::gateway::Gateway;
use crate::problem::Problem;

/// Refuses requests whose token is good but whose person was erased. Everything else passes through.
///
/// It does not stand in for the host's own authentication: a request without a token, or with one that the gateway does
/// not accept, passes. While it cannot be known whether the person was erased, the answer is 503.
#[derive(Clone, Debug)]
pub struct ErasedGuardLayer {
    gateway: Gateway,
}

impl ErasedGuardLayer {
    pub(crate) fn new(gateway: Gateway) -> Self {
        Self { gateway }
    }
}

impl<S> Layer<S> for ErasedGuardLayer {
    type Service = ErasedGuard<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ErasedGuard {
            inner,
            gateway: self.gateway.clone(),
        }
    }
}

/// A service behind the guard; see [`ErasedGuardLayer`].
#[derive(Clone, Debug)]
pub struct ErasedGuard<S> {
    inner: S,
    gateway: Gateway,
}

impl<S, B, R> Service<Request<B>> for ErasedGuard<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: 'static,
    B: Send + 'static,
    R: Body<Data = Bytes>,
{
    type Response = Response<ResponseBody<R>>;
    type Error = S::Error;
    type Future = ErasedGuardFuture<R, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The service that was polled ready is the one to be called.
        let next = self.inner.clone();
        let mut ready = std::mem::replace(&mut self.inner, next);
        let gateway = self.gateway.clone();
        ErasedGuardFuture(Box::pin(async move {
            let (parts, body) = request.into_parts();
            match refusal(&gateway, &parts.method, &parts.headers).await {
                Some(problem) => {
                    tracing::info!(problem = problem.code(), "a foreign request was refused");
                    Ok(secured(problem.into_response()).map(ResponseBody::own))
                }
                None => {
                    let answer = ready.call(Request::from_parts(parts, body)).await;
                    answer.map(|response| response.map(ResponseBody::foreign))
                }
            }
        }))
    }
}

/// Why a request may not pass.
async fn refusal(gateway: &Gateway, method: &Method, headers: &HeaderMap) -> Option<Problem> {
    let now = gateway.inner.clock.now();
    match gateway
        .authenticator()
        .authenticate(method, headers, now)
        .await
    {
        Ok(grant) => {
            let tenant = grant.subject().tenant();
            match gateway.is_suppressed(tenant, grant.identity()).await {
                Ok(false) => None,
                Ok(true) => Some(Problem::subject_erased()),
                Err(error) => Some(error.into()),
            }
        }
        Err(denied @ Denied::KeysUnavailable { .. }) => Some(denied.into()),
        Err(_) => None,
    }
}

/// The answer of a guarded service.
pub struct ErasedGuardFuture<R, E>(Pin<Box<dyn Future<Output = Answer<R, E>> + Send>>);

type Answer<R, E> = Result<Response<ResponseBody<R>>, E>;

impl<R, E> Future for ErasedGuardFuture<R, E> {
    type Output = Answer<R, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl<R, E> fmt::Debug for ErasedGuardFuture<R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ErasedGuardFuture(…)")
    }
}
