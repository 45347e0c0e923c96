//! The events of Douyin, above all revocations.

mod contract;
mod revocation;
