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
pub mod call;
pub mod event;
pub mod moments;
pub mod proxy;
pub mod queue;
pub mod tables;
pub mod world;

#[cfg(test)]
mod authorization;
#[cfg(test)]
mod auto_sync;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod columns;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod lists;
#[cfg(test)]
mod moments_faults;
#[cfg(test)]
mod moments_story;
#[cfg(test)]
mod parity;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod rotation;
#[cfg(test)]
mod rounds;
#[cfg(test)]
mod snapshot;
#[cfg(test)]
mod story;
#[cfg(test)]
mod tenants;
#[cfg(test)]
mod vault;

pub use browser::Browser;
pub use event::{Answer, Event};
pub use world::World;
