//! The settings of the publisher.

use std::time::Duration;

use kernel::aws::LONGEST_CALL;
use kernel::config::{ConfigError, Env, check_time_limits, function_timeout, queue_visibility};

use super::invalid;
use super::media::{GatewayMedia, MediaSettings, image_limits};
use super::providers::video_cover;
use super::sections::PUBLISHING;
use crate::media::Limits;
use crate::pace::Pace;

/// What the function keeps of its time for writing down what a provider answered.
pub const TIME_TO_WRITE: Duration = LONGEST_CALL;
/// The longest fetch of one whole medium when nobody waits for it: twice what it may have taken when the task was made.
const MEDIA_WITHIN: Duration = Duration::from_secs(20);
/// How much longer a worker's lease lasts than the function itself, whose clock may be behind.
const LEASE_BEYOND_FUNCTION: Duration = Duration::from_secs(30);

/// How publishing goes about it.
#[derive(Debug, Clone)]
pub struct PublishSettings {
    /// How media are fetched, where they are compared with what was judged.
    pub media: MediaSettings,
    /// Where the gateway downloads media from.
    pub gateway_media: GatewayMedia,
    /// How long one call to a provider may take.
    pub provider_timeout: Duration,
    /// How long a worker's claim on a delivery lasts: longer than the function itself, so a living one never loses it.
    pub lease: Duration,
    /// A timed post this much behind is missed instead of late.
    pub max_lateness: Duration,
    /// A post without a time that could not go out for so long fails.
    pub max_wait: Duration,
    /// How long members may take to confirm.
    pub confirm_within: Duration,
    /// How fast personal accounts may publish.
    pub pace: Pace,
    /// Creations of one company per minute.
    pub corp_creations_per_minute: u32,
    /// The first pause after a refusal that passes by itself; it doubles with each further one.
    pub retry_pause: Duration,
    /// The first pause between two looks at a company's job.
    pub job_pause: Duration,
    /// The first pause between two looks at its members.
    pub member_pause: Duration,
    /// The first pause before a provider's list is consulted; it grows with each further look.
    pub reconcile_pause: Duration,
    /// Whether anything is sent. If not, what is to be sent stays due in its row, and what was sent is followed.
    pub is_enabled: bool,
    /// What media may measure.
    pub media_limits: Limits,
    /// The cover of videos of personal accounts, which the gateway wants as an image of its own.
    pub video_cover: Option<String>,
}

impl PublishSettings {
    /// From the environment.
    ///
    /// # Errors
    /// Names the variable that is wrong, or that a call could outlast the function.
    pub fn load(env: &Env) -> Result<Self, ConfigError> {
        let (values, function_timeout) = (PUBLISHING.of(env), function_timeout(env)?);
        let visibility =
            queue_visibility(env)?.ok_or_else(|| ConfigError::Missing("QUEUE_VISIBILITY_SECONDS".to_owned()))?;
        let provider_timeout = values.seconds("PROVIDER_TIMEOUT_SECONDS")?;
        check_time_limits(provider_timeout + TIME_TO_WRITE, function_timeout, Some(visibility))?;
        check_time_limits(MEDIA_WITHIN, function_timeout, Some(visibility))?;
        Ok(Self {
            media: MediaSettings::within(env, MEDIA_WITHIN)?,
            gateway_media: GatewayMedia::load(env)?,
            provider_timeout,
            lease: function_timeout + LEASE_BEYOND_FUNCTION,
            max_lateness: values.seconds("MOMENT_MAX_LATENESS_SECONDS")?,
            max_wait: values.seconds("MOMENT_MAX_WAIT_SECONDS")?,
            confirm_within: values.seconds("MOMENT_CONFIRM_SECONDS")?,
            pace: Pace::load(env)?,
            corp_creations_per_minute: values.number("CORP_CREATIONS_PER_MINUTE")?,
            retry_pause: values.seconds("MOMENT_RETRY_PAUSE_SECONDS")?,
            job_pause: values.seconds("MOMENT_JOB_PAUSE_SECONDS")?,
            member_pause: values.seconds("MOMENT_MEMBER_PAUSE_SECONDS")?,
            reconcile_pause: values.seconds("MOMENT_RECONCILE_PAUSE_SECONDS")?,
            is_enabled: is_enabled(env)?,
            media_limits: image_limits(env)?,
            video_cover: video_cover(env)?,
        })
    }
}

/// Whether publishing is switched on.
///
/// # Errors
/// When it is neither `true` nor `false`: nobody shall believe to have switched it off.
pub fn is_enabled(env: &Env) -> Result<bool, ConfigError> {
    const NAME: &str = "PUBLISHING_ENABLED";
    match PUBLISHING.of(env).text(NAME)?.as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(invalid(NAME, "must be true or false")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publish_switch_is_on_by_default_and_nothing_but_true_or_false() {
        assert!(settings("PUBLISHING_ENABLED", "").unwrap().is_enabled);
        assert!(!settings("PUBLISHING_ENABLED", "false").unwrap().is_enabled);
        for value in ["no", "0", "False"] {
            assert!(settings("PUBLISHING_ENABLED", value).unwrap_err().to_string().contains("PUBLISHING_ENABLED"));
        }
    }

    fn settings(name: &'static str, value: &str) -> Result<PublishSettings, ConfigError> {
        let limits = [("FUNCTION_TIMEOUT_SECONDS", "120"), ("QUEUE_VISIBILITY_SECONDS", "720")];
        PublishSettings::load(&limits.into_iter().chain([(name, value)]).collect())
    }

    /// Called off sooner, a post that one delivery found could end as a certain failure before the delivery whose job
    /// made it knows it.
    #[test]
    fn publish_setting_of_a_deadline_shorter_than_a_job_is_refused_by_name() {
        let shortest = settings("MOMENT_CONFIRM_SECONDS", "86400").unwrap().confirm_within;
        assert_eq!(shortest, Duration::from_secs(86_400));
        let refused = settings("MOMENT_CONFIRM_SECONDS", "86399").unwrap_err().to_string();
        assert!(refused.contains("MOMENT_CONFIRM_SECONDS"), "{refused}");
    }

    #[test]
    fn publish_setting_out_of_range_is_refused_by_name() {
        for setting in PUBLISHING.settings {
            let range = setting.range.clone().unwrap();
            for (value, fine) in [(*range.start(), true), (*range.end(), true), (range.end() + 1, false)] {
                let outcome = settings(setting.name, &value.to_string());
                assert_eq!(outcome.is_ok(), fine, "{}={value}", setting.name);
                assert!(outcome.err().is_none_or(|error| error.to_string().contains(setting.name)));
            }
        }
    }
}
