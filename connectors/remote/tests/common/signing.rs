//! The protocol's signatures, written once more from its description, so that the connector's are not measured by themselves.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;

pub(crate) const TAIL: &str = ";keyid=\"adieu\";alg=\"hmac-sha256\";tag=\"adieu-remote-1\"";

pub(crate) fn sha(body: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, body);
    format!("sha-256=:{}:", STANDARD.encode(hash.as_ref()))
}

pub(crate) fn sign(key: &str, base: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(key).unwrap());
    let tag = hmac::sign(&key, base.as_bytes());
    format!(":{}:", STANDARD.encode(tag.as_ref()))
}

pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap().as_secs()
}

/// The headers of a question: `signature-input` and `signature`.
pub(crate) fn question(
    key: &str,
    path: &str,
    body: &[u8],
    created: u64,
    nonce: &str,
) -> (String, String) {
    let parameters = format!(
        "(\"@method\" \"@path\" \"content-digest\");created={created};nonce=\"{nonce}\"{TAIL}"
    );
    let base = format!(
        "\"@method\": POST\n\"@path\": {path}\n\"content-digest\": {}\n\"@signature-params\": {parameters}",
        sha(body)
    );
    (
        format!("adieu={parameters}"),
        format!("adieu={}", sign(key, &base)),
    )
}

pub(crate) type Body = BoxBody<Bytes, std::io::Error>;

pub(crate) fn whole(body: impl Into<Bytes>) -> Body {
    Full::new(body.into())
        .map_err(|never| match never {})
        .boxed()
}

/// What was asked: the path, the signature that it came with, and the body.
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) signature: String,
    pub(crate) json: Value,
}

/// An answer that is signed for its question.
pub(crate) fn signed(key: &str, status: u16, body: &str, to: &str, created: u64) -> Response<Body> {
    let parameters = format!(
        "(\"@status\" \"content-digest\" \"signature\";req;key=\"adieu\");created={created}{TAIL}"
    );
    let base = format!(
        "\"@status\": {status}\n\"content-digest\": {}\n\"signature\";req;key=\"adieu\": {to}\n\"@signature-params\": {parameters}",
        sha(body.as_bytes())
    );
    Response::builder()
        .status(status)
        .header("content-digest", sha(body.as_bytes()))
        .header("signature-input", format!("adieu={parameters}"))
        .header("signature", format!("adieu={}", sign(key, &base)))
        .body(whole(body.to_owned()))
        .unwrap()
}

/// Serves every question by a function; the paths of all of them.
pub(crate) async fn serve<F, A>(answer: F) -> (String, Arc<Mutex<Vec<String>>>)
where
    F: Fn(usize, Asked) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let calls = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&calls);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (answer, all) = (answer.clone(), Arc::clone(&all));
            let service = service_fn(move |request: Request<Incoming>| {
                let (answer, all) = (answer.clone(), Arc::clone(&all));
                async move {
                    let (parts, body) = request.into_parts();
                    let body = body.collect().await.map(|body| body.to_bytes());
                    let path = parts.uri.path().to_owned();
                    let number = {
                        let mut all = all.lock().unwrap();
                        all.push(path.clone());
                        all.len() - 1
                    };
                    let signature = parts.headers.get("signature");
                    let signature = signature.and_then(|value| value.to_str().ok());
                    let signature = signature.and_then(|value| value.strip_prefix("adieu="));
                    let asked = Asked {
                        path,
                        signature: signature.unwrap_or_default().to_owned(),
                        json: serde_json::from_slice(&body.unwrap_or_default()).unwrap_or_default(),
                    };
                    Ok::<_, Infallible>(answer(number, asked).await)
                }
            });
            // A caller may go away at any time.
            tokio::spawn(
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    (url, calls)
}
