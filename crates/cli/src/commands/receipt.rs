//! `adieu receipt`

use std::path::PathBuf;

use adieu::engine::receipt::{Opening, verify};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use crate::exit::{Exit, Failure};
use crate::file::read_text;
use crate::report::{listed, receipt_table, receipt_unreachable};
use crate::subject::subject;
use crate::terminal::Terminal;

/// Read and verify receipts; needs neither the configuration nor the systems
#[derive(Debug, Subcommand)]
pub(crate) enum Receipt {
    Show(Show),
    Verify(Verify),
}

/// Show what a receipt says, without verifying it
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// The receipt.
    file: PathBuf,
}

/// Verify a receipt: who signed it, that nobody changed it, and whom it is about
#[derive(Args)]
pub(crate) struct Verify {
    /// The receipt.
    file: PathBuf,
    /// The keys of whoever issued it, as `adieu jwks` prints them.
    #[arg(long, value_name = "FILE")]
    jwks: PathBuf,
    /// An identity that the receipt must be about; may be given several times.
    #[arg(long = "subject", value_name = "KIND=VALUE", requires = "opening")]
    subject: Vec<String>,
    /// The tenant within which the person is known.
    #[arg(long, requires = "subject")]
    tenant: Option<String>,
    /// The opening that was printed with the receipt.
    // It may begin with any letter of base64url, of which `-` is one.
    #[arg(
        long,
        value_name = "TEXT",
        requires = "subject",
        allow_hyphen_values = true
    )]
    opening: Option<String>,
}

impl Receipt {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<Exit, Failure> {
        match self {
            Self::Show(command) => command.run(terminal),
            Self::Verify(command) => command.run(terminal),
        }
    }
}

impl Show {
    fn run(self, terminal: &Terminal) -> Result<Exit, Failure> {
        let jws = read_text(&self.file)?;
        let claims = jws
            .trim()
            .split('.')
            .nth(1)
            .and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok())
            .and_then(|payload| serde_json::from_slice::<Map<String, Value>>(&payload).ok())
            .filter(|claims| claims.contains_key("receipt"))
            .ok_or_else(|| {
                Failure::Usage(format!("{} is not a receipt of adieu", self.file.display()))
            })?;
        terminal.json(&claims);
        terminal.say(&content(&claims));
        terminal.note("This was not verified; use: adieu receipt verify FILE --jwks FILE");
        Ok(Exit::Done)
    }
}

impl Verify {
    fn run(self, terminal: &Terminal) -> Result<Exit, Failure> {
        let jws = read_text(&self.file)?;
        let jwks = read_text(&self.jwks)?;
        let receipt = match verify(&jws, &jwks) {
            Ok(receipt) => receipt,
            Err(error) => {
                terminal.json(&json!({ "valid": false, "reason": error.to_string() }));
                terminal.complain(&error.to_string());
                return Ok(Exit::Failed);
            }
        };
        let about = self.is_about(&receipt)?;
        terminal.json(&json!({ "valid": true, "is_about": about, "receipt": receipt.claims() }));
        terminal.say("The signature is right: nobody has changed this receipt.");
        match about {
            Some(true) => terminal.say("It is about this person."),
            Some(false) => terminal
                .complain("the receipt is not about this person, or the opening is another one"),
            None => {}
        }
        terminal.say(&format!("\n{}", content(receipt.claims())));
        Ok(match about {
            Some(false) => Exit::Failed,
            _ => Exit::Done,
        })
    }

    /// Whether every identity that was given is among those of the receipt; `None` when none was.
    fn is_about(
        &self,
        receipt: &adieu::engine::receipt::VerifiedReceipt,
    ) -> Result<Option<bool>, Failure> {
        let Some(opening) = &self.opening else {
            return Ok(None);
        };
        let opening: Opening = opening.parse()?;
        let subject = subject(&self.subject, self.tenant.as_deref())?;
        let tenant = subject.tenant().map(|tenant| tenant.expose());
        let mut identities = subject.identities();
        Ok(Some(identities.all(|identity| {
            receipt.is_about(&opening, tenant, identity)
        })))
    }
}

fn content(claims: &Map<String, Value>) -> String {
    let word = |key: &str| {
        claims
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or("?")
            .replace('_', " ")
    };
    let mut text = format!(
        "  issued by   {}\n  request     {}\n  kind        {}\n  status      {}\n  asked at    {}\n  ended at    {}\n",
        word("iss"),
        word("jti"),
        word("kind"),
        word("status"),
        word("created_at"),
        word("finished_at"),
    );
    if let Some(archive) = claims.get("archive") {
        let sha256 = archive.get("sha256").and_then(Value::as_str).unwrap_or("?");
        text.push_str(&format!("  archive     sha256:{sha256}\n"));
    }
    text.push_str(&format!("\n{}", receipt_table(claims)));
    let exceptions = claims.get("exceptions").and_then(Value::as_array);
    let exceptions: Vec<String> = exceptions.into_iter().flatten().map(exception).collect();
    text.push_str(&listed("Missing:", &exceptions));
    text.push_str(&listed(
        "Out of reach, as the systems themselves say:",
        &receipt_unreachable(claims),
    ));
    text.trim_end().to_owned()
}

fn exception(value: &Value) -> String {
    let word = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    match word("collection") {
        "" => format!("{}: {}", word("connector"), word("reason")),
        collection => format!("{}, {collection}: {}", word("connector"), word("reason")),
    }
}

impl std::fmt::Debug for Verify {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verify")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}
