//! What a request asks for, in the words of IAM: actions on resources.

use std::collections::BTreeMap;

use serde_json::Value;

use super::resolve::arn;

/// One action on one resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Access {
    /// As `dynamodb:GetItem`.
    pub action: String,
    pub resource: String,
    /// The condition keys the request carries.
    pub context: BTreeMap<String, String>,
}

impl Access {
    fn new(action: impl Into<String>, resource: String) -> Self {
        Self { action: action.into(), resource, context: BTreeMap::new() }
    }

    /// What a request to S3 needs, which names bucket and object by its path.
    #[must_use]
    pub fn of_s3(method: &str, path_and_query: &str) -> Option<Vec<Self>> {
        let path = path_and_query.split('?').next()?.trim_start_matches('/');
        let action = match (method, path.contains('/')) {
            ("GET" | "HEAD", true) => "s3:GetObject",
            ("GET" | "HEAD", false) => "s3:ListBucket",
            ("PUT", true) => "s3:PutObject",
            ("DELETE", true) => "s3:DeleteObject",
            _ => return None,
        };
        Some(vec![Self::new(action, format!("arn:aws:s3:::{path}"))])
    }

    /// What a request needs. `target` is its `X-Amz-Target` header. `None`: it is none of the services that functions
    /// use, so nothing can be said.
    #[must_use]
    pub fn of(
        account: &str,
        method: &str,
        path_and_query: &str,
        target: Option<&str>,
        body: &[u8],
    ) -> Option<Vec<Self>> {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let Some((service, operation)) = target.and_then(|target| target.split_once('.')) else {
            return of_scheduler(account, method, path_and_query, &body);
        };
        Some(match service.split('_').next().unwrap_or_default() {
            "DynamoDB" => of_dynamodb(account, operation, &body),
            "AmazonSQS" => {
                // Its address is asked for by its name.
                let asked = body.get("QueueName").and_then(Value::as_str);
                let queue = asked.unwrap_or_else(|| text(&body, "QueueUrl").rsplit('/').next().unwrap_or_default());
                // There is no right of its own for several messages at once.
                let operation = operation.strip_suffix("Batch").unwrap_or(operation);
                vec![Self::new(format!("sqs:{operation}"), arn(account, "sqs", queue))]
            }
            "TrentService" => {
                let key = arn(account, "kms", &format!("key/{}", bare(text(&body, "KeyId"))));
                let context = body.get("EncryptionContext").and_then(Value::as_object).into_iter().flatten();
                let context = context.map(|(name, value)| {
                    (format!("kms:EncryptionContext:{name}"), value.as_str().unwrap_or_default().to_owned())
                });
                vec![Self { context: context.collect(), ..Self::new(format!("kms:{operation}"), key) }]
            }
            "secretsmanager" => {
                let secret = text(&body, "SecretId").rsplit(":secret:").next().unwrap_or_default();
                vec![Self::new(
                    format!("secretsmanager:{operation}"),
                    arn(account, "secretsmanager", &format!("secret:{secret}")),
                )]
            }
            _ => return None,
        })
    }
}

/// A read of an index needs the right to the index, one of the table the right to the table. Transactions and batches
/// need those of their parts.
fn of_dynamodb(account: &str, operation: &str, body: &Value) -> Vec<Access> {
    let table = |name: &str| arn(account, "dynamodb", &format!("table/{name}"));
    let of = |action: &str, name: &str| Access::new(format!("dynamodb:{action}"), table(name));
    match operation {
        "TransactWriteItems" => items(body, "TransactItems")
            .filter_map(|item| item.as_object()?.iter().next())
            .map(|(kind, part)| {
                let action = match kind.as_str() {
                    "ConditionCheck" => "ConditionCheckItem",
                    "Put" => "PutItem",
                    "Update" => "UpdateItem",
                    "Delete" => "DeleteItem",
                    other => other,
                };
                of(action, text(part, "TableName"))
            })
            .collect(),
        "TransactGetItems" => items(body, "TransactItems")
            .filter_map(|item| item.get("Get"))
            .map(|part| of("GetItem", text(part, "TableName")))
            .collect(),
        "BatchGetItem" | "BatchWriteItem" => body
            .get("RequestItems")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|(name, _)| of(operation, name))
            .collect(),
        _ => {
            let name = text(body, "TableName");
            let access = of(operation, name);
            match body.get("IndexName").and_then(Value::as_str) {
                Some(index) => vec![Access { resource: format!("{}/index/{index}", access.resource), ..access }],
                None => vec![access],
            }
        }
    }
}

