//! `adieu token`

use adieu::auth::Scope;
use adieu::core::Setting;
use adieu::{Config, Subject};
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::time::Duration;

use crate::exit::{Exit, Failure};
use crate::gateway::ConfigArgument;
use crate::subject::SubjectArguments;
use crate::terminal::Terminal;

/// Sign a token for development, as `[auth]` accepts it
///
/// It says that the person has just logged in. In production the issuer signs tokens; the key that can do it should not lie
/// beside this program there.
#[derive(Args, Debug)]
pub(crate) struct Token {
    #[command(flatten)]
    config: ConfigArgument,
    #[command(flatten)]
    subject: SubjectArguments,
    /// What it allows; may be given several times. By default privacy:export and privacy:erase.
    #[arg(long = "scope", value_name = "SCOPE", value_parser = scope)]
    scopes: Vec<Scope>,
    /// For how long it is good, such as 90s, 10m or 8h.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = lifetime)]
    ttl: Duration,
    /// The private key in PEM to sign with, as env:NAME or file:PATH, where the configuration has only public keys.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

impl Token {
    pub(crate) async fn run(self, terminal: &Terminal) -> Result<Exit, Failure> {
        let config = Config::from_file(&self.config.config)?;
        let subject = self.subject.subject()?;
        let scopes = match self.scopes.as_slice() {
            [] => vec![Scope::EXPORT, Scope::ERASE],
            scopes => scopes.to_vec(),
        };
        let key = self.key.map(Setting::from);
        let token = sign(&config, &subject, &scopes, self.ttl, key.as_ref()).await?;
        terminal.json(&json!({ "token": token, "expires_in": self.ttl.as_secs() }));
        terminal.say(&token);
        Ok(Exit::Done)
    }
}

/// Signs a token, and makes sure that the configuration accepts it.
pub(super) async fn sign(
    config: &Config,
    subject: &Subject,
    scopes: &[Scope],
    lifetime: Duration,
    key: Option<&Setting>,
) -> Result<String, Failure> {
    let usage = |problem: &dyn std::fmt::Display| Failure::Usage(problem.to_string());
    let Some(auth) = &config.auth else {
        return Err(config.authenticator(None).map_or_else(Failure::from, |_| {
            Failure::Fault("there is no [auth]".to_owned())
        }));
    };
    let signer = match key {
        None => auth.signer(config.folder()),
        Some(Setting::Literal(_)) => {
            return Err(usage(
                &"--key: a key does not belong on a command line; write env:NAME or file:PATH",
            ));
        }
        Some(key) => {
            let here = std::path::Path::new("");
            let pem = key.resolve(here).map_err(|problem| usage(&problem))?;
            auth.signer_with(&pem)
        }
    };
    let signer = signer.map_err(|problem| usage(&problem))?;
    let draft = auth
        .draft(subject, scopes.iter().cloned())
        .map_err(|problem| usage(&problem))?
        .lifetime(lifetime);
    let now = Timestamp::now();
    let token = signer
        .sign(&draft, now)
        .map_err(|problem| usage(&problem))?;
    let authenticator = config.authenticator(None)?;
    let accepted = authenticator.authenticate_token(token.expose(), now).await;
    accepted.map_err(|denied| {
        Failure::Usage(format!(
            "the configuration does not accept this token: {denied}"
        ))
    })?;
    Ok(token.expose().to_owned())
}

fn scope(text: &str) -> Result<Scope, String> {
    Scope::new(text).map_err(|problem| problem.to_string())
}

fn lifetime(text: &str) -> Result<Duration, String> {
    let time: Option<Duration> = text
        .parse::<SignedDuration>()
        .ok()
        .and_then(|time| time.try_into().ok());
    match time {
        Some(time) if (1..=86_400).contains(&time.as_secs()) => Ok(time),
        _ => Err("is a time of one second to one day, such as 90s, 10m or 8h".to_owned()),
    }
}
