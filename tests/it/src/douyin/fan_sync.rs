//! Fan sync: its routes, what is refused, and what goes wrong on the way.

mod auto_sync;
mod bad_input;
mod contract;
pub(crate) mod faults;
mod keys;
mod sync_list;
