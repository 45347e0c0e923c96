//! Whether a value is what a schema says: the keywords that the document has. Another one is an error, so that nothing is
//! believed to be checked that is not.

use serde_json::{Map, Value};

/// Whose word counts for fields that a schema does not name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unnamed {
    /// Refused: what we answer is described to the last field.
    Refused,
    /// As the schema says, which lets callers send more where it says nothing.
    AsWritten,
}

/// A schema with the document that its references point into.
#[derive(Clone, Copy)]
pub(crate) struct Schema<'a> {
    pub(crate) document: &'a Value,
    pub(crate) schema: &'a Value,
    pub(crate) unnamed: Unnamed,
}

impl<'a> Schema<'a> {
    fn at(self, schema: &'a Value) -> Self {
        Self { schema, ..self }
    }

    /// What is wrong with `value`, at `path`.
    pub(crate) fn problem(self, value: &Value, path: &str) -> Option<String> {
        let Some(keywords) = self.schema.as_object() else {
            return (*self.schema != Value::Bool(true))
                .then(|| format!("{path}: the schema {} allows nothing", self.schema));
        };
        keywords.iter().find_map(|(keyword, meaning)| self.keyword(keyword, meaning, keywords, value, path))
    }

    fn keyword(
        self,
        keyword: &str,
        meaning: &'a Value,
        all: &'a Map<String, Value>,
        value: &Value,
        path: &str,
    ) -> Option<String> {
        let wrong = |fits: bool| (!fits).then(|| format!("{path}: {value} is not {keyword} {meaning}"));
        let limit = meaning.as_u64().unwrap_or(u64::MAX);
        match keyword {
            "description" | "default" | "example" | "examples" => None,
            "$ref" => {
                let pointer = meaning.as_str().and_then(|reference| reference.strip_prefix('#')).unwrap_or_default();
                match self.document.pointer(pointer) {
                    Some(schema) => self.at(schema).problem(value, path),
                    None => Some(format!("{path}: {meaning} points to nothing")),
                }
            }
            "type" => wrong(match meaning {
                Value::Array(types) => types.iter().any(|name| is_of_type(value, name)),
                name => is_of_type(value, name),
            }),
            "const" => wrong(value == meaning),
            "enum" => wrong(meaning.as_array().is_some_and(|words| words.contains(value))),
            // A form sends an empty text for a field that nobody filled in.
            "format" => wrong((self.unnamed == Unnamed::AsWritten && value == "") || has_format(value, meaning)),
            "pattern" => wrong(has_pattern(value, meaning)),
            "minimum" => wrong(value.as_u64().is_none_or(|number| number >= limit)),
            "maximum" => wrong(value.as_u64().is_none_or(|number| number <= limit)),
            "minLength" => wrong(length(value).is_none_or(|length| length >= limit)),
            "maxLength" => wrong(length(value).is_none_or(|length| length <= limit)),
            "minItems" => wrong(value.as_array().is_none_or(|items| items.len() as u64 >= limit)),
            "maxItems" => wrong(value.as_array().is_none_or(|items| items.len() as u64 <= limit)),
            "uniqueItems" => wrong(value.as_array().is_none_or(|items| {
                items.iter().enumerate().all(|(index, item)| items.iter().take(index).all(|earlier| earlier != item))
            })),
            "items" => {
                let mut items = value.as_array().into_iter().flatten().enumerate();
                items.find_map(|(index, item)| self.at(meaning).problem(item, &format!("{path}[{index}]")))
            }
            "required" => {
                let mut names = meaning.as_array().into_iter().flatten().filter_map(Value::as_str);
                let missing = names.find(|name| value.is_object() && value.get(name).is_none());
                missing.map(|name| format!("{path}.{name} is missing"))
            }
            "properties" => self.properties(meaning, all, value, path),
            "additionalProperties" => None,
            "anyOf" | "oneOf" => {
                let choices = meaning.as_array().into_iter().flatten();
                let problems: Vec<Option<String>> =
                    choices.map(|choice| self.at(choice).problem(value, path)).collect();
                let fit = problems.iter().filter(|problem| problem.is_none()).count();
                let fits = if keyword == "oneOf" { fit == 1 } else { fit > 0 };
                (!fits).then(|| format!("{path}: {fit} of {keyword} fit: {problems:?}"))
            }
            other => Some(format!("{path}: the keyword {other} is not known here")),
        }
    }

