//! What a sync writes that finds nothing new: its own task, and on the account's row that it runs and when it ended.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use it::World;
use it::tables::Row;
use it::world::EndpointOverrides;
use serde_json::json;

use crate::meter::{self, Meter};
use crate::report::{Figure, progress};
use crate::{Options, story};

const TASK: &str = "t_douyin_sync_task";
const AUTH: &str = "t_douyin_auth";
const LEADS: [&str; 3] = ["t_douyin_lead", "t_lead_identity", "t_douyin_lead_index"];

pub async fn measure(options: &Options) -> Result<Vec<Figure>> {
    let fans = options.fans();
    let world = story::world().await?;
    let account = story::account(&world, "shop", fans).await?;
    progress("resync", &format!("a first sync of {fans} fans"));
    let worker = story::worker(&world, &EndpointOverrides::default()).await?;
    let task = story::request_sync(&world, &EndpointOverrides::default(), &account, "INCREMENTAL").await?;
    story::run(&world, &worker, &task).await?;
    story::completed(&world, &task, fans).await?;
    let mut figures = Vec::new();
    for strategy in ["INCREMENTAL", "FULL"] {
        progress("resync", &format!("{strategy} again, nothing changed"));
        // Otherwise a row written anew would look like one left alone.
        world.advance(Duration::from_secs(3_600));
        figures.extend(again(&world, &account, strategy, fans).await?);
    }
    Ok(figures)
}

async fn again(world: &World, account: &str, strategy: &str, fans: u32) -> Result<Vec<Figure>> {
    let (leads_before, auth_before) = (leads(world).await?, auth(world).await?);
    let meter = Meter::before(world).await?;
    let worker = story::worker(world, &meter.endpoints()).await?;
    let task = story::request_sync(world, &meter.endpoints(), account, strategy).await?;
    story::run(world, &worker, &task).await?;
    story::completed(world, &task, 0).await?;
    let calls = meter.take()?;
    let progress = world.progress(story::USER, &task).await?;
    ensure!(progress.get("unchanged") == Some(&json!(fans)), "not every fan was met again: {progress}");
    let tables = meter::by_table(&calls);
    let rows = |table: &str| tables.get(table).map_or(0, |(rows, ..)| *rows) as f64;
    let units = |table: &str| tables.get(table).map_or(0, |(_, units, indexes)| units + indexes);
    let elsewhere: usize =
        tables.iter().filter(|(table, _)| ![TASK, AUTH].contains(*table)).map(|(_, (rows, ..))| rows).sum();
    let differs = leads(world).await? != leads_before;
    let changed = changed(&auth_before, &auth(world).await?);
    let others = changed.iter().filter(|name| !OF_THE_SYNC.contains(&name.as_str())).count();
    let pages = fans.div_ceil(story::PAGE);
    let what = format!("unchanged {strategy} of {fans} fans");
    Ok(vec![
        Figure::count(
            format!("{what}: rows written in other tables than the task's and the account's"),
            "rows",
            [elsewhere as f64],
        )
        .at_most(0.0),
        Figure::count(format!("{what}: lead tables that differ afterwards"), "tables", [f64::from(u8::from(differs))])
            .at_most(0.0),
        Figure::count(format!("{what}: writes of the account's row"), "writes", [rows(AUTH)]).at_most(2.0).note(
            format!(
                "{} units: the claim by the request and its end by the worker, each in one transaction with the task. \
                 What is different afterwards: {}.",
                units(AUTH),
                changed.join(", ")
            ),
        ),
        Figure::count(
            format!("{what}: attributes of the account changed besides those about its syncs"),
            "attributes",
            [others as f64],
        )
        .at_most(0.0),
        Figure::count(format!("{what}: writes of the task's row"), "writes", [rows(TASK)])
            .at_most(f64::from(pages + 4))
            .note(format!("{} units: made, taken up, one per page ({pages}), ended.", units(TASK))),
        Figure::count(format!("{what}: read units per fan"), "units", [meter::read_units(&calls) / f64::from(fans)]),
    ])
}

async fn leads(world: &World) -> Result<Vec<Vec<Row>>> {
    let mut tables = Vec::new();
    for variable in LEADS {
        tables.push(world.rows(variable).await?);
    }
    Ok(tables)
}

async fn auth(world: &World) -> Result<Row> {
    world.rows("t_douyin_auth").await?.pop().context("no account")
}

/// What the end of a sync changes of the account's row.
const OF_THE_SYNC: [&str; 3] = ["last_sync_time", "sync_due", "sync_pace"];

/// Names of attributes that are not the same in both.
fn changed(before: &Row, after: &Row) -> Vec<String> {
    let mut names: Vec<String> = before.keys().chain(after.keys()).cloned().collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| before.get(name) != after.get(name));
    names
}
