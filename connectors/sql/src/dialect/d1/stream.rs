//! Rows as they come: page after page, each no larger than an answer may be.

use adieu_core::{ConnectorError, ErrorKind};
use tokio::sync::mpsc;

use super::D1Session;
use crate::dialect::server::ServerStream;
use crate::dialect::session::BATCHES_IN_FLIGHT;
use crate::dialect::{Batch, Row};
use crate::walk::Walk;

/// How many rows the first page asks for: a row may have two million bytes.
const FIRST_ROWS: u32 = 8;
/// How many rows a page asks for at most.
const MAX_ROWS: u32 = 2_000;
/// How many bytes a page should bring.
const PAGE_BYTES: usize = 1024 * 1024;

impl D1Session {
    /// Goes through the rows of a walk and lets them be read as they come.
    pub(crate) fn stream(self, walk: Walk, width: usize) -> ServerStream {
        let (sender, batches) = mpsc::channel(BATCHES_IN_FLIGHT);
        let task = tokio::spawn(async move {
            let mut pages = Pages::of(self, walk, width);
            while let Some(page) = pages.next().await.transpose() {
                let failed = page.is_err();
                // The reader has gone when this fails.
                if sender.send(page).await.is_err() || failed {
                    break;
                }
            }
        });
        ServerStream::new(batches, task.abort_handle())
    }

    /// Hands each row of a walk to `visit`, which adds it to `start`.
    pub(crate) async fn visit<T, V>(
        &mut self,
        walk: Walk,
        width: usize,
        start: T,
        mut visit: V,
    ) -> Result<T, ConnectorError>
    where
        V: FnMut(&mut T, Row<'_>),
    {
        let mut folded = start;
        let mut pages = Pages::of(self.clone(), walk, width);
        while let Some(page) = pages.next().await? {
            (0..page.len()).for_each(|index| visit(&mut folded, page.row(index)));
        }
        Ok(folded)
    }
}

/// The pages of a walk.
struct Pages {
    session: D1Session,
    walk: Walk,
    width: usize,
    /// How many rows the next page asks for.
    rows: u32,
    ended: bool,
}

impl Pages {
    fn of(session: D1Session, walk: Walk, width: usize) -> Self {
        Self {
            session,
            walk,
            width,
            rows: FIRST_ROWS,
            ended: false,
        }
    }

    /// The next page; `None` after the last one. What is too large for one answer is asked for in smaller parts.
    async fn next(&mut self) -> Result<Option<Batch>, ConnectorError> {
        if self.ended {
            return Ok(None);
        }
        let page = loop {
            let query = self.walk.page(self.rows)?;
            match self.session.query(&query, self.width).await {
                Err(error) if error.kind() == ErrorKind::Protocol && self.rows > 1 => {
                    self.rows = (self.rows / 4).max(1);
                }
                answered => break answered?,
            }
        };
        self.ended = page.len() < self.rows as usize;
        if let Some(last) = page.len().checked_sub(1) {
            self.walk.go_on_after(page.row(last));
        }
        let bytes_a_row = (page.size_bytes() / page.len().max(1)).max(64);
        let fitting = u32::try_from(PAGE_BYTES / bytes_a_row).unwrap_or(MAX_ROWS);
        self.rows = fitting.clamp(1, self.rows.saturating_mul(8).min(MAX_ROWS));
        Ok((page.len() > 0).then_some(page))
    }
}
