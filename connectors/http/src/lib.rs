#![doc = include_str!("../README.md")]

mod api;
mod body;
mod classify;
mod config;
mod connector;
mod erase;
mod export;
mod job;
mod page;
mod path;
mod plan;
mod position;
mod source;
mod survey;
mod template;

pub use config::{
    AboutConfig, AuthConfig, BasicConfig, CheckConfig, CollectionConfig, ConfirmConfig,
    ContentConfig, Entry, EraseConfig, FindConfig, GetConfig, HeaderConfig, HttpConnectorConfig,
    JobConfig, KeepConfig, LaterConfig, ListedConfig, NextConfig, OauthConfig, ServerConfig,
    ServiceAccountConfig, SettingHelp, SignConfig, catalogue, entry,
};
pub use connector::HttpConnector;
