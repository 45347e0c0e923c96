//! The words of a sync's row.

use serde::{Deserialize, Serialize};

/// How much of the fan list a sync takes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum SyncStrategy {
    /// Unknown fans only.
    #[default]
    Incremental,
    /// Also refreshes nickname and avatar, and marks who has unfollowed.
    Full,
}

impl SyncStrategy {
    /// The word of the row.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Incremental => "INCREMENTAL",
            Self::Full => "FULL",
        }
    }
}

/// Who has started a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum StartedBy {
    /// The authorisation of the account.
    Authorization,
    /// Its time had come.
    Schedule,
    #[default]
    User,
}

impl StartedBy {
    /// The word of the row.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authorization => "AUTHORIZATION",
            Self::Schedule => "SCHEDULE",
            Self::User => "USER",
        }
    }
}

/// Where a sync stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum SyncStatus {
    /// Waiting for a worker for the first time.
    Pending,
    /// Under way, or pausing on the way.
    Processing,
    /// The whole list was taken over.
    Completed,
    /// Ended early; the error says why.
    Failed,
    /// Ended by its user.
    Cancelled,
}

impl SyncStatus {
    /// Whether nothing more will happen.
    pub fn ended(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

/// What a sync that pauses waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WaitReason {
    /// Douyin's calls of the day are used up.
    Quota,
    /// The tenant's share of them is.
    Share,
    /// Douyin takes no more calls for the moment.
    RateLimit,
    /// A token was refused that a refresh had just confirmed.
    Token,
    /// Douyin does not answer, or answers nothing that says yes or no.
    Outage,
}

impl WaitReason {
    /// The word of the row.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quota => "QUOTA",
            Self::Share => "SHARE",
            Self::RateLimit => "RATE_LIMIT",
            Self::Token => "TOKEN",
            Self::Outage => "OUTAGE",
        }
    }
}
