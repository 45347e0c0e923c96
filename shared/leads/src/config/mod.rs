//! The settings of this domain: declared in sections, read once at init into types, and checked there against each
//! other.

mod authorization;
mod fan_sync;
mod leads;
mod sections;

pub use authorization::{AuthorizationSettings, RedirectOrigins, redirect_uri};
pub use fan_sync::{AutoSync, SyncSettings};
pub use sections::{AUTHORIZATION, AUTO_SYNC, DOUYIN, FAN_SYNC, LEADS, SECTIONS};

pub(crate) use authorization::state_signer;
pub(crate) use fan_sync::{sync_queue, tenant_calls};
pub(crate) use leads::{lead_retention, suppression_signer};

use std::time::Duration;

use kernel::Context;
use kernel::config::{ConfigError, Env, check_time_limits, function_timeout, queue_visibility};
use kernel::platform_secret::Secrets;

use crate::douyin::Douyin;

/// The platform client.
///
/// # Errors
/// Names the variable that is wrong, or the two that contradict each other.
pub fn douyin(cx: &Context, secrets: Secrets) -> Result<Douyin, ConfigError> {
    let timeout = call_timeout(&cx.env)?;
    check_time_limits(timeout, function_timeout(&cx.env)?, queue_visibility(&cx.env)?)?;
    Ok(Douyin::new(DOUYIN.of(&cx.env).url("DOUYIN_BASE_URL")?, secrets, timeout))
}

/// Whether our app may list fans at all.
///
/// # Errors
/// Names the variable that is wrong.
pub fn lists_fans(env: &Env) -> Result<bool, ConfigError> {
    Ok(DOUYIN.of(env).number::<u8>("DOUYIN_FANS_LIST")? == 1)
}

fn call_timeout(env: &Env) -> Result<Duration, ConfigError> {
    DOUYIN.of(env).seconds("DOUYIN_TIMEOUT_SECONDS")
}
