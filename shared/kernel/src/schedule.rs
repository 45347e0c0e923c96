//! One-time schedules that put a message on a queue.

use aws_sdk_scheduler::Client;
use aws_sdk_scheduler::types::{
    ActionAfterCompletion, DeadLetterConfig, FlexibleTimeWindow, FlexibleTimeWindowMode, RetryPolicy, Target,
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::config::{ConfigError, SCHEDULES};
use crate::context::Context;
use crate::error::{Error, Result};

/// EventBridge Scheduler fires anywhere within the minute asked for, so it is asked for this much earlier and the
/// message itself waits out the rest.
pub const EARLY_SECONDS: i64 = 75;

/// A group of one-time schedules for one queue.
#[derive(Debug, Clone)]
pub struct Schedules {
    client: Client,
    group: String,
    queue_arn: String,
    role_arn: String,
    dead_letter_arn: String,
}

impl Schedules {
    /// The configured group.
    ///
    /// # Errors
    /// Names the variable that is missing.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        let values = SCHEDULES.of(&cx.env);
        Ok(Self {
            client: cx.aws.scheduler.clone(),
            group: values.text("SCHEDULE_GROUP")?,
            queue_arn: values.text("SCHEDULE_QUEUE_ARN")?,
            role_arn: values.text("SCHEDULE_ROLE_ARN")?,
            dead_letter_arn: values.text("SCHEDULE_DEAD_LETTER_ARN")?,
        })
    }

    /// Has `body` sent to the queue a little before `at`, once; the schedule deletes itself afterwards. One of this
    /// name that exists already stays as it is.
    pub async fn create(&self, name: &str, at: Timestamp, body: &str) -> Result<()> {
        let target = Target::builder()
            .arn(&self.queue_arn)
            .role_arn(&self.role_arn)
            .input(body)
            .dead_letter_config(DeadLetterConfig::builder().arn(&self.dead_letter_arn).build())
            // Past an hour the post is missed anyway, and the sweeper has long taken over.
            .retry_policy(RetryPolicy::builder().maximum_event_age_in_seconds(3_600).maximum_retry_attempts(60).build())
            .build()
            .map_err(|_| Error::Internal("incomplete schedule"))?;
        let window = FlexibleTimeWindow::builder()
            .mode(FlexibleTimeWindowMode::Off)
            .build()
            .map_err(|_| Error::Internal("incomplete schedule"))?;
        let early = Timestamp::from_second(at.as_second() - EARLY_SECONDS).unwrap_or(at);
        let local = early.to_zoned(TimeZone::UTC).datetime();
        let outcome = self
            .client
            .create_schedule()
            .group_name(&self.group)
            .name(name)
            .schedule_expression(format!("at({})", local.strftime("%Y-%m-%dT%H:%M:%S")))
            .schedule_expression_timezone("UTC")
            .flexible_time_window(window)
            .action_after_completion(ActionAfterCompletion::Delete)
            .target(target)
            .send()
            .await;
        match outcome {
            Err(error) if error.code() != Some("ConflictException") => {
                Err(Error::aws("scheduler:CreateSchedule")(error))
            }
            _ => Ok(()),
        }
    }

    /// Removes a schedule; one that is not there is fine.
    pub async fn delete(&self, name: &str) -> Result<()> {
        let outcome = self.client.delete_schedule().group_name(&self.group).name(name).send().await;
        match outcome {
            Err(error) if error.code() != Some("ResourceNotFoundException") => {
                Err(Error::aws("scheduler:DeleteSchedule")(error))
            }
            _ => Ok(()),
        }
    }
}
