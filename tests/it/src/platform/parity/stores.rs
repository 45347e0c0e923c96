//! What outlives the stack and what goes with it. Tables have fixed names: one that is left behind by a first
//! deployment that failed refuses every later one.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use kernel::aws::Aws;
use local::stack::{self, World};
use serde_json::{Value, json};

use super::project::{Template, read};
use crate::world::shared;

/// What cannot be had again: what users entrusted to us or are owed, and the key without which it cannot be read.
const STORES: [&str; 21] = [
    "AuditTable",
    "DouyinAuthTable",
    "DouyinLeadIndexTable",
    "DouyinLeadTable",
    "DouyinSyncTaskTable",
    "EventTable",
    "LeadDeletionTable",
    "LeadIdentityTable",
    "MomentClaimTable",
    "MomentMediaTable",
    "MomentPublishUnitTable",
    "MomentSyncResultTable",
    "MomentSyncTaskTable",
    "MomentsBucket",
    "OutboxTable",
    "SuppressionKey",
    "TokenKey",
    "WebhookDeliveryTable",
    "WebhookTable",
    "WechatAccountTable",
    "WechatCorpTable",
];
/// What is made anew, or is of no use after hours: its loss costs the requests under way.
const CACHES: [&str; 6] =
    ["IdempotencyTable", "OauthStateTable", "PlatformQuotaTable", "PlatformSecret", "StateKey", "WechatMediaTable"];

const KINDS: [&str; 4] = ["AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::S3::Bucket", "AWS::SecretsManager::Secret"];

#[test]
fn template_resource_that_keeps_data_is_a_store_or_a_cache() {
    let template = Template::read();
    let declared: BTreeSet<&str> = KINDS.iter().flat_map(|kind| template.of_type(kind)).map(|(id, _)| id).collect();
    let decided: BTreeSet<&str> = STORES.into_iter().chain(CACHES).collect();
    assert_eq!(declared, decided, "template.yaml (left), decided here (right)");
    assert_eq!(decided.len(), STORES.len() + CACHES.len(), "something is both");
    for id in decided {
        let is_store = STORES.contains(&id);
        let resource = template.resource(id);
        // A store is kept, except by the roll-back of the deployment that was to create it, when it is still empty.
        let policies = if is_store { ["RetainExceptOnCreate", "Retain"] } else { ["Delete", "Delete"] };
        assert_eq!([&resource["DeletionPolicy"], &resource["UpdateReplacePolicy"]], policies, "{id}");
        if resource["Type"] == "AWS::DynamoDB::Table" {
            let recovery = &resource["Properties"]["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"];
            assert_eq!(recovery.as_bool().unwrap_or_default(), is_store, "point-in-time recovery of {id}");
        }
        // AWS rotates no HMAC keys.
        if resource["Type"] == "AWS::KMS::Key" && resource["Properties"]["KeySpec"].is_null() {
            assert_eq!(resource["Properties"]["EnableKeyRotation"], true, "rotation of {id}");
        }
    }
}

