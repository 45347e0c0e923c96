//! The Lambda functions: translation between AWS's events and the domains, and nothing else.

mod boot;
#[cfg(test)]
mod captured;
pub mod douyin;
pub mod http;
pub mod moments;
pub mod sweeper;
pub mod worker;
