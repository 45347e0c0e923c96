//! The Douyin side, feature by feature: what the contract says, what is refused, and what happens when something fails.

mod accounts;
mod authorization;
pub(crate) mod fan_sync;
pub(crate) mod leads;
mod story;
mod tokens;
mod webhook;

pub(crate) use authorization::takeover::revoke;
