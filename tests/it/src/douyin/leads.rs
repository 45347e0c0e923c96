//! Leads: the list, its queries, and what people change.

mod account_data;
mod batch;
mod changes;
mod contract;
mod erasure;
mod export;
mod lists;
mod lives;
pub(crate) mod merges;
mod notes;
mod owners;
mod queries;
mod repair;
mod retention;
mod statuses;
mod tenant_data;
