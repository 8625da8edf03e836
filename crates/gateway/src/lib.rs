#![doc = include_str!("../README.md")]

mod api;
mod body;
mod builder;
mod future;
mod gateway;
mod guard;
mod layer;
mod observe;
mod page;
mod pass;
mod plan_token;
mod problem;
mod rate;
mod readers;
mod route;
mod sending;
mod service;
mod worker;

pub use body::{BrokenOff, ResponseBody};
pub use builder::{GatewayBuilder, Limits, SetupError, is_prefix};
pub use future::ResponseFuture;
pub use gateway::Gateway;
pub use guard::{ErasedGuard, ErasedGuardFuture, ErasedGuardLayer};
pub use layer::GatewayLayer;
pub use page::PageConfig;
pub use service::GatewayService;
pub use worker::{Worker, WorkerOptions};
