//! Leads: the list, its queries, and what people change.

mod changes;
mod contract;
mod erasure;
mod lists;
mod queries;
mod statuses;