/// A table's key cannot be changed, only replaced together with all its rows, and CloudFormation changes one index in a
/// deployment. So whoever changes a line here also says in CHANGELOG.md what becomes of the rows that there are.
#[test]
fn template_keys_and_indexes_are_those_that_rows_were_written_with() {
    let template = Template::read();
    let mut lines = Vec::new();
    for (id, table) in template.of_type("AWS::DynamoDB::Table") {
        let types: BTreeMap<&str, &str> = list(&table["AttributeDefinitions"])
            .map(|attribute| (text(attribute, "AttributeName"), text(attribute, "AttributeType")))
            .collect();
        let keys = |schema: &Value| -> String {
            let key = |part| {
                format!(
                    " {}:{}:{}",
                    text(part, "AttributeName"),
                    types[text(part, "AttributeName")],
                    text(part, "KeyType")
                )
            };
            list(schema).map(key).collect()
        };
        lines.push(format!("{id} {}{}", text(&table["TableName"], "Fn::Sub"), keys(&table["KeySchema"])));
        for index in list(&table["GlobalSecondaryIndexes"]) {
            let projection = &index["Projection"];
            let others: Vec<&str> = list(&projection["NonKeyAttributes"]).filter_map(Value::as_str).collect();
            let line = format!(
                "  {}{} {} {}",
                text(index, "IndexName"),
                keys(&index["KeySchema"]),
                text(projection, "ProjectionType"),
                others.join(",")
            );
            lines.push(line.trim_end().to_owned());
        }
    }
    let known: Vec<&str> = include_str!("keys.txt").lines().collect();
    assert_eq!(lines, known, "template.yaml (left), tests/it/src/platform/parity/keys.txt (right)");
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// The longest name of a stack: a function's name has at most 64 characters, and IAM's of a role as many.
pub(super) const LONGEST_STACK_NAME: usize = 38;

#[test]
fn template_names_fit_aws_for_the_longest_name_of_a_stack() {
    let template = Template::read();
    let kinds = [
        ("AWS::Serverless::Function", "FunctionName", 64),
        ("AWS::SQS::Queue", "QueueName", 80),
        ("AWS::SNS::Topic", "TopicName", 256),
    ];
    for (kind, property, most) in kinds {
        for (id, resource) in template.of_type(kind) {
            let name =
                text(&resource[property], "Fn::Sub").replace("${AWS::StackName}", &"x".repeat(LONGEST_STACK_NAME));
            assert!((1..=most).contains(&name.len()) && !name.contains('$'), "{id}: {name}");
        }
    }
    let operations = read("docs/operations.md");
    assert!(
        operations.contains(&format!("at most {LONGEST_STACK_NAME} characters")),
        "docs/operations.md does not say so"
    );
}

/// The emulator, other than AWS, would adopt a table that is left; so what is asked is whether one is.
#[tokio::test]
async fn template_rollback_of_a_first_deployment_leaves_no_table_and_no_key() -> Result<()> {
    let (ministack, template) = shared().await?;
    let config = ministack.config(&ministack.new_account()?.0);
    let mut failing = template.clone();
    let resources = failing.body["Resources"].as_object_mut().context("no resources")?;
    let before: Vec<String> = resources.keys().cloned().collect();
    // CloudFormation makes no parameter of this type, and finds out when everything else is there.
    let properties = json!({ "Name": "refused", "Type": "SecureString", "Value": "x" });
    let refused = json!({ "Type": "AWS::SSM::Parameter", "DependsOn": before, "Properties": properties });
    resources.insert("Refused".to_owned(), refused);
    let url = "http://127.0.0.1:9";
    let parameters = World {
        api_url: url,
        sandbox_url: url,
        douyin_url: url,
        douyin_client_key: "key",
        douyin_client_secret: "secret",
        jwt_secret: crate::world::JWT_SECRET,
        gateway_webhook_secret: crate::world::GATEWAY_WEBHOOK_SECRET,
        log_level: "INFO",
    }
    .parameters();
    let outcome = stack::deploy(&config, "first", &failing, &parameters).await;
    let problem = outcome.err().context("the deployment was not refused")?.to_string();
    assert!(problem.contains("Refused"), "it failed for another reason: {problem}");

    let aws = Aws::from_config(&config);
    let tables = aws.dynamodb.list_tables().send().await?.table_names.unwrap_or_default();
    assert_eq!(tables, Vec::<String>::new(), "{} tables were left", tables.len());
    for key in aws.kms.list_keys().send().await?.keys.unwrap_or_default() {
        let described = aws.kms.describe_key().set_key_id(key.key_id).send().await?;
        let state = described.key_metadata.and_then(|key| key.key_state).context("no state")?;
        assert_eq!(state.as_str(), "PendingDeletion");
    }
    Ok(())
}

/// Only so that the emulated test above means something: the template's part that is deployed there has them all.
#[tokio::test]
async fn template_store_is_in_the_part_that_tests_deploy() -> Result<()> {
    let (_, template) = shared().await?;
    for id in STORES.iter().chain(&CACHES) {
        let resource: &Value = &template.body["Resources"][id];
        assert!(resource.is_object(), "{id}");
    }
    Ok(())
}
