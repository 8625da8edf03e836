//! Being told to stop.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::exit::Failure;

/// Whether SIGTERM or SIGINT (Ctrl-C) has come. Clones are told of the same one.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    requested: watch::Receiver<bool>,
}

impl Stop {
    /// Listens to the signals. The first asks to stop; a second ends the program at once, as a kill would.
    pub(crate) fn on_signals() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|error| {
                Failure::Fault(format!("signals cannot be heard ({})", error.kind()))
            })
        };
        let mut terminate = listen(SignalKind::terminate())?;
        let mut interrupt = listen(SignalKind::interrupt())?;
        let (request, requested) = watch::channel(false);
        tokio::spawn(async move {
            for _ in 0..2 {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                if request.send_replace(true) {
                    std::process::exit(130);
                }
            }
        });
        Ok(Self { requested })
    }

    /// Waits until it is so.
    pub(crate) fn requested(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut requested = self.requested.clone();
        async move {
            let _ = requested.wait_for(|requested| *requested).await;
        }
    }
}
