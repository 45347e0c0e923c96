//! What stands in paths and headers, in the forms in which it is sent.

use std::borrow::Cow;
use std::collections::BTreeSet;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::http::MAX_KEY;
use crate::routes::audit::actions;

/// `Idempotency-Key`.
pub(super) struct Key;

impl JsonSchema for Key {
    fn schema_name() -> Cow<'static, str> {
        "Key".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "maxLength": MAX_KEY, "pattern": "^[!-~]+$" })
    }
}

/// A number that is answered as text, because it is too large for some readers of JSON.
pub(super) struct Digits;

impl JsonSchema for Digits {
    fn schema_name() -> Cow<'static, str> {
        "Digits".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]+$" })
    }
}

/// A word of the audit log.
pub(crate) struct AuditAction;

impl JsonSchema for AuditAction {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "AuditAction".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words: BTreeSet<&str> = actions().map(|action| action.as_str()).collect();
        json_schema!({ "type": "string", "enum": words })
    }
}

/// A type of events that a webhook can want.
pub(crate) struct EventTypeName;

impl JsonSchema for EventTypeName {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "EventTypeName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": webhooks::EVENT_TYPES })
    }
}

/// What the gateway sends. It is read field by field, in any spelling, so that no type stands for it.
pub(super) struct GatewayNotice;

impl JsonSchema for GatewayNotice {
    fn schema_name() -> Cow<'static, str> {
        "GatewayNotice".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let text = json_schema!({ "type": "string" });
        json_schema!({ "type": "object", "properties": { "TypeName": text, "Appid": text, "Wxid": text } })
    }
}
