//! Learning a subject's identities from a connector.

use adieu_core::{Collection, Connector, ConnectorError, Step, StepKey, Subject};

use crate::collector::Collector;

/// Reads every collection that yields identities until nothing new is learnt, and returns the subject with what was
/// learnt.
///
/// Records are not asked for, only identities: the way a gateway discovers.
///
/// # Errors
/// When a collection cannot be read.
pub async fn discover(
    connector: &dyn Connector,
    mut subject: Subject,
) -> Result<Subject, ConnectorError> {
    loop {
        let mut learnt = false;
        let known = subject.clone();
        for collection in connector
            .descriptor()
            .collections
            .iter()
            .filter(|c| yields(c, &known))
        {
            let mut collector = Collector::new(collection).identities_alone();
            let key = StepKey::new(format!("discover-{}", known.identities().len()));
            let first = Step::new(known.clone(), collection.name.clone(), key);
            collector.export_all(connector, first).await?;
            for identity in collector.identities() {
                learnt |= subject.learn(identity.clone());
            }
        }
        if !learnt {
            return Ok(subject);
        }
    }
}

fn yields(collection: &Collection, subject: &Subject) -> bool {
    !collection.yields.is_empty()
        && collection.export.is_offered()
        && collection.is_reached_by(subject)
}
