//! The future of an answer.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;

use crate::body::{OwnBody, ResponseBody};

type Answer = Pin<Box<dyn Future<Output = Response<OwnBody>> + Send>>;

pin_project! {
    /// The answer to a request: that of the inner service, or the gateway's own.
    pub struct ResponseFuture<F> {
        #[pin]
        answer: Either<F>,
    }
}

pin_project! {
    #[project = EitherProjected]
    enum Either<F> {
        Foreign { #[pin] inner: F },
        Own { answer: Answer },
    }
}

impl<F> ResponseFuture<F> {
    pub(crate) fn foreign(inner: F) -> Self {
        Self {
            answer: Either::Foreign { inner },
        }
    }

    pub(crate) fn own(answer: impl Future<Output = Response<OwnBody>> + Send + 'static) -> Self {
        Self {
            answer: Either::Own {
                answer: Box::pin(answer),
            },
        }
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<ResponseBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match self.project().answer.project() {
            EitherProjected::Foreign { inner } => {
                ready!(inner.poll(cx)).map(|response| response.map(ResponseBody::foreign))
            }
            EitherProjected::Own { answer } => {
                Ok(ready!(answer.as_mut().poll(cx)).map(ResponseBody::own))
            }
        })
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseFuture(…)")
    }
}
