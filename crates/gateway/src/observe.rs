//! Showing how requests stand, as gauges.

use adieu_engine::EngineError;

use crate::gateway::Gateway;

impl Gateway {
    /// Sets the gauges of how many requests stand where, how old they are and how long there is to answer them. A worker does
    /// it every minute; every node shows the same.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn observe(&self) -> Result<(), EngineError> {
        let now = self.inner.clock.now();
        for standing in self.inner.engine.census().await? {
            let status = standing.status.as_str();
            metrics::gauge!("adieu_requests", "status" => status).set(standing.requests as f64);
            metrics::gauge!("adieu_requests_overdue", "status" => status)
                .set(standing.overdue as f64);
            let age = standing
                .oldest
                .map_or(0.0, |oldest| now.duration_since(oldest).as_secs_f64());
            metrics::gauge!("adieu_requests_oldest_age_seconds", "status" => status).set(age);
            // Where there is none to answer, there is no time to show.
            let left = standing
                .first_due
                .map_or(f64::INFINITY, |due| due.duration_since(now).as_secs_f64());
            metrics::gauge!("adieu_requests_due_in_seconds", "status" => status).set(left);
        }
        Ok(())
    }
}
