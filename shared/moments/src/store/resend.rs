//! What the sweeper notes on a row, a task's or a delivery's, before it sends a message for it.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use jiff::Timestamp;
use kernel::dynamo::n;
use kernel::error::Result;

use super::{condition_held, milliseconds};

/// One message more for a row that has not moved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resend {
    /// The due time that the row was read with.
    pub seen: Timestamp,
    /// How many messages there were before.
    pub resends: u32,
    pub now: Timestamp,
    /// Until when the sweeper sends no other one.
    pub resend_after: Timestamp,
}

impl Resend {
    /// Notes it on the row of `request`. `false`: the row has moved, or somebody else sent a message. The SDK's own
    /// repetition of a note whose answer was lost is taken for what it is.
    pub async fn note(self, request: UpdateItemFluentBuilder) -> Result<bool> {
        let outcome = request
            .condition_expression(
                "next_action_at = :seen AND (attribute_not_exists(resend_after) OR resend_after <= :now OR \
                 (resend_after = :later AND resends = :resends))",
            )
            .update_expression("SET resend_after = :later, resends = :resends")
            .expression_attribute_values(":seen", milliseconds(self.seen))
            .expression_attribute_values(":later", milliseconds(self.resend_after))
            .expression_attribute_values(":resends", n(self.resends.saturating_add(1)))
            .expression_attribute_values(":now", milliseconds(self.now))
            .send()
            .await;
        condition_held(outcome, "dynamodb:UpdateItem")
    }
}
