//! What operators look at: every number and every field of the log that the dashboard and the saved queries name is written
//! in one recorded run.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tracing::instrument::WithSubscriber;

use super::metrics::{everything, numbers};
use super::parity::project::Template;
use crate::logged::Logged;

/// Numbers that AWS writes of a resource, as its guides list them: namespace, dimension, type of the resource, and what of
/// it is the dimension's value.
const OF_AWS: [(&str, &str, &str, &str, &[&str]); 5] = [
    ("AWS/ApiGateway", "ApiId", "AWS::Serverless::HttpApi", "", &["Count", "4xx", "5xx"]),
    ("AWS/DynamoDB", "TableName", "AWS::DynamoDB::Table", "", &["ConsumedWriteCapacityUnits"]),
    ("AWS/Lambda", "FunctionName", "AWS::Serverless::Function", "", &["Duration", "Errors"]),
    ("AWS/Logs", "LogGroupName", "AWS::Logs::LogGroup", "", &["IncomingBytes"]),
    ("AWS/SQS", "QueueName", "AWS::SQS::Queue", ".QueueName", &["ApproximateNumberOfMessagesVisible"]),
];

/// Words of the query language that the queries use.
const WORDS: [&str; 14] = [
    "fields",
    "filter",
    "sort",
    "stats",
    "limit",
    "asc",
    "desc",
    "by",
    "count",
    "sum",
    "pct",
    "ispresent",
    "and",
    "like",
];

/// What a run has logged: its text, at the level that an installation has.
async fn recorded() -> Result<String> {
    let log = Logged::default();
    Box::pin(everything()).with_subscriber(log.subscriber_at("INFO")).await?;
    Ok(log.text())
}

/// Every field of the log with its values, named as Logs Insights does: by the way to it, with the number of a place.
fn fields(log: &str) -> Result<BTreeMap<String, BTreeSet<String>>> {
    fn walk(path: &str, value: &Value, fields: &mut BTreeMap<String, BTreeSet<String>>) {
        let mut below = |name: &str, value| {
            walk(&if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }, value, fields);
        };
        match value {
            Value::Object(object) => object.iter().for_each(|(name, value)| below(name, value)),
            Value::Array(list) => list.iter().enumerate().for_each(|(at, value)| below(&at.to_string(), value)),
            Value::Null => {}
            value => {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                fields.entry(path.to_owned()).or_default().insert(text);
            }
        }
    }
    let mut found = BTreeMap::new();
    for line in log.lines() {
        walk("", &serde_json::from_str(line)?, &mut found);
    }
    Ok(found)
}

/// The numbers of the dashboard: namespace, name, dimensions.
fn shown(template: &Template) -> Result<Vec<Vec<String>>> {
    let body = template.resource("Dashboard")["Properties"]["DashboardBody"]["Fn::Sub"].as_str().context("no body")?;
    let body: Value = serde_json::from_str(body).context("the dashboard is no JSON")?;
    let mut shown = Vec::new();
    for widget in body["widgets"].as_array().context("no widgets")? {
        let metrics = widget["properties"]["metrics"].as_array().with_context(|| format!("no metrics: {widget}"))?;
        ensure!(!metrics.is_empty() && widget["type"] == "metric", "{widget}");
        for metric in metrics {
            let parts = metric.as_array().context("a metric is a list")?.iter();
            shown.push(parts.filter_map(Value::as_str).map(str::to_owned).collect());
        }
    }
    Ok(shown)
}

/// Holds one number of the dashboard against what was written and what the template has.
fn check_number(parts: &[String], written: &BTreeSet<String>, template: &Template) -> Result<()> {
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    if let ["${AWS::StackName}", name] = parts[..] {
        ensure!(written.contains(name), "{name} is written by nobody");
        return Ok(());
    }
    let [namespace, name, dimension, value] = parts[..] else { anyhow::bail!("{parts:?} is not understood") };
    let known = OF_AWS.iter().find(|(of, ..)| *of == namespace).with_context(|| namespace.to_owned())?;
    let (_, of, kind, attribute, names) = known;
    ensure!(dimension == *of && names.contains(&name), "{parts:?}");
    let id = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    let id = id.and_then(|id| id.strip_suffix(attribute)).with_context(|| value.to_owned())?;
    ensure!(template.resource(id)["Type"] == *kind, "{id} is no {kind}");
    Ok(())
}

