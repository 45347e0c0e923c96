//! What a delivery waits for, where its stage does not say it.

use serde::{Deserialize, Serialize};

/// What a delivery that was let go waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WaitReason {
    /// The pause between two posts of its account or company.
    Slot,
    /// The end of a rate limit of its account or company.
    RateLimit,
    /// Another day: its account has published all it may on this one.
    DailyCap,
    QuietHours,
    /// The rest of a device that was just connected.
    NewDevice,
    /// Its account's phone, which is off the line.
    Offline,
    /// The account's readings, of which its gateway allows so many.
    Readings,
    /// The time that its account's list may take to show what was sent.
    ListLag,
    /// The words or the service by which texts are judged, which cannot be had.
    TextCheck,
    /// The pause after an attempt that may succeed later.
    Again,
    /// Somebody's giving the company's new secret: the stored one is refused.
    Secret,
    /// The company's proxy, which is not reached or does not reach WeCom.
    Proxy,
}

impl WaitReason {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Slot => "SLOT",
            Self::RateLimit => "RATE_LIMIT",
            Self::DailyCap => "DAILY_CAP",
            Self::QuietHours => "QUIET_HOURS",
            Self::NewDevice => "NEW_DEVICE",
            Self::Offline => "OFFLINE",
            Self::Readings => "READINGS",
            Self::ListLag => "LIST_LAG",
            Self::TextCheck => "TEXT_CHECK",
            Self::Again => "AGAIN",
            Self::Secret => "SECRET",
            Self::Proxy => "PROXY",
        }
    }
}
