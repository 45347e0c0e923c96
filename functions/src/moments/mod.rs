//! WeChat Moments publishing: one function per file. Each has an `App` with what its requests share, and a `handle`.

pub mod gateway_webhook;
pub mod health_checker;
mod management;
pub mod moment_sync;
pub mod moment_task;
pub mod moment_task_cancel;
pub mod moment_task_retry;
pub mod moment_task_update;
pub mod moment_tasks;
mod problem;
pub mod publisher;
mod view;
pub mod wechat_account_connect;
pub mod wechat_account_disconnect;
pub mod wechat_accounts;