/// Holds a query against the fields that were written. Everything in it but words, numbers and texts is a quoted field.
fn check_query(query: &str, written: &BTreeMap<String, BTreeSet<String>>) -> Result<()> {
    let mut named = 0;
    let mut before = None;
    for (place, part) in query.split('`').enumerate() {
        if place % 2 == 1 {
            // Set by Logs Insights itself.
            ensure!(
                ["@timestamp", "@message"].contains(&part) || written.contains_key(part),
                "{part} is in no line of the log"
            );
            (named, before) = (named + 1, Some(part));
            continue;
        }
        let texts: Vec<&str> = part.split('"').collect();
        for (place, text) in texts.iter().enumerate() {
            // A single letter stands for what whoever asks puts there.
            if place % 2 == 1 && text.len() > 1 {
                let field = before.context("a text that is compared with nothing")?;
                ensure!(written[field].contains(*text), "{field} is never {text}");
            } else if place % 2 == 0 {
                let words = text.split(|it: char| !it.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
                for word in words {
                    ensure!(WORDS.contains(&word) || word.parse::<u32>().is_ok(), "{word} is no field that is quoted");
                }
            }
        }
    }
    ensure!(named > 0, "it asks for nothing");
    Ok(())
}

#[tokio::test]
async fn dashboard_and_saved_queries_name_only_what_a_run_writes() -> Result<()> {
    let (log, template) = (recorded().await?, Template::read());
    let mut written: BTreeSet<String> = numbers(&log)?.into_iter().map(|(name, _)| name).collect();
    let filters = template.of_type("AWS::Logs::MetricFilter");
    let filtered = filters.filter_map(|(_, filter)| filter["MetricTransformations"][0]["MetricName"].as_str());
    written.extend(filtered.map(str::to_owned));
    let shown = shown(&template)?;
    for number in &shown {
        check_number(number, &written, &template)?;
    }
    // Whatever is counted can be looked at.
    let own: BTreeSet<&str> = shown.iter().filter(|parts| parts.len() == 2).map(|parts| parts[1].as_str()).collect();
    let counted: BTreeSet<&str> = kernel::metrics::Metric::ALL.iter().map(|metric| metric.name()).collect();
    assert_eq!(own, counted, "on the dashboard (left), counted (right)");

    let fields = fields(&log)?;
    let mut queries = 0;
    for (name, query) in template.of_type("AWS::Logs::QueryDefinition") {
        check_query(query["QueryString"].as_str().context("no query")?, &fields).with_context(|| name.to_owned())?;
        for group in query["LogGroupNames"].as_array().context("no log groups")? {
            let id = group["Ref"].as_str().context("no log group")?;
            ensure!(template.resource(id)["Type"] == "AWS::Logs::LogGroup", "{name}: {id}");
        }
        queries += 1;
    }
    ensure!(queries > 0, "no query is saved");
    Ok(())
}

#[test]
fn query_for_a_field_that_nobody_writes_is_refused() {
    let written = BTreeMap::from([("task.id".to_owned(), BTreeSet::from(["7".to_owned(), "GONE".to_owned()]))]);
    for (query, is_fine) in [
        ("fields `@timestamp` | filter `task.id` = 1", true),
        ("filter `task.id` = \"GONE\" | sort `@timestamp` desc", true),
        ("filter `task.id` = \"x\"", true),
        ("filter `task.id` = \"LOST\"", false),
        ("filter `task.name` = 1", false),
        ("filter task = 1", false),
        ("stats count()", false),
    ] {
        assert_eq!(check_query(query, &written).is_ok(), is_fine, "{query}");
    }
}
