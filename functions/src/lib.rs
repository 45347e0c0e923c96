//! The Lambda functions: translation between AWS's events and the domains, and nothing else.

pub mod catalog;
pub mod http;
#[cfg(test)]
mod log_capture;
#[cfg(feature = "openapi")]
pub mod openapi;
mod post_request;
pub mod routes;
mod runtime;
mod task_management;
mod views;
pub mod worker;
pub mod workers;
