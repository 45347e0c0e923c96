//! Statements of identity policies, and what they allow.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::Access;

/// One `Allow` statement whose expressions are resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// For reports; empty when the template gives none.
    pub sid: String,
    /// As `dynamodb:GetItem`, never with a wildcard.
    pub actions: Vec<String>,
    /// ARNs, with `*` for any text.
    pub resources: Vec<String>,
    conditions: Vec<Condition>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Condition {
    key: String,
    values: Vec<String>,
    /// `StringEqualsIfExists`: a request without the key passes.
    if_exists: bool,
}

impl Statement {
    /// Reads a statement of a policy document.
    ///
    /// # Errors
    /// When it uses something this evaluation does not know: a rule that is not understood must not look like one that
    /// allows nothing.
    pub fn parse(statement: &Value) -> Result<Self> {
        let sid = statement.get("Sid").and_then(Value::as_str).unwrap_or_default().to_owned();
        let effect = statement.get("Effect").and_then(Value::as_str);
        ensure!(effect == Some("Allow"), "statement {sid}: only Allow is evaluated, not {effect:?}");
        for name in statement.as_object().into_iter().flatten().map(|(name, _)| name.as_str()) {
            let known = ["Sid", "Effect", "Action", "Resource", "Condition"].contains(&name);
            ensure!(known, "statement {sid}: {name} is not evaluated");
        }
        let actions = texts(statement.get("Action")).with_context(|| format!("actions of statement {sid}"))?;
        ensure!(actions.iter().all(|action| !action.contains('*')), "statement {sid} allows actions by wildcard");
        let resources = texts(statement.get("Resource")).with_context(|| format!("resources of statement {sid}"))?;
        let mut conditions = Vec::new();
        for (operator, tests) in statement.get("Condition").and_then(Value::as_object).into_iter().flatten() {
            let if_exists = match operator.as_str() {
                "StringEquals" => false,
                "StringEqualsIfExists" => true,
                other => bail!("statement {sid}: condition operator {other} is not evaluated"),
            };
            for (key, values) in tests.as_object().into_iter().flatten() {
                conditions.push(Condition { key: key.clone(), values: texts(Some(values))?, if_exists });
            }
        }
        Ok(Self { sid, actions, resources, conditions })
    }

    /// Whether it allows this.
    #[must_use]
    pub fn allows(&self, access: &Access) -> bool {
        self.actions.contains(&access.action)
            && self.resources.iter().any(|resource| matches(resource, &access.resource))
            && self.conditions.iter().all(|condition| condition.holds(&access.context))
    }
}

impl Condition {
    fn holds(&self, context: &BTreeMap<String, String>) -> bool {
        context.get(&self.key).map_or(self.if_exists, |value| self.values.contains(value))
    }
}

/// Whether a resource is one that an ARN with `*` in it names.
fn matches(pattern: &str, resource: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| resource.strip_prefix(first)) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    true
}

fn texts(value: Option<&Value>) -> Result<Vec<String>> {
    match value {
        Some(Value::String(text)) => Ok(vec![text.clone()]),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned).with_context(|| format!("{item} is not a text")))
            .collect(),
        other => bail!("{other:?} is neither a text nor a list of texts"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn access(action: &str, resource: &str, context: &[(&str, &str)]) -> Access {
        let context = context.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Access { action: action.to_owned(), resource: resource.to_owned(), context }
    }

    #[test]
    fn statement_allows_only_its_actions_on_its_resources() {
        let statement = Statement::parse(&json!({
            "Sid": "Read", "Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:Query"],
            "Resource": ["arn:aws:dynamodb:r:1:table/a", "arn:aws:dynamodb:r:1:table/a/index/*"],
        }))
        .unwrap();
        for (action, resource, allowed) in [
            ("dynamodb:GetItem", "arn:aws:dynamodb:r:1:table/a", true),
            ("dynamodb:Query", "arn:aws:dynamodb:r:1:table/a/index/by_user", true),
            ("dynamodb:PutItem", "arn:aws:dynamodb:r:1:table/a", false),
            ("dynamodb:GetItem", "arn:aws:dynamodb:r:1:table/ab", false),
            ("dynamodb:GetItem", "arn:aws:dynamodb:r:2:table/a", false),
        ] {
            assert_eq!(statement.allows(&access(action, resource, &[])), allowed, "{action} on {resource}");
        }
    }

    #[test]
    fn condition_holds_by_value_and_absence_counts_only_with_if_exists() {
        let statement = |operator: &str| {
            Statement::parse(&json!({
                "Effect": "Allow", "Action": "kms:Decrypt", "Resource": "k",
                "Condition": { operator: { "kms:EncryptionContext:table": ["t_a", "t_b"] } },
            }))
            .unwrap()
        };
        for (operator, context, allowed) in [
            ("StringEquals", &[("kms:EncryptionContext:table", "t_b")][..], true),
            ("StringEquals", &[("kms:EncryptionContext:table", "t_c")], false),
            ("StringEquals", &[], false),
            ("StringEqualsIfExists", &[], true),
            ("StringEqualsIfExists", &[("kms:EncryptionContext:table", "t_c")], false),
        ] {
            let allows = statement(operator).allows(&access("kms:Decrypt", "k", context));
            assert_eq!(allows, allowed, "{operator} {context:?}");
        }
    }

    #[test]
    fn statement_that_is_not_understood_is_an_error() {
        for statement in [
            json!({ "Effect": "Deny", "Action": "a:B", "Resource": "*" }),
            json!({ "Effect": "Allow", "NotAction": "a:B", "Resource": "*" }),
            json!({ "Effect": "Allow", "Action": "dynamodb:*", "Resource": "*" }),
            json!({ "Effect": "Allow", "Action": "a:B", "Resource": { "Ref": "X" } }),
            json!({ "Effect": "Allow", "Action": "a:B", "Resource": "*", "Condition": { "Bool": { "k": "true" } } }),
        ] {
            assert!(Statement::parse(&statement).is_err(), "{statement}");
        }
    }

    #[test]
    fn wildcard_matches_any_text_in_its_place() {
        for (pattern, text, matched) in [
            ("a/*", "a/", true),
            ("a/*", "a/b/c", true),
            ("a/*", "b", false),
            ("*", "", true),
            ("a*c", "abc", true),
            ("a*c", "abd", false),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "a1c2b", false),
            ("abc", "abc", true),
            ("abc", "abcd", false),
        ] {
            assert_eq!(matches(pattern, text), matched, "{pattern} on {text}");
        }
    }
}
