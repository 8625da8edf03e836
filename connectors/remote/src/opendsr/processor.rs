//! The calls to a processor.

use std::path::Path;

use adieu_core::{ConfigProblem, ConnectorError, Effect, ErrorKind, Secret, Setting};
use adieu_http_client::{Client, Credential, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tokio::sync::OnceCell;

use super::config::OpendsrConfig;
use super::names::{Named, Names};
use super::proof::{Chain, Claim, Proof, Untrusted};
use super::written::{Discovery, Received, Request, Stands, Status};

/// A person who has been erased more often than this is looked into by a person.
const MOST_REQUESTS: u32 = 64;

/// How a certificate may not be longer than.
const CERTIFICATE_BYTES: u64 = 256 * 1024;

/// A processor, and how it proves that it is one.
pub(super) struct Processor {
    client: Client,
    pub(super) proof: Proof,
    chain: OnceCell<Chain>,
    version: u8,
    regulation: &'static str,
    callback: Option<String>,
    extensions: Option<serde_json::Value>,
}

/// The newest request for an identity.
pub(super) struct Newest {
    /// How many there have been.
    pub(super) requests: u32,
    /// How the newest stands, and by when it should be done.
    pub(super) last: Option<(Status, Date)>,
}

impl Processor {
    /// # Errors
    /// When a URL, a secret or the roots cannot be used.
    pub(super) fn new(
        name: &str,
        config: &OpendsrConfig,
        folder: &Path,
    ) -> Result<Self, Vec<ConfigProblem>> {
        let at =
            |key: &'static str| move |problem: String| vec![ConfigProblem::new([key], problem)];
        let url = config.url.resolve(folder).map_err(at("url"))?;
        let proof =
            Proof::new(&config.domain, config.roots.as_ref(), folder).map_err(at("roots"))?;
        let mut client = Client::builder(name.to_owned(), url.expose().to_owned())
            .configured_by(&config.http, folder)
            .map_err(|problem| vec![problem.under(["http"])])?;
        if let Some(token) = &config.token {
            let token: Secret = Setting::resolve(token, folder).map_err(at("token"))?;
            client = client.credential(Credential::Bearer(token));
        }
        let extensions = (!config.extensions.is_empty())
            .then(|| serde_json::json!({ config.domain.as_str(): config.extensions }));
        Ok(Self {
            client: client.build().map_err(|problem| vec![problem])?,
            proof,
            chain: OnceCell::new(),
            version: config.version,
            regulation: config.regulation.as_str(),
            callback: config.callback.clone(),
            extensions,
        })
    }

    /// That the processor erases, knows these identities, and has a certificate that is good.
    ///
    /// # Errors
    /// When it does not.
    pub(super) async fn check(&self, names: &Names) -> Result<(), ConnectorError> {
        let discovery = self.discovery().await?;
        let wrong = |what: &str| Err(ConnectorError::new(ErrorKind::Config, what.to_owned()));
        if discovery.api_version.split('.').next() != Some(self.version_name()) {
            return wrong("the processor speaks another `version` than the configured one");
        }
        let types = discovery.supported_subject_request_types;
        if !types.iter().any(|one| one == "erasure") {
            return wrong("the processor takes no requests for erasure");
        }
        for (kind, identity) in names.kinds() {
            let is_known = discovery.supported_identities.iter().any(|one| {
                one.identity_type == identity.name && one.identity_format == identity.format
            });
            if !is_known {
                return wrong(&format!(
                    "the processor does not take what is configured as `identities.{kind}`"
                ));
            }
        }
        self.chain().await.map(|_| ())
    }

    /// Finds the newest request for an identity: after the last one that the processor knows there is none.
    ///
    /// # Errors
    /// When the processor does not answer, or not as itself.
    pub(super) async fn newest(
        &self,
        names: &Names,
        named: &Named,
    ) -> Result<Newest, ConnectorError> {
        let mut newest = Newest {
            requests: 0,
            last: None,
        };
        while let Some(stands) = self.status(&names.number(named, newest.requests)).await? {
            newest.requests += 1;
            newest.last = Some((stands.request_status, day(stands.expected_completion_time)));
            if newest.requests > MOST_REQUESTS {
                let many = "a person has been erased there more than 64 times";
                return Err(ConnectorError::new(ErrorKind::Config, many));
            }
        }
        Ok(newest)
    }

    /// Asks for an erasure; says by when it should be done. A number that the processor knows is the same request.
    ///
    /// # Errors
    /// When it is not known that the processor has taken it.
    pub(super) async fn submit(&self, named: &Named, number: &str) -> Result<Date, ConnectorError> {
        let request = Request {
            regulation: (self.version > 1).then_some(self.regulation),
            subject_request_id: number,
            subject_request_type: "erasure",
            submitted_time: Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            subject_identities: [named.into()],
            api_version: self.api_version(),
            status_callback_urls: self.callback.as_deref().map(|url| [url]),
            extensions: self.extensions.clone(),
        };
        let body = serde_json::to_vec(&request);
        let body = body
            .map_err(|_| ConnectorError::new(ErrorKind::Internal, "a request cannot be written"))?;
        // Before anybody is named to it.
        self.chain().await?;
        let call = self
            .client
            .post(self.route())
            .body("application/json", body.clone());
        let answer = call.repeatable().send().await?.success()?;
        self.believe(&answer).await?;
        let received: Received = answer.parse()?;
        let encoded = STANDARD.decode(received.encoded_request.trim());
        if received.subject_request_id != number || encoded.ok().as_deref() != Some(&*body) {
            return Err(
                answer.makes_no_sense("it was received as another request than it was sent")
            );
        }
        Ok(day(received.expected_completion_time))
    }

    async fn status(&self, number: &str) -> Result<Option<Stands>, ConnectorError> {
        let route = format!("{}/{{number}}", self.route());
        let answer = self.client.get(route).fill("number", number).send().await?;
        if answer.status().as_u16() == 404 {
            return Ok(None);
        }
        let answer = answer.success()?;
        self.believe(&answer).await?;
        let stands: Stands = answer.parse()?;
        match stands.subject_request_id == number {
            true => Ok(Some(stands)),
            false => Err(answer.makes_no_sense("it is the status of another request")),
        }
    }

    /// In the order of the specification: the domain, the certificate, the signature; what is said is read only after that.
    async fn believe(&self, answer: &Response) -> Result<(), ConnectorError> {
        let unbelieved = |why: Untrusted| answer.makes_no_sense(why.as_str());
        let claim = self.proof.claim(answer.headers()).map_err(unbelieved)?;
        let chain = self.chain().await?;
        let verified = self.proof.verify(&claim, chain, answer.body());
        verified.map_err(unbelieved)
    }

    /// The same for what the processor sends by itself.
    ///
    /// # Errors
    /// When its certificate cannot be had; or, within, why it does not come from the processor.
    pub(super) async fn verify(
        &self,
        claim: &Claim,
        body: &[u8],
    ) -> Result<Result<(), Untrusted>, ConnectorError> {
        let chain = self.chain().await?;
        Ok(self.proof.verify(claim, chain, body))
    }

    /// The certificate, fetched once from the place that the processor names, on its own host.
    async fn chain(&self) -> Result<&Chain, ConnectorError> {
        let fetch = async || {
            let place = self.discovery().await?.processor_certificate;
            let call = self.client.get("/processor_certificate").at(&place);
            let answer = call
                .max_body_bytes(CERTIFICATE_BYTES)
                .send()
                .await?
                .success()?;
            let chain = Chain::parse(answer.body());
            let chain =
                chain.ok_or_else(|| answer.makes_no_sense("it is no certificate in PEM"))?;
            let checked = self.proof.check(&chain);
            checked.map_err(|why| answer.makes_no_sense(why.as_str()))?;
            Ok(chain)
        };
        let chain = self.chain.get_or_try_init(fetch).await;
        // Whatever it was for was not called yet.
        chain.map_err(|error: ConnectorError| error.effect(Effect::None))
    }

    async fn discovery(&self) -> Result<Discovery, ConnectorError> {
        self.client
            .get("/discovery")
            .send()
            .await?
            .success()?
            .parse()
    }

    /// The name of the collection of requests, by the version.
    fn route(&self) -> &'static str {
        match self.version {
            1 => "/opengdpr_requests",
            _ => "/requests",
        }
    }

    fn version_name(&self) -> &'static str {
        match self.version {
            1 => "1",
            _ => "2",
        }
    }

    fn api_version(&self) -> &'static str {
        match self.version {
            1 => "1.0",
            _ => "2.0",
        }
    }
}

fn day(time: Timestamp) -> Date {
    time.to_zoned(TimeZone::UTC).date()
}
