//! A connector in less than 60 lines, to the readers of a newsletter.
//!
//! `tests/newsletter.rs` proves that it keeps every clause of the contract.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use adieu::core::{
    Collection, CollectionName, Connector, ConnectorError, ConnectorName, Cursor, Descriptor,
    Disposition, Erased, Holding, IdentityKind, InvalidWord, Need, PageWriter, Processor, Schema,
    Step, Subject, Survey, Tally, async_trait,
};
use serde_json::json;

/// The system: names by e-mail address, in memory. Its `Debug` shows none of them.
#[derive(Clone, Default)]
pub struct Readers(Arc<Mutex<BTreeMap<String, String>>>);

impl Readers {
    /// All readers.
    pub fn all(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Readers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Readers(…)")
    }
}

type Answer<T> = Result<T, ConnectorError>;

// The connector begins here.

/// The connector to the readers. A step handles one of them.
#[derive(Debug)]
pub struct Newsletter(Descriptor, Readers);

impl Newsletter {
    /// A connector to these readers.
    ///
    /// # Errors
    /// When a name is none.
    pub fn new(readers: Readers) -> Result<Self, InvalidWord> {
        let name = ConnectorName::new("newsletter")?;
        let mut about = Descriptor::new(name, "memory", Processor::controller());
        let by_email = Need::one(IdentityKind::new("email")?);
        about.collections = vec![Collection::new(CollectionName::new("readers")?, [by_email])];
        Ok(Self(about, readers))
    }

    /// The subject's addresses that are there, in their order.
    fn addresses(&self, subject: &Subject) -> Vec<String> {
        let emails = subject.identities().filter(|one| one.kind().as_str() == "email");
        let emails = emails.map(|one| one.value().expose().to_owned());
        emails.filter(|email| self.1.all().contains_key(email)).collect()
    }

    /// The first of them after the cursor.
    fn next(&self, step: &Step) -> Answer<Option<String>> {
        let name = step.collection();
        self.0.collection(name).ok_or_else(ConnectorError::unknown_collection)?;
        let after = step.cursor().map(|cursor| cursor.decode::<String>(name)).transpose()?;
        let mut addresses = self.addresses(step.subject()).into_iter();
        Ok(addresses.find(|email| Some(email) > after.as_ref()))
    }
}

#[async_trait]
impl Connector for Newsletter {
    fn descriptor(&self) -> &Descriptor {
        &self.0
    }

    async fn check(&self) -> Answer<()> {
        Ok(())
    }

    async fn survey(&self, subject: &Subject) -> Answer<Survey> {
        let mut tally = Tally::new();
        tally.count(&Disposition::Erase, self.addresses(subject).len() as u64);
        let reached = self.0.collections.iter().filter(|one| one.is_reached_by(subject));
        let holdings = reached
            .map(|one| Holding { collection: one.name.clone(), tally: Ok(tally.clone()) })
            .collect();
        Ok(Survey { holdings, blockers: Vec::new() })
    }

    async fn export(&self, step: &Step, page: &mut PageWriter<'_>) -> Answer<Option<Cursor>> {
        page.schema(&Schema::open([]))?;
        let Some(email) = self.next(step)? else { return Ok(None) };
        let name = self.1.all().get(&email).cloned();
        page.record(&json!({ "email": email, "name": name })).await?;
        Cursor::encode(step.collection(), &email).map(Some)
    }

    async fn erase(&self, step: &Step) -> Answer<Erased> {
        let mut tally = Tally::new();
        let Some(email) = self.next(step)? else { return Ok(Erased::done(tally)) };
        let removed = self.1.all().remove(&email);
        tally.count(&Disposition::Erase, removed.iter().len() as u64);
        Ok(Erased::more(tally, Cursor::encode(step.collection(), &email)?))
    }
}
