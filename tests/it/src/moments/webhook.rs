//! The notices of the gateway.

mod bad_input;
mod contract;
