//! Douyin lead acquisition: one function per file. Each has an `App` with what its requests share, and a `handle`.

pub mod account_delete;
pub mod accounts;
pub mod auth_callback;
pub mod auth_confirm;
pub mod auth_url;
mod browser_cookie;
pub mod fan_sync_worker;
pub mod fans_sync;
pub mod fans_sync_task;
pub mod lead;
pub mod lead_update;
pub mod leads;
mod problem;
pub mod token_keeper;
mod view;
pub mod webhook;
