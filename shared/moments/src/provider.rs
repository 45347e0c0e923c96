//! What the two providers have in common: how a call can fail, and what a failure proves.
//!
//! A provider's one call that publishes cannot be repeated, because neither provider knows an idempotency key. What
//! its failure proves is decided in two places and nowhere else:
//!
//! | what came back | a call that may be repeated | the call that publishes |
//! |---|---|---|
//! | no connection (name, TCP, TLS): nothing was written | `Retry` | `Retry` |
//! | timeout, connection lost, answer cut or too large | `Retry` | `OutcomeUnknown` |
//! | an HTTP status other than 200 (both providers refuse with 200) | `Retry` | `OutcomeUnknown` |
//! | 200 without the provider's envelope, or a success without what it is for | `Retry` | `OutcomeUnknown` |
//! | an error in the provider's envelope | `wecom::classify`, `gateway::classify` | the same |
//!
//! The first four rows are `unanswered`, below; the last one is the table of each provider.

mod kind;
pub(crate) mod lenient;
#[cfg(test)]
pub(crate) mod testing;

pub(crate) use kind::PostKind;
pub use kind::Provider;

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use kernel::platform_http::{KEEP_IDLE, LossReason, Lost, PlatformHttp, Policy};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serializer};
use url::Url;

/// Writes a secret out. Only ever called on the way into the vault.
pub(crate) fn expose<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

/// What a failure asks the caller to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// Nothing was done, or what was done may be done again; trying later helps.
    Retry,
    /// Nothing was done: the window's calls are used up.
    RateLimited {
        /// The window the provider most probably means. It does not say: see [`RateWindow::longer`].
        window: RateWindow,
    },
    /// The access token is void: get a new one, then replay once.
    TokenInvalid,
    /// The provider's censors refused the words or the media.
    ContentRejected,
    /// The content breaks a rule of form (sizes, counts, types).
    InvalidContent,
    /// The uploaded media are expired or unknown: upload again, then replay once.
    MediaInvalid,
    /// The provider says that it could not take the media from their address, or not why it failed to. We could, so
    /// trying again may help.
    MediaFetchFailed,
    /// The members (or what else was aimed at) cannot be used.
    TargetInvalid,
    /// The application lacks a right, or the company or the application is switched off: a person must act.
    PermissionMissing,
    /// The company does not trust the address we call from: a person must add it.
    IpNotTrusted {
        /// The address the provider saw, for that person.
        ip: Option<IpAddr>,
    },
    /// The secret or the gateway's token is wrong. Never tried again: repeating it gets the whole address blocked.
    BadCredentials,
    /// The personal account is logged out.
    AccountOffline,
    /// Somebody else is logged in on the account's device.
    AnotherPerson,
    /// The gateway does not know the device.
    DeviceUnknown,
    /// The device logged in too recently to be allowed to post.
    NewDeviceCooldown,
    /// The task or the moment does not exist (any more).
    NotFound,
    /// The call that publishes was written and what became of it is not known: read back, never repeat.
    OutcomeUnknown,
    /// The provider refused with words or a code we have no reading for. Never retried blindly.
    Unknown,
}

impl FailureKind {
    /// Stable name for logs and stored reasons.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::RateLimited { .. } => "rate_limited",
            Self::TokenInvalid => "token_invalid",
            Self::ContentRejected => "content_rejected",
            Self::InvalidContent => "invalid_content",
            Self::MediaInvalid => "media_invalid",
            Self::MediaFetchFailed => "media_fetch_failed",
            Self::TargetInvalid => "target_invalid",
            Self::PermissionMissing => "permission_missing",
            Self::IpNotTrusted { .. } => "ip_not_trusted",
            Self::BadCredentials => "bad_credentials",
            Self::AccountOffline => "account_offline",
            Self::AnotherPerson => "another_person",
            Self::DeviceUnknown => "device_unknown",
            Self::NewDeviceCooldown => "new_device_cooldown",
            Self::NotFound => "not_found",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The window of a rate limit, which is also how long the provider blocks after it was exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RateWindow {
    /// 60 seconds.
    Minute,
    /// 60 minutes.
    Hour,
    /// The rest of the day in China.
    Day,
}

impl RateWindow {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "MINUTE",
            Self::Hour => "HOUR",
            Self::Day => "DAY",
        }
    }

    /// The window to assume when the wait for this one did not help.
    #[must_use]
    pub const fn longer(self) -> Self {
        match self {
            Self::Minute => Self::Hour,
            Self::Hour | Self::Day => Self::Day,
        }
    }

    /// How long a block lasts that is met at `now`.
    pub fn wait(self, now: Timestamp) -> Duration {
        const DAY: i64 = 86_400;
        // Fixed: China knows no summer time.
        const BEIJING: i64 = 8 * 3_600;
        let seconds = match self {
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => DAY - (now.as_second() + BEIJING).rem_euclid(DAY),
        };
        Duration::from_secs(seconds.unsigned_abs())
    }
}

/// Where a call went wrong, for the log: nothing the provider said in words, nothing that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Detail {
    /// No connection came about, so nothing was sent.
    NotConnected,
    /// The same where a company's proxy stands in the way: it was not reached, or did not reach the provider.
    ProxyNotConnected,
    /// No whole answer in time.
    TimedOut,
    /// The connection broke before the whole answer arrived.
    ConnectionLost,
    /// The answer, or the list asked for, is longer than any real one.
    TooLong,
    /// The answer is none of the provider's, or lacks what it is for.
    Unreadable,
    /// The answer is not the provider's but of something before it.
    HttpStatus(u16),
    /// WeCom's id of the call, which its support asks for.
    Hint(String),
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected => f.write_str("not connected"),
            Self::ProxyNotConnected => f.write_str("not connected through the company's proxy"),
            Self::TimedOut => f.write_str("timed out"),
            Self::ConnectionLost => f.write_str("connection lost"),
            Self::TooLong => f.write_str("answer too long"),
            Self::Unreadable => f.write_str("unreadable answer"),
            Self::HttpStatus(status) => write!(f, "http {status}"),
            Self::Hint(hint) => write!(f, "hint {hint}"),
        }
    }
}

