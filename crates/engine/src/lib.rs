#![doc = include_str!("../README.md")]

mod advance;
mod aftermath;
mod approve;
mod archives;
mod audit;
mod call;
mod census;
mod clock;
mod direct;
mod discover;
mod engine;
mod erase;
mod error;
mod export;
mod extend;
mod finish;
mod hold;
mod host;
mod keys;
mod ledger;
mod notice;
mod phases;
mod plan;
mod progress;
mod queue;
pub mod receipt;
mod request;
mod state;
mod step_key;
mod store;
mod survey;
mod teller;
mod work;

pub use advance::Advance;
pub use approve::Refusal;
pub use audit::AuditEntry;
pub use call::RetryPolicy;
pub use census::Standing;
pub use clock::{Clock, SystemClock};
pub use direct::{DirectExport, ExportBrokeOff};
pub use engine::{Engine, Options};
pub use error::{EngineError, Unanswered};
pub use extend::{Extension, ExtensionReason};
pub use hold::{Hold, HoldId};
pub use host::Search;
pub use keys::MasterKey;
pub use notice::{Courier, Notice, Occasion};
pub use plan::{Plan, Unreached};
pub use progress::{Event, Happening};
pub use request::{
    ConnectorProgress, Deadline, Exception, Kind, NewRequest, Request, RequestId, Status,
};
pub use store::Store;
pub use survey::{CollectionPreview, ConnectorPreview, Preview};
