//! The gateway that a configuration file describes, and carrying a request on in it.

use std::path::PathBuf;
use std::time::Duration;

use adieu::{Config, Engine, Request, RequestId};
use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Failure;
use crate::progress::Progress;
use crate::terminal::Terminal;

/// Which configuration.
#[derive(Args, Clone, Debug)]
pub(crate) struct ConfigArgument {
    /// The configuration file.
    #[arg(long, short, value_name = "FILE", default_value = "adieu.toml")]
    pub(crate) config: PathBuf,
}

/// How long a person waits for a system that asked to be called again later.
const PATIENCE: Duration = Duration::from_secs(120);

impl ConfigArgument {
    pub(crate) fn read(&self) -> Result<Config, Failure> {
        let mut config = Config::from_file(&self.config)?;
        // A person waits: a few quick attempts, and then the request ends with exceptions and can be resumed.
        config.requests.retry.give_up_after_hours = 0;
        Ok(config)
    }

    pub(crate) async fn open(&self) -> Result<(Config, Engine), Failure> {
        let config = self.read()?;
        let engine = config.engine().await?;
        Ok((config, engine))
    }
}

/// Ctrl-C, heard from the moment it is made: before a request is written down, so that no interruption of one goes unsaid.
#[derive(Debug)]
pub(crate) struct Interrupt(Signal);

impl Interrupt {
    pub(crate) fn listen() -> Result<Self, Failure> {
        signal(SignalKind::interrupt())
            .map(Self)
            .map_err(|error| Failure::Fault(format!("signals cannot be heard ({})", error.kind())))
    }

    /// Waits for it.
    pub(crate) async fn comes(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// Carries a request on until it ends or has to wait, and shows how it gets on.
pub(crate) async fn carry_on(
    engine: &Engine,
    id: RequestId,
    interrupt: &mut Interrupt,
    terminal: &Terminal,
) -> Result<Request, Failure> {
    let progress = terminal.is_watched().then(|| Progress::follow(engine, id));
    let done = tokio::select! {
        done = engine.run(id, PATIENCE) => done.map_err(Failure::from),
        () = interrupt.comes() => Err(Failure::Interrupted(id)),
    };
    if let Some(progress) = progress {
        progress.end().await;
    }
    done
}
