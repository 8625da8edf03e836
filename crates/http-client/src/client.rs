//! The client: one provider, one account, one stack.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use adieu_core::{ConfigProblem, ConnectorError};
use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use http::{Method, StatusCode};
use reqwest::Url;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::retry::RetryLayer;
use tower::timeout::Timeout;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Service, ServiceBuilder, ServiceExt, service_fn};
use tracing::Instrument;

use crate::account::{Account, Rate};
use crate::attempt::Attempts;
use crate::call::{Call, Request};
use crate::config::HttpConfig;
use crate::credential::Credential;
use crate::failure::Failure;
use crate::response::Reply;
use crate::retry::{Judge, Patience, Usual};
use crate::tokens::Tokens;
use crate::transport::{self, Outgoing, Proxy, Transport};

/// A client of one provider. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    provider: Cow<'static, str>,
    base: Url,
    headers: HeaderMap,
    max_body_bytes: u64,
    tokens: Option<Tokens>,
    stack: BoxCloneSyncService<Request, Reply, Failure>,
}

impl Client {
    /// Begins a client of the provider at this URL, which must be `https:` (or `http:` on loopback). The provider's name stands
    /// in logs and errors.
    pub fn builder(
        provider: impl Into<Cow<'static, str>>,
        base_url: impl Into<String>,
    ) -> ClientBuilder {
        ClientBuilder {
            provider: provider.into(),
            base_url: base_url.into(),
            credential: None,
            tokens: None,
            headers: Vec::new(),
            rate: None,
            concurrent: NonZeroU32::MIN.saturating_add(7),
            account: None,
            answer_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(60),
            max_body_bytes: 16 * 1024 * 1024,
            patience: Patience::default(),
            judge: None,
            proxy: None,
            transport: None,
            around: None,
        }
    }

