//! WeChat Moments publishing: connect accounts, make tasks, publish each exactly once, report the result per account.
//!
//! Inside: the provider clients ([`wecom`], [`gateway`], [`content`]: wire types in, domain errors out) ← [`store`]
//! (one aggregate per file) ← the use cases.

pub mod accounts;
pub mod audit;
pub mod config;
pub mod content;
pub mod error;
pub mod events;
pub mod gateway;
pub mod ids;
pub mod media;
pub mod media_storage;
mod pace;
pub mod provider;
pub mod publish;
mod publish_queue;
pub mod rules;
pub mod status;
pub mod store;
pub mod sweep;
pub mod task_records;
pub mod tasks;
pub mod text_check;
mod time;
pub mod wecom;

pub use error::{Error, Result};
pub use pace::Pace;
pub use store::Stores;
