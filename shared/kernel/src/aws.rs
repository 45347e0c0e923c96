//! The AWS clients of a function, built once at init.

use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb as dynamodb;
use aws_sdk_dynamodb::config::SharedCredentialsProvider;
use aws_sdk_kms as kms;
use aws_sdk_scheduler as scheduler;
use aws_sdk_secretsmanager as secretsmanager;
use aws_sdk_sqs as sqs;
use aws_smithy_types::timeout::TimeoutConfig;

use crate::bucket::S3;
use crate::config::{AWS, ConfigError, Env};
use crate::{conflict, sdk_http};

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
    /// Clients for the environment's region, credentials and endpoints.
    ///
    /// The configuration is built here and not by `aws_config::defaults`, which would also bring all other sources of
    /// credentials (profiles, STS, the metadata of instances and containers) into every function; Lambda hands over its
    /// role's credentials in the environment, and nowhere else.
    ///
    /// # Errors
    /// When there is no region.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let settings = AWS.of(env);
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(settings.text("AWS_REGION")?))
            .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()))
            .http_client(sdk_http::client())
            .retry_config(RetryConfig::standard())
            .timeout_config(
                TimeoutConfig::builder()
                    .operation_attempt_timeout(LONGEST_ATTEMPT)
                    .operation_timeout(LONGEST_CALL)
                    .build(),
            )
            .build();
        let at = |endpoint: &str| {
            let own = settings.optional(endpoint)?;
            let endpoint = own.map_or_else(|| settings.optional("AWS_ENDPOINT_URL"), |own| Ok(Some(own)))?;
            let mut config = config.to_builder();
            config.set_endpoint_url(endpoint);
            Ok(config.build())
        };
        Ok(Self::from_configs(
            &at("AWS_ENDPOINT_URL_DYNAMODB")?,
            &at("AWS_ENDPOINT_URL_SQS")?,
            &at("AWS_ENDPOINT_URL_KMS")?,
            &at("AWS_ENDPOINT_URL_SCHEDULER")?,
            &at("AWS_ENDPOINT_URL_SECRETS_MANAGER")?,
            &at("AWS_ENDPOINT_URL_S3")?,
        ))
    }

    /// Clients for a given SDK configuration.
    pub fn from_config(config: &SdkConfig) -> Self {
        Self::from_configs(config, config, config, config, config, config)
    }

    fn from_configs(
        dynamodb: &SdkConfig,
        sqs: &SdkConfig,
        kms: &SdkConfig,
        scheduler: &SdkConfig,
        secrets: &SdkConfig,
        s3: &SdkConfig,
    ) -> Self {
        Self {
            dynamodb: dynamodb::Client::from_conf(
                conflict::waited_for(dynamodb::config::Builder::from(dynamodb)).build(),
            ),
            sqs: sqs::Client::new(sqs),
            kms: kms::Client::new(kms),
            scheduler: scheduler::Client::new(scheduler),
            secrets: secretsmanager::Client::new(secrets),
            s3: S3::from_config(s3),
        }
    }
}
