//! Creating a task: what is accepted and what is refused.

mod accounts;
mod addresses;
mod body;
mod content;
mod contract;
mod idempotency;
mod library;
mod media;
mod time;
mod validation;
