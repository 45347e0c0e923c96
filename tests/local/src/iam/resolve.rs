//! The expressions in policies, resolved against a deployed stack.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::aws::REGION;
use crate::stack::{Expressions, Resource};

/// The ARN of something in an account.
pub(super) fn arn(account: &str, service: &str, rest: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{account}:{rest}")
}

/// What `Ref`, `Fn::GetAtt`, `Fn::Sub` and `Fn::If` give in a stack.
pub(super) struct Names<'a> {
    pub(super) account: &'a str,
    pub(super) stack: &'a str,
    pub(super) resources: &'a BTreeMap<String, Resource>,
    /// Its parameters, and the conditions that they make true.
    pub(super) expressions: Expressions<'a>,
}

impl Names<'_> {
    /// The value with every expression replaced by what it gives; null for `AWS::NoValue`.
    pub(super) fn resolve(&self, value: &Value) -> Result<Value> {
        match value {
            Value::Array(items) => {
                items.iter().map(|item| self.resolve(item)).collect::<Result<Vec<_>>>().map(Value::from)
            }
            Value::Object(fields) => {
                if let (1, Some((name, argument))) = (fields.len(), fields.iter().next()) {
                    match (name.as_str(), argument) {
                        ("Ref", Value::String(name)) if name == "AWS::NoValue" => return Ok(Value::Null),
                        ("Ref", Value::String(name)) => return Ok(self.of(name)?.into()),
                        ("Fn::If", arguments) => {
                            let chosen = self.expressions.chosen(arguments);
                            return self.resolve(chosen.with_context(|| format!("unknown condition: {arguments}"))?);
                        }
                        ("Fn::GetAtt", Value::String(path)) => return Ok(self.of(path)?.into()),
                        ("Fn::GetAtt", Value::Array(path)) => {
                            let path: Vec<_> = path.iter().filter_map(Value::as_str).collect();
                            return Ok(self.of(&path.join("."))?.into());
                        }
                        ("Fn::Sub", Value::String(text)) => return Ok(self.substitute(text)?.into()),
                        (name, _) if name.starts_with("Fn::") => bail!("{name} in a policy is not resolved here"),
                        _ => {}
                    }
                }
                let resolved = fields.iter().map(|(name, field)| Ok((name.clone(), self.resolve(field)?)));
                resolved.collect::<Result<serde_json::Map<_, _>>>().map(Value::from)
            }
            other => Ok(other.clone()),
        }
    }

    fn substitute(&self, text: &str) -> Result<String> {
        let mut parts = text.split("${");
        let mut substituted = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}').with_context(|| format!("{text} has an open brace"))?;
            substituted += &self.of(name)?;
            substituted += rest;
        }
        Ok(substituted)
    }

    /// A pseudo parameter, a parameter, a resource's reference, or its ARN.
    fn of(&self, path: &str) -> Result<String> {
        match path {
            "AWS::Partition" => return Ok("aws".to_owned()),
            "AWS::Region" => return Ok(REGION.to_owned()),
            "AWS::AccountId" => return Ok(self.account.to_owned()),
            "AWS::StackName" => return Ok(self.stack.to_owned()),
            _ => {}
        }
        let (logical_id, attribute) = path.split_once('.').unwrap_or((path, ""));
        let Some(resource) = self.resources.get(logical_id) else {
            let parameter = self.expressions.parameter(path).and_then(|value| value.as_str().map(str::to_owned));
            return parameter.with_context(|| format!("no resource or parameter {path}"));
        };
        let id = resource.physical_id.as_str();
        let name = id.rsplit('/').next().unwrap_or_default();
        let at = |service: &str, rest: String| arn(self.account, service, &rest);
        Ok(match (resource.kind.as_str(), attribute) {
            ("AWS::DynamoDB::Table", "Arn") => at("dynamodb", format!("table/{name}")),
            ("AWS::SQS::Queue", "Arn") => at("sqs", name.to_owned()),
            ("AWS::KMS::Key", "Arn") => at("kms", format!("key/{name}")),
            // The id of a secret is its ARN on AWS and its name in the emulator.
            ("AWS::SecretsManager::Secret", _) => {
                at("secretsmanager", format!("secret:{}", id.rsplit(":secret:").next().unwrap_or_default()))
            }
            ("AWS::S3::Bucket", "Arn") => format!("arn:aws:s3:::{name}"),
            ("AWS::IAM::Role", "Arn") => format!("arn:aws:iam::{}:role/{name}", self.account),
            (_, "") => id.to_owned(),
            (kind, attribute) => bail!("{attribute} of a {kind} in a policy is not resolved here"),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::stack::{Parameters, Template};

    #[test]
    fn expressions_of_policies_become_the_names_of_the_stack() {
        let resource = |kind: &str, id: &str| Resource { kind: kind.to_owned(), physical_id: id.to_owned() };
        let resources = [
            ("Table", resource("AWS::DynamoDB::Table", "it-t_a")),
            ("Queue", resource("AWS::SQS::Queue", "http://127.0.0.1:1/7/it-q")),
            ("Secret", resource("AWS::SecretsManager::Secret", "it-platform")),
            ("Group", resource("AWS::Scheduler::ScheduleGroup", "it-publish")),
            ("Role", resource("AWS::IAM::Role", "it-role")),
            ("Bucket", resource("AWS::S3::Bucket", "it-bucket")),
        ];
        let resources = resources.map(|(name, resource)| (name.to_owned(), resource)).into();
        let template = Template::new(json!({
            "Parameters": { "Sink": { "Default": "" } },
            "Conditions": { "HasSink": { "Fn::Not": [{ "Fn::Equals": [{ "Ref": "Sink" }, ""] }] } },
        }));
        let (template, parameters) = (template.unwrap(), [("Sink".to_owned(), "arn:sink".to_owned())].into());
        let names = Names {
            account: "7",
            stack: "it",
            resources: &resources,
            expressions: Expressions::new(&template, &parameters),
        };
        for (expression, expected) in [
            (json!({ "Fn::GetAtt": "Table.Arn" }), "arn:aws:dynamodb:us-east-1:7:table/it-t_a"),
            (json!({ "Fn::GetAtt": ["Table", "Arn"] }), "arn:aws:dynamodb:us-east-1:7:table/it-t_a"),
            (json!({ "Fn::Sub": "${Table.Arn}/index/x" }), "arn:aws:dynamodb:us-east-1:7:table/it-t_a/index/x"),
            (json!({ "Fn::GetAtt": ["Queue", "Arn"] }), "arn:aws:sqs:us-east-1:7:it-q"),
            (json!({ "Fn::GetAtt": "Secret.Id" }), "arn:aws:secretsmanager:us-east-1:7:secret:it-platform"),
            (json!({ "Fn::GetAtt": "Role.Arn" }), "arn:aws:iam::7:role/it-role"),
            (json!({ "Fn::Sub": "${Bucket.Arn}/words/*" }), "arn:aws:s3:::it-bucket/words/*"),
            (json!({ "Ref": "AWS::AccountId" }), "7"),
            (json!({ "Fn::If": ["HasSink", { "Ref": "Sink" }, { "Ref": "AWS::NoValue" }] }), "arn:sink"),
            (
                json!({ "Fn::Sub": "arn:${AWS::Partition}:scheduler:${AWS::Region}:${AWS::AccountId}:schedule/${Group}/*" }),
                "arn:aws:scheduler:us-east-1:7:schedule/it-publish/*",
            ),
        ] {
            assert_eq!(names.resolve(&expression).unwrap(), expected, "{expression}");
        }
        for unknown in [
            json!({ "Ref": "Nobody" }),
            json!({ "Fn::Join": ["", []] }),
            json!({ "Fn::GetAtt": "Table.Id" }),
            json!({ "Fn::If": ["HasNothing", "a", "b"] }),
        ] {
            assert!(names.resolve(&unknown).is_err(), "{unknown}");
        }
        let none = Parameters::new();
        let without = Names { expressions: Expressions::new(&template, &none), ..names };
        let conditional = json!({ "Fn::If": ["HasSink", { "Ref": "Sink" }, { "Ref": "AWS::NoValue" }] });
        assert_eq!(without.resolve(&conditional).unwrap(), Value::Null);
    }
}
