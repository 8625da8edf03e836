#![doc = include_str!("../README.md")]

mod config;
mod connector;
mod cursor;
mod decimal;
mod descriptor;
mod disposition;
mod error;
mod identity;
mod name;
mod page;
pub mod provider_json;
mod schema;
mod step;
mod subject;
mod survey;
mod tally;
mod value;

pub use async_trait::async_trait;

pub use config::{ConfigProblem, Secret, Setting};
pub use connector::{CONTRACT, Connector, Erased};
pub use cursor::Cursor;
pub use decimal::Number;
pub use descriptor::{
    Collection, Descriptor, LegalBasis, Limits, Need, Precedence, Processor, Support, Tells,
    Unreachable,
};
pub use disposition::{Disposition, Retention, RetentionBasis};
pub use error::{ConnectorError, Effect, ErrorKind, Retry};
pub use identity::{Identity, IdentityKind, IdentityValue};
pub use name::{CollectionName, ConnectorName, InvalidWord};
pub use page::{Attachment, Body, PageSink, PageWriter};
pub use schema::{Field, FieldType, Schema};
pub use step::{Step, StepKey};
pub use subject::{Subject, Tenant};
pub use survey::{Blocker, Holding, Survey};
pub use tally::{DateRange, Failed, Retained, Scheduled, Tally};
pub use value::FieldValue;
