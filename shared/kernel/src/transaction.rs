//! DynamoDB transactions whose conditions have names.
//!
//! [`Transaction::add`] answers a [`Condition`] for the action it added. When the transaction is refused, the
//! [`Outcome`] is asked about that condition by its name, so an action that is added before another one never changes
//! what a refusal means.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::TransactWriteItem;

use crate::clock::Clock;
use crate::dynamo::Item;
use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::retry::{CONFLICT_PAUSES, CONFLICT_RETRIES};

/// How many actions DynamoDB takes in one transaction.
pub const MAX_ACTIONS: usize = 100;

/// Actions that are written all or none. No two of them may be on one row.
#[derive(Debug, Clone, Default)]
pub struct Transaction {
    actions: Vec<TransactWriteItem>,
    events_of: Option<UserId>,
}

/// The condition of one action of the transaction that answered it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Condition(usize);

/// What became of a transaction.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub enum Outcome {
    /// All of it was written.
    Committed,
    /// Nothing was written, because at least one condition did not hold.
    Refused(FailedConditions),
}

/// The conditions that did not hold, each with the row that it was about, if its action asks for that.
#[derive(Debug, Clone, PartialEq)]
pub struct FailedConditions(HashMap<usize, Option<Item>>);

impl Transaction {
    /// A transaction without actions.
    #[must_use]
    pub const fn new() -> Self {
        Self { actions: Vec::new(), events_of: None }
    }

    /// Adds an action, and answers the name of its condition.
    pub fn add(&mut self, action: TransactWriteItem) -> Condition {
        self.actions.push(action);
        Condition(self.actions.len() - 1)
    }

    /// Adds actions whose conditions nobody asks about.
    pub fn add_all(&mut self, actions: impl IntoIterator<Item = TransactWriteItem>) {
        self.actions.extend(actions);
    }

    /// Notes that events of this tenant are among the actions.
    pub(crate) const fn has_events_of(&mut self, tenant: UserId) {
        self.events_of = Some(tenant);
    }

    /// Whose events are among the actions.
    pub(crate) const fn tenant_with_events(&self) -> Option<UserId> {
        self.events_of
    }

    /// Whether nothing was added.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// Writes all of it or nothing.
    ///
    /// One request token covers all attempts, so an attempt whose answer was lost counts once. Conflicts with other
    /// transactions and throttling are waited out here with growing pauses, because the SDK does not do it for
    /// transactions.
    ///
    /// # Errors
    /// [`Error::Internal`] for more than [`MAX_ACTIONS`]; [`Error::Contention`] when the rows stay busy; [`Error::Aws`] when
    /// DynamoDB fails.
    pub async fn commit(&self, client: &Client, clock: &Clock) -> Result<Outcome> {
        if self.actions.len() > MAX_ACTIONS {
            return Err(Error::Internal("transaction of more than 100 actions"));
        }
        let token = hex::encode(crate::crypto::random::<16>());
        let mut attempt = 0;
        loop {
            let sent = client
                .transact_write_items()
                .set_transact_items(Some(self.actions.clone()))
                .client_request_token(&token)
                .send()
                .await;
            let error = match sent {
                Ok(_) => return Ok(Outcome::Committed),
                Err(error) => error,
            };
            let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error()
            else {
                return Err(Error::aws("dynamodb:TransactWriteItems")(error));
            };
            let reasons = cancelled.cancellation_reasons();
            let codes: Vec<&str> = reasons.iter().map(|reason| reason.code().unwrap_or("None")).collect();
            let failed = FailedConditions::among(reasons.iter().map(|reason| (reason.code(), reason.item())));
            if !failed.0.is_empty() {
                return Ok(Outcome::Refused(failed));
            }
            if !is_passing(&codes) || attempt == CONFLICT_RETRIES {
                return Err(match is_passing(&codes) && codes.contains(&"TransactionConflict") {
                    true => Error::Contention("dynamodb:TransactWriteItems"),
                    false => Error::aws("dynamodb:TransactWriteItems")(error),
                });
            }
            clock.sleep(CONFLICT_PAUSES.jittered(attempt)).await;
            attempt += 1;
        }
    }
}

