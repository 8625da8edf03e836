//! The service that a layered service becomes.

use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::api;
use crate::body::ResponseBody;
use crate::future::ResponseFuture;
use crate::gateway::Gateway;

/// A service with a [`Gateway`] around it.
///
/// A foreign request reaches the inner service as it came, and its answer leaves as it is. The gateway itself never
/// fails: its own errors are answers, and the only errors are those of the inner service.
#[derive(Clone, Debug)]
pub struct GatewayService<S> {
    inner: S,
    gateway: Gateway,
}

impl<S> GatewayService<S> {
    /// Puts the gateway around a service.
    pub fn new(inner: S, gateway: Gateway) -> Self {
        Self { inner, gateway }
    }
}

impl<S, B, R> Service<Request<B>> for GatewayService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    B: Body + Send + 'static,
    R: Body<Data = Bytes>,
{
    type Response = Response<ResponseBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    /// Ready when the inner service is. An own request does not use that up.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if self.gateway.owns(request.uri().path()) {
            ResponseFuture::own(api::answer(self.gateway.clone(), request))
        } else {
            ResponseFuture::foreign(self.inner.call(request))
        }
    }
}
