//! The API as an OpenAPI 3.1 document. What requests and answers look like is taken from the types that they are read as and
//! written from, what can go wrong from [`kernel::advice`]; only the words beside them are written here.
//!
//! The feature `openapi` brings this module. No function has it, so that nothing of it ships.
#![expect(
    clippy::indexing_slicing,
    reason = "JSON answers null for what it lacks, and what is set is an object made here"
)]

mod document;
mod examples;
mod failures;
mod fields;
mod leads;
mod moments;
mod operation;
mod parameters;
mod platform;
mod schemas;
mod webhooks;
mod words;

pub use document::{Samples, document};

use operation::Operation;
pub(crate) use parameters::{AuditAction, EventTypeName};

/// Every operation, by area.
fn operations() -> Vec<Operation> {
    let areas = [leads::operations(), moments::operations(), platform::operations(), webhooks::operations()];
    areas.into_iter().flatten().collect()
}
