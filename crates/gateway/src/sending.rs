//! Exports that are being sent directly: how many of each person, on this node.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::rate::Caller;

/// Counts the exports that are being sent.
#[derive(Clone, Default)]
pub(crate) struct Sending(Arc<Mutex<HashMap<Caller, usize>>>);

/// One export that is being sent, as long as this lives.
pub(crate) struct BeingSent {
    all: Sending,
    caller: Caller,
}

impl Sending {
    /// How many of this person's are being sent.
    pub(crate) fn count(&self, caller: Caller) -> usize {
        self.lock().get(&caller).copied().unwrap_or_default()
    }

    pub(crate) fn begin(&self, caller: Caller) -> BeingSent {
        *self.lock().entry(caller).or_default() += 1;
        BeingSent {
            all: self.clone(),
            caller,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Caller, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for BeingSent {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        if let Some(count) = all.get_mut(&self.caller) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.caller);
            }
        }
    }
}
