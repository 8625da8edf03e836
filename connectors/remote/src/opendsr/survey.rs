//! Counting what is under way, and what would be asked for.

use adieu_core::{
    Connector as _, ConnectorError, Disposition, ErrorKind, Holding, Subject, Survey, Tally,
};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::connector::OpendsrConnector;
use super::processor::Newest;
use super::written::Status;

pub(super) async fn survey(connector: &OpendsrConnector, subject: &Subject) -> Survey {
    let mut survey = Survey::default();
    let reached = connector.descriptor().collections.iter();
    for collection in reached.filter(|collection| collection.is_reached_by(subject)) {
        survey.holdings.push(Holding {
            collection: collection.name.clone(),
            tally: count(connector, subject).await,
        });
    }
    survey
}

async fn count(connector: &OpendsrConnector, subject: &Subject) -> Result<Tally, ConnectorError> {
    let mut tally = Tally::new();
    for named in connector.names.of(subject) {
        let newest = connector.processor.newest(&connector.names, &named).await?;
        match connector.fate(&newest) {
            Fate::Done => {}
            Fate::Refused => tally.fail(ErrorKind::Forbidden, 1),
            Fate::UnderWay(disposition) | Fate::ToAsk(disposition) => tally.count(&disposition, 1),
        }
    }
    Ok(tally)
}

/// What is to be done about an identity: asked by the survey and by the act.
pub(super) enum Fate {
    /// Nobody has asked yet.
    ToAsk(Disposition),
    /// The processor is at it.
    UnderWay(Disposition),
    /// It has done what it was asked for.
    Done,
    /// It was taken back, so that nothing was done.
    Refused,
}

impl OpendsrConnector {
    pub(super) fn fate(&self, newest: &Newest) -> Fate {
        match newest.last {
            None => {
                let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
                let by = today.checked_add(Span::new().days(i32::from(self.days)));
                Fate::ToAsk(Disposition::Scheduled { by: by.ok() })
            }
            Some((Status::Pending | Status::InProgress, by)) => {
                Fate::UnderWay(Disposition::Scheduled { by: Some(by) })
            }
            Some((Status::Completed, _)) => Fate::Done,
            Some((Status::Cancelled, _)) => Fate::Refused,
        }
    }
}
