//! Putting a gateway together in code.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use adieu_archive::Archives;
use adieu_core::Connector;
use adieu_engine::{Deadline, Engine, EngineError, Kind, MasterKey, Options, RetryPolicy, Store};
use jiff::Span;

/// Puts an [`Engine`] together: everything that `adieu.toml` can say.
#[derive(Debug)]
pub struct Builder {
    store: PathBuf,
    key: MasterKey,
    connectors: Vec<Arc<dyn Connector>>,
    archives: Option<Archives>,
    options: Options,
}

impl Builder {
    /// Begins with where requests are kept, and the key that seals them. The database is made when it is not there.
    pub fn new(store: impl Into<PathBuf>, key: MasterKey) -> Self {
        Self {
            store: store.into(),
            key,
            connectors: Vec::new(),
            archives: None,
            options: Options::default(),
        }
    }

    /// Adds a system that holds personal data.
    #[must_use]
    pub fn connector(self, connector: impl Connector) -> Self {
        self.shared_connector(Arc::new(connector))
    }

    /// Adds a system that somebody else holds as well.
    #[must_use]
    pub fn shared_connector(mut self, connector: Arc<dyn Connector>) -> Self {
        self.connectors.push(connector);
        self
    }

    /// Keeps finished archives in this place; without it, beside the database.
    #[must_use]
    pub fn archives(mut self, archives: Archives) -> Self {
        self.archives = Some(archives);
        self
    }

    /// Says who answers for the data: the issuer of receipts.
    #[must_use]
    pub fn controller(mut self, controller: impl Into<String>) -> Self {
        self.options.controller = Some(controller.into());
        self
    }

    /// Sets which law gives the time to answer.
    #[must_use]
    pub fn deadline(mut self, deadline: Deadline) -> Self {
        self.options.deadline = deadline;
        self
    }

    /// Sets which kinds of request an operator has to approve before they begin.
    #[must_use]
    pub fn approval(mut self, kinds: impl IntoIterator<Item = Kind>) -> Self {
        self.options.approval = kinds.into_iter().collect();
        self
    }

    /// Sets when failed steps are sent again.
    #[must_use]
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.options.retry = retry;
        self
    }

    /// Sets for how many days an archive can be fetched.
    #[must_use]
    pub fn archive_days(mut self, days: u16) -> Self {
        self.options.archive_lifetime = Span::new().days(i64::from(days));
        self
    }

    /// Sets how much work a crash may cost: how often a running request is written down.
    #[must_use]
    pub fn checkpoint_every(mut self, every: Duration) -> Self {
        self.options.checkpoint_every = every;
        self
    }

    /// Replaces all options of the engine at once.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Opens the store and makes the engine.
    ///
    /// # Errors
    /// When the store or the place for archives cannot be used, the store was made with another key, or two connectors have
    /// one name.
    pub async fn engine(self) -> Result<Engine, EngineError> {
        let mut store = Store::open(&self.store, &self.key).await?;
        if let Some(archives) = self.archives {
            store = store.keep_archives_in(archives)?;
        }
        Engine::new(store, self.connectors, self.options)
    }
}
