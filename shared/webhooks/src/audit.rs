//! What of this domain is written down in the audit log. A row names webhooks by their ids, and no address.

use kernel::audit::Action;
use serde_json::{Value, json};

use crate::store::webhook::Webhook;

/// A webhook is made.
pub const WEBHOOK_CREATED: Action = Action::new("WEBHOOK_CREATED");
/// A webhook is changed, by its tenant or because we give it up.
pub const WEBHOOK_CHANGED: Action = Action::new("WEBHOOK_CHANGED");
/// A webhook is deleted.
pub const WEBHOOK_DELETED: Action = Action::new("WEBHOOK_DELETED");

/// All of them.
pub const ACTIONS: &[Action] = &[WEBHOOK_CREATED, WEBHOOK_CHANGED, WEBHOOK_DELETED];

/// The object of a row.
pub(crate) fn object(webhook_id: &str) -> String {
    format!("webhook/{webhook_id}")
}

/// How a webhook is.
pub(crate) fn state(webhook: &Webhook) -> Value {
    json!({ "kind": webhook.kind, "status": webhook.status, "types": webhook.types })
}
