//! Delivery over SMTP.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use adieu_core::{ConfigProblem, ConnectorError, ErrorKind, IdentityKind, Retry, async_trait};
use adieu_engine::{Courier, Notice};
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use percent_encoding::percent_decode_str;
use url::Url;

use crate::config::NoticesConfig;
use crate::error::error;
use crate::template::{House, Templates};

/// How long the server may take for one answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// Brings notices to a mail server.
pub struct SmtpCourier {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    kind: IdentityKind,
    house: House,
    templates: Templates,
}

impl SmtpCourier {
    /// A courier for the notices of this controller. `folder` is where the configuration lies; relative paths begin there. Nothing
    /// is called yet.
    ///
    /// # Errors
    /// All mistakes of the configuration and of its templates at once.
    pub fn new(
        config: &NoticesConfig,
        controller: Option<&str>,
        folder: &Path,
    ) -> Result<Self, Vec<ConfigProblem>> {
        // Code may hold a password itself; only a file may not.
        let mut problems = config.validate();
        problems.retain(|one| one.path != ["smtp"]);
        let transport = transport(config, folder).map_err(|problem| problems.push(problem));
        let own = config.templates.as_ref().map(|own| folder.join(own));
        let templates = Templates::read(own.as_deref()).map_err(|found| {
            let found = found.into_iter();
            problems.extend(found.map(|one| ConfigProblem::new(["templates"], one)));
        });
        let from = config.from.parse::<Mailbox>();
        let kind = IdentityKind::new(config.identity.as_str());
        match (transport, templates, from, kind) {
            (Ok(transport), Ok(templates), Ok(from), Ok(kind)) if problems.is_empty() => Ok(Self {
                transport,
                house: House {
                    controller: controller.unwrap_or(from.email.domain()).to_owned(),
                    page: config.url.trim_end_matches('/').to_owned(),
                },
                from,
                kind,
                templates,
            }),
            _ => Err(problems),
        }
    }

    /// The kind of identity that it writes to.
    pub fn kind(&self) -> &IdentityKind {
        &self.kind
    }

    /// Connects to the mail server and logs in, without sending anything.
    ///
    /// # Errors
    /// When a notice could not be sent now.
    pub async fn check(&self) -> Result<(), ConnectorError> {
        match self.transport.test_connection().await {
            Ok(true) => Ok(()),
            Ok(false) => Err(ConnectorError::new(
                ErrorKind::Unavailable,
                "the mail server does not answer as one",
            )),
            Err(failed) => Err(error(&failed)),
        }
    }

    fn message(&self, notice: &Notice) -> Result<Message, ConnectorError> {
        let no_address = |_| {
            let what = "the address is none that mail can be sent to";
            ConnectorError::new(ErrorKind::Protocol, what).retry(Retry::Never)
        };
        let to: Address = notice.address.expose().parse().map_err(no_address)?;
        let unwritten = || {
            let what = "a notice could not be written";
            ConnectorError::new(ErrorKind::Internal, what).retry(Retry::Never)
        };
        let text = self
            .templates
            .write(notice, &self.house)
            .ok_or_else(unwritten)?;
        let id = format!(
            "<{}.{}@{}>",
            notice.request.id,
            notice.id,
            self.from.email.domain()
        );
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(text.subject)
            // The same when it is sent once more, so that it can be recognised.
            .message_id(Some(id))
            // RFC 3834: nobody's out-of-office note should answer.
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ))
            .multipart(MultiPart::alternative_plain_html(text.plain, text.html))
            .map_err(|_| unwritten())
    }
}

#[async_trait]
impl Courier for SmtpCourier {
    async fn deliver(&self, notice: &Notice) -> Result<(), ConnectorError> {
        let message = self.message(notice)?;
        let sent = self.transport.send(message).await;
        sent.map(|_| ()).map_err(|failed| error(&failed))
    }
}

impl fmt::Debug for SmtpCourier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpCourier").finish_non_exhaustive()
    }
}

fn transport(
    config: &NoticesConfig,
    folder: &Path,
) -> Result<AsyncSmtpTransport<Tokio1Executor>, ConfigProblem> {
    let wrong = |problem: &str| ConfigProblem::new(["smtp"], problem);
    let text = config.smtp.resolve(folder).map_err(|words| wrong(&words))?;
    let not_a_server =
        "is no mail server; write smtps://USER:PASSWORD@HOST or smtp://USER:PASSWORD@HOST";
    // Nothing of a wrong one is repeated: it may hold a password.
    let url = Url::parse(text.expose()).map_err(|_| wrong(not_a_server))?;
    let host = url.host_str().ok_or_else(|| wrong(not_a_server))?;
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("ends with its host and port"));
    }
    let tls = || tls(config, folder, host);
    let (tls, usual_port) = match url.scheme() {
        "smtps" => (Tls::Wrapper(tls()?), 465),
        "smtp" if is_loopback(&url) && config.ca.is_none() => (Tls::None, 25),
        "smtp" => (Tls::Required(tls()?), 587),
        _ => return Err(wrong(not_a_server)),
    };
    let domain = config
        .from
        .parse::<Mailbox>()
        .map_or_else(|_| host.to_owned(), |from| from.email.domain().to_owned());
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(bare(host))
        .port(url.port().unwrap_or(usual_port))
        .hello_name(ClientId::Domain(domain))
        .timeout(Some(ANSWER_TIMEOUT))
        .tls(tls);
    if !url.username().is_empty() {
        let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        builder = builder.credentials(Credentials::new(
            plain(url.username()),
            plain(url.password().unwrap_or_default()),
        ));
    }
    Ok(builder.build())
}

fn tls(config: &NoticesConfig, folder: &Path, host: &str) -> Result<TlsParameters, ConfigProblem> {
    let mut builder = TlsParameters::builder(bare(host).to_owned());
    if let Some(ca) = &config.ca {
        let path = folder.join(ca);
        let pem = std::fs::read(&path).map_err(|error| {
            let problem = format!("{} cannot be read ({})", path.display(), error.kind());
            ConfigProblem::new(["ca"], problem)
        })?;
        let certificate = Certificate::from_pem(&pem)
            .map_err(|_| ConfigProblem::new(["ca"], "holds no certificate in PEM"))?;
        builder = builder.add_root_certificate(certificate);
    }
    builder
        .build_rustls()
        .map_err(|_| ConfigProblem::new(["ca"], "holds a certificate that cannot be used"))
}

/// A host without the brackets of an IPv6 address.
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

/// Whether a URL leads to this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = bare(url.host_str().unwrap_or_default());
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
