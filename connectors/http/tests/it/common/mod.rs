//! The providers of the catalogue with two people in each, and the connector over them.

pub(crate) mod fake;
pub(crate) mod providers;

use std::collections::BTreeMap;
use std::path::Path;

use adieu_core::{
    CollectionName, Connector, ConnectorName, Cursor, ErrorKind, Identity, Setting, Step, StepKey,
    Subject, Tally, async_trait,
};
use adieu_http::{HttpConnector, HttpConnectorConfig};
use adieu_testkit::{Broken, Collector, Fixture, State};
use fake::{Fake, Handler, Whose, World};
use tempfile::TempDir;

/// A provider of the catalogue, as the tests know it.
#[derive(Clone, Copy)]
pub(crate) struct Provider {
    pub(crate) name: &'static str,
    pub(crate) handler: Handler,
    pub(crate) fill: fn(&mut World),
    /// Settings besides the URLs and what is secret.
    pub(crate) settings: &'static [(&'static str, &'static str)],
    /// What the catalogue calls its URLs, and what stands behind the server's own.
    pub(crate) urls: &'static [(&'static str, &'static str)],
    pub(crate) secrets: &'static [&'static str],
    pub(crate) ada: &'static [(&'static str, &'static str)],
    pub(crate) eve: &'static [(&'static str, &'static str)],
    pub(crate) nobody: &'static [(&'static str, &'static str)],
    /// A key of a record of Ada's that the provider can refuse to delete.
    pub(crate) lock: Option<&'static str>,
    pub(crate) personal: &'static [&'static str],
}

/// The secret of everything.
pub(crate) const SECRET: &str = "sk_hunter2";

/// One running provider.
pub(crate) struct Cast {
    pub(crate) provider: Provider,
    pub(crate) fake: Fake,
    folder: TempDir,
}

impl Cast {
    pub(crate) async fn of(provider: Provider) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), SECRET).unwrap();
        std::fs::write(folder.path().join("wrong"), "sk_wrong").unwrap();
        Self {
            provider,
            fake: Fake::start(provider.handler, provider.fill).await,
            folder,
        }
    }

    pub(crate) fn config(&self, url: &str, secret: &str) -> HttpConnectorConfig {
        let provider = &self.provider;
        let plain = provider
            .settings
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        let urls = provider
            .urls
            .iter()
            .map(|(name, behind)| (*name, format!("{url}{behind}")));
        let secrets = provider
            .secrets
            .iter()
            .map(|name| (*name, format!("file:{secret}")));
        let all = plain.chain(urls).chain(secrets);
        let settings: BTreeMap<String, Setting> = all
            .map(|(name, value)| (name.to_owned(), Setting::from(value)))
            .collect();
        HttpConnectorConfig {
            provider: Some(provider.name.to_owned()),
            settings,
            http: toml::from_str("requests_per_second = 100000\nattempts = 1").unwrap(),
            ..HttpConnectorConfig::default()
        }
    }

    pub(crate) fn connector_at(&self, url: &str, secret: &str) -> HttpConnector {
        made(&self.config(url, secret), self.folder.path())
    }

    /// Where its secrets lie.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn real(&self) -> HttpConnector {
        self.connector_at(&self.fake.url, "secret")
    }
}

pub(crate) fn made(config: &HttpConnectorConfig, folder: &Path) -> HttpConnector {
    HttpConnector::new(ConnectorName::new("provider").unwrap(), config, folder)
        .unwrap_or_else(|problems| panic!("{problems:#?}"))
}

pub(crate) fn person(identities: &[(&str, &str)]) -> Subject {
    Subject::new(
        identities
            .iter()
            .map(|(kind, value)| Identity::new(*kind, *value).unwrap()),
    )
}

#[async_trait]
impl Fixture for Cast {
    async fn connector(&self) -> Box<dyn Connector> {
        Box::new(self.real())
    }

    fn subject(&self) -> Subject {
        person(self.provider.ada)
    }

    fn bystander(&self) -> Subject {
        person(self.provider.eve)
    }

    fn unknown(&self) -> Subject {
        person(self.provider.nobody)
    }

    async fn state(&self) -> State {
        let mut state = State::default();
        for (table, rows) in &self.fake.world().tables {
            for (key, row) in rows {
                let text = format!("{table}/{key} {}", row.value);
                match row.whose {
                    Whose::Ada => state.of_subject.push(text),
                    Whose::Eve => state.of_others.push(text),
                    Whose::Nobody => {}
                }
            }
        }
        state
    }

    fn personal_values(&self) -> Vec<String> {
        let personal = self
            .provider
            .personal
            .iter()
            .map(|value| (*value).to_owned());
        personal.chain([SECRET.to_owned()]).collect()
    }

    async fn broken(&self) -> Vec<Broken> {
        vec![
            Broken {
                what: "the provider is down",
                // The port of a protocol that nobody uses, and which only root may open.
                connector: Box::new(self.connector_at("http://127.0.0.1:9", "secret")),
                kind: ErrorKind::Unavailable,
            },
            Broken {
                what: "the key is wrong",
                connector: Box::new(self.connector_at(&self.fake.url, "wrong")),
                kind: ErrorKind::Unauthorized,
            },
        ]
    }

    async fn poison(&self) -> u64 {
        let Some(key) = self.provider.lock else {
            return 0;
        };
        self.fake.world().locked.insert(key.to_owned());
        1
    }
}

/// A whole export of one collection.
pub(crate) async fn export(
    connector: &dyn Connector,
    collection: &str,
    subject: &Subject,
) -> Collector {
    let name = CollectionName::new(collection).unwrap();
    let described = connector.descriptor().collection(&name).unwrap();
    let mut collector = Collector::new(described).full_after(100);
    collector
        .export_all(connector, step(collection, subject, None))
        .await
        .unwrap();
    assert_eq!(collector.breaches(), [""; 0]);
    collector
}

pub(crate) fn step(collection: &str, subject: &Subject, cursor: Option<Cursor>) -> Step {
    let collection = CollectionName::new(collection).unwrap();
    Step::new(subject.clone(), collection, StepKey::new("test")).at(cursor)
}

/// All batches of an erasure, one after the other.
pub(crate) async fn erase(connector: &dyn Connector, collection: &str, subject: &Subject) -> Tally {
    let mut tally = Tally::new();
    let mut cursor = None;
    loop {
        let erased = connector
            .erase(&step(collection, subject, cursor))
            .await
            .unwrap();
        tally.add(&erased.tally);
        match erased.next {
            Some(next) => cursor = Some(next),
            None => return tally,
        }
    }
}
