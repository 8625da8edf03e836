//! The body of an answer.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

type BoxError = Box<dyn Error + Send + Sync>;
type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, BrokenOff>> + Send>>;

pin_project! {
    /// The body of an answer: that of the inner service as it is, or the gateway's own.
    pub struct ResponseBody<R> {
        #[pin]
        body: Either<R>,
    }
}

pin_project! {
    #[project = EitherProjected]
    enum Either<R> {
        Foreign { #[pin] body: R },
        Own { body: OwnBody },
    }
}

/// An archive could not be read to its end, so that the answer broke off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the archive could not be read to its end")]
pub struct BrokenOff;

/// What the gateway itself answers with.
pub(crate) enum OwnBody {
    Whole(Bytes),
    Pieces {
        pieces: Pieces,
        /// How many bytes are still to come, when that is known.
        left: Option<u64>,
    },
}

impl OwnBody {
    pub(crate) fn empty() -> Self {
        Self::Whole(Bytes::new())
    }

    pub(crate) fn pieces(
        pieces: impl Stream<Item = Result<Bytes, BrokenOff>> + Send + 'static,
        left: Option<u64>,
    ) -> Self {
        Self::Pieces {
            pieces: Box::pin(pieces),
            left,
        }
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BrokenOff>>> {
        match self {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(std::mem::take(bytes)))),
            Self::Pieces { pieces, left } => {
                let piece = ready!(pieces.as_mut().poll_next(cx));
                if let (Some(Ok(bytes)), Some(left)) = (&piece, left) {
                    *left = left.saturating_sub(bytes.len() as u64);
                }
                Poll::Ready(piece)
            }
        }
    }
}

impl<R> ResponseBody<R> {
    pub(crate) fn foreign(body: R) -> Self {
        Self {
            body: Either::Foreign { body },
        }
    }

    pub(crate) fn own(body: OwnBody) -> Self {
        Self {
            body: Either::Own { body },
        }
    }
}

impl<R> Body for ResponseBody<R>
where
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.project().body.project() {
            EitherProjected::Foreign { body } => body
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map_err(Into::into))),
            EitherProjected::Own { body } => body
                .poll_piece(cx)
                .map(|piece| piece.map(|piece| piece.map(Frame::data).map_err(Into::into))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            Either::Foreign { body } => body.is_end_stream(),
            Either::Own {
                body: OwnBody::Whole(bytes),
            } => bytes.is_empty(),
            Either::Own {
                body: OwnBody::Pieces { left, .. },
            } => *left == Some(0),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Either::Foreign { body } => body.size_hint(),
            Either::Own {
                body: OwnBody::Whole(bytes),
            } => SizeHint::with_exact(bytes.len() as u64),
            Either::Own {
                body: OwnBody::Pieces { left, .. },
            } => left.map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}

impl<R> fmt::Debug for ResponseBody<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseBody(…)")
    }
}
