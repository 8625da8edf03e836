//! Counting requests in the tables.

use jiff::Timestamp;
use sqlx::Row as _;

use super::Store;
use super::rows::to_timestamp;
use crate::census::Standing;
use crate::error::EngineError;
use crate::request::Status;

impl Store {
    pub(crate) async fn standing(
        &self,
        status: Status,
        now: Timestamp,
    ) -> Result<Standing, EngineError> {
        let row = sqlx::query(
            "SELECT count(*) AS requests, min(created_at) AS oldest, min(due_at) AS first_due,
                 count(*) FILTER (WHERE due_at < ?1) AS overdue
             FROM adieu_request WHERE status = ?2",
        )
        .bind(now.as_millisecond())
        .bind(status.as_str())
        .fetch_one(&self.reader)
        .await?;
        let at = |column: &str| {
            row.get::<Option<i64>, _>(column)
                .map(to_timestamp)
                .transpose()
        };
        Ok(Standing {
            status,
            requests: row.get::<i64, _>("requests").cast_unsigned(),
            oldest: at("oldest")?,
            first_due: at("first_due")?,
            overdue: row.get::<i64, _>("overdue").cast_unsigned(),
        })
    }
}
