//! The whole system on one machine: `cargo dev`.
//!
//! The pieces are of use to tests too: the emulated AWS ([`aws`]), `template.yaml` deployed on it ([`stack`]), and the
//! Python environment both run in ([`python`]). A test gets an account of its own in a few milliseconds:
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! let aws = local::aws::EmulatedAws::start(0, Default::default()).await?; // once for all tests
//! let template = local::stack::transform(&local::paths::workspace().join("template.yaml")).await?.data_plane();
//! let (account, _rules) = aws.new_account()?;
//! let config = aws.config(&account);
//! let stack = local::stack::deploy(&config, "test", &template, &Default::default()).await?;
//! # Ok(()) }
//! ```
#![expect(clippy::disallowed_methods, reason = "a tool for developers runs in real time and in their environment")]

pub mod aws;
pub mod cli;
mod console;
mod demo;
mod dev;
pub mod gateway;
mod generate;
pub mod iam;
mod identity;
pub mod lead_check;
mod page;
mod parent_watch;
pub mod paths;
mod port;
pub mod python;
pub mod record;
pub mod rows;
pub mod stack;
pub mod tenant_deletion;
pub mod token;
mod welcome;
