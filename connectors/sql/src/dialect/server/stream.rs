//! Rows as they come, read by a task of their own that is at most a few batches ahead.

use adieu_core::ConnectorError;
use futures_util::TryStreamExt;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use super::Server;
use super::session::ServerSession;
use crate::dialect::session::{BATCHES_IN_FLIGHT, MAX_BATCH_BYTES};
use crate::dialect::{Batch, Session, Sql};

/// Rows as they come. Dropping it ends the query.
pub(crate) struct ServerStream {
    batches: mpsc::Receiver<Result<Batch, ConnectorError>>,
    task: AbortHandle,
    session: Option<oneshot::Receiver<Session>>,
}

impl ServerStream {
    /// What a task of its own sends.
    #[cfg(feature = "d1")]
    pub(crate) fn new(
        batches: mpsc::Receiver<Result<Batch, ConnectorError>>,
        task: AbortHandle,
    ) -> Self {
        Self {
            batches,
            task,
            session: None,
        }
    }

    /// Sends a query.
    pub(super) fn start<S: Server>(
        mut session: ServerSession<S>,
        sql: Sql,
        width: usize,
        batch_rows: usize,
        back: fn(ServerSession<S>) -> Session,
    ) -> Self {
        let (sender, batches) = mpsc::channel(BATCHES_IN_FLIGHT);
        let (ended, waiting) = oneshot::channel();
        let task = tokio::spawn(async move {
            let sent = session.send_batches(sql, width, batch_rows, &sender).await;
            // The reader has gone when these fail.
            match sent {
                Ok(()) => drop(ended.send(back(session))),
                Err(error) => drop(sender.send(Err(error)).await),
            }
        });
        Self {
            batches,
            task: task.abort_handle(),
            session: Some(waiting),
        }
    }

    /// The next rows; `None` after the last ones.
    pub(crate) async fn next(&mut self) -> Option<Result<Batch, ConnectorError>> {
        self.batches.recv().await
    }

    /// After the last rows: the session that the query was sent in.
    pub(crate) async fn session(&mut self) -> Option<Session> {
        self.session.take()?.await.ok()
    }
}

impl Drop for ServerStream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<S: Server> ServerSession<S> {
    async fn send_batches(
        &mut self,
        sql: Sql,
        width: usize,
        batch_rows: usize,
        sender: &mpsc::Sender<Result<Batch, ConnectorError>>,
    ) -> Result<(), ConnectorError> {
        let connection = self.begin_call()?;
        let send = async {
            let mut rows = S::fetch(connection, sql);
            let (mut batch, mut scratch) = (Batch::new(width), S::Scratch::default());
            while let Some(row) = rows.try_next().await? {
                S::push_row(&mut batch, &row, width, &mut scratch)?;
                if batch.len() >= batch_rows || batch.size_bytes() >= MAX_BATCH_BYTES {
                    let empty = batch.as_roomy();
                    let full = std::mem::replace(&mut batch, empty);
                    if sender.send(Ok(full)).await.is_err() {
                        return Ok(false);
                    }
                }
            }
            if batch.len() > 0 {
                let _ = sender.send(Ok(batch)).await;
            }
            Ok(true)
        };
        match send.await {
            // With rows still under way the connection is of no more use.
            Ok(false) => Ok(()),
            sent => self.end_call(sent.map(|_| ())),
        }
    }
}
