//! Servers on loopback that behave in ways of their own.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses a part; a test fails by it"
)]

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use adieu_core::Secret;
use adieu_http_client::{Client, ClientBuilder, Credential};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Never to be seen anywhere but at the server.
pub(crate) const KEY: &str = "sk_live_canary_key";

/// A client of a server on loopback, in a hurry.
pub(crate) fn client(address: SocketAddr) -> ClientBuilder {
    Client::builder("test", format!("http://{address}"))
        .credential(Credential::Bearer(Secret::new(KEY)))
        .answer_timeout(Duration::from_millis(400))
        .body_timeout(Duration::from_millis(400))
}

/// What a request looked like to the server.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) uri: String,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

/// Serves every request by a function of its number (from 0 on) and what was seen of it.
pub(crate) async fn serve<F, A>(answer: F) -> (SocketAddr, Arc<AtomicUsize>)
where
    F: Fn(usize, Seen) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response<String>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (answer, counter) = (answer.clone(), Arc::clone(&counter));
            let service = hyper::service::service_fn(move |request: Request<Incoming>| {
                let (answer, counter) = (answer.clone(), Arc::clone(&counter));
                async move {
                    let number = counter.fetch_add(1, Ordering::SeqCst);
                    let (head, body) = request.into_parts();
                    let seen = Seen {
                        method: head.method.to_string(),
                        uri: head.uri.to_string(),
                        headers: head.headers,
                        body: body.collect().await.unwrap().to_bytes(),
                    };
                    let answer = answer(number, seen).await;
                    Ok::<_, Infallible>(answer.map(|text| Full::new(Bytes::from(text))))
                }
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    (address, calls)
}

/// Serves every connection by hand, after its request's head was read.
pub(crate) async fn raw<F, A>(answer: F) -> (SocketAddr, Arc<AtomicUsize>)
where
    F: Fn(usize, TcpStream) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (answer, counter) = (answer.clone(), Arc::clone(&counter));
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.windows(4).any(|four| four == b"\r\n\r\n") {
                    let mut piece = [0; 1024];
                    match stream.read(&mut piece).await {
                        Ok(0) | Err(_) => return,
                        Ok(length) => head.extend_from_slice(&piece[..length]),
                    }
                }
                answer(counter.fetch_add(1, Ordering::SeqCst), stream).await;
            });
        }
    });
    (address, calls)
}

pub(crate) async fn write(stream: &mut TcpStream, text: &str) {
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.flush().await;
}

/// An answer with a status and a body.
pub(crate) fn answer(status: u16, body: &str) -> Response<String> {
    Response::builder()
        .status(status)
        .body(body.to_owned())
        .unwrap()
}

/// The same with a header.
pub(crate) fn answer_with(status: u16, name: &str, value: &str) -> Response<String> {
    Response::builder()
        .status(status)
        .header(name, value)
        .body(String::new())
        .unwrap()
}
