//! What a sync leaves behind: whether it agrees with itself, and in a form that can be compared with another run.

use anyhow::{Result, ensure};

use crate::tables::Row;
use crate::{World, lead_tables};

/// Everything in the tables after a sync that does not depend on when it ran.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ledger {
    leads: Vec<Row>,
    identities: Vec<Row>,
    index: Vec<Row>,
    tasks: Vec<Row>,
    accounts: Vec<Row>,
}

impl Ledger {
    /// Reads the tables and checks that they agree with each other, that no task is left unfinished or unreleased,
    /// and that no message is left in any queue.
    pub(crate) async fn read(world: &World) -> Result<Self> {
        world.expect_empty_queues().await?;
        let leads = world.rows("t_douyin_lead").await?;
        let identities = world.rows("t_lead_identity").await?;
        let index = world.rows("t_douyin_lead_index").await?;
        let tasks = world.rows("t_douyin_sync_task").await?;
        let accounts = world.rows("t_douyin_auth").await?;
        lead_tables::check(world).await?;
        tasks.iter().try_for_each(check_task)?;
        for account in &accounts {
            ensure!(!account.contains_key("active_sync_task_id"), "a claim is left: {account:?}");
        }
        const TIMES: [&str; 9] = [
            "create_time",
            "update_time",
            "acquire_time",
            "last_acquire_time",
            "round_time",
            "retention_due",
            "started_at",
            "finished_at",
            "expires_at",
        ];
        // Made up anew in every run, or a matter of how often it was tried rather than of what came of it.
        const OTHER: [&str; 11] = [
            "task_id",
            "attempts",
            "id",
            "access_token",
            "refresh_token",
            "expire_time",
            "refresh_expire_time",
            "refresh_due",
            "last_sync_time",
            "sync_due",
            "failing_since",
        ];
        let timeless = |rows: Vec<Row>| -> Vec<Row> {
            let mut rows: Vec<Row> = rows
                .into_iter()
                .filter(|row| !row.get("entry").is_some_and(|entry| entry.starts_with("mark#")))
                .map(|mut row| {
                    row.retain(|name, _| !TIMES.contains(&name.as_str()) && !OTHER.contains(&name.as_str()));
                    row
                })
                .collect();
            rows.sort();
            rows
        };
        Ok(Self {
            leads: timeless(leads),
            identities: timeless(identities),
            index: timeless(index),
            tasks: timeless(tasks),
            accounts: timeless(accounts),
        })
    }

    /// The first difference, for a person.
    pub(crate) fn expect(&self, other: &Self) -> Result<()> {
        for (what, here, there) in [
            ("task", &self.tasks, &other.tasks),
            ("lead", &self.leads, &other.leads),
            ("identity", &self.identities, &other.identities),
            ("index", &self.index, &other.index),
            ("account", &self.accounts, &other.accounts),
        ] {
            ensure!(here.len() == there.len(), "{} {what} rows, expected {}", here.len(), there.len());
            for (here, there) in here.iter().zip(there) {
                ensure!(here == there, "{what} row\n{here:?}\nexpected\n{there:?}");
            }
        }
        Ok(())
    }

    /// How many leads there are.
    pub(crate) fn leads(&self) -> usize {
        self.leads.len()
    }

    /// An attribute of the only task.
    pub(crate) fn of_task(&self, attribute: &str) -> &str {
        self.tasks.last().and_then(|task| task.get(attribute)).map_or("", String::as_str)
    }
}

/// A task's row after its end.
fn check_task(task: &Row) -> Result<()> {
    const WORKING: [&str; 14] = [
        "lease_owner",
        "next_action_at",
        "due_shard",
        "dispatched_at",
        "dispatched_by",
        "queued_at",
        "waits_for",
        "waits_since",
        "seen_leads",
        "page_taken",
        "unseen_leads",
        "checkpoint",
        "empty_pages",
        "known_pages",
    ];
    let second = |name: &str| task.get(name).and_then(|time| time.parse::<i64>().ok());
    let kept = second("expires_at").zip(second("finished_at")).map(|(gone, ended)| gone - ended);
    ensure!(kept == Some(90 * 86_400), "the ended task is kept for {kept:?} seconds: {task:?}");
    for left in WORKING {
        ensure!(!task.contains_key(left), "the ended task still has {left}: {task:?}");
    }
    ensure!(
        ["COMPLETED", "FAILED", "CANCELLED"].contains(&task["status"].as_str()),
        "the task has not ended: {task:?}"
    );
    ensure!((task["status"] == "FAILED") == task.contains_key("error_type"), "status and error disagree: {task:?}");
    let number = |name: &str| task.get(name).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
    ensure!(
        number("seen") == number("created") + number("updated") + number("unchanged"),
        "the counters do not add up: {task:?}"
    );
    Ok(())
}
