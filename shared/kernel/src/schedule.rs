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

/// How often a schedule is looked for that others make and take away meanwhile.
const SET_ATTEMPTS: u32 = 3;

/// What a schedule is made of, the same whether it is made or moved.
struct Parts {
    target: Target,
    window: FlexibleTimeWindow,
    expression: String,
}

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
        self.try_create(name, at, body).await.map(|_| ())
    }

    /// As [`Self::create`], but one of this name that exists already is moved to `at`. There is no moment without a
    /// schedule, as there would be between deleting and creating.
    pub async fn set(&self, name: &str, at: Timestamp, body: &str) -> Result<()> {
        // It may fire and delete itself between the two calls, and be made by somebody else after that.
        for _ in 0..SET_ATTEMPTS {
            if self.try_update(name, at, body).await? || self.try_create(name, at, body).await? {
                return Ok(());
            }
        }
        Err(Error::Contention("schedule"))
    }

    /// `false`: one of this name exists.
    async fn try_create(&self, name: &str, at: Timestamp, body: &str) -> Result<bool> {
        let Parts { target, window, expression } = self.parts(at, body)?;
        let outcome = self
            .client
            .create_schedule()
            .group_name(&self.group)
            .name(name)
            .schedule_expression(expression)
            .schedule_expression_timezone("UTC")
            .flexible_time_window(window)
            .action_after_completion(ActionAfterCompletion::Delete)
            .target(target)
            .send()
            .await;
        match outcome {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("ConflictException") => Ok(false),
            Err(error) => Err(Error::aws("scheduler:CreateSchedule")(error)),
        }
    }

    /// `false`: none of this name exists. All of it is said again: what an update leaves out gets its default.
    async fn try_update(&self, name: &str, at: Timestamp, body: &str) -> Result<bool> {
        let Parts { target, window, expression } = self.parts(at, body)?;
        let outcome = self
            .client
            .update_schedule()
            .group_name(&self.group)
            .name(name)
            .schedule_expression(expression)
            .schedule_expression_timezone("UTC")
            .flexible_time_window(window)
            .action_after_completion(ActionAfterCompletion::Delete)
            .target(target)
            .send()
            .await;
        match outcome {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(false),
            Err(error) => Err(Error::aws("scheduler:UpdateSchedule")(error)),
        }
    }

    fn parts(&self, at: Timestamp, body: &str) -> Result<Parts> {
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
        Ok(Parts { target, window, expression: format!("at({})", local.strftime("%Y-%m-%dT%H:%M:%S")) })
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
