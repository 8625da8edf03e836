//! That something comes from the processor: its domain first, then its certificate, then its signature, and only then what it says.

use adieu_core::{Secret, Setting};
use adieu_http_client::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage};

/// Under which names the two headers may come, the newest first.
const HEADERS: [[&str; 2]; 2] = [
    ["x-opendsr-processor-domain", "x-opendsr-signature"],
    ["x-opengdpr-processor-domain", "x-opengdpr-signature"],
];

/// Whom to believe.
pub(super) struct Proof {
    domain: String,
    roots: Vec<TrustAnchor<'static>>,
}

/// Why something does not come from the processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Untrusted {
    /// It says to come from another domain, or from none.
    Domain,
    /// The certificate is not of this domain, not of an authority, or out of its time.
    Certificate,
    /// The signature is not that of these bytes.
    Signature,
}

impl Untrusted {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Domain => "it is signed for another domain than the configured one, or for none",
            Self::Certificate => {
                "the processor's certificate is not one of this domain, of a known authority and of today"
            }
            Self::Signature => "the signature is not that of this text",
        }
    }
}

/// A signature whose domain is the processor's, and which is still to be verified.
pub(super) struct Claim(Vec<u8>);

/// The processor's certificate, and those that lead from it to an authority.
pub(super) struct Chain(Vec<CertificateDer<'static>>);

impl Chain {
    /// Reads PEM. Nothing, when there is no certificate in it.
    pub(super) fn parse(pem: &[u8]) -> Option<Self> {
        let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        all.ok().filter(|all| !all.is_empty()).map(Self)
    }
}

impl Proof {
    /// # Errors
    /// When the roots cannot be read; in words that say what to do.
    pub(super) fn new(
        domain: &str,
        roots: Option<&Setting>,
        folder: &std::path::Path,
    ) -> Result<Self, String> {
        let roots = match roots {
            None => webpki_roots::TLS_SERVER_ROOTS.to_vec(),
            Some(setting) => anchors(&setting.resolve(folder)?)
                .ok_or("holds no certificate in PEM, or one that cannot be read")?,
        };
        Ok(Self {
            domain: domain.to_ascii_lowercase(),
            roots,
        })
    }

    /// The first look: whose it says it is. Asks nobody, and believes nothing else.
    ///
    /// # Errors
    /// When it is another domain, or there is no signature.
    pub(super) fn claim(&self, headers: &HeaderMap) -> Result<Claim, Untrusted> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let named = HEADERS
            .into_iter()
            .find(|[domain, _]| headers.contains_key(*domain));
        let [domain, signature] = named.ok_or(Untrusted::Domain)?;
        if !text(domain).is_some_and(|domain| domain.eq_ignore_ascii_case(&self.domain)) {
            return Err(Untrusted::Domain);
        }
        // It may have been folded.
        let signature: Option<String> =
            text(signature).map(|text| text.split_whitespace().collect());
        let decoded = signature.and_then(|signature| STANDARD.decode(signature).ok());
        decoded.map(Claim).ok_or(Untrusted::Signature)
    }

    /// The second look: that the certificate is the domain's, issued by an authority, and good today.
    ///
    /// # Errors
    /// When it is not.
    pub(super) fn check(&self, chain: &Chain) -> Result<(), Untrusted> {
        let (leaf, others) = chain.0.split_first().ok_or(Untrusted::Certificate)?;
        let leaf = EndEntityCert::try_from(leaf).map_err(|_| Untrusted::Certificate)?;
        let name = name_of(&self.domain).ok_or(Untrusted::Certificate)?;
        let usage = KeyUsage::server_auth();
        leaf.verify_for_usage(
            ALL_VERIFICATION_ALGS,
            &self.roots,
            others,
            UnixTime::now(),
            usage,
            None,
            None,
        )
        .map_err(|_| Untrusted::Certificate)?;
        leaf.verify_is_valid_for_subject_name(&name)
            .map_err(|_| Untrusted::Certificate)
    }

    /// The last look: that these very bytes are signed (RSA with SHA-256), by a certificate that is checked once more.
    ///
    /// # Errors
    /// When they are not.
    pub(super) fn verify(
        &self,
        claim: &Claim,
        chain: &Chain,
        body: &[u8],
    ) -> Result<(), Untrusted> {
        self.check(chain)?;
        let leaf = chain.0.first().ok_or(Untrusted::Certificate)?;
        let leaf = EndEntityCert::try_from(leaf).map_err(|_| Untrusted::Certificate)?;
        leaf.verify_signature(
            webpki::aws_lc_rs::RSA_PKCS1_2048_8192_SHA256,
            body,
            &claim.0,
        )
        .map_err(|_| Untrusted::Signature)
    }
}

/// A domain as certificates name it.
pub(super) fn name_of(domain: &str) -> Option<ServerName<'_>> {
    let name = ServerName::try_from(domain).ok();
    name.filter(|name| matches!(name, ServerName::DnsName(_)))
}

fn anchors(pem: &Secret) -> Option<Vec<TrustAnchor<'static>>> {
    let chain = Chain::parse(pem.expose().as_bytes())?;
    let anchors = chain.0.iter().map(|certificate| {
        let anchor = webpki::anchor_from_trusted_cert(certificate).ok()?;
        Some(anchor.to_owned())
    });
    anchors.collect()
}
