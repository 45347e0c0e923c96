//! The domains' objects with the contract's field names.

pub(crate) mod corps;
pub(crate) mod event_reader;
pub(crate) mod events;
pub(crate) mod lead_work;
pub(crate) mod leads;
pub(crate) mod moments;
pub(crate) mod webhooks;
