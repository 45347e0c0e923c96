//! What a publication costs: the requests of the publisher to AWS, counted on the wire. Each of them, with its reason, is in
//! docs/architecture.md; one that is added makes these tests fail.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::FutureExt;
use futures::future::try_join_all;
use sandbox::media::MediaFile;
use serde_json::json;

use super::{LATER, USER, confirm_everything, ended, live, publisher, receive, request, world};
use crate::World;
use crate::proxy::{Proxy, Step};

/// Rounds of the sweeper that a company takes at the most here: its job and its members.
const ROUNDS: usize = 10;

/// The names of requests to AWS; all others are to the platforms.
const AWS: [&str; 11] = [
    "BatchGetItem",
    "DELETE s3",
    "Decrypt",
    "DeleteItem",
    "GET s3",
    "GetItem",
    "PutItem",
    "Query",
    "SendMessage",
    "TransactWriteItems",
    "UpdateItem",
];

/// Publishes to these accounts and answers the requests to AWS on the way, by their names.
async fn requests(world: &World, text: &str, accounts: &[String]) -> Result<BTreeMap<String, u32>> {
    requests_with(world, text, &[], accounts).await
}

async fn requests_with(
    world: &World,
    text: &str,
    media: &[String],
    accounts: &[String],
) -> Result<BTreeMap<String, u32>> {
    let proxy = Proxy::start(world).await?;
    let task = request(world, &json!({ "text": text, "mediaUrls": media, "accountIds": accounts })).await?;
    for _ in 0..ROUNDS {
        ensure!(live(world, &proxy).await?.is_none(), "the publisher died");
        let status = world.post_status(USER, task).await?;
        if ended(&status) {
            ensure!(status["status"] == "COMPLETED", "{status}");
            let mut requests = BTreeMap::new();
            for Step { name, .. } in proxy.steps() {
                if AWS.iter().any(|operation| name.starts_with(operation)) {
                    *requests.entry(name).or_default() += 1;
                }
            }
            return Ok(requests);
        }
        confirm_everything(world);
        world.advance(LATER);
        world.sweep().await?;
    }
    anyhow::bail!("it never ends")
}

fn held(what: &str, requests: &BTreeMap<String, u32>, most: u32, accounts: usize) -> Result<()> {
    let calls: u32 = requests.values().sum();
    println!("{what}: {calls} requests, {:.2} for each account", f64::from(calls) / accounts as f64);
    for (name, count) in requests {
        println!("    {count} {name}");
    }
    ensure!(calls == most, "{what}: {calls} requests instead of {most}: {requests:#?}");
    Ok(())
}

#[tokio::test]
async fn personal_post_costs_no_more_requests_than_are_accounted_for() -> Result<()> {
    let world = world().await?;
    let phone = [world.connect_device(USER, "phone").await?];
    held("the first post of a person", &requests(&world, "早上好", &phone).await?, 9, 1)?;
    world.advance(Duration::from_secs(7_200));
    // What became of the post before is looked at.
    held("another post of a person", &requests(&world, "晚上好", &phone).await?, 10, 1)
}

/// A person's picture costs S3 nothing: the gateway downloads it by an address that is signed without asking. A company's is
/// read once, for all its members and for every later post that shows it within three days.
#[tokio::test]
async fn picture_costs_no_more_requests_than_are_accounted_for() -> Result<()> {
    let world = world().await?;
    let picture = [world.sandbox.media().put_file("1.jpg", MediaFile::jpeg(80, 60))];
    let phone = [world.connect_device(USER, "phone").await?];
    held("a picture of a person", &requests_with(&world, "早上好", &picture, &phone).await?, 10, 1)?;
    let company = world.connect_corp(USER, "flowers", &["anna", "bob", "carla"]).await?;
    let first = requests_with(&world, "早上好", &picture, &company).await?;
    ensure!(first.get("GET s3 media") == Some(&1), "{first:?}");
    held("a picture of a company", &first, 27, company.len())?;
    let second = requests_with(&world, "晚上好", &picture, &company).await?;
    ensure!(!second.contains_key("GET s3 media"), "{second:?}");
    Ok(())
}

#[tokio::test]
async fn company_post_costs_the_same_requests_for_any_number_of_members() -> Result<()> {
    for members in [&["anna"][..], &["anna", "bob"], &["anna", "bob", "carla", "dora", "emil"]] {
        let world = world().await?;
        let accounts = world.connect_corp(USER, "flowers", members).await?;
        let requests = requests(&world, "早上好", &accounts).await?;
        held(&format!("a company of {} members", members.len()), &requests, 23, members.len())?;
    }
    Ok(())
}

/// The accounts of one task count on the task's row beside each other. Only the last one sets what the task has come to,
/// which is refused if another one has counted since it was read. How often they meet is chance; five of thirty
/// transactions were refused on a busy machine.
#[tokio::test]
async fn deliveries_that_end_at_once_are_refused_less_than_once_each() -> Result<()> {
    const PHONES: u32 = 12;
    let world = world().await?;
    let mut accounts = Vec::new();
    for number in 1..=PHONES {
        accounts.push(world.connect_device(USER, &format!("phone-{number}")).await?);
    }
    let task = request(&world, &json!({"text": "早上好", "accountIds": accounts})).await?;
    let proxy = Proxy::start(&world).await?;
    // The task is dispatched first, so that all its deliveries wait for a worker.
    let dispatch = receive(&world).await?.context("no message")?;
    world.publish_batch(&publisher(&world, &proxy).await?, vec![dispatch]).await?;
    try_join_all((0..4).map(|_| live(&world, &proxy).boxed_local())).await?;
    let status = world.post_status(USER, task).await?;
    ensure!(status["status"] == "COMPLETED", "{status}");
    let all = proxy.steps().iter().filter(|step| step.name.starts_with("TransactWriteItems")).count();
    let refused = proxy.refused_transactions();
    println!("{refused} of {all} transactions were refused");
    ensure!(refused < PHONES, "{refused} of {all} transactions were refused");
    Ok(())
}

/// Three phones and a company of two members, as the publishing run of the budgets has them.
#[tokio::test]
async fn post_of_phones_and_a_company_costs_less_than_nine_requests_for_each_account() -> Result<()> {
    let world = world().await?;
    let mut accounts = world.connect_corp(USER, "flowers", &["anna", "bob"]).await?;
    for phone in ["phone-1", "phone-2", "phone-3"] {
        accounts.push(world.connect_device(USER, phone).await?);
    }
    let requests = requests(&world, "早上好", &accounts).await?;
    held("three phones and a company of two", &requests, 42, accounts.len())
}