impl Outcome {
    /// Whether all of it was written.
    #[must_use]
    pub const fn is_committed(&self) -> bool {
        matches!(self, Self::Committed)
    }

    /// Whether this condition did not hold. `None`, for an action that was not part of the transaction, always held.
    #[must_use]
    pub fn failed(&self, condition: impl Into<Option<Condition>>) -> bool {
        match (self, condition.into()) {
            (Self::Refused(failed), Some(condition)) => failed.0.contains_key(&condition.0),
            _ => false,
        }
    }

    /// The row for which this condition did not hold, as it was then: nothing need be read to write anew. There is one if
    /// the action asks for it (`ReturnValuesOnConditionCheckFailure`) and the row exists.
    #[must_use]
    pub fn found(&self, condition: impl Into<Option<Condition>>) -> Option<Item> {
        match (self, condition.into()) {
            (Self::Refused(failed), Some(condition)) => failed.0.get(&condition.0).cloned().flatten(),
            _ => None,
        }
    }
}

impl FailedConditions {
    /// Those among the reasons of a cancellation, which DynamoDB lists in the order of the actions.
    fn among<'a>(reasons: impl Iterator<Item = (Option<&'a str>, Option<&'a Item>)>) -> Self {
        let failed = reasons.enumerate().filter(|(_, (code, _))| *code == Some("ConditionalCheckFailed"));
        Self(failed.map(|(index, (_, row))| (index, row.filter(|row| !row.is_empty()).cloned())).collect())
    }
}

/// Whether the same transaction can succeed a moment later.
pub(crate) fn is_passing(codes: &[&str]) -> bool {
    codes.iter().all(|code| {
        matches!(*code, "None" | "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded")
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::config::{BehaviorVersion, Region};

    use super::*;

    fn action() -> TransactWriteItem {
        TransactWriteItem::builder().build()
    }

    #[test]
    fn transaction_names_failed_conditions_whatever_was_added_before_them() {
        let mut transaction = Transaction::new();
        let lease = transaction.add(action());
        transaction.add_all([action(), action()]);
        let claim = transaction.add(action());
        let row = Item::from([("version".to_owned(), crate::dynamo::n(7))]);
        let outcome = Outcome::Refused(FailedConditions::among(
            [
                (Some("None"), None),
                (None, None),
                (Some("TransactionConflict"), None),
                (Some("ConditionalCheckFailed"), Some(&row)),
            ]
            .into_iter(),
        ));
        assert!(!outcome.is_committed());
        assert!(outcome.failed(claim) && outcome.failed(Some(claim)));
        assert_eq!((outcome.found(claim), outcome.found(lease)), (Some(row), None));
        assert!(!outcome.failed(lease));
        assert!(!outcome.failed(None));
        assert!(!Outcome::Committed.failed(claim));
    }

    #[test]
    fn transaction_retries_only_conflicts_and_throttling() {
        for (codes, expected) in [
            (&["None", "TransactionConflict"][..], true),
            (&["ThrottlingError", "ProvisionedThroughputExceeded"], true),
            (&["None", "ValidationError"], false),
            (&["ItemCollectionSizeLimitExceeded"], false),
        ] {
            assert_eq!(is_passing(codes), expected, "{codes:?}");
        }
    }

    #[tokio::test]
    async fn transaction_of_more_than_100_actions_is_refused_before_it_is_sent() {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("cn-north-1"))
            .build();
        let mut transaction = Transaction::new();
        transaction.add_all((0..=MAX_ACTIONS).map(|_| action()));
        let refused = transaction.commit(&Client::from_conf(config), &Clock::System).await.unwrap_err();
        assert!(matches!(refused, Error::Internal(_)), "{refused}");
    }
}
