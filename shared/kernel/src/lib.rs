//! What both domains stand on and which knows neither: configuration, errors, time, ids, the caller, AWS clients, the
//! token vault and queues; and the mechanics of writing, once each: transactions with named conditions
//! ([`transaction`]), trying again ([`retry`]), leases ([`lease`]), and the index of what is due ([`due`]).
//!
//! Arrows point here and never away: `functions → leads | moments → kernel`.

#![warn(missing_docs)]

pub mod advice;
pub mod audit;
pub mod aws;
pub mod bucket;
pub mod caller;
pub mod clock;
pub mod config;
mod conflict;
pub mod context;
pub mod crypto;
pub mod deadline;
pub mod due;
pub mod dynamo;
pub mod error;
pub mod events;
pub mod fifo_queue;
pub mod idempotency;
pub mod ids;
pub mod instant;
pub mod joint_read;
pub mod jwks;
pub mod jwt;
pub mod lease;
pub mod lenient;
pub mod metrics;
pub mod page;
pub mod platform_http;
pub mod platform_secret;
pub mod public_http;
pub mod queue;
pub mod retry;
pub mod rfc3339;
pub mod round;
pub mod schedule;
pub mod sdk_http;
pub mod telemetry;
pub mod text;
pub mod trace;
pub mod transaction;
mod trust;
pub mod vault;

pub use clock::Clock;
pub use context::Context;
pub use error::{Error, FieldProblem, IsContention, Result};