impl From<Lost> for Detail {
    fn from(lost: Lost) -> Self {
        match lost.reason {
            LossReason::NotConnected => Self::NotConnected,
            LossReason::TimedOut => Self::TimedOut,
            LossReason::ConnectionLost => Self::ConnectionLost,
            LossReason::TooLong => Self::TooLong,
        }
    }
}

/// A failed call. Holds codes and identifiers only: neither the provider's words nor anything that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub struct ProviderError {
    /// What to do about it.
    pub kind: FailureKind,
    pub provider: Provider,
    /// The call that failed.
    pub endpoint: &'static str,
    /// The provider's code, when it sent an error of its own.
    pub code: Option<i64>,
    /// What else is known.
    pub detail: Option<Detail>,
}

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.provider, self.endpoint, self.kind)?;
        if let Some(code) = self.code {
            write!(f, ", code {code}")?;
        }
        if let FailureKind::IpNotTrusted { ip: Some(ip) } = self.kind {
            write!(f, ", seen from {ip}")?;
        }
        if let Some(detail) = &self.detail {
            write!(f, ", {detail}")?;
        }
        Ok(())
    }
}

/// The way to a provider, or to the content library: direct. What may go through a company's proxy is made by
/// [`WecomRoutes`](crate::accounts::WecomRoutes).
pub(crate) const fn http(base_url: Url, timeout: Duration) -> PlatformHttp {
    PlatformHttp::new(base_url, policy(timeout))
}

/// How providers are spoken to.
pub(crate) const fn policy(timeout: Duration) -> Policy {
    Policy { timeout, keep_idle: KEEP_IDLE }
}

/// What a call proves that brought no answer of the provider's: the first four rows of the table above.
pub(crate) const fn unanswered(repeatable: bool, detail: &Detail) -> FailureKind {
    let is_unsent = matches!(detail, Detail::NotConnected | Detail::ProxyNotConnected);
    if repeatable || is_unsent { FailureKind::Retry } else { FailureKind::OutcomeUnknown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn provider_error_proves_nothing_published_only_without_a_connection() {
        use Detail::{ConnectionLost, HttpStatus, NotConnected, ProxyNotConnected, TimedOut, TooLong, Unreadable};
        for (detail, publishing) in [
            (NotConnected, FailureKind::Retry),
            (ProxyNotConnected, FailureKind::Retry),
            (TimedOut, FailureKind::OutcomeUnknown),
            (ConnectionLost, FailureKind::OutcomeUnknown),
            (TooLong, FailureKind::OutcomeUnknown),
            (Unreadable, FailureKind::OutcomeUnknown),
            (HttpStatus(404), FailureKind::OutcomeUnknown),
            (HttpStatus(502), FailureKind::OutcomeUnknown),
        ] {
            assert_eq!(unanswered(false, &detail), publishing, "{detail}");
            assert_eq!(unanswered(true, &detail), FailureKind::Retry, "{detail}");
        }
    }

    #[test]
    fn provider_rate_day_ends_at_midnight_in_china() {
        for (window, now, seconds) in [
            (RateWindow::Minute, "2026-11-20T15:59:30Z", 60),
            (RateWindow::Hour, "2026-11-20T15:59:30Z", 3_600),
            (RateWindow::Day, "2026-11-20T15:59:30Z", 30),
            (RateWindow::Day, "2026-11-20T15:59:59.9Z", 1),
            (RateWindow::Day, "2026-11-20T16:00:00Z", 86_400),
            (RateWindow::Day, "2026-12-31T20:00:00Z", 20 * 3_600),
        ] {
            let now = now.parse().unwrap();
            assert_eq!(window.wait(now), Duration::from_secs(seconds), "{window:?} {now}");
        }
        assert_eq!(RateWindow::Minute.longer(), RateWindow::Hour);
        assert_eq!(RateWindow::Hour.longer(), RateWindow::Day);
        assert_eq!(RateWindow::Day.longer(), RateWindow::Day);
    }

    #[test]
    fn provider_error_names_provider_endpoint_code_and_kind() {
        let error = ProviderError {
            kind: FailureKind::RateLimited { window: RateWindow::Minute },
            provider: Provider::Wecom,
            endpoint: "externalcontact/add_moment_task",
            code: Some(45009),
            detail: Some(Detail::Hint("1700000000_1".to_owned())),
        };
        assert_eq!(
            error.to_string(),
            "wecom externalcontact/add_moment_task: rate_limited, code 45009, hint 1700000000_1"
        );
        let error = ProviderError { code: None, detail: None, provider: Provider::Gateway, ..error };
        assert_eq!(error.to_string(), "gateway externalcontact/add_moment_task: rate_limited");
        let ip = Some(IpAddr::from([203, 0, 113, 7]));
        let error = ProviderError { kind: FailureKind::IpNotTrusted { ip }, code: Some(60_020), ..error };
        let text = "gateway externalcontact/add_moment_task: ip_not_trusted, code 60020, seen from 203.0.113.7";
        assert_eq!(error.to_string(), text);
    }
}
