//! Connecting and disconnecting WeChat accounts.

mod bad_input;
mod contract;
