//! How the program ends.

use std::process::ExitCode;

use adieu::engine::EngineError;
use adieu::{ConfigError, RequestId, SetupError, Status};

/// The exit codes, as `--help` prints them.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    a fault of adieu itself, or of the machine it runs on
  2    the command line or the configuration is wrong
  3    completed with exceptions: something could not be done, and can be resumed
  4    blocked, or not confirmed with --yes; nothing was erased
  5    failed: nothing was done, or what was to be verified does not hold
  6    not finished yet; it goes on with `adieu resume`
  130  interrupted; the request is kept, but for a direct export";

/// How a command ended that could be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    Done = 0,
    Exceptions = 3,
    Blocked = 4,
    Failed = 5,
    Unfinished = 6,
}

impl Exit {
    /// How a command ends that left a request in this status.
    pub(crate) fn of(status: Status) -> Self {
        match status {
            Status::Completed | Status::Cancelled | Status::Expired | Status::Scheduled => {
                Self::Done
            }
            Status::CompletedWithExceptions => Self::Exceptions,
            Status::Blocked => Self::Blocked,
            Status::Failed => Self::Failed,
            _ => Self::Unfinished,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command could not be carried out.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line asks for what cannot be.
    Usage(String),
    Config(ConfigError),
    Engine(EngineError),
    /// The machine, or adieu.
    Fault(String),
    /// A person pressed Ctrl-C.
    Interrupted(RequestId),
    /// The same while nothing was to be kept.
    BrokenOff,
}

impl Failure {
    pub(crate) fn exit(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Usage(_) | Self::Config(_) => 2,
            Self::Engine(EngineError::Config(_) | EngineError::NotFound) => 2,
            Self::Engine(EngineError::Conflict(_)) => 5,
            Self::Engine(_) | Self::Fault(_) => 1,
            Self::Interrupted(_) | Self::BrokenOff => 130,
        })
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Usage(text) | Self::Fault(text) => f.write_str(text),
            Self::Config(error) => {
                let count = error.mistakes().len();
                match count {
                    0 => {}
                    1 => writeln!(f, "the configuration has a mistake:")?,
                    _ => writeln!(f, "the configuration has {count} mistakes:")?,
                }
                error.fmt(f)
            }
            Self::Engine(error) => error.fmt(f),
            Self::Interrupted(id) => write!(
                f,
                "interrupted. The request is kept, and what is done stays done.\nGo on with: adieu resume {id}"
            ),
            Self::BrokenOff => {
                f.write_str("interrupted. A direct export keeps nothing, so nothing is left of it")
            }
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

impl From<SetupError> for Failure {
    fn from(error: SetupError) -> Self {
        match error {
            SetupError::Config(error) => Self::Config(error),
            SetupError::Engine(error) => Self::Engine(error),
            other => Self::Fault(other.to_string()),
        }
    }
}
