//! What changes of a delivery, and how it is written.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use kernel::dynamo::{milliseconds, n, s};
use kernel::lease::Lease;

use super::{Delivery, DeliveryStage, Repair, WaitReason};

/// What changes of a delivery.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DeliveryChange {
    pub stage: Option<DeliveryStage>,
    pub attempts: Option<u32>,
    pub sending_at: Option<Timestamp>,
    /// From now on its post is looked for.
    pub sought_since: Option<Timestamp>,
    pub asked_member_ids: Option<Vec<String>>,
    pub upload_hashes: Option<Vec<String>>,
    /// Everything that was replaced for it, the last time included.
    pub repaired: Option<Vec<Repair>>,
    pub job_id: Option<String>,
    pub moment_id: Option<String>,
    pub refused_member_ids: Option<Vec<String>>,
    /// Takes the post's id off the row, with what was written for it: it is not this delivery's.
    pub forgets_post: bool,
    pub confirm_until: Option<Timestamp>,
    /// Lets the delivery go until then; a delivery in stage DONE is let go for ever.
    pub release_until: Option<Timestamp>,
    /// What it waits for until then, where its stage does not say it.
    pub waits_for: Option<WaitReason>,
    /// The version of the list of words by which its text is forbidden.
    pub words_version: Option<String>,
}

impl DeliveryChange {
    /// What the row holds once this is written.
    pub(crate) fn apply(&self, delivery: &mut Delivery) {
        let keep = |new: &Option<Vec<String>>, old: &mut Vec<String>| {
            if let Some(new) = new {
                old.clone_from(new);
            }
        };
        if self.forgets_post {
            delivery.moment_id = None;
            delivery.confirm_until = Timestamp::default();
            delivery.refused_member_ids.clear();
        }
        delivery.stage = self.stage.unwrap_or(delivery.stage);
        delivery.attempts = self.attempts.unwrap_or(delivery.attempts);
        delivery.sending_at = self.sending_at.unwrap_or(delivery.sending_at);
        delivery.sought_since = self.sought_since.unwrap_or(delivery.sought_since);
        delivery.confirm_until = self.confirm_until.unwrap_or(delivery.confirm_until);
        delivery.job_id = self.job_id.clone().or_else(|| delivery.job_id.take());
        delivery.moment_id = self.moment_id.clone().or_else(|| delivery.moment_id.take());
        keep(&self.asked_member_ids, &mut delivery.asked_member_ids);
        keep(&self.upload_hashes, &mut delivery.upload_hashes);
        if let Some(repaired) = &self.repaired {
            delivery.repaired.clone_from(repaired);
        }
        keep(&self.refused_member_ids, &mut delivery.refused_member_ids);
    }
}

/// A change as DynamoDB takes it.
pub(super) struct Expression {
    pub update: String,
    pub values: HashMap<String, AttributeValue>,
}

/// A change with its values, beside `:owner`, `:seen` and `:stage` for the condition.
pub(super) fn written(delivery: &Delivery, lease: &Lease, change: &DeliveryChange) -> Expression {
    let list = |ids: &Vec<String>| AttributeValue::L(ids.iter().map(s).collect());
    let repairs = |all: &Vec<Repair>| AttributeValue::L(all.iter().map(|repair| s(repair.as_str())).collect());
    let stage = change.stage.unwrap_or(delivery.stage);
    let mut set = vec!["stage = :stage"];
    let mut remove = Vec::new();
    let mut values = HashMap::from([
        (":owner".to_owned(), s(lease.owner())),
        (":seen".to_owned(), s(delivery.stage.as_str())),
        (":stage".to_owned(), s(stage.as_str())),
    ]);
    let release = change.release_until.filter(|_| stage != DeliveryStage::Done);
    for (clause, name, value) in [
        ("attempts = :attempts", ":attempts", change.attempts.map(n)),
        ("sending_at = :sending", ":sending", change.sending_at.map(milliseconds)),
        ("sought_since = :sought", ":sought", change.sought_since.map(milliseconds)),
        ("asked_member_ids = :asked", ":asked", change.asked_member_ids.as_ref().map(list)),
        ("upload_hashes = :uploads", ":uploads", change.upload_hashes.as_ref().map(list)),
        ("repaired = :repaired", ":repaired", change.repaired.as_ref().map(repairs)),
        ("job_id = :job", ":job", change.job_id.as_ref().map(s)),
        ("moment_id = :moment", ":moment", change.moment_id.as_ref().map(s)),
        ("refused_member_ids = :refused", ":refused", change.refused_member_ids.as_ref().map(list)),
        ("confirm_until = :until", ":until", change.confirm_until.map(milliseconds)),
        ("words_version = :words", ":words", change.words_version.as_ref().map(s)),
        ("next_action_at = :next", ":next", release.map(milliseconds)),
        ("waits_for = :waits", ":waits", release.and(change.waits_for).map(|reason| s(reason.as_str()))),
    ] {
        if let Some(value) = value {
            set.push(clause);
            values.insert(name.to_owned(), value);
        }
    }
    if change.forgets_post {
        remove.extend(["moment_id", "refused_member_ids", "confirm_until"]);
    }
    if stage == DeliveryStage::Done {
        remove.extend([
            "lease_owner",
            "due_shard",
            "next_action_at",
            "resend_if_absent",
            "resend_if_blind",
            "waits_for",
        ]);
    } else if release.is_some() {
        remove.push("lease_owner");
        if change.waits_for.is_none() {
            remove.push("waits_for");
        }
    }
    let removed = if remove.is_empty() { String::new() } else { format!(" REMOVE {}", remove.join(", ")) };
    Expression { update: format!("SET {}{removed}", set.join(", ")), values }
}
