//! The template's alarms, evaluated as CloudWatch does over what a run has written: which of them ring, and when.
//!
//! Only what the template uses is understood; anything else stops the test, so that an alarm that is written in another way
//! is not taken for one that keeps quiet.

mod declared;
mod evaluation;
mod expression;
mod operation;
mod recording;
mod stories;

pub use declared::{Alarm, alarms};
pub use evaluation::State;
pub use operation::Operation;
pub use recording::{Recording, Source};
