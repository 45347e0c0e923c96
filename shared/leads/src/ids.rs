//! Identifiers of this domain.

use std::fmt;
use std::str::FromStr;

use kernel::ids::{NotAnId, canonical_number};
use serde::{Deserialize, Serialize};

/// A lead's number: dense within its tenant, so 1, 2, 3 … without gaps, and times never decrease with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LeadId(u64);

impl LeadId {
    /// The lead of this number; none has 0.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for LeadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for LeadId {
    type Err = NotAnId;

    /// Accepts exactly what [`Display`](fmt::Display) writes: digits, no sign, no leading zero.
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        canonical_number(text).map(Self).ok_or(NotAnId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lead_id_is_read_back_as_it_was_written_and_nothing_else_is_one() {
        assert_eq!(LeadId::new(17).to_string().parse::<LeadId>().unwrap(), LeadId::new(17));
        for text in ["", "0", "017", "-1", "1.0", "x"] {
            assert!(text.parse::<LeadId>().is_err(), "{text:?}");
        }
    }
}
