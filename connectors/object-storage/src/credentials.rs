//! How to get into a store, where the environment of the process does not say.

use std::path::Path;

use adieu_core::{ConfigProblem, Secret, Setting};
use serde::Deserialize;

use crate::location::{Location, Provider};

/// Credentials for one store. Each is left out where the process has its own: environment variables, the provider's
/// files, the machine's metadata, a web identity.
///
/// `Debug` shows where each comes from and never a literal one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Credentials {
    /// S3 and R2: the key's name.
    #[serde(default)]
    pub access_key_id: Option<Setting>,
    /// S3 and R2: the key.
    #[serde(default)]
    pub secret_access_key: Option<Setting>,
    /// S3: what belongs to a key that lives for some hours.
    #[serde(default)]
    pub session_token: Option<Setting>,
    /// S3: the profile of the shared files to use.
    #[serde(default)]
    pub profile: Option<Setting>,
    /// Google: a service account's key, or the configuration of a workload's identity, as JSON: `file:account.json`.
    #[serde(default)]
    pub service_account: Option<Setting>,
    /// Google: a ready access token.
    #[serde(default)]
    pub access_token: Option<Setting>,
    /// Azure: the storage account's key.
    #[serde(default)]
    pub account_key: Option<Setting>,
    /// Azure: a shared access signature.
    #[serde(default)]
    pub sas_token: Option<Setting>,
}

/// The same with their values.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub(crate) access_key_id: Option<Secret>,
    pub(crate) secret_access_key: Option<Secret>,
    pub(crate) session_token: Option<Secret>,
    pub(crate) profile: Option<Secret>,
    pub(crate) service_account: Option<Secret>,
    pub(crate) access_token: Option<Secret>,
    pub(crate) account_key: Option<Secret>,
    pub(crate) sas_token: Option<Secret>,
}

impl Credentials {
    /// What does not fit the store or misses its other half.
    pub(crate) fn problems(&self, location: &Location) -> Vec<ConfigProblem> {
        let Location::Bucket(bucket) = location else {
            return vec![ConfigProblem::new(
                [""; 0],
                "a folder takes none; leave them out",
            )];
        };
        let fitting: &[&str] = match bucket.provider {
            Provider::S3 => &[
                "access_key_id",
                "secret_access_key",
                "session_token",
                "profile",
            ],
            Provider::R2 => &["access_key_id", "secret_access_key"],
            Provider::Gcs => &["service_account", "access_token"],
            Provider::Azure => &["account_key", "sas_token"],
        };
        let scheme = bucket.provider.scheme();
        let mut problems: Vec<ConfigProblem> = self
            .fields()
            .into_iter()
            .filter(|(name, value)| value.is_some() && !fitting.contains(name))
            .map(|(name, _)| {
                let problem = format!("`{scheme}:` takes {}", fitting.join(", "));
                ConfigProblem::new([name], problem)
            })
            .collect();
        for (one, other) in [
            ("access_key_id", "secret_access_key"),
            ("secret_access_key", "access_key_id"),
            ("session_token", "access_key_id"),
        ] {
            if self.has(one) && !self.has(other) && fitting.contains(&one) {
                problems.push(ConfigProblem::new(
                    [one],
                    format!("`{other}` belongs to it"),
                ));
            }
        }
        problems
    }

    /// Fetches them.
    pub(crate) fn resolve(&self, folder: &Path) -> Result<Known, Vec<ConfigProblem>> {
        let mut problems = Vec::new();
        let mut read = |name, setting: &Option<Setting>| {
            let value = setting.as_ref().map(|setting| setting.resolve(folder));
            value.transpose().unwrap_or_else(|problem| {
                problems.push(ConfigProblem::new([name], problem));
                None
            })
        };
        let known = Known {
            access_key_id: read("access_key_id", &self.access_key_id),
            secret_access_key: read("secret_access_key", &self.secret_access_key),
            session_token: read("session_token", &self.session_token),
            profile: read("profile", &self.profile),
            service_account: read("service_account", &self.service_account),
            access_token: read("access_token", &self.access_token),
            account_key: read("account_key", &self.account_key),
            sas_token: read("sas_token", &self.sas_token),
        };
        if problems.is_empty() {
            Ok(known)
        } else {
            Err(problems)
        }
    }

    fn has(&self, name: &str) -> bool {
        self.fields()
            .iter()
            .any(|(one, value)| *one == name && value.is_some())
    }

    /// Each by its name.
    fn fields(&self) -> [(&'static str, &Option<Setting>); 8] {
        [
            ("access_key_id", &self.access_key_id),
            ("secret_access_key", &self.secret_access_key),
            ("session_token", &self.session_token),
            ("profile", &self.profile),
            ("service_account", &self.service_account),
            ("access_token", &self.access_token),
            ("account_key", &self.account_key),
            ("sas_token", &self.sas_token),
        ]
    }
}