    fn properties(self, named: &'a Value, all: &'a Map<String, Value>, value: &Value, path: &str) -> Option<String> {
        let mut fields = value.as_object().into_iter().flatten();
        let is_closed =
            self.unnamed == Unnamed::Refused || all.get("additionalProperties") == Some(&Value::Bool(false));
        fields.find_map(|(name, value)| match named.get(name) {
            Some(schema) => self.at(schema).problem(value, &format!("{path}.{name}")),
            None => is_closed.then(|| format!("{path}.{name} is not described")),
        })
    }
}

fn is_of_type(value: &Value, name: &Value) -> bool {
    match name.as_str() {
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_u64() || value.is_i64(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => false,
    }
}

/// Characters, as JSON Schema counts them.
fn length(value: &Value) -> Option<u64> {
    value.as_str().map(|text| text.chars().count() as u64)
}

/// Times are told apart from other texts; addresses are only described.
fn has_format(value: &Value, format: &Value) -> bool {
    let Some(text) = value.as_str() else { return true };
    match format.as_str() {
        Some("date-time") => text.as_bytes().get(10).is_some_and(|separator| separator.eq_ignore_ascii_case(&b'T')),
        Some("ip") => text.parse::<std::net::IpAddr>().is_ok(),
        Some("uri") => text.parse::<url::Url>().is_ok(),
        _ => false,
    }
}

/// The patterns of the document, which are classes of characters.
fn has_pattern(value: &Value, pattern: &Value) -> bool {
    let Some(text) = value.as_str() else { return true };
    match pattern.as_str() {
        Some("^[0-9]+$") => !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()),
        Some("^[!-~]+$") => !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problem(schema: &Value, value: &Value, unnamed: Unnamed) -> Option<String> {
        let document = json!({ "components": { "schemas": { "Word": { "enum": ["A", "B"] } } } });
        Schema { document: &document, schema, unnamed }.problem(value, "$")
    }

    #[test]
    fn schema_accepts_what_it_says_and_names_what_it_does_not() {
        let schema = json!({
            "type": "object", "required": ["id"],
            "properties": {
                "id": { "type": "integer", "minimum": 1, "maximum": 9 },
                "word": { "anyOf": [{ "$ref": "#/components/schemas/Word" }, { "type": "null" }] },
                "texts": { "type": "array", "maxItems": 2, "uniqueItems": true, "items": { "type": "string", "maxLength": 2 } },
                "time": { "type": ["string", "null"], "format": "date-time" },
                "key": { "type": "string", "pattern": "^[!-~]+$" },
            },
        });
        let fine = json!({ "id": 9, "word": null, "texts": ["线索"], "time": "2026-11-20T08:00:00Z", "key": "k-1" });
        assert_eq!(problem(&schema, &fine, Unnamed::Refused), None);
        for (field, value) in [
            ("id", json!(0)),
            ("id", json!(10)),
            ("id", json!("9")),
            ("word", json!("C")),
            ("texts", json!(["a", "b", "c"])),
            ("texts", json!(["abc"])),
            ("texts", json!(["a", "a"])),
            ("time", json!("yesterday")),
            ("key", json!("no key")),
            ("more", json!(1)),
        ] {
            let mut wrong = fine.clone();
            wrong[field] = value;
            let problem = problem(&schema, &wrong, Unnamed::Refused).unwrap();
            assert!(problem.starts_with(&format!("$.{field}")), "{problem}");
        }
        assert_eq!(problem(&schema, &json!({ "word": "A" }), Unnamed::Refused).unwrap(), "$.id is missing");
        assert_eq!(problem(&schema, &json!({ "id": 1, "more": 1 }), Unnamed::AsWritten), None);
        let closed = json!({ "type": "object", "properties": {}, "additionalProperties": false });
        assert!(problem(&closed, &json!({ "more": 1 }), Unnamed::AsWritten).is_some());
        assert!(problem(&json!({ "multipleOf": 2 }), &json!(2), Unnamed::AsWritten).unwrap().contains("not known"));
    }
}
