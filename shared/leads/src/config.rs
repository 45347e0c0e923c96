//! The settings of this domain.

use std::time::Duration;

use kernel::Context;
use kernel::config::{ConfigError, Env, check_time_limits, function_timeout, queue_visibility};
use kernel::platform_secret::Secrets;
use url::Url;

use crate::douyin::Douyin;

/// What the platform client is built from.
///
/// # Errors
/// Names the variable that is wrong, or the two that contradict each other.
pub fn douyin(cx: &Context, secrets: Secrets) -> Result<Douyin, ConfigError> {
    let env = &cx.env;
    let base_url = env.optional("DOUYIN_BASE_URL").unwrap_or_else(|| "https://open.douyin.com".to_owned());
    let base_url = Url::parse(&base_url)
        .map_err(|error| ConfigError::Invalid { name: "DOUYIN_BASE_URL".to_owned(), problem: error.to_string() })?;
    let timeout = env.seconds("DOUYIN_TIMEOUT_SECONDS", 8)?;
    check_time_limits(timeout, function_timeout(env)?, queue_visibility(env)?)?;
    Ok(Douyin::new(base_url, secrets, timeout))
}

/// How fans are synced.
#[derive(Debug, Clone)]
pub struct SyncSettings {
    /// Fans asked for per page. No maximum is documented; production code elsewhere uses 20, and a page must fit one
    /// transaction of 100 actions even when every fan of it changes and each has an index segment of its own.
    pub page_size: u32,
    /// How many fans Douyin lets one walk through at most.
    pub fan_cap: u64,
    /// How long a worker's claim on a task lasts without a committed page.
    pub lease: Duration,
    /// How much of the invocation must be left to fetch and commit another page.
    pub checkpoint_margin: Duration,
    /// How often a task may be taken up without committing a page before it fails.
    pub max_attempts: u32,
    /// The first pause after a refusal that passes by itself; it doubles with each further one.
    pub retry_pause: Duration,
}

impl SyncSettings {
    /// From the environment.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let page_size = env.parsed("DOUYIN_FAN_PAGE_SIZE", 20)?;
        if !(1..=45).contains(&page_size) {
            return Err(ConfigError::Invalid {
                name: "DOUYIN_FAN_PAGE_SIZE".into(),
                problem: "must be from 1 to 45".into(),
            });
        }
        let platform_timeout = env.seconds("DOUYIN_TIMEOUT_SECONDS", 8)?;
        Ok(Self {
            page_size,
            fan_cap: env.parsed("DOUYIN_FAN_CAP", 5_000)?,
            // A page may need a fetch, a token refresh and the replay, and then its commit.
            lease: platform_timeout * 4 + Duration::from_secs(60),
            checkpoint_margin: platform_timeout * 3 + Duration::from_secs(5),
            max_attempts: env.parsed("FAN_SYNC_MAX_ATTEMPTS", 12)?,
            retry_pause: env.seconds("FAN_SYNC_RETRY_PAUSE_SECONDS", 5)?,
        })
    }
}
