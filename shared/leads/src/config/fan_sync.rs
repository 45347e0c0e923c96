//! How fans are synced.

use std::time::Duration;

use kernel::Context;
use kernel::config::{ConfigError, Env};
use kernel::queue::Queue;

use super::{AUTO_SYNC, FAN_SYNC, call_timeout};

/// What the worker goes by.
#[derive(Debug, Clone)]
pub struct SyncSettings {
    /// Fans asked for per page.
    pub page_size: u32,
    /// How many fans Douyin lets one walk through at most.
    pub fan_cap: u64,
    /// How long a worker's claim on a task lasts without a committed page.
    pub lease: Duration,
    /// How much of the invocation must be left to fetch and commit another page.
    pub checkpoint_margin: Duration,
    /// How often a task may be taken up without committing a page before it fails.
    pub max_attempts: u32,
    /// After so many pages in a row with nothing but known fans an INCREMENTAL sync leaves the list, if at all.
    pub known_pages: Option<u32>,
    /// The first pause after a refusal that passes by itself; it doubles with each further one.
    pub retry_pause: Duration,
}

impl SyncSettings {
    /// The settings in `env`.
    ///
    /// # Errors
    /// Names the variable that is wrong.
    pub fn new(env: &Env) -> Result<Self, ConfigError> {
        let values = FAN_SYNC.of(env);
        let platform_timeout = call_timeout(env)?;
        Ok(Self {
            page_size: values.number("DOUYIN_FAN_PAGE_SIZE")?,
            fan_cap: values.number("DOUYIN_FAN_CAP")?,
            // A page may need a fetch, a token refresh and the replay, and then its commit.
            lease: platform_timeout * 4 + Duration::from_secs(60),
            checkpoint_margin: platform_timeout * 3 + Duration::from_secs(5),
            max_attempts: values.number("FAN_SYNC_MAX_ATTEMPTS")?,
            known_pages: Some(values.number("FAN_SYNC_KNOWN_PAGES")?).filter(|pages| *pages > 0),
            retry_pause: values.seconds("FAN_SYNC_RETRY_PAUSE_SECONDS")?,
        })
    }
}

/// How often accounts are synced by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AutoSync {
    /// Between two of an account at the shortest.
    pub interval: Duration,
    /// Whether they are at all.
    pub is_on: bool,
}

impl AutoSync {
    /// The settings in `env`. While it is off, times are set as by default, for when it is on again.
    ///
    /// # Errors
    /// Names the variable that is wrong.
    pub fn new(env: &Env) -> Result<Self, ConfigError> {
        let hours: u32 = AUTO_SYNC.of(env).number("AUTO_SYNC_INTERVAL_HOURS")?;
        let is_on = hours > 0;
        Ok(Self { interval: Duration::from_secs(3_600) * if is_on { hours } else { 24 }, is_on })
    }
}

/// How many pages of fans a tenant may ask for in a day.
///
/// # Errors
/// Names the variable that is wrong.
pub(crate) fn tenant_calls(env: &Env) -> Result<u64, ConfigError> {
    FAN_SYNC.of(env).number("FAN_SYNC_TENANT_CALLS")
}

/// The queue of syncs.
///
/// # Errors
/// Names the variable that is missing.
pub(crate) fn sync_queue(cx: &Context) -> Result<Queue, ConfigError> {
    Ok(Queue::new(cx.aws.sqs.clone(), FAN_SYNC.of(&cx.env).text("FAN_SYNC_QUEUE_URL")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fan_sync_setting_out_of_range_stops_the_function_by_name() {
        let with = |name: &str, value: &str| SyncSettings::new(&[(name, value)].into_iter().collect());
        assert_eq!(with("DOUYIN_FAN_PAGE_SIZE", "45").unwrap().page_size, 45);
        let auto = |hours: &str| AutoSync::new(&[("AUTO_SYNC_INTERVAL_HOURS", hours)].into_iter().collect());
        assert_eq!(auto("12").unwrap(), AutoSync { interval: Duration::from_secs(43_200), is_on: true });
        assert_eq!(auto("0").unwrap(), AutoSync { interval: Duration::from_secs(86_400), is_on: false });
        assert!(auto("169").unwrap_err().to_string().contains("AUTO_SYNC_INTERVAL_HOURS"));
        for (name, value) in [
            ("DOUYIN_FAN_PAGE_SIZE", "46"),
            ("DOUYIN_FAN_PAGE_SIZE", "0"),
            ("DOUYIN_FAN_CAP", "0"),
            ("FAN_SYNC_MAX_ATTEMPTS", "0"),
            ("FAN_SYNC_RETRY_PAUSE_SECONDS", "901"),
            ("DOUYIN_TIMEOUT_SECONDS", "11"),
            ("DOUYIN_TIMEOUT_SECONDS", "fast"),
        ] {
            assert!(with(name, value).unwrap_err().to_string().contains(name), "{name}={value}");
        }
    }
}
