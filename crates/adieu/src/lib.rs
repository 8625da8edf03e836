#![doc = include_str!("../README.md")]

#[cfg(feature = "object-storage")]
mod archives;
mod builder;
#[cfg_attr(
    not(any(
        feature = "analytics",
        feature = "billing",
        feature = "email",
        feature = "http",
        feature = "object-storage",
        feature = "remote",
        feature = "sql"
    )),
    allow(
        dead_code,
        unused_variables,
        unused_imports,
        reason = "there is no connector to configure"
    )
)]
pub mod config;
#[cfg(feature = "key-url")]
mod key_url;
#[cfg(feature = "server")]
pub mod server;

#[cfg(feature = "analytics")]
pub use adieu_analytics as analytics;
pub use adieu_archive as archive;
#[cfg(feature = "auth")]
pub use adieu_auth as auth;
#[cfg(feature = "billing")]
pub use adieu_billing as billing;
pub use adieu_core as core;
#[cfg(feature = "email")]
pub use adieu_email as email;
pub use adieu_engine as engine;
#[cfg(feature = "gateway")]
pub use adieu_gateway as gateway;
#[cfg(feature = "http")]
pub use adieu_http as http;
#[cfg(feature = "notices")]
pub use adieu_notices as notices;
#[cfg(feature = "object-storage")]
pub use adieu_object_storage as object_storage;
#[cfg(feature = "remote")]
pub use adieu_remote as remote;
#[cfg(feature = "sql")]
pub use adieu_sql as sql;

pub use adieu_archive::Format;
pub use adieu_core::{Connector, Identity, Subject, Tenant};
pub use adieu_engine::{
    Engine, EngineError, MasterKey, NewRequest, Options, Request, RequestId, Status,
};

#[cfg(feature = "object-storage")]
pub use archives::ArchivesConfig;
pub use builder::Builder;
pub use config::{Config, ConfigError, SetupError};
#[cfg(feature = "key-url")]
pub use key_url::HttpKeyFetcher;
