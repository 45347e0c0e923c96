//! The types of events that a webhook can want.

use crate::kind::Kind;

/// The type of a test delivery, which is no event.
pub const TEST_TYPE: &str = "webhook.test";

/// All types of events.
pub const EVENT_TYPES: &[&str] = &[
    "lead.created",
    "lead.updated",
    "lead.status_changed",
    "lead.merged",
    "lead.erased",
    "sync.completed",
    "sync.failed",
    "account.expired",
    "account.restored",
    "account.taken_over",
    "account.reauthorize_due",
    "account.offline",
    "moment.task.finished",
    "moment.waiting_for_member",
    "webhook.disabled",
];

/// What people in a group have to act upon. Of tasks only those that end with failures.
const FOR_PEOPLE: &[&str] =
    &["account.expired", "account.reauthorize_due", "moment.task.finished", "moment.waiting_for_member", "sync.failed"];

/// The types that a webhook of this kind wants that names none.
#[must_use]
pub const fn default_types(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Generic => EVENT_TYPES,
        Kind::WecomBot | Kind::Dingtalk | Kind::Feishu => FOR_PEOPLE,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::body::is_told_by_default;

    #[test]
    fn default_types_of_a_kind_are_those_that_are_told_by_default() {
        // A task that has ended with a failure, which bots are told; what the other types say of themselves does not matter.
        let data = json!({ "failed": 1 });
        for kind in Kind::ALL {
            for name in EVENT_TYPES {
                let is_told = is_told_by_default(kind, &json!({ "type": name, "data": data }));
                assert_eq!(default_types(kind).contains(name), is_told, "{kind:?} {name}");
            }
        }
    }
}
