//! The model check: every order in which workers, crashes, lost messages, lost answers and people can meet, explored
//! completely over the real [`next`](super::next).
//!
//! The provider, the tables, the queue and the clock are modelled; what a delivery does is decided by the machine that
//! runs. Two tasks want the same text published by the same accounts, two workers take deliveries up, and a budget says
//! how often each thing may go wrong. The size is bounded for `cargo test`; `MODEL_CHECK=full` explores more.

mod accounts;
mod action;
mod answer;
mod histories;
mod search;
mod step;
mod tables;
mod trace;
mod world;

mod tests;
