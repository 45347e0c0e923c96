//! The tables of a template. CloudFormation makes them in MiniStack's own DynamoDB, so that references to them resolve;
//! the ones that are read and written are made here, with the same names and properties, where everybody looks for them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use aws_config::SdkConfig;
use serde_json::{Map, Value, json};

use super::Resource;
use super::template::kind;
use crate::aws::REGION;

/// The properties that CreateTable knows by the same names and that mean something on one machine.
const TAKEN_OVER: [&str; 5] =
    ["AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema", "LocalSecondaryIndexes"];

/// Makes the tables of a deployed template that are not there yet.
pub(super) async fn create(config: &SdkConfig, body: &Value, resources: &BTreeMap<String, Resource>) -> Result<()> {
    let client = Client::new(config).await?;
    let declared = body.get("Resources").and_then(Value::as_object).into_iter().flatten();
    for (logical_id, resource) in declared.filter(|(_, resource)| kind(resource) == "AWS::DynamoDB::Table") {
        let name = &resources.get(logical_id).with_context(|| format!("{logical_id} was not deployed"))?.physical_id;
        let properties = resource.get("Properties").and_then(Value::as_object).context("a table without properties")?;
        create_one(&client, name, properties).await.with_context(|| format!("{logical_id} cannot be made"))?;
    }
    Ok(())
}

async fn create_one(client: &Client, name: &str, properties: &Map<String, Value>) -> Result<()> {
    let mut request = json!({ "TableName": name });
    for property in TAKEN_OVER {
        if let (Some(value), Some(request)) = (properties.get(property), request.as_object_mut()) {
            request.insert(property.to_owned(), value.clone());
        }
    }
    match client.call("CreateTable", &request).await? {
        Ok(_) => {}
        Err(refused) if refused.kind == "ResourceInUseException" => return expect_same(client, name, &request).await,
        Err(refused) => bail!("{}: {}", refused.kind, refused.message),
    }
    if let Some(time_to_live) = properties.get("TimeToLiveSpecification") {
        let request = json!({ "TableName": name, "TimeToLiveSpecification": time_to_live });
        if let Err(refused) = client.call("UpdateTimeToLive", &request).await? {
            bail!("{}: {}", refused.kind, refused.message);
        }
    }
    Ok(())
}

/// A table that was kept must be the one the template declares.
async fn expect_same(client: &Client, name: &str, wanted: &Value) -> Result<()> {
    let found = match client.call("DescribeTable", &json!({ "TableName": name })).await? {
        Ok(described) => described.get("Table").cloned().unwrap_or_default(),
        Err(refused) => bail!("{}: {}", refused.kind, refused.message),
    };
    let same = found.get("KeySchema") == wanted.get("KeySchema") && indexes(&found) == indexes(wanted);
    ensure!(same, "the kept table {name} has other keys or indexes than template.yaml: start without --keep once");
    Ok(())
}

fn indexes(table: &Value) -> BTreeSet<(String, String)> {
    let indexes = table.get("GlobalSecondaryIndexes").and_then(Value::as_array).into_iter().flatten();
    let text = |index: &Value, field: &str| index.get(field).map(Value::to_string).unwrap_or_default();
    indexes.map(|index| (text(index, "IndexName"), text(index, "KeySchema"))).collect()
}

/// A DynamoDB client for four requests: the SDK's would add a minute to the first build.
struct Client {
    http: reqwest::Client,
    endpoint: String,
    authorization: String,
}

/// Why DynamoDB does not do what it is asked.
struct Refused {
    kind: String,
    message: String,
}

impl Client {
    async fn new(config: &SdkConfig) -> Result<Self> {
        let credentials = config.credentials_provider().context("no credentials are configured")?;
        let credentials = aws_sdk_cloudformation::config::ProvideCredentials::provide_credentials(&credentials).await?;
        Ok(Self {
            // Without roots of trust, which take longer to load than all tables to make.
            http: reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?,
            endpoint: config.endpoint_url().context("no endpoint is configured")?.to_owned(),
            authorization: format!(
                "AWS4-HMAC-SHA256 Credential={}/20000101/{REGION}/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
                credentials.access_key_id()
            ),
        })
    }

    async fn call(&self, operation: &str, request: &Value) -> Result<Result<Value, Refused>> {
        let sent = self
            .http
            .post(&self.endpoint)
            .header("authorization", &self.authorization)
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
            .body(request.to_string());
        let answer = sent.send().await.context("the emulated DynamoDB does not answer")?;
        let succeeded = answer.status().is_success();
        let answer: Value = serde_json::from_slice(&answer.bytes().await?).context("the answer is not JSON")?;
        if succeeded {
            return Ok(Ok(answer));
        }
        let text = |field: &str| answer.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let kind = text("__type").rsplit('#').next().unwrap_or_default().to_owned();
        Ok(Err(Refused { kind, message: text("message") }))
    }
}
