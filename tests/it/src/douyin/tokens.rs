//! Tokens: stored encrypted, refreshed and renewed in time, and given up only on proof.

mod empty_answers;
mod refusals;
mod vault;
