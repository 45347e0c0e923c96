//! Fan sync: its routes, what is refused, and what goes wrong on the way.

mod bad_input;
mod contract;
pub(crate) mod faults;
