//! What was replaced for a delivery after a refusal.

use serde::{Deserialize, Serialize};

/// What can be void, and is replaced once for each delivery: what is refused again afterwards has another cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Repair {
    Token,
    Media,
}

impl Repair {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "TOKEN",
            Self::Media => "MEDIA",
        }
    }
}
