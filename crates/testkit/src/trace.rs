//! Everything that a test says through `tracing`, to look for what must not be said.

use std::cell::RefCell;
use std::fmt::{Debug, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::{Layer, Registry};

/// Below these a trace is a dump of bytes on the wire: nobody turns it on with real people's data.
const WIRE: [&str; 7] = [
    "h2",
    "hyper",
    "hyper_util",
    "mio",
    "reqwest",
    "rustls",
    "tokio",
];

/// What spans and events of every level held, one line for each.
#[derive(Clone, Default)]
pub(crate) struct Said {
    lines: Arc<Mutex<Vec<String>>>,
    muted: Arc<AtomicBool>,
}

impl Said {
    /// Listens on this thread until the guard is dropped.
    pub(crate) fn listen(&self) -> DefaultGuard {
        tracing::subscriber::set_default(Registry::default().with(self.clone()))
    }

    /// Listens on this thread until it ends.
    pub(crate) fn listen_for_good(&self) {
        thread_local!(static GUARD: RefCell<Option<DefaultGuard>> = const { RefCell::new(None) });
        let guard = self.listen();
        GUARD.with(|held| *held.borrow_mut() = Some(guard));
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Stops or goes on listening.
    pub(crate) fn mute(&self, muted: bool) {
        self.muted.store(muted, Ordering::SeqCst);
    }

    fn note(&self, metadata: &Metadata<'_>, record: impl FnOnce(&mut Line)) {
        if self.muted.load(Ordering::SeqCst) {
            return;
        }
        if *metadata.level() == Level::TRACE {
            let target = metadata.target();
            if WIRE
                .iter()
                .any(|wire| target.split("::").next() == Some(wire))
            {
                return;
            }
        }
        let mut line = Line(format!("{} {}:", metadata.target(), metadata.name()));
        record(&mut line);
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line.0);
    }
}

impl<S: Subscriber> Layer<S> for Said
where
    S: for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        self.note(attributes.metadata(), |line| attributes.record(line));
    }

    fn on_record(&self, span: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(span) {
            self.note(span.metadata(), |line| values.record(line));
        }
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.note(event.metadata(), |line| event.record(line));
    }
}

struct Line(String);

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = write!(self.0, " {field}={value}");
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_events_and_late_fields_are_heard() {
        let said = Said::default();
        let guard = said.listen();
        let span = tracing::trace_span!("page", of = "ada", late = tracing::field::Empty);
        span.record("late", "byron");
        span.in_scope(|| tracing::debug!(who = ?"lovelace", "read {}", "augusta"));
        drop(guard);
        tracing::error!("nobody listens any more");
        let said = said.lines().join("\n");
        for word in ["ada", "byron", "lovelace", "augusta"] {
            assert!(said.contains(word), "{word} is missing in {said}");
        }
        assert!(!said.contains("any more"));
    }
}
