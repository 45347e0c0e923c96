//! Syncs of several accounts of several users at once by several workers, while AWS does to their requests whatever it
//! may.

use anyhow::{Context, Result, ensure};
use futures::FutureExt;
use futures::future::{try_join, try_join_all};
use local::aws::rules::Rule;

use super::audit::Ledger;
use super::{ABANDONED, MOST_ROUNDS, PAGE_SIZE};
use crate::{Event, World};

/// Workers that take messages at the same time.
const WORKERS: usize = 4;
const USERS: [u64; 2] = [1001, 1002];
/// How often a user looks while the workers take a round of messages.
const LOOKS: usize = 12;
/// Of each account; each user has two.
const FANS: [u32; 4] = [33, 53, 41, 47];

/// A user who looks at the lists all the time.
async fn look(world: &World, user: u64) -> Result<()> {
    for _ in 0..LOOKS {
        for function in ["douyin-leads", "douyin-accounts"] {
            let answer = world.call_as(user, Event::sample(function)?.query(&[])).boxed_local().await?;
            ensure!(answer.status == 200, "{function} answered {answer:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn fan_syncs_by_several_workers_at_once_make_every_fan_one_lead() -> Result<()> {
    let mut world = World::start().await?;
    world.set(PAGE_SIZE, "20");
    let mut accounts = Vec::new();
    for (place, fans) in FANS.into_iter().enumerate() {
        let (user, name) = (USERS[place % USERS.len()], format!("shop-{place}"));
        world.douyin_account(&name, fans);
        accounts.push((user, world.authorize(user, &name).boxed_local().await?));
    }
    world.let_reads_lag();
    world.rules.switch_on(Rule::LostAnswersOfSingleWrites);
    for strategy in ["INCREMENTAL", "FULL"] {
        for (user, account) in &accounts {
            let answer = world.request_sync(*user, account, strategy).boxed_local().await?;
            ensure!(answer.status == 202, "{strategy} of {account} answered {answer:?}");
        }
        let mut done = false;
        for _ in 0..MOST_ROUNDS {
            let workers = (0..WORKERS).map(|_| world.drain().boxed_local());
            let readers = USERS.iter().map(|user| look(&world, *user).boxed_local());
            try_join(try_join_all(workers), try_join_all(readers)).await?;
            done = world.rows("t_douyin_sync_task").await?.iter().all(|task| task.contains_key("finished_at"));
            if done {
                break;
            }
            world.advance(ABANDONED);
            world.sweep().boxed_local().await?;
        }
        ensure!(done, "a sync never ends");
    }
    world.rules.settle();
    world.drain().boxed_local().await?;
    let ledger = Ledger::read(&world).await?;
    ensure!(ledger.leads() == FANS.iter().sum::<u32>() as usize, "{} leads", ledger.leads());
    for user in USERS {
        let list = world.leads(user, &[("size", "1")]).boxed_local().await?;
        let total = list.data()["total"].as_u64().context("no total")?;
        let fans: u32 =
            FANS.iter().zip(USERS.iter().cycle()).filter(|(_, of)| **of == user).map(|(fans, _)| fans).sum();
        ensure!(total == u64::from(fans), "user {user} is told of {total} leads");
    }
    println!("{}", world.rules.report());
    Ok(())
}
