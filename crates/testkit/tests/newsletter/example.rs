use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use adieu_core::{
    Collection, CollectionName, Connector, ConnectorError, ConnectorName, Cursor, Descriptor, Disposition,
    Erased, Field, FieldType, Holding, IdentityKind, Need, PageWriter, Processor, Schema, Step, Subject,
    Survey, Tally, async_trait,
};

#[derive(Debug)]
struct Newsletter {
    descriptor: Descriptor,
    readers: Readers,
}

/// Address and name. A type of its own, so that `Debug` can leave them out.
#[derive(Clone, Default)]
struct Readers(Arc<Mutex<BTreeMap<String, String>>>);

impl Newsletter {
    fn new(readers: Readers) -> Result<Self, adieu_core::InvalidWord> {
        let email = IdentityKind::new("email")?;
        let mut descriptor =
            Descriptor::new(ConnectorName::new("newsletter")?, "memory", Processor::controller());
        descriptor.collections =
            vec![Collection::new(CollectionName::new("readers")?, [Need::one(email)])];
        Ok(Self { descriptor, readers })
    }

    /// The addresses of the subject that come after the cursor.
    fn addresses(&self, subject: &Subject, after: Option<&str>) -> Vec<(String, String)> {
        let readers = self.readers.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let known = subject.identities().filter(|identity| identity.kind().as_str() == "email");
        known
            .filter_map(|identity| readers.get_key_value(identity.value().expose()))
            .filter(|(address, _)| after.is_none_or(|after| address.as_str() > after))
            .map(|(address, name)| (address.clone(), name.clone()))
            .collect()
    }
}

#[async_trait]
impl Connector for Newsletter {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    async fn check(&self) -> Result<(), ConnectorError> {
        Ok(())
    }

    async fn survey(&self, subject: &Subject) -> Result<Survey, ConnectorError> {
        let mut survey = Survey::default();
        let readers = &self.descriptor.collections[0];
        if readers.is_reached_by(subject) {
            let mut tally = Tally::new();
            tally.count(&Disposition::Erase, self.addresses(subject, None).len() as u64);
            survey.holdings.push(Holding { collection: readers.name.clone(), tally: Ok(tally) });
        }
        Ok(survey)
    }

    async fn export(&self, step: &Step, page: &mut PageWriter<'_>) -> Result<Option<Cursor>, ConnectorError> {
        self.descriptor.collection(step.collection()).ok_or_else(ConnectorError::unknown_collection)?;
        let after: Option<String> =
            step.cursor().map(|cursor| cursor.decode(step.collection())).transpose()?;
        page.schema(&Schema::closed(["email", "name"].map(|name| Field::new(name, FieldType::String))))?;
        for (email, name) in self.addresses(step.subject(), after.as_deref()) {
            page.record(&BTreeMap::from([("email", &email), ("name", &name)])).await?;
            if page.is_full() {
                return Cursor::encode(step.collection(), &email).map(Some);
            }
        }
        Ok(None)
    }

    async fn erase(&self, step: &Step) -> Result<Erased, ConnectorError> {
        self.descriptor.collection(step.collection()).ok_or_else(ConnectorError::unknown_collection)?;
        let after: Option<String> =
            step.cursor().map(|cursor| cursor.decode(step.collection())).transpose()?;
        let mut tally = Tally::new();
        let addresses = self.addresses(step.subject(), after.as_deref());
        let batch = &addresses[..addresses.len().min(step.max_records().get() as usize)];
        for (email, _) in batch {
            let mut readers = self.readers.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            let was_there = readers.remove(email).is_some();
            tally.count(if was_there { &Disposition::Erase } else { &Disposition::Absent }, 1);
        }
        match batch.last() {
            Some((last, _)) if addresses.len() > batch.len() => {
                Ok(Erased::more(tally, Cursor::encode(step.collection(), last)?))
            }
            _ => Ok(Erased::done(tally)),
        }
    }
}

impl std::fmt::Debug for Readers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Readers(…)")
    }
}
