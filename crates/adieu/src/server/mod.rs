//! A server around a Tower service: what `adieu serve` listens with.

mod front;
mod metrics;
mod problem;
mod upstream;

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tower_service::Service;

pub use front::{Front, Nothing};
pub use metrics::{Metrics, MetricsTaken};
pub use upstream::Upstream;

/// The body of an answer, whatever made it.
pub type AnswerBody = http_body_util::combinators::UnsyncBoxBody<Bytes, BoxError>;

/// Why a body broke off.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Listens, and serves HTTP/1.1 and HTTP/2 without TLS. Requests carry their [`Peer`] with them.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

/// Who is at the other end of the connection that a request came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

impl Server {
    /// Takes an address; with port 0 a free one.
    ///
    /// # Errors
    /// When it cannot be had.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is over. Then no connection is accepted any more, and what is being answered is answered; whatever
    /// is still open after `patience` is cut.
    pub async fn serve<S, R>(self, service: S, stop: impl Future<Output = ()>, patience: Duration)
    where
        S: Service<Request<Incoming>, Response = Response<R>, Error = Infallible>,
        S: Clone + Send + 'static,
        S::Future: Send + 'static,
        R: Body<Data = Bytes> + Send + 'static,
        R::Error: Into<BoxError>,
    {
        let open = GracefulShutdown::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    tokio::spawn(converse(
                        stream,
                        Peer(peer),
                        service.clone(),
                        open.watcher(),
                    ));
                }
                Err(error) if is_the_peers(&error) => {}
                Err(error) => {
                    // There are too many open files, most likely: some will be closed.
                    tracing::error!("no connection can be accepted ({})", error.kind());
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
        drop(self.listener);
        let _ = tokio::time::timeout(patience, open.shutdown()).await;
    }
}

/// One connection, to its end.
async fn converse<S, R>(stream: TcpStream, peer: Peer, service: S, watcher: Watcher)
where
    S: Service<Request<Incoming>, Response = Response<R>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    // A small answer is not held back until a larger one comes.
    let _ = stream.set_nodelay(true);
    let service = TowerToHyperService::new(WithPeer { service, peer });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new());
    builder.http2().timer(TokioTimer::new());
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    if watcher.watch(connection.into_owned()).await.is_err() {
        tracing::debug!("a connection broke off");
    }
}

/// Whether it is only this one connection that failed.
fn is_the_peers(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

/// Tells the service who asks.
#[derive(Clone)]
struct WithPeer<S> {
    service: S,
    peer: Peer,
}

impl<S, B> Service<Request<B>> for WithPeer<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(
        &mut self,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), S::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        request.extensions_mut().insert(self.peer);
        self.service.call(request)
    }
}
