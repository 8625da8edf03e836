//! How a request gets on, for a person who watches: one line for each connector.

use std::collections::BTreeMap;
use std::time::Duration;

use adieu::engine::{Event, Happening};
use adieu::{Engine, RequestId};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::sync::{broadcast, oneshot};
use tokio::task::JoinHandle;

use crate::table::number;

/// Lines on the terminal that follow a request.
#[derive(Debug)]
pub(crate) struct Progress {
    stop: oneshot::Sender<()>,
    follower: JoinHandle<()>,
}

impl Progress {
    /// Follows a request from now on.
    pub(crate) fn follow(engine: &Engine, id: RequestId) -> Self {
        let lines = Lines::new(engine);
        let (stop, stopped) = oneshot::channel();
        let follower = tokio::spawn(follow(lines, id, engine.subscribe(), stopped));
        Self { stop, follower }
    }

    /// Clears the lines.
    pub(crate) async fn end(self) {
        drop(self.stop);
        let _ = self.follower.await;
    }
}

async fn follow(
    mut lines: Lines,
    id: RequestId,
    mut events: broadcast::Receiver<Event>,
    mut stopped: oneshot::Receiver<()>,
) {
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Ok(event) if event.request == id => lines.tell(&event.what),
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => break,
            },
            _ = &mut stopped => break,
        }
    }
    let _ = lines.all.clear();
}

struct Lines {
    all: MultiProgress,
    lines: BTreeMap<String, Line>,
}

struct Line {
    bar: ProgressBar,
    /// Records by collection, and whether it is done.
    collections: BTreeMap<String, (u64, bool)>,
    of: usize,
}

impl Lines {
    fn new(engine: &Engine) -> Self {
        let all = MultiProgress::new();
        let width = engine
            .descriptors()
            .map(|one| one.name.as_str().len())
            .max()
            .unwrap_or(0);
        let lines = engine
            .descriptors()
            .map(|descriptor| {
                let bar = all.add(ProgressBar::new_spinner());
                if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix}  {msg}") {
                    bar.set_style(style);
                }
                bar.set_prefix(format!("{:width$}", descriptor.name.as_str()));
                bar.set_message("looking");
                bar.enable_steady_tick(Duration::from_millis(100));
                let line = Line {
                    bar,
                    collections: BTreeMap::new(),
                    of: descriptor.collections.len(),
                };
                (descriptor.name.to_string(), line)
            })
            .collect();
        Self { all, lines }
    }

    fn tell(&mut self, what: &Happening) {
        match what {
            Happening::Records {
                connector,
                collection,
                records,
                done,
            } => {
                if let Some(line) = self.lines.get_mut(connector.as_str()) {
                    line.collections
                        .insert(collection.to_string(), (*records, *done));
                    line.show();
                }
            }
            Happening::StepFailed {
                connector,
                collection,
                reason,
            } => {
                if let Some(line) = self.lines.get(connector.as_str()) {
                    line.bar.set_message(format!("{collection}: {reason}"));
                }
            }
            Happening::Verified => {
                for line in self.lines.values() {
                    line.bar.set_message("verified");
                }
            }
            _ => {}
        }
    }
}

impl Line {
    fn show(&self) {
        let records: u64 = self.collections.values().map(|(records, _)| records).sum();
        let done = self.collections.values().filter(|(_, done)| *done).count();
        let message = format!(
            "{} records, {done} of {} collections",
            number(records),
            self.of
        );
        self.bar.set_message(message);
    }
}
