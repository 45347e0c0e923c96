//! What is told about a task against what the platforms really published.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::Value;

use super::ended;
use crate::World;

pub(super) const UNCONFIRMED: &str = "MOMENT_PUBLISH_UNCONFIRMED";

/// Where an account of a task is, in the sandbox's words: a device, or `corp/member`.
#[derive(Debug, Clone)]
pub(super) struct Outlet {
    pub(super) account_id: String,
    pub(super) name: String,
}

/// What an account was really published with, and what its row says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Oracle {
    Published,
    /// Nothing went out, and this code says why.
    Nothing(String),
}

/// Compares everything that is told about an ended task with what the platforms did. `text` belongs to it alone.
pub(super) async fn check(
    world: &World,
    task: u64,
    status: &Value,
    text: &str,
    outlets: &[Outlet],
) -> Result<Vec<Oracle>> {
    ensure!(ended(status), "it goes on: {status}");
    let (task, hash) = (task.to_string(), sandbox::text_hash(text));
    let rows = world.rows("t_moment_sync_result").await?;
    let mut truths = Vec::new();
    for outlet in outlets {
        let published = world.sandbox.journal().publications_of(&outlet.name);
        let published: Vec<_> = published.iter().filter(|post| post.text_hash == hash).collect();
        let row = rows.iter().find(|row| row["task_id"] == task && row["account_id"] == outlet.account_id);
        let row = row.with_context(|| format!("no row of {outlet:?}"))?;
        ensure!(published.len() <= 1, "PUBLISHED TWICE: {published:?}");
        truths.push(match (row["status"].as_str(), published.first()) {
            ("SUCCESS", Some(post)) => {
                ensure!(row.get("moment_id") == Some(&post.id), "another id than {}: {row:?}", post.id);
                Oracle::Published
            }
            ("FAILED", None) => {
                ensure!(row.get("error_message").is_some_and(|message| !message.is_ascii()), "no reason: {row:?}");
                let code = row.get("error_code").cloned().unwrap_or_default();
                ensure!((code == UNCONFIRMED) == (row["stage"] == "UNCONFIRMED"), "not what is known: {row:?}");
                Oracle::Nothing(code)
            }
            ("CANCELLED", None) => Oracle::Nothing("CANCELLED".to_owned()),
            (_, published) => anyhow::bail!("{row:?}, and really {published:?}"),
        });
    }
    let moments = world.sandbox.wecom().moment_tasks();
    ensure!(moments.iter().filter(|moment| moment.text_hash == hash).count() <= 1, "members were asked twice");
    for (table, key) in [("t_moment_sync_task", "id"), ("t_moment_publish_unit", "task_id")] {
        let open = |row: &crate::tables::Row| row[key] == task && row.contains_key("next_action_at");
        ensure!(!world.rows(table).await?.iter().any(open), "a row of {table} is still to be acted upon");
    }
    let tasks = world.rows("t_moment_sync_task").await?;
    let row = tasks.iter().find(|row| row["id"] == task).context("no task")?;
    let counted = tally(rows.iter().filter(|row| row["task_id"] == task));
    ensure!(row.get("tally") == Some(&counted), "the accounts are counted otherwise than {counted}: {row:?}");
    let left = undelayed(world).await?;
    ensure!(left == 0, "{left} messages are left");
    let violations = world.sandbox.journal().violations();
    ensure!(violations.is_empty(), "a platform frowned upon {violations:?}");
    Ok(truths)
}

/// The tally of a task, as its row shows it, made from the rows of its accounts.
fn tally<'a>(accounts: impl Iterator<Item = &'a crate::tables::Row>) -> String {
    let mut counts = BTreeMap::from(["cancelled", "failed", "open", "succeeded"].map(|place| (place, 0)));
    for account in accounts {
        let place = match account["status"].as_str() {
            "SUCCESS" => "succeeded",
            "FAILED" => "failed",
            "CANCELLED" => "cancelled",
            _ => "open",
        };
        *counts.entry(place).or_default() += 1;
    }
    let counts: BTreeMap<_, _> = counts.into_iter().map(|(place, count)| (place, count.to_string())).collect();
    format!("{counts:?}")
}

/// Messages in the publish queue, hidden ones included. Pauses of a quarter of an hour are messages that lie there in
/// real time long after their delivery is done.
pub(super) async fn undelayed(world: &World) -> Result<u64> {
    let names =
        [QueueAttributeName::ApproximateNumberOfMessages, QueueAttributeName::ApproximateNumberOfMessagesNotVisible];
    let asked = world.aws.sqs.get_queue_attributes().queue_url(world.publish_queue_url()?);
    let counts = asked.set_attribute_names(Some(names.to_vec())).send().await?.attributes.unwrap_or_default();
    Ok(counts.values().filter_map(|count| count.parse::<u64>().ok()).sum())
}
