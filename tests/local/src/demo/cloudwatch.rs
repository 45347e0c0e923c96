//! The logs of functions that the emulated AWS has run: they are in CloudWatch Logs, and are written to where those of other
//! functions are.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use super::scenario::Scenario;
use crate::aws::authorization;
use crate::{dev, paths};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Groups {
    log_groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    log_group_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Events {
    events: Vec<Event>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
struct Event {
    message: String,
}

/// Writes a file for each group that has anything, and tells how many functions wrote into them.
pub(super) async fn write_logs(stage: &Scenario<'_>) -> Result<()> {
    let mut written: BTreeMap<String, String> = BTreeMap::new();
    let groups: Groups = serde_json::from_value(ask(stage, "DescribeLogGroups", json!({})).await?)?;
    for group in groups.log_groups {
        let mut next = None;
        loop {
            let question = json!({ "logGroupName": group.log_group_name, "nextToken": next });
            let answer: Events = serde_json::from_value(ask(stage, "FilterLogEvents", question).await?)?;
            for event in answer.events {
                let text = written.entry(group.log_group_name.clone()).or_default();
                text.push_str(event.message.trim_end());
                text.push('\n');
            }
            next = answer.next_token;
            if next.is_none() {
                break;
            }
        }
    }
    let mut functions = BTreeSet::new();
    for (group, text) in &written {
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        functions.extend(lines.filter_map(|line| Some(line.pointer("/spans/0/function")?.as_str()?.to_owned())));
        let name = group.trim_matches('/').replace('/', "-");
        paths::write(&dev::log_dir().join(format!("{name}.log")), text.as_bytes())?;
    }
    if !functions.is_empty() {
        stage.tell(&format!("{} functions have run, each as a process of its `bootstrap`", functions.len()));
    }
    Ok(())
}

/// Asks CloudWatch Logs, which does not deserve a client of its own for two questions.
async fn ask(stage: &Scenario<'_>, action: &str, question: Value) -> Result<Value> {
    let request = stage.http().post(format!("{}/", stage.record.aws_url));
    let request = request.header("authorization", authorization(&stage.record.access_key_id, "logs"));
    let request = request.header("x-amz-target", format!("Logs_20140328.{action}"));
    let request = request.header("content-type", "application/x-amz-json-1.1").body(question.to_string());
    let answer = request.send().await?.error_for_status().context("CloudWatch Logs does not answer")?;
    Ok(serde_json::from_slice(&answer.bytes().await?)?)
}
