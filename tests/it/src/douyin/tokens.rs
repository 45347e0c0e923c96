//! Tokens: stored encrypted, refreshed and renewed in time, and given up only on proof.

mod calendar;
mod empty_answers;
mod expired_accounts;
mod refusals;
mod vault;
