//! The settings of this domain.

use std::time::Duration;

use kernel::Context;
use kernel::config::{ConfigError, Env, Section, Setting};
use kernel::public_http::{Judge, trusted_origin};
use kernel::queue::Queue;

const TRUSTED: &str = "WEBHOOK_TRUSTED_ORIGINS";

/// Webhooks of tenants.
pub static WEBHOOKS: Section = Section {
    title: "Webhooks",
    settings: &[
        Setting::optional(
            "WEBHOOK_QUEUE_URL",
            "The queue by which deliveries are sent, of functions that ask for any.",
        ),
        Setting::with_default(
            "WEBHOOK_TIMEOUT_SECONDS",
            "10",
            "The longest that a receiver may take to answer. Receivers are to answer first and work afterwards.",
        )
        .between(1, 15),
        Setting::with_default(
            TRUSTED,
            "",
            "Origins, separated by commas, that webhooks may have without https and a public address: for a receiver in tests.",
        ),
    ],
};

/// All sections, in the order of the documentation.
pub static SECTIONS: [&Section; 1] = [&WEBHOOKS];

/// Who judges the addresses of webhooks.
pub(crate) fn judge(env: &Env) -> Result<Judge, ConfigError> {
    let texts = WEBHOOKS.of(env).list(TRUSTED)?;
    let invalid = |problem| ConfigError::Invalid { name: TRUSTED.to_owned(), problem };
    let origins = texts.iter().map(|text| trusted_origin(text).map_err(invalid));
    Ok(Judge::trusting(origins.collect::<Result<_, _>>()?))
}

/// The longest that a receiver may take to answer.
pub(crate) fn timeout(env: &Env) -> Result<Duration, ConfigError> {
    WEBHOOKS.of(env).seconds("WEBHOOK_TIMEOUT_SECONDS")
}

/// The queue of deliveries.
pub(crate) fn queue(cx: &Context) -> Result<Queue, ConfigError> {
    Ok(Queue::new(cx.aws.sqs.clone(), WEBHOOKS.of(&cx.env).text("WEBHOOK_QUEUE_URL")?))
}
