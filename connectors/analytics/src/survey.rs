//! Counting what would be asked for: Google does not say whom it knows.

use adieu_core::{Connector as _, Disposition, Holding, Subject, Survey, Tally};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::connector::AnalyticsConnector;

pub(crate) fn survey(connector: &AnalyticsConnector, subject: &Subject) -> Survey {
    let mut survey = Survey::default();
    let reached = connector.descriptor().collections.iter();
    for collection in reached.filter(|collection| collection.is_reached_by(subject)) {
        let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
        let mut tally = Tally::new();
        let visitors = connector.kinds.visitors(subject).len();
        tally.count(&connector.disposition(today), visitors as u64);
        survey.holdings.push(Holding {
            collection: collection.name.clone(),
            tally: Ok(tally),
        });
    }
    survey
}

impl AnalyticsConnector {
    /// What happens to a visitor whose deletion is accepted on a day: asked by the survey and by the act.
    pub(crate) fn disposition(&self, accepted: Date) -> Disposition {
        let days = Span::new().days(i32::from(self.days));
        Disposition::Scheduled {
            by: accepted.checked_add(days).ok(),
        }
    }
}
