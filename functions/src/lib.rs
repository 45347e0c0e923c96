//! The Lambda functions: translation between AWS's events and the domains, and nothing else.

mod boot;
#[cfg(test)]
mod captured;
pub mod catalog;
pub mod http;
pub mod routes;
mod task_management;
mod views;
pub mod worker;
pub mod workers;
