//! What stands in paths and headers, in the forms in which it is sent.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::http::MAX_KEY;

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
