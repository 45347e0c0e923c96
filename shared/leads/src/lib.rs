//! Douyin lead acquisition: authorise an account, keep its tokens, sync its fans into leads, list and work the leads.
//!
//! Inside: the platform client ([`douyin`]: wire types in, domain errors out) ← [`store`] (one aggregate per file) ←
//! the use cases. A use case takes its collaborators once, at init.

pub mod accounts;
pub mod audit;
pub mod authorize;
pub mod binding;
pub mod browser;
pub mod config;
pub mod confirm;
pub mod data_deletion;
pub mod douyin;
pub mod error;
pub mod events;
pub mod fan_sync;
pub mod ids;
pub mod lead_edit;
pub mod lead_erase;
pub mod lead_export;
pub mod lead_link;
pub mod lead_list;
pub mod lead_merge;
mod repeated_return;
pub mod retention;
pub mod search;
pub mod store;
pub mod suppression;
pub mod tokens;
pub mod webhook;

pub use error::{AuthorizationProblem, Error, Result};
pub use store::Stores;
