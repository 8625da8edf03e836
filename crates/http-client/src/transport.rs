//! The innermost service: what really sends a request.

use std::time::Duration;

use bytes::Bytes;
use http_body::Body;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Service, ServiceExt};

/// A request on its way out.
pub type Outgoing = http::Request<Full<Bytes>>;

/// An answer of which only the head has come.
pub type Answer = http::Response<Incoming>;

/// A body on its way in.
pub(crate) type Incoming = UnsyncBoxBody<Bytes, BoxError>;

/// What sends requests: reqwest, or in tests any Tower service, such as a router.
pub type Transport = BoxCloneSyncService<Outgoing, Answer, BoxError>;

/// Makes a transport of any Tower service.
pub(crate) fn boxed<S, B>(service: S) -> Transport
where
    S: Service<Outgoing, Response = http::Response<B>> + Clone + Send + Sync + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let service = service
        .map_response(|response: http::Response<B>| {
            response.map(|body| body.map_err(Into::into).boxed_unsync())
        })
        .map_err(Into::into);
    BoxCloneSyncService::new(service)
}

/// reqwest: TLS by rustls with the platform's roots, and the proxy of the configuration or the environment.
pub(crate) fn reqwest(proxy: Proxy) -> Result<Transport, reqwest::Error> {
    let builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(10))
        .pool_idle_timeout(Duration::from_secs(30))
        .referer(false);
    let client = match proxy {
        Proxy::OfTheEnvironment => builder,
        Proxy::None => builder.no_proxy(),
        Proxy::At(url) => builder.proxy(reqwest::Proxy::all(url)?),
    }
    .build()?;
    Ok(boxed(tower::service_fn(move |request: Outgoing| {
        let client = client.clone();
        async move {
            let request = reqwest::Request::try_from(request.map(reqwest::Body::wrap))?;
            client
                .execute(request)
                .await
                .map(http::Response::<reqwest::Body>::from)
        }
    })))
}

/// Through which proxy.
pub(crate) enum Proxy {
    /// What `HTTPS_PROXY` and its kin say.
    OfTheEnvironment,
    /// None: the system is on this machine.
    None,
    /// This one.
    At(String),
}
