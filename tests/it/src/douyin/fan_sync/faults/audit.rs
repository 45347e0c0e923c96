//! What a sync leaves behind: whether it agrees with itself, and in a form that can be compared with another run.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use leads::store::lead_index::segment::{NameEntry, normalize};

use crate::World;
use crate::tables::Row;

/// Everything in the tables after a sync that does not depend on when it ran.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ledger {
    leads: Vec<Row>,
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
        let index = world.rows("t_douyin_lead_index").await?;
        let tasks = world.rows("t_douyin_sync_task").await?;
        let accounts = world.rows("t_douyin_auth").await?;
        let tenants: BTreeSet<&String> = leads.iter().map(|lead| &lead["user_id"]).collect();
        for tenant in tenants {
            let of_tenant =
                |rows: &[Row]| rows.iter().filter(|row| row["user_id"] == *tenant).cloned().collect::<Vec<_>>();
            check_leads(&of_tenant(&leads), &of_tenant(&index))?;
        }
        tasks.iter().try_for_each(check_task)?;
        for account in &accounts {
            ensure!(!account.contains_key("active_sync_task_id"), "a claim is left: {account:?}");
        }
        const TIMES: [&str; 7] = [
            "create_time",
            "update_time",
            "acquire_time",
            "last_acquire_time",
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

/// A tenant's leads against the index that lists and finds them.
fn check_leads(leads: &[Row], index: &[Row]) -> Result<()> {
    let by_id: BTreeMap<u64, &Row> =
        leads.iter().map(|lead| Ok((lead["lead_id"].parse()?, lead))).collect::<Result<_>>()?;
    let count = leads.len() as u64;
    ensure!(by_id.keys().copied().eq(1..=count), "lead ids are not dense: {:?}", by_id.keys());
    let entries: BTreeMap<&str, &Row> = index.iter().map(|row| (row["entry"].as_str(), row)).collect();
    let counter = entries.get("counter").context("no counter")?;
    ensure!(counter["lead_count"] == count.to_string(), "the counter says {counter:?}, there are {count}");
    let accounts: Vec<&str> = counter["accounts"].split(',').collect();

    for (id, lead) in &by_id {
        let note = entries.get(format!("note#{id:014}").as_str()).and_then(|note| note.get("text"));
        ensure!(note.map_or("", String::as_str) == normalize(&lead["notes"]), "lead {id} has other notes in the index");
    }

    let mut slots = 0;
    for (entry, row) in &entries {
        let Some(segment) = entry.strip_prefix("name#") else { continue };
        let opens = entries.get(format!("open#{segment}").as_str()).context("a name segment without open ids")?;
        for (slot, text) in row.iter().filter(|(name, _)| name.bytes().all(|byte| byte.is_ascii_digit())) {
            slots += 1;
            let id = segment.parse::<u64>()? * 32 + slot.parse::<u64>()? + 1;
            let lead = by_id.get(&id).with_context(|| format!("{entry} names a lead {id} that is not there"))?;
            ensure!(opens.get(slot) == lead.get("douyin_user_id"), "lead {id} has another open id in the index");
            let name = NameEntry::decode(text).context("unreadable name entry")?;
            ensure!(name.nickname == normalize(&lead["nickname"]), "lead {id} has another nickname in the index");
            let status = row
                .get(&format!("{slot}s"))
                .map_or("NEW", |letter| if letter == "C" { "CONTACTED" } else { "CONVERTED" });
            ensure!(lead["status"] == status, "lead {id} is {status} in the index");
            let set = |name: &str| -> BTreeSet<&str> {
                lead.get(name).into_iter().flat_map(|set| set.split(',')).filter(|one| !one.is_empty()).collect()
            };
            let (sources, unfollowed) = (set("sources"), set("unfollowed"));
            let expected: BTreeSet<(&str, bool)> =
                sources.iter().map(|source| (*source, !unfollowed.contains(source))).collect();
            let found: BTreeSet<(&str, bool)> =
                name.accounts.iter().map(|(ordinal, follows)| (accounts[*ordinal], *follows)).collect();
            ensure!(found == expected, "lead {id} follows {expected:?}, the index says {found:?}");
            let state = if unfollowed == sources { "UNFOLLOWED" } else { "FOLLOWING" };
            ensure!(lead["follow_state"] == state, "lead {id} is {}, not {state}", lead["follow_state"]);
        }
    }
    ensure!(slots == count, "{slots} leads in the segments, there are {count}");

    let mut next = 1;
    for (entry, mark) in entries.range("mark#".."mark#~") {
        let time: i64 = entry.trim_start_matches("mark#").parse()?;
        let (first, last): (u64, u64) = (mark["first_lead_id"].parse()?, mark["last_lead_id"].parse()?);
        ensure!(first == next && last >= first, "mark {first} to {last} does not follow {}", next - 1);
        for id in first..=last {
            ensure!(by_id[&id]["acquire_time"] == time.to_string(), "lead {id} is marked at another time");
        }
        next = last + 1;
        ensure!(next <= count || counter["last_acquire_time"] == time.to_string(), "the counter has another time");
    }
    ensure!(next == count + 1, "the marks end at {}, there are {count} leads", next - 1);
    Ok(())
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
