//! The connector to a system in memory.

use adieu_core::{
    Connector, ConnectorError, Cursor, Descriptor, Disposition, Erased, ErrorKind, Holding,
    PageWriter, Step, Subject, Survey, Tally, async_trait,
};
use bytes::Bytes;
use futures_util::stream;
use serde_json::Value;

use super::switches::Call;
use super::system::MemorySystem;
use super::table::Record;

/// A connector to a [`MemorySystem`]; it keeps every clause of the contract.
#[derive(Clone, Debug)]
pub struct MemoryConnector {
    descriptor: Descriptor,
    system: MemorySystem,
}

impl MemoryConnector {
    const FILE_PIECE_BYTES: usize = 64 * 1024;

    pub(super) fn new(descriptor: Descriptor, system: MemorySystem) -> Self {
        Self { descriptor, system }
    }

    /// The same connector with something else in its descriptor: its precedence, its limits, what it cannot reach.
    #[must_use]
    pub fn describe(mut self, change: impl FnOnce(&mut Descriptor)) -> Self {
        change(&mut self.descriptor);
        self
    }

    /// The system behind it.
    pub fn system(&self) -> &MemorySystem {
        &self.system
    }

    /// Counts the call, waits as long as the switches say, and fails if the system is switched off.
    async fn enter(&self, call: Call) -> Result<Running<'_>, ConnectorError> {
        let (latency, mut open) = {
            let switches = &mut self.system.inside().switches;
            switches.count(call);
            (switches.latency(), switches.open.subscribe())
        };
        let running = Running(&self.system);
        if let Some(latency) = latency {
            tokio::time::sleep(latency).await;
        }
        tokio::task::yield_now().await;
        // The sender lives in the system, so waiting ends with the door open.
        let _ = open.wait_for(|open| *open).await;
        self.system.inside().switches.available()?;
        Ok(running)
    }

    /// Where the step goes on, once it is known that it can be done.
    fn begin(&self, step: &Step) -> Result<Option<String>, ConnectorError> {
        self.descriptor
            .collection(step.collection())
            .ok_or_else(ConnectorError::unknown_collection)?;
        let after = step
            .cursor()
            .map(|cursor| cursor.decode(step.collection()))
            .transpose()?;
        self.system.inside().switches.working(step.collection())?;
        Ok(after)
    }

    fn keys(&self, step: &Step, after: Option<&str>) -> Vec<String> {
        let inside = self.system.inside();
        inside
            .collection(step.collection())
            .map_or_else(Vec::new, |table| table.keys(step.subject(), after))
    }
}

#[async_trait]
impl Connector for MemoryConnector {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    async fn check(&self) -> Result<(), ConnectorError> {
        self.enter(Call::Check).await.map(|_| ())
    }

    async fn survey(&self, subject: &Subject) -> Result<Survey, ConnectorError> {
        let _running = self.enter(Call::Survey).await?;
        let inside = &mut *self.system.inside();
        let mut survey = Survey::default();
        for collection in self
            .descriptor
            .collections
            .iter()
            .filter(|c| c.is_reached_by(subject))
        {
            let mut tally = Tally::new();
            if let Some(table) = inside.collection(&collection.name) {
                for key in table.keys(subject, None) {
                    count(&mut tally, table.classify(&table.records[&key]));
                }
            }
            let tally = inside.switches.working(&collection.name).map(|()| tally);
            survey.holdings.push(Holding {
                collection: collection.name.clone(),
                tally,
            });
        }
        for (identity, blocker) in &inside.blockers {
            if subject.identities().any(|known| known == identity) {
                survey.blockers.push(blocker.clone());
            }
        }
        Ok(survey)
    }

    async fn export(
        &self,
        step: &Step,
        page: &mut PageWriter<'_>,
    ) -> Result<Option<Cursor>, ConnectorError> {
        let _running = self.enter(Call::Export).await?;
        let after = self.begin(step)?;
        let keys = self.keys(step, after.as_deref());
        let mut next = None;
        let mut declared = false;
        for (n, key) in keys.iter().enumerate() {
            let read = {
                let inside = self.system.inside();
                let table = inside.collection(step.collection());
                table.and_then(|table| {
                    let record = table.records.get(key)?.clone();
                    Some((table.schema.clone(), table.identities(&record), record))
                })
            };
            // A record that went away meanwhile is not missed.
            let Some((schema, identities, record)) = read else {
                continue;
            };
            if !declared {
                page.schema(&schema)?;
                declared = true;
            }
            write(page, key, record).await?;
            for identity in identities {
                page.identity(identity)?;
            }
            tokio::task::yield_now().await;
            if page.is_full() && n + 1 < keys.len() {
                next = Some(Cursor::encode(step.collection(), key)?);
                break;
            }
        }
        self.system.inside().switches.deliver()?;
        Ok(next)
    }

    async fn erase(&self, step: &Step) -> Result<Erased, ConnectorError> {
        let _running = self.enter(Call::Erase).await?;
        let after = self.begin(step)?;
        let keys = self.keys(step, after.as_deref());
        let batch = &keys[..keys.len().min(step.max_records().get() as usize)];
        let mut tally = Tally::new();
        for key in batch {
            if let Ok(table) = self.system.inside().table(step.collection().as_str()) {
                count(&mut tally, table.erase(step.subject(), key));
            }
            tokio::task::yield_now().await;
        }
        let erased = match batch.last() {
            Some(last) if keys.len() > batch.len() => {
                Erased::more(tally, Cursor::encode(step.collection(), last)?)
            }
            _ => Erased::done(tally),
        };
        self.system.inside().switches.deliver()?;
        Ok(erased)
    }
}

fn count(tally: &mut Tally, classified: Result<Disposition, ErrorKind>) {
    match classified {
        Ok(disposition) => tally.count(&disposition, 1),
        Err(kind) => tally.fail(kind, 1),
    }
}

async fn write(page: &mut PageWriter<'_>, key: &str, record: Record) -> Result<(), ConnectorError> {
    if !page.wants_records() {
        return Ok(());
    }
    if record.unreadable {
        let error = ConnectorError::new(ErrorKind::Unavailable, "the record cannot be read");
        return page.missing(key.to_owned(), error);
    }
    page.record(&Value::Object(record.fields)).await?;
    for (attachment, bytes) in record.files {
        let pieces: Vec<Result<Bytes, ConnectorError>> = bytes
            .chunks(MemoryConnector::FILE_PIECE_BYTES)
            .map(|piece| Ok(bytes.slice_ref(piece)))
            .collect();
        page.attachment(attachment, Box::pin(stream::iter(pieces)))
            .await?;
    }
    Ok(())
}

/// A call that runs; it stops running when its future ends or is dropped.
struct Running<'a>(&'a MemorySystem);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.inside().switches.calls.running -= 1;
    }
}
