//! The promises of the whole system, tested on the emulated AWS and the sandbox platforms: handlers called with the
//! sample events, workers driven message by message, time moved by hand. One test binary, so that everything links
//! once. The benchmarks stand on the same [`World`].
#![expect(clippy::disallowed_methods, reason = "test support talks to servers of its own on this machine")]
#![expect(
    clippy::indexing_slicing,
    reason = "test support: an answer of another shape than expected should stop the test there"
)]
#![cfg_attr(
    test,
    expect(clippy::large_futures, reason = "a test plays whole functions, and nobody pays for its stack")
)]

pub mod browser;
pub mod bucket;
pub mod call;
pub mod event;
pub mod lead_tables;
pub mod long_run;
pub mod moments;
pub mod proxy;
pub mod queue;
pub mod tables;
pub mod world;

#[cfg(test)]
mod api;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod described;
#[cfg(test)]
mod douyin;
#[cfg(test)]
mod events;
#[cfg(test)]
mod logged;
#[cfg(test)]
mod platform;
#[cfg(test)]
mod snapshot;
#[cfg(test)]
mod webhooks;

pub use browser::Browser;
pub use event::{Answer, Event};
pub use world::World;
