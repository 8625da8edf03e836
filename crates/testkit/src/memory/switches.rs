//! What a test can do to a system while it runs, and what it can count.

use std::collections::BTreeMap;
use std::time::Duration;

use adieu_core::{CollectionName, ConnectorError, Effect, ErrorKind};
use tokio::sync::watch;

use crate::dice::Dice;

/// How often a system was called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Calls of `check`.
    pub check: u64,
    /// Calls of `survey`.
    pub survey: u64,
    /// Calls of `export`.
    pub export: u64,
    /// Calls of `erase`.
    pub erase: u64,
    /// How many calls run now.
    pub running: u64,
    /// How many calls ran at once, at most.
    pub most_at_once: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Call {
    Check,
    Survey,
    Export,
    Erase,
}

pub(super) struct Switches {
    pub(super) calls: Calls,
    pub(super) unavailable: bool,
    pub(super) failing: BTreeMap<CollectionName, (ErrorKind, u64)>,
    pub(super) answers_to_lose: u64,
    pub(super) open: watch::Sender<bool>,
    latency: Option<(Duration, Duration, Dice)>,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            calls: Calls::default(),
            unavailable: false,
            failing: BTreeMap::new(),
            answers_to_lose: 0,
            open: watch::Sender::new(true),
            latency: None,
        }
    }
}

impl Switches {
    pub(super) fn count(&mut self, call: Call) {
        let calls = &mut self.calls;
        match call {
            Call::Check => calls.check += 1,
            Call::Survey => calls.survey += 1,
            Call::Export => calls.export += 1,
            Call::Erase => calls.erase += 1,
        }
        calls.running += 1;
        calls.most_at_once = calls.most_at_once.max(calls.running);
    }

    pub(super) fn set_latency(&mut self, least: Duration, most: Duration, seed: u64) {
        self.latency = (!most.is_zero()).then(|| (least, most.max(least), Dice::new(seed)));
    }

    /// How long the next call takes.
    pub(super) fn latency(&mut self) -> Option<Duration> {
        let (least, most, dice) = self.latency.as_mut()?;
        let spread = u64::try_from((*most - *least).as_micros()).unwrap_or(u64::MAX);
        Some(*least + Duration::from_micros(dice.below(spread.saturating_add(1))))
    }

    /// Whether the system answers at all.
    pub(super) fn available(&self) -> Result<(), ConnectorError> {
        if self.unavailable {
            return Err(ConnectorError::new(
                ErrorKind::Unavailable,
                "the system in memory is switched off",
            ));
        }
        Ok(())
    }

    /// Whether this collection fails now; counts the failure.
    pub(super) fn working(&mut self, collection: &CollectionName) -> Result<(), ConnectorError> {
        let Some((kind, times)) = self.failing.get_mut(collection) else {
            return Ok(());
        };
        let error = ConnectorError::new(*kind, "the collection in memory is switched to fail");
        *times = times.saturating_sub(1);
        if *times == 0 {
            self.failing.remove(collection);
        }
        Err(error)
    }

    /// Whether the answer to a step that is done gets lost.
    pub(super) fn deliver(&mut self) -> Result<(), ConnectorError> {
        if self.answers_to_lose == 0 {
            return Ok(());
        }
        self.answers_to_lose -= 1;
        Err(ConnectorError::new(
            ErrorKind::TimedOut,
            "the answer of the system in memory was lost",
        )
        .effect(Effect::Unknown))
    }
}
