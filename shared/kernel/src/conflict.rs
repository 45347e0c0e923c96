//! Single-row writes that meet a running transaction. DynamoDB refuses them with `TransactionConflictException`, which
//! is over as soon as the transaction is, within milliseconds; the SDK counts it among the errors that stay.
//!
//! It is told so once, in the client that every table of every domain is written through: a helper around each write
//! could be forgotten at the next one.

use std::time::Duration;

use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    Error, FinalizerInterceptorContextRef, InterceptorContext, Output,
};
use aws_smithy_runtime_api::client::orchestrator::OrchestratorError;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::retry::RetryConfig;

/// How often a write is tried: as often as a transaction that met another one.
const ATTEMPTS: u32 = 9;
/// The pause doubles from this with each attempt. The SDK multiplies it with a random number below one, so that two
/// that met do not meet again.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(1_280);

/// Has a client wait for the transactions its writes meet.
pub(crate) fn waited_for(config: Builder) -> Builder {
    config.retry_classifier(Conflict).interceptor(Conflict)
}

#[derive(Debug)]
struct Conflict;

impl Conflict {
    fn is_met(outcome: Option<Result<&Output, &OrchestratorError<Error>>>) -> bool {
        let Some(error) = outcome.and_then(Result::err).and_then(OrchestratorError::as_operation_error) else {
            return false;
        };
        error.downcast_ref::<UpdateItemError>().is_some_and(UpdateItemError::is_transaction_conflict_exception)
            || error.downcast_ref::<PutItemError>().is_some_and(PutItemError::is_transaction_conflict_exception)
            || error.downcast_ref::<DeleteItemError>().is_some_and(DeleteItemError::is_transaction_conflict_exception)
    }
}

impl ClassifyRetry for Conflict {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match Self::is_met(context.output_or_error()) {
            true => RetryAction::transient_error(),
            false => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "transaction conflict"
    }
}

impl Intercept for Conflict {
    fn name(&self) -> &'static str {
        "transaction conflict"
    }

    /// More and quicker attempts for this call. The client's own settings are made for failures that last longer, and
    /// give up after three attempts.
    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        settings: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if Self::is_met(context.output_or_error()) {
            let retries = settings.load::<RetryConfig>().cloned().unwrap_or_else(RetryConfig::standard);
            let retries = retries.with_max_attempts(ATTEMPTS).with_initial_backoff(FIRST_PAUSE);
            settings.interceptor_state().store_put(retries.with_max_backoff(LONGEST_PAUSE));
        }
        Ok(())
    }
}
