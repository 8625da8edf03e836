//! A host that knows people by its own session cookie: the layer takes the session where others take a token.
//!
//! (A session cookie that is a JWT already needs no code: `[auth.cookie]` names it.)

#![allow(clippy::print_stdout, reason = "it prints where it listens")]

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use adieu::auth::sign::{Signer, TokenDraft};
use adieu::auth::{AuthConfig, Authenticator, Cookie, KeySource, Scope};
use adieu::gateway::Gateway;
use adieu_examples::setup;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use jiff::Timestamp;
use tokio::net::TcpListener;

const ISSUER: &str = "the host itself";

/// Who is logged in: by the session's random name, whose it is and since when.
type Sessions = Arc<Mutex<HashMap<String, (String, Timestamp)>>>;

#[derive(Clone)]
struct Host {
    sessions: Sessions,
    signer: Arc<Signer>,
}

impl Host {
    fn session(&self, headers: &HeaderMap) -> Option<(String, Timestamp)> {
        let name = cookie(headers)?;
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.get(name).cloned()
    }

    /// A token that says what the session says, good for a minute and never seen outside of this process.
    fn token(&self, email: &str, login: Timestamp) -> Option<HeaderValue> {
        let draft = TokenDraft::new(ISSUER, "adieu", email)
            .scopes([Scope::EXPORT, Scope::ERASE])
            .lifetime(std::time::Duration::from_secs(60))
            .login_at(login)
            .claim("email", email)
            .claim("email_verified", true);
        let token = self.signer.sign(&draft, Timestamp::now()).ok()?;
        HeaderValue::try_from(format!("session={}", token.expose())).ok()
    }
}

/// Under `/privacy`, the token stands in place of the session. It stays in the cookie: so the layer makes sure that the
/// request comes from the host's own pages, and not from another site that the person has open.
async fn session_to_token(State(host): State<Host>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path == "/privacy" || path.starts_with("/privacy/") {
        let session = host.session(request.headers());
        request.headers_mut().remove(COOKIE);
        if let Some(token) = session.and_then(|(email, login)| host.token(&email, login)) {
            request.headers_mut().insert(COOKIE, token);
        }
    }
    next.run(request).await
}

/// The host's own login. Here a name is enough; a real one asks for more.
async fn log_in(State(host): State<Host>, email: String) -> Result<Response, StatusCode> {
    let name = setup::secret().map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let mut sessions = host.sessions.lock().unwrap_or_else(PoisonError::into_inner);
    sessions.insert(name.expose().to_owned(), (email, Timestamp::now()));
    // Over HTTPS it is also `Secure`.
    let cookie = format!("session={}; Path=/; HttpOnly; SameSite=Lax", name.expose());
    Ok(([(SET_COOKIE, cookie)], "welcome").into_response())
}

async fn log_out(State(host): State<Host>, headers: HeaderMap) {
    if let Some(name) = cookie(&headers) {
        host.sessions.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

async fn greet(State(host): State<Host>, headers: HeaderMap) -> String {
    host.session(&headers).map_or("hello".to_owned(), |(email, _)| format!("hello {email}"))
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get(COOKIE)?.to_str().ok()?;
    all.split(';').find_map(|pair| pair.trim().strip_prefix("session="))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;

    let secret = setup::secret()?;
    let mut config = AuthConfig::new(ISSUER, "adieu", KeySource::given(secret.clone()));
    let origins = vec![format!("http://{address}")];
    config.cookie = Some(Cookie { name: "session".to_owned(), origins });
    let authenticator =
        Authenticator::new(config, Path::new("."), None).map_err(|all| format!("{all:?}"))?;
    let host =
        Host { sessions: Sessions::default(), signer: Arc::new(Signer::from_secret(&secret)?) };

    let gateway = Gateway::builder(setup::engine(folder.path()).await?, authenticator).build()?;
    let _worker = gateway.spawn_worker();
    let app = Router::new()
        .route("/", get(greet))
        .route("/login", post(log_in))
        .route("/logout", post(log_out))
        .with_state(host.clone())
        .layer(gateway.layer())
        .layer(from_fn_with_state(host, session_to_token));

    println!("{address}\nlog in: curl -i -d ada@example.com http://{address}/login");
    axum::serve(listener, app).await?;
    Ok(())
}
