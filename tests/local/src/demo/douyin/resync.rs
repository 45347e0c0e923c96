//! Syncing accounts that were synced before.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Account, FANS, leads, sync};
use crate::demo::api::{Api, number};
use crate::demo::scenario::Scenario;

/// How many follow, change their name, and leave.
const FOLLOW: u64 = 12;
const RENAME: u64 = 5;
const LEAVE: u64 = 3;

/// INCREMENTAL finds who is new, and nobody else.
pub(super) async fn incremental(stage: &Scenario<'_>, user: &Api, account: &Account) -> Result<()> {
    let end = sync::run(user, account, "INCREMENTAL").await?;
    counters(&end, &[("created", 0), ("updated", 0)])?;
    stage.tell("INCREMENTAL when nothing has changed: no lead is touched");

    let changed = change(stage, account, json!({ "add": FOLLOW })).await?;
    let end = sync::run(user, account, "INCREMENTAL").await?;
    counters(&end, &[("created", FOLLOW), ("updated", 0)])?;
    let (total, newest) = leads::newest(user, usize::try_from(FOLLOW)?).await?;
    ensure!(total == FANS + FOLLOW, "there must be {} leads, not {total}", FANS + FOLLOW);
    let newest: BTreeSet<&str> = newest.iter().map(String::as_str).collect();
    ensure!(newest == who(&changed, "added"), "the newest leads must be those who have just followed");
    stage.tell(&format!("{FOLLOW} people follow: INCREMENTAL makes leads of exactly these, on top of the list"));
    Ok(())
}

/// FULL also takes over new names and notices who left; the first sync of the account comes before, by itself.
pub(super) async fn full(stage: &Scenario<'_>, user: &Api, account: &Account) -> Result<()> {
    sync::settled(user, account).await?;
    let (total, _) = leads::newest(user, 1).await?;
    ensure!(total == FANS + FOLLOW + account.fans, "its {} fans must be leads by now: {total}", account.fans);
    stage.tell(&format!("its {} fans are leads by themselves as well", account.fans));
    change(stage, account, json!({ "rename": RENAME, "unfollow": LEAVE })).await?;
    let end = sync::run(user, account, "INCREMENTAL").await?;
    counters(&end, &[("created", 0), ("updated", 0)])?;
    stage.tell(&format!("{RENAME} fans take another name, {LEAVE} leave: nothing that INCREMENTAL cares about"));
    let end = sync::run(user, account, "FULL").await?;
    counters(&end, &[("created", 0), ("updated", RENAME), ("unfollowed", LEAVE)])?;
    stage.tell(&format!("FULL takes over the {RENAME} new names and marks the {LEAVE} who left"));
    Ok(())
}

async fn change(stage: &Scenario<'_>, account: &Account, change: Value) -> Result<Value> {
    let path = format!("douyin/accounts/{}/fans", account.name);
    stage.sandbox(Method::POST, &path, Some(change)).await.context("the sandbox cannot change the fans")
}

fn who<'a>(changed: &'a Value, kind: &str) -> BTreeSet<&'a str> {
    changed.get(kind).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

fn counters(end: &Value, promised: &[(&str, u64)]) -> Result<()> {
    for (counter, promised) in promised {
        ensure!(number(end, counter)? == *promised, "{counter} must be {promised}: {end}");
    }
    Ok(())
}
