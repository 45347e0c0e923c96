//! The promises of the whole system, tested on the emulated AWS and the sandbox platforms: handlers called with the
//! sample events, workers driven message by message, time moved by hand. One test binary, so that everything links
//! once. The benchmarks stand on the same [`World`].

pub mod event;
pub mod call;
pub mod queue;
pub mod tables;
pub mod world;

#[cfg(test)]
mod parity;
#[cfg(test)]
mod story;

pub use event::{Answer, Event};
pub use world::World;
