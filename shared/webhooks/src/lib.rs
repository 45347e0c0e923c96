//! Webhooks of tenants: what is sent to an address that a tenant has named.
//!
//! Here are the rules that need neither a table nor a network: what kinds of receivers there are ([`kind`]), how a delivery is
//! signed ([`signature`]) with which secret ([`secret`]), and when one that failed is tried again ([`retries`]).

pub mod kind;
pub mod retries;
pub mod secret;
pub mod signature;
