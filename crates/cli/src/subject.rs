//! Whom a command is about.

use adieu::{Identity, Subject, Tenant};
use clap::Args;

use crate::exit::Failure;

/// The person, as written on the command line. Its values are parsed here, so that no message repeats them.
#[derive(Args)]
pub(crate) struct SubjectArguments {
    /// An identity of the person, such as email=ada@example.com; may be given several times.
    #[arg(long = "subject", value_name = "KIND=VALUE", required = true)]
    subject: Vec<String>,
    /// The tenant within which the person is known.
    #[arg(long)]
    tenant: Option<String>,
}

impl SubjectArguments {
    pub(crate) fn subject(&self) -> Result<Subject, Failure> {
        subject(&self.subject, self.tenant.as_deref())
    }
}

/// Parses a person from the texts of a command line.
pub(crate) fn subject(identities: &[String], tenant: Option<&str>) -> Result<Subject, Failure> {
    let usage = |word: &dyn std::fmt::Display| Failure::Usage(format!("--subject: {word}"));
    let identities: Result<Vec<Identity>, _> = identities.iter().map(|text| text.parse()).collect();
    let subject = Subject::new(identities.map_err(|error| usage(&error))?);
    match tenant {
        None => Ok(subject),
        Some(tenant) => {
            let tenant = Tenant::new(tenant)
                .map_err(|error| Failure::Usage(format!("--tenant: {error}")))?;
            Ok(subject.within(tenant))
        }
    }
}

impl std::fmt::Debug for SubjectArguments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SubjectArguments(…)")
    }
}
