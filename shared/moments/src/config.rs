//! The settings of this domain.

use std::time::Duration;

use kernel::aws::LONGEST_CALL;
use kernel::config::{ConfigError, Env, check_time_limits};
use url::Url;

use crate::gateway::Gateway;
use crate::media::Limits;
use crate::publish::{JOB_LIFETIME, milliseconds};
use crate::wecom::Wecom;

/// What the function keeps of its time for writing down what a provider answered.
pub const TIME_TO_WRITE: Duration = LONGEST_CALL;

/// How publishing goes about it.
#[derive(Debug, Clone)]
pub struct PublishSettings {
    /// How long one call to a provider may take.
    pub provider_timeout: Duration,
    /// How long a worker's claim on a unit lasts: longer than the function itself, so a living one never loses it.
    pub lease: Duration,
    /// A timed post this much behind is missed instead of late.
    pub max_lateness: Duration,
    /// How long members may take to confirm.
    pub confirm_within: Duration,
    /// The least time between two posts of one personal account.
    pub personal_interval: Duration,
    /// Creations of one company per minute; WeCom's older pages say 10.
    pub corp_creations_per_minute: u32,
    /// How often a unit may be begun before it gives up.
    pub max_attempts: u32,
    /// The first pause after a refusal that passes by itself; it doubles with each further one.
    pub retry_pause: Duration,
    /// The first pause between two looks at a company's job, which usually takes seconds.
    pub job_pause: Duration,
    /// The first pause between two looks at its members; people take minutes to hours.
    pub member_pause: Duration,
    /// The first pause before a provider's list is consulted; it grows with each further look.
    pub reconcile_pause: Duration,
    /// How often it is consulted.
    pub reconcile_tries: u32,
    /// What media may measure.
    pub media_limits: Limits,
    /// The cover of videos of personal accounts, which the gateway wants as an image of its own.
    pub video_cover: Option<String>,
}

impl PublishSettings {
    /// From the environment.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let function_timeout = env.required_parsed("FUNCTION_TIMEOUT_SECONDS").map(Duration::from_secs)?;
        let visibility = env.required_parsed("QUEUE_VISIBILITY_SECONDS").map(Duration::from_secs)?;
        let provider_timeout = provider_timeout(env)?;
        check_time_limits(provider_timeout + TIME_TO_WRITE, function_timeout, Some(visibility))?;
        let confirm_within = env.seconds("MOMENT_CONFIRM_SECONDS", 48 * 3_600)?;
        // Called off sooner, a post that one delivery found could end as a certain failure before the delivery whose job
        // made it knows it.
        if milliseconds(confirm_within) < JOB_LIFETIME {
            let problem = "members need at least a day, which WeCom may take to make a post of a job".to_owned();
            return Err(ConfigError::Invalid { name: "MOMENT_CONFIRM_SECONDS".to_owned(), problem });
        }
        Ok(Self {
            provider_timeout,
            lease: function_timeout + Duration::from_secs(30),
            max_lateness: env.seconds("MOMENT_MAX_LATENESS_SECONDS", 3_600)?,
            confirm_within,
            personal_interval: env.seconds("PERSONAL_INTERVAL_SECONDS", 60)?,
            corp_creations_per_minute: env.parsed("CORP_CREATIONS_PER_MINUTE", 10)?,
            max_attempts: env.parsed("MOMENT_MAX_ATTEMPTS", 8)?,
            retry_pause: env.seconds("MOMENT_RETRY_PAUSE_SECONDS", 10)?,
            job_pause: env.seconds("MOMENT_JOB_PAUSE_SECONDS", 2)?,
            member_pause: env.seconds("MOMENT_MEMBER_PAUSE_SECONDS", 10)?,
            reconcile_pause: env.seconds("MOMENT_RECONCILE_PAUSE_SECONDS", 10)?,
            reconcile_tries: env.parsed("MOMENT_RECONCILE_TRIES", 4)?,
            media_limits: Limits::WECOM.with_pixels_from(env)?,
            video_cover: video_cover(env),
        })
    }
}

fn provider_timeout(env: &Env) -> Result<Duration, ConfigError> {
    env.seconds("PROVIDER_TIMEOUT_SECONDS", 20)
}

/// The cover of personal accounts' videos, from `GATEWAY_VIDEO_COVER_URL`. Without one they cannot post videos.
pub fn video_cover(env: &Env) -> Option<String> {
    env.optional("GATEWAY_VIDEO_COVER_URL")
}

/// The WeCom client.
pub fn wecom(env: &Env) -> Result<Wecom, ConfigError> {
    Ok(Wecom::new(base_url(env, "WECOM_BASE_URL", "https://qyapi.weixin.qq.com")?, provider_timeout(env)?))
}

/// Makes clients of the gateway: its token is each user's own, its connections are everybody's.
#[derive(Debug, Clone)]
pub struct Gateways {
    nobodys: Gateway,
}

impl Gateways {
    /// From the environment.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let base_url = base_url(env, "GATEWAY_BASE_URL", "http://api.geweapi.com")?;
        Ok(Self { nobodys: Gateway::new(base_url, secrecy::SecretString::default(), provider_timeout(env)?) })
    }

    /// A client with this token.
    pub fn with(&self, token: secrecy::SecretString) -> Gateway {
        self.nobodys.with_token(token)
    }
}

pub(crate) fn base_url(env: &Env, name: &str, default: &str) -> Result<Url, ConfigError> {
    let text = env.optional(name).unwrap_or_else(|| default.to_owned());
    Url::parse(&text).map_err(|error| ConfigError::Invalid { name: name.to_owned(), problem: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_deadline_shorter_than_the_life_of_a_job_is_refused_by_name() {
        let settings = |confirm: &'static str| {
            let variables = [
                ("FUNCTION_TIMEOUT_SECONDS", "120"),
                ("QUEUE_VISIBILITY_SECONDS", "720"),
                ("MOMENT_CONFIRM_SECONDS", confirm),
            ];
            PublishSettings::from_env(&variables.into_iter().collect())
        };
        assert_eq!(settings("86400").unwrap().confirm_within, Duration::from_secs(86_400));
        let refused = settings("86399").unwrap_err().to_string();
        assert!(refused.contains("MOMENT_CONFIRM_SECONDS"), "{refused}");
    }
}
