//! How users' media are fetched, and what they may measure.

use std::time::Duration;

use kernel::Context;
use kernel::bucket::Bucket;
use kernel::config::{ConfigError, Env};
use kernel::public_http::trusted_origin;
use url::Origin;

use super::invalid;
use super::sections::{MEDIA, RULES};
use crate::media::Limits;

/// The longest that one attempt to read or write a stored medium takes: 10 MB at 2 MB a second.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(5);

const TRUSTED: &str = "MEDIA_TRUSTED_ORIGINS";

/// How media are fetched.
#[derive(Debug, Clone)]
pub struct MediaSettings {
    /// Longest fetch of one whole medium.
    pub timeout: Duration,
    /// Origins exempt from the rule of https and public addresses.
    pub trusted: Vec<Origin>,
}

impl MediaSettings {
    /// For fetches while a user waits.
    ///
    /// # Errors
    /// Names the variable that is wrong.
    pub fn for_request(env: &Env) -> Result<Self, ConfigError> {
        Self::within(env, MEDIA.of(env).seconds("MEDIA_TIMEOUT_SECONDS")?)
    }

    /// For fetches of up to `timeout` each.
    ///
    /// # Errors
    /// Names the variable that is wrong.
    pub fn within(env: &Env, timeout: Duration) -> Result<Self, ConfigError> {
        let texts = MEDIA.of(env).list(TRUSTED)?;
        let origins = texts.iter().map(|text| trusted_origin(text).map_err(|problem| invalid(TRUSTED, problem)));
        Ok(Self { timeout, trusted: origins.collect::<Result<_, _>>()? })
    }
}

/// Where the gateway is to download media from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GatewayMedia {
    /// The bucket, by an address made for it.
    Bucket,
    /// The address that the user gave, if it still has what was judged.
    Origin,
}

impl GatewayMedia {
    /// From the environment.
    ///
    /// # Errors
    /// Names the variable if it is neither.
    pub(super) fn load(env: &Env) -> Result<Self, ConfigError> {
        match MEDIA.of(env).text("GATEWAY_MEDIA")?.as_str() {
            "bucket" => Ok(Self::Bucket),
            "origin" => Ok(Self::Origin),
            _ => Err(invalid("GATEWAY_MEDIA", "must be bucket or origin")),
        }
    }
}

/// The bucket that media are kept in.
///
/// # Errors
/// Names the variable that is missing or wrong.
pub(crate) fn media_bucket(cx: &Context) -> Result<Bucket, ConfigError> {
    let bucket = cx.aws.s3.bucket(&RULES.of(&cx.env).text("MOMENTS_BUCKET")?, LONGEST_ATTEMPT, &cx.clock);
    bucket.map_err(|problem| invalid("MOMENTS_BUCKET", problem))
}

/// WeCom's limits with the sides of an image as they are set.
///
/// # Errors
/// Names the variable that is wrong, or both when they contradict each other.
pub(super) fn image_limits(env: &Env) -> Result<Limits, ConfigError> {
    let values = MEDIA.of(env);
    let (long_side, short_side) = (values.number("MEDIA_MAX_LONG_SIDE")?, values.number("MEDIA_MAX_SHORT_SIDE")?);
    if short_side > long_side {
        return Err(ConfigError::Contradiction(format!(
            "MEDIA_MAX_SHORT_SIDE ({short_side}) must be at most MEDIA_MAX_LONG_SIDE ({long_side})"
        )));
    }
    Ok(Limits { long_side, short_side, ..Limits::WECOM })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(variables: &[(&str, &str)]) -> Env {
        variables.iter().copied().collect()
    }

    #[test]
    fn media_settings_have_the_sides_of_an_image() {
        let limits = image_limits(&env(&[("MEDIA_MAX_LONG_SIDE", "4096"), ("MEDIA_MAX_SHORT_SIDE", "3072")])).unwrap();
        assert_eq!((limits.long_side, limits.short_side), (4_096, 3_072));
        assert_eq!(image_limits(&Env::default()), Ok(Limits::WECOM));
        for (short, problem) in [("0", "from 1"), ("20000", "to 10800"), ("-1", "invalid digit")] {
            let error = image_limits(&env(&[("MEDIA_MAX_SHORT_SIDE", short)])).unwrap_err().to_string();
            assert!(error.contains("MEDIA_MAX_SHORT_SIDE") && error.contains(problem), "{error}");
        }
        let error = image_limits(&env(&[("MEDIA_MAX_LONG_SIDE", "1079")])).unwrap_err().to_string();
        assert!(error.contains("MEDIA_MAX_SHORT_SIDE") && error.contains("MEDIA_MAX_LONG_SIDE"), "{error}");
    }

    #[test]
    fn media_of_the_gateway_come_from_the_bucket_unless_the_origin_is_set() {
        let of = |variables: &[(&str, &str)]| GatewayMedia::load(&env(variables));
        assert_eq!(of(&[]).unwrap(), GatewayMedia::Bucket);
        assert_eq!(of(&[("GATEWAY_MEDIA", "origin")]).unwrap(), GatewayMedia::Origin);
        assert!(of(&[("GATEWAY_MEDIA", "both")]).unwrap_err().to_string().contains("GATEWAY_MEDIA"));
    }

    #[test]
    fn media_settings_out_of_range_are_refused() {
        let settings = |variables: &[(&str, &str)]| MediaSettings::for_request(&env(variables));
        assert_eq!(settings(&[]).unwrap().timeout, Duration::from_secs(8));
        for (name, value) in
            [("MEDIA_TIMEOUT_SECONDS", "0"), ("MEDIA_TIMEOUT_SECONDS", "fast"), (TRUSTED, "sandbox"), (TRUSTED, "*")]
        {
            assert!(settings(&[(name, value)]).unwrap_err().to_string().contains(name), "{name}={value}");
        }
        assert_eq!(settings(&[(TRUSTED, "http://127.0.0.1:9300, http://media.test")]).unwrap().trusted.len(), 2);
    }
}
