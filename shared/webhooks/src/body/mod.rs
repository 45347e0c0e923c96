//! What a webhook is sent of an event: its text, as far as people read it.

mod data;
mod digest;
mod text;

pub use digest::digest;
pub use text::{is_told_by_default, text};