    /// A call that reads. `route` is the path below the configured URL; `{name}` in it is filled by [`Call::fill`]. The route
    /// as it is written here stands in logs and errors, so a value never belongs into it.
    pub fn get(&self, route: impl Into<Cow<'static, str>>) -> Call<'_> {
        self.call(Method::GET, route)
    }

    /// A call that makes or does something; see [`Call::idempotency_key`].
    pub fn post(&self, route: impl Into<Cow<'static, str>>) -> Call<'_> {
        self.call(Method::POST, route)
    }

    /// A call that deletes.
    pub fn delete(&self, route: impl Into<Cow<'static, str>>) -> Call<'_> {
        self.call(Method::DELETE, route)
    }

    /// A call by any method.
    pub fn call(&self, method: Method, route: impl Into<Cow<'static, str>>) -> Call<'_> {
        Call::new(self, method, route.into())
    }

    pub(crate) async fn run(&self, mut request: Request) -> Result<Reply, ConnectorError> {
        let tokens = self.0.tokens.as_ref();
        let Some(tokens) = tokens.filter(|_| !request.headers.contains_key(AUTHORIZATION)) else {
            return self.run_once(request).await;
        };
        let token = tokens.token().await?;
        request.authorize(&token)?;
        let reply = self.run_once(request.clone()).await?;
        if reply.status() != StatusCode::UNAUTHORIZED {
            return Ok(reply);
        }
        // Whoever refuses a token has not acted.
        tokens.forget(&token).await;
        request.authorize(&tokens.token().await?)?;
        self.run_once(request).await
    }

    async fn run_once(&self, request: Request) -> Result<Reply, ConnectorError> {
        let span = tracing::info_span!(
            "provider_call",
            provider = %self.0.provider,
            method = %request.method,
            route = %request.route,
        );
        let name = format!("{}: {} {}", self.0.provider, request.method, request.route);
        let reply = self.0.stack.clone().oneshot(request).instrument(span).await;
        reply.map_err(|failure| {
            let error = failure.error;
            ConnectorError::new(error.kind(), format!("{name}: {}", error.what()))
                .retry(error.retry_advice())
                .effect(error.effect_seen())
        })
    }

    pub(crate) fn base(&self) -> &Url {
        &self.0.base
    }

    /// Whether a URL is on the configured host, where the credential may go.
    pub(crate) fn is_home(&self, url: &Url) -> bool {
        url.origin() == self.0.base.origin()
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    pub(crate) fn max_body_bytes(&self) -> u64 {
        self.0.max_body_bytes
    }
}

/// Shows which provider it is for.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("provider", &self.0.provider)
            .finish_non_exhaustive()
    }
}

/// Puts a [`Client`] together. What is not said: 8 calls at once, no rate, 4 attempts, 30 seconds to an answer's head and 60 for
/// its body of at most 16 MiB.
#[must_use = "a builder does nothing until it is built"]
pub struct ClientBuilder {
    provider: Cow<'static, str>,
    base_url: String,
    credential: Option<Credential>,
    tokens: Option<Tokens>,
    headers: Vec<(HeaderName, String)>,
    rate: Option<Rate>,
    concurrent: NonZeroU32,
    account: Option<Account>,
    answer_timeout: Duration,
    body_timeout: Duration,
    max_body_bytes: u64,
    patience: Patience,
    judge: Option<Judge>,
    proxy: Option<String>,
    transport: Option<Transport>,
    around: Option<Around>,
}

/// Puts something around what really sends.
type Around = Box<dyn FnOnce(Transport) -> Transport + Send>;

impl ClientBuilder {
    /// Says who calls, with every call.
    pub fn credential(mut self, credential: Credential) -> Self {
        self.credential = Some(credential);
        self
    }

    /// Says who calls by a token that is had for credentials, with every call that brings no token of its own.
    pub fn tokens(mut self, tokens: Tokens) -> Self {
        self.tokens = Some(tokens);
        self
    }

    /// Adds a header to every call, such as the version of an API. `User-Agent` is `adieu/VERSION` unless set here.
    pub fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Sets how often the provider may be called.
    pub fn rate(mut self, rate: Rate) -> Self {
        self.rate = Some(rate);
        self
    }

    /// Sets how many calls may run at the same time.
    pub fn concurrent(mut self, calls: NonZeroU32) -> Self {
        self.concurrent = calls;
        self
    }

    /// Shares the limits of an account with other clients, instead of limits of its own.
    pub fn account(mut self, account: Account) -> Self {
        self.account = Some(account);
        self
    }

    /// Sets how long an attempt waits for the head of its answer.
    pub fn answer_timeout(mut self, timeout: Duration) -> Self {
        self.answer_timeout = timeout;
        self
    }

    /// Sets how long the whole body may take; of a streamed one, each piece.
    pub fn body_timeout(mut self, timeout: Duration) -> Self {
        self.body_timeout = timeout;
        self
    }

    /// Sets how long an answer may be that is read whole.
    pub fn max_body_bytes(mut self, max_bytes: u64) -> Self {
        self.max_body_bytes = max_bytes;
        self
    }

    /// Sets how often a call is sent at most, the first time included.
    pub fn attempts(mut self, attempts: NonZeroU32) -> Self {
        self.patience.attempts = attempts;
        self
    }

    /// Sets the longest wait within a call. When the provider asks for a longer one, the call fails with
    /// [`Retry::After`](adieu_core::Retry::After).
    pub fn max_wait(mut self, max_wait: Duration) -> Self {
        self.patience.max_wait = max_wait;
        self
    }

    /// Lets the provider's own rules say whether an answer is worth another attempt; it is asked for answers that are no success.
    pub fn judge(mut self, judge: Judge) -> Self {
        self.judge = Some(judge);
        self
    }

    /// Replaces what really sends: a Tower service that answers in tests.
    pub fn transport<S, B>(mut self, service: S) -> Self
    where
        S: Service<Outgoing, Response = http::Response<B>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send + 'static,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.transport = Some(transport::boxed(service));
        self
    }

    /// Puts a service of its own around what really sends. It sees every attempt as it goes out, so that it can sign each anew.
    pub fn around<S, B>(mut self, around: impl FnOnce(Transport) -> S + Send + 'static) -> Self
    where
        S: Service<Outgoing, Response = http::Response<B>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send + 'static,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.around = Some(Box::new(|inner| transport::boxed(around(inner))));
        self
    }

    /// Lets the operator's configuration change what was said so far. Relative paths in it begin at `folder`.
    ///
    /// # Errors
    /// When a file or variable that it names is missing.
    pub fn configured_by(
        mut self,
        config: &HttpConfig,
        folder: &Path,
    ) -> Result<Self, ConfigProblem> {
        if let Some(calls) = config.requests_per_second {
            self.rate = Some(Rate::per_second(calls));
        }
        if let Some(concurrent) = config.concurrent_requests {
            self.concurrent = concurrent;
        }
        if let Some(attempts) = config.attempts {
            self.patience.attempts = attempts;
        }
        if let Some(millis) = config.answer_timeout_ms {
            self.answer_timeout = Duration::from_millis(millis.get().into());
        }
        if let Some(millis) = config.body_timeout_ms {
            self.body_timeout = Duration::from_millis(millis.get().into());
        }
        if let Some(max_bytes) = config.max_body_bytes {
            self.max_body_bytes = max_bytes.get().into();
        }
        if let Some(proxy) = &config.proxy {
            let proxy = proxy
                .resolve(folder)
                .map_err(|problem| ConfigProblem::new(["proxy"], problem))?;
            self.proxy = Some(proxy.expose().to_owned());
        }
        Ok(self)
    }

    /// Makes the client. Connects to nothing.
    ///
    /// # Errors
    /// When the URL, the credential or the proxy cannot be used.
    pub fn build(self) -> Result<Client, ConfigProblem> {
        let base = home(&self.base_url)?;
        let headers = self.all_headers()?;
        let transport = match self.transport {
            Some(transport) => transport,
            None => {
                let proxy = match self.proxy {
                    Some(url) => Proxy::At(url),
                    None if is_loopback(&base) => Proxy::None,
                    None => Proxy::OfTheEnvironment,
                };
                let problem = "cannot be used; write http://HOST:PORT or https://HOST:PORT";
                transport::reqwest(proxy).map_err(|_| ConfigProblem::new(["proxy"], problem))?
            }
        };
        let transport = match self.around {
            Some(around) => around(transport),
            None => transport,
        };
        let account = self
            .account
            .unwrap_or_else(|| Account::new(self.rate, self.concurrent));
        let attempts = Arc::new(Attempts {
            transport: Transport::new(Timeout::new(transport, self.answer_timeout)),
            account: account.clone(),
            provider: self.provider.clone(),
            max_wait: self.patience.max_wait,
            body_timeout: self.body_timeout,
        });
        let retry = Usual::new(self.patience, self.judge, account.budget());
        let stack = ServiceBuilder::new()
            .layer(RetryLayer::new(retry))
            .layer(GlobalConcurrencyLimitLayer::with_semaphore(
                account.semaphore(),
            ))
            .service(service_fn(move |request: Request| {
                let attempts = Arc::clone(&attempts);
                async move { attempts.one(request).await }
            }));
        Ok(Client(Arc::new(Inner {
            provider: self.provider,
            base,
            headers,
            max_body_bytes: self.max_body_bytes,
            tokens: self.tokens,
            stack: BoxCloneSyncService::new(stack),
        })))
    }

    fn all_headers(&self) -> Result<HeaderMap, ConfigProblem> {
        let mut headers = HeaderMap::new();
        let agent = concat!("adieu/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        for (name, value) in &self.headers {
            let value = HeaderValue::from_str(value).map_err(|_| {
                ConfigProblem::new([name.as_str()], "holds what no header of HTTP may")
            })?;
            headers.insert(name.clone(), value);
        }
        if let Some(credential) = &self.credential {
            let (name, value) = credential.header().ok_or_else(|| {
                ConfigProblem::new(
                    ["key"],
                    "holds what no header of HTTP may, such as a line break",
                )
            })?;
            headers.insert(name, value);
        }
        Ok(headers)
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}

/// The configured URL. Nothing of a wrong one is repeated: it may hold a password.
fn home(text: &str) -> Result<Url, ConfigProblem> {
    let problem = |words: &str| ConfigProblem::new(["url"], words);
    let url = Url::parse(text).map_err(|_| problem("is no URL; write https://HOST/PATH"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(problem("must hold no name and no password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(problem("must end with its path"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        _ => Err(problem(
            "must begin with https:// (http:// is for this machine alone)",
        )),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_data_never_goes_over_plain_http_but_on_this_machine() {
        for good in [
            "https://api.stripe.com",
            "http://127.0.0.1:8420/v1",
            "http://[::1]:1",
            "http://localhost",
        ] {
            assert!(home(good).is_ok(), "{good}");
        }
        for bad in [
            "http://api.stripe.com",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "https://key:hunter2@api.stripe.com",
            "https://api.stripe.com/?key=hunter2",
            "ftp://127.0.0.1",
            "api.stripe.com",
        ] {
            let problem = home(bad).unwrap_err().to_string();
            assert!(!problem.contains("hunter2"), "{problem}");
        }
    }
}
