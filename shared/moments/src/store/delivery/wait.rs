//! What a delivery waits for, where its stage does not say it.

use serde::{Deserialize, Serialize};

/// What a delivery that was let go waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WaitReason {
    /// The pause between two posts of its account or company, or the end of a rate limit.
    Slot,
    /// The pause after an attempt that may succeed later.
    Again,
    /// Somebody's giving the company's new secret: the stored one is refused.
    Secret,
}

impl WaitReason {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Slot => "SLOT",
            Self::Again => "AGAIN",
            Self::Secret => "SECRET",
        }
    }
}
