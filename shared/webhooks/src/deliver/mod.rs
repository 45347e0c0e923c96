//! Sending what is due of a webhook. One worker at a time has a webhook: it sends a few of its deliveries at once, so a receiver is
//! never asked by more, and one that is slow holds up its own deliveries and no other's.

mod attempt;
mod giving_up;
mod sending;
mod work;
mod worker;

pub use worker::{Deliverer, EventViews};