/// EventBridge Scheduler is asked by path. Whoever makes a schedule hands a role to it, which is a right of its own.
fn of_scheduler(account: &str, method: &str, path_and_query: &str, body: &Value) -> Option<Vec<Access>> {
    let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
    let name = path.strip_prefix("/schedules/")?;
    let operation = match method {
        "POST" => "CreateSchedule",
        "PUT" => "UpdateSchedule",
        "GET" => "GetSchedule",
        "DELETE" => "DeleteSchedule",
        _ => return None,
    };
    let in_query = query.split('&').find_map(|pair| pair.strip_prefix("groupName="));
    let group = body.get("GroupName").and_then(Value::as_str).or(in_query).unwrap_or("default");
    let schedule = arn(account, "scheduler", &format!("schedule/{group}/{name}"));
    let mut accesses = vec![Access::new(format!("scheduler:{operation}"), schedule)];
    if let Some(role) = body.pointer("/Target/RoleArn").and_then(Value::as_str) {
        let to = ("iam:PassedToService".to_owned(), "scheduler.amazonaws.com".to_owned());
        accesses.push(Access { context: [to].into(), ..Access::new("iam:PassRole", role.to_owned()) });
    }
    Some(accesses)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn items<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// A key may be named by its id or its ARN.
fn bare(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(target: &str, body: Value) -> Vec<(String, String)> {
        let accesses = Access::of("000000000001", "POST", "/", Some(target), body.to_string().as_bytes()).unwrap();
        accesses.into_iter().map(|access| (access.action, access.resource)).collect()
    }

    fn table(name: &str) -> String {
        format!("arn:aws:dynamodb:us-east-1:000000000001:table/{name}")
    }

    #[test]
    fn dynamodb_request_needs_the_rights_of_all_its_parts() {
        let key = json!({});
        assert_eq!(
            of("DynamoDB_20120810.GetItem", json!({ "TableName": "a" })),
            [("dynamodb:GetItem".to_owned(), table("a"))]
        );
        assert_eq!(
            of("DynamoDB_20120810.Query", json!({ "TableName": "a", "IndexName": "i" })),
            [("dynamodb:Query".to_owned(), table("a/index/i"))]
        );
        let transaction = json!({ "TransactItems": [
            { "Put": { "TableName": "a", "Item": key } }, { "ConditionCheck": { "TableName": "b", "Key": key } },
            { "Delete": { "TableName": "a" } }, { "Update": { "TableName": "c" } },
        ]});
        let needed = [("PutItem", "a"), ("ConditionCheckItem", "b"), ("DeleteItem", "a"), ("UpdateItem", "c")]
            .map(|(action, name)| (format!("dynamodb:{action}"), table(name)));
        assert_eq!(of("DynamoDB_20120810.TransactWriteItems", transaction), needed);
        let batch = json!({ "RequestItems": { "a": {}, "b": {} } });
        let needed = ["a", "b"].map(|name| ("dynamodb:BatchGetItem".to_owned(), table(name)));
        assert_eq!(of("DynamoDB_20120810.BatchGetItem", batch), needed);
    }

    #[test]
    fn access_of_other_services_is_read_by_queue_key_secret_and_schedule() {
        let account = "000000000001";
        let at = |service: &str, rest: &str| format!("arn:aws:{service}:us-east-1:{account}:{rest}");
        let queue = json!({ "QueueUrl": "http://127.0.0.1:4566/000000000001/local-publish" });
        for operation in ["SendMessage", "SendMessageBatch"] {
            let asked = of(&format!("AmazonSQS.{operation}"), queue.clone());
            assert_eq!(asked, [("sqs:SendMessage".to_owned(), at("sqs", "local-publish"))]);
        }
        let asked = of("AmazonSQS.GetQueueUrl", json!({ "QueueName": "sink.fifo" }));
        assert_eq!(asked, [("sqs:GetQueueUrl".to_owned(), at("sqs", "sink.fifo"))]);
        let decrypt = json!({ "KeyId": "k1", "EncryptionContext": { "table": "t_a" } }).to_string();
        let [access] = Access::of(account, "POST", "/", Some("TrentService.Decrypt"), decrypt.as_bytes())
            .unwrap()
            .try_into()
            .unwrap();
        assert_eq!((access.action.as_str(), access.resource), ("kms:Decrypt", at("kms", "key/k1")));
        assert_eq!(access.context, [("kms:EncryptionContext:table".to_owned(), "t_a".to_owned())].into());
        for id in ["platform", "arn:aws:secretsmanager:us-east-1:000000000001:secret:platform"] {
            let asked = of("secretsmanager.GetSecretValue", json!({ "SecretId": id }));
            assert_eq!(asked, [("secretsmanager:GetSecretValue".to_owned(), at("secretsmanager", "secret:platform"))]);
        }
        let body = json!({ "GroupName": "g", "Target": { "RoleArn": "arn:role" } }).to_string();
        let created = Access::of(account, "POST", "/schedules/moment-1", None, body.as_bytes()).unwrap();
        let actions: Vec<_> = created.iter().map(|access| (access.action.as_str(), access.resource.clone())).collect();
        let schedule = at("scheduler", "schedule/g/moment-1");
        assert_eq!(actions, [("scheduler:CreateSchedule", schedule.clone()), ("iam:PassRole", "arn:role".to_owned())]);
        let deleted =
            Access::of(account, "DELETE", "/schedules/moment-1?clientToken=x&groupName=g", None, b"").unwrap();
        assert_eq!((deleted[0].action.as_str(), &deleted[0].resource), ("scheduler:DeleteSchedule", &schedule));
        assert_eq!(Access::of(account, "GET", "/_ministack/ready", None, b""), None);
    }

    #[test]
    fn access_of_s3_is_read_by_bucket_and_object() {
        for (method, path, action, resource) in [
            ("GET", "/b/words/list.txt?x-id=GetObject", "s3:GetObject", "b/words/list.txt"),
            ("HEAD", "/b/words/list.txt", "s3:GetObject", "b/words/list.txt"),
            ("PUT", "/b/a", "s3:PutObject", "b/a"),
            ("DELETE", "/b/a", "s3:DeleteObject", "b/a"),
            ("GET", "/b?list-type=2", "s3:ListBucket", "b"),
        ] {
            let accesses = Access::of_s3(method, path).unwrap();
            let [access] = accesses.as_slice() else { panic!("{accesses:?}") };
            assert_eq!(access.action, action);
            assert_eq!(access.resource, format!("arn:aws:s3:::{resource}"));
        }
        assert_eq!(Access::of_s3("POST", "/b/a"), None);
    }
}
