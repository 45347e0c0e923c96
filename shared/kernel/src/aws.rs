//! The AWS clients of a function, built once at init.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb as dynamodb;
use aws_sdk_kms as kms;
use aws_sdk_scheduler as scheduler;
use aws_sdk_secretsmanager as secretsmanager;
use aws_sdk_sqs as sqs;
use aws_smithy_types::timeout::TimeoutConfig;

use crate::bucket::S3;
use crate::config::{AWS, ConfigError, Env};
use crate::{conflict, sdk_http, trust};

/// The longest one attempt of a call may take; the SDK has no default for it.
const LONGEST_ATTEMPT: Duration = Duration::from_millis(2_500);

/// The longest a call may take with its retries: four attempts.
pub const LONGEST_CALL: Duration = Duration::from_secs(10);

/// Every client a function may use. Holding one that is not used costs nothing measurable; opening a connection does.
#[derive(Debug, Clone)]
pub struct Aws {
    /// DynamoDB: all state.
    pub dynamodb: dynamodb::Client,
    /// SQS: messages to the workers.
    pub sqs: sqs::Client,
    /// KMS: encryption of tokens, and signatures of states.
    pub kms: kms::Client,
    /// EventBridge Scheduler: one-time schedules of timed tasks.
    pub scheduler: scheduler::Client,
    /// Secrets Manager: the platform secret.
    pub secrets: secretsmanager::Client,
    /// S3: buckets.
    pub s3: S3,
}

impl Aws {
    /// Clients for the environment's region, credentials and endpoint.
    ///
    /// # Errors
    /// When there is no region.
    pub async fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let config = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .region(Region::new(AWS.of(env).text("AWS_REGION")?))
            .http_client(sdk_http::client(trust::pem()))
            .timeout_config(
                TimeoutConfig::builder()
                    .operation_attempt_timeout(LONGEST_ATTEMPT)
                    .operation_timeout(LONGEST_CALL)
                    .build(),
            )
            .load()
            .await;
        Ok(Self::from_config(&config))
    }

    /// Clients for a given SDK configuration.
    pub fn from_config(config: &SdkConfig) -> Self {
        Self {
            dynamodb: dynamodb::Client::from_conf(
                conflict::waited_for(dynamodb::config::Builder::from(config)).build(),
            ),
            sqs: sqs::Client::new(config),
            kms: kms::Client::new(config),
            scheduler: scheduler::Client::new(config),
            secrets: secretsmanager::Client::new(config),
            s3: S3::from_config(config),
        }
    }
}
