//! The settings of the kernel.

use std::time::Duration;

use super::{ConfigError, Env, Section, Setting};

/// What every function is told of itself.
pub static FUNCTION: Section = Section {
    title: "The function",
    settings: &[
        Setting::required(
            "FUNCTION_TIMEOUT_SECONDS",
            "The function's own time limit, which Lambda does not tell it before the first event.",
        )
        .between(1, 900),
        Setting::optional(
            "QUEUE_VISIBILITY_SECONDS",
            "How long a message that a worker has taken stays hidden; at least six times the time limit.",
        ),
        Setting::required("TABLE_PREFIX", "What the names of all tables begin with, before `t_`."),
    ],
};

/// AWS itself.
pub static AWS: Section = Section {
    title: "AWS",
    settings: &[
        Setting::required("AWS_REGION", "The region.").by_runtime(),
        Setting::optional("AWS_ENDPOINT_URL", "Where all services are in place of AWS, for tests.").by_runtime(),
        Setting::optional("AWS_ENDPOINT_URL_DYNAMODB", "Where DynamoDB is, such as an endpoint in a VPC.").by_runtime(),
        Setting::optional("AWS_ENDPOINT_URL_SQS", "Where SQS is.").by_runtime(),
        Setting::optional("AWS_ENDPOINT_URL_KMS", "Where KMS is.").by_runtime(),
        Setting::optional("AWS_ENDPOINT_URL_SCHEDULER", "Where EventBridge Scheduler is.").by_runtime(),
        Setting::optional("AWS_ENDPOINT_URL_SECRETS_MANAGER", "Where Secrets Manager is.").by_runtime(),
        Setting::optional("AWS_ENDPOINT_URL_S3", "Where S3 is.").by_runtime(),
        Setting::optional("SSL_CERT_FILE", "PEM file of root certificates that are trusted in place of the system's.")
            .by_runtime(),
        Setting::optional("SSL_CERT_DIR", "Directories of such files.").by_runtime(),
    ],
};

/// What is written to the log.
pub static LOGS: Section = Section {
    title: "Logs",
    settings: &[
        Setting::optional("AWS_LAMBDA_LOG_FORMAT", "`JSON`, or else text.").by_runtime(),
        Setting::with_default("LOG_LEVEL", "INFO", "The level of our own lines."),
        Setting::required(
            "METRICS_NAMESPACE",
            "The namespace of the metrics at CloudWatch, which are lines of the log at every level.",
        ),
        Setting::optional("AWS_LAMBDA_LOG_LEVEL", "What Lambda lets pass; the level where `LOG_LEVEL` is not set.")
            .by_runtime(),
        Setting::optional("RUST_LOG", "The same, outside Lambda.").by_runtime(),
    ],
};

/// Secrets and who may sign tokens.
pub static IDENTITY: Section = Section {
    title: "Secrets and tokens",
    settings: &[
        Setting::required(
            "PLATFORM_SECRET_ID",
            "The secret of Secrets Manager that holds our app's secret at Douyin, the JWT secrets and the gateway's.",
        ),
        Setting::optional(
            "JWT_JWKS_URL",
            "Where the token issuer publishes its keys; else tokens are verified by secret.",
        ),
        Setting::optional("JWT_ISSUER", "The `iss` a token must have; not checked when absent."),
        Setting::optional("JWT_AUDIENCE", "The `aud` a token must have; not checked when absent."),
    ],
};

/// What users entrust to us.
pub static CREDENTIALS: Section = Section {
    title: "Stored tokens",
    settings: &[Setting::required(
        "TOKEN_KEY_ID",
        "The KMS key that users' tokens at the platforms are encrypted with.",
    )],
};

/// One-time schedules of timed posts.
pub static SCHEDULES: Section = Section {
    title: "Schedules",
    settings: &[
        Setting::required("SCHEDULE_GROUP", "The group of the schedules."),
        Setting::required("SCHEDULE_QUEUE_ARN", "The queue they send to."),
        Setting::required("SCHEDULE_ROLE_ARN", "The role they send with."),
        Setting::required("SCHEDULE_DEAD_LETTER_ARN", "The queue for what they could not send."),
    ],
};

/// The log of who has done what.
pub static AUDIT: Section = Section {
    title: "Audit log",
    settings: &[Setting::with_default("AUDIT_RETENTION_DAYS", "400", "Days for which it is kept who has done what.")
        .between(1, 3_650)],
};

/// What changes are told to others.
pub static EVENTS: Section = Section {
    title: "Events",
    settings: &[
        Setting::optional("EVENT_QUEUE_URL", "The queue by which events get their numbers, of functions that tell any."),
        Setting::with_default(
            "EVENT_RETENTION_DAYS",
            "30",
            "Days for which events are kept. A shorter time holds for what is written once those kept for longer are gone.",
        )
        .between(1, 365),
        Setting::optional("EVENT_SINK", "The ARN of the SQS FIFO queue that the events of all tenants are sent to."),
    ],
};

/// All of them, in the order of the documentation.
pub static SECTIONS: [&Section; 8] = [&IDENTITY, &CREDENTIALS, &SCHEDULES, &AUDIT, &EVENTS, &FUNCTION, &LOGS, &AWS];

/// The function's own time limit, as the template sets it.
///
/// # Errors
/// When it is missing or not a number of seconds.
pub fn function_timeout(env: &Env) -> Result<Duration, ConfigError> {
    FUNCTION.of(env).seconds("FUNCTION_TIMEOUT_SECONDS")
}

/// How long a message stays hidden that this function has taken; none for a function without a queue.
///
/// # Errors
/// When it is not a number of seconds.
pub fn queue_visibility(env: &Env) -> Result<Option<Duration>, ConfigError> {
    Ok(FUNCTION.of(env).optional_number("QUEUE_VISIBILITY_SECONDS")?.map(Duration::from_secs))
}
