//! Many publications by several publishers at once, while AWS does to their requests whatever it may.

use anyhow::{Result, ensure};
use futures::FutureExt;
use futures::future::{try_join_all, try_join3};
use local::aws::rules::Rule;

use super::oracle::{Oracle, check};
use super::story::Story;
use super::{LATER, MOST_ROUNDS, USER, confirm_everything, ended, world};
use crate::{Event, World};

/// Publishers that take messages at the same time.
const PUBLISHERS: usize = 4;
/// How often the user looks while the publishers take a round of messages.
const LOOKS: usize = 12;

/// A user who looks at the lists all the time.
async fn look(world: &World) -> Result<()> {
    for _ in 0..LOOKS {
        for function in ["moment-tasks", "wechat-accounts"] {
            let answer = world.call_as(USER, Event::sample(function)?.query(&[])).boxed_local().await?;
            ensure!(answer.status == 200, "{function} answered {answer:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn publications_by_several_publishers_at_once_are_published_once_and_recorded_truly() -> Result<()> {
    let mut world = world().await?;
    let mut scenes = Vec::new();
    for number in 0..3 {
        for (place, story) in [Story::Both, Story::Words, Story::Company, Story::Both].into_iter().enumerate() {
            scenes.push(story.scene(&world, number * 10 + place).boxed_local().await?);
        }
    }
    world.let_reads_lag();
    world.rules.switch_on(Rule::LostAnswersOfSingleWrites);
    let mut statuses = Vec::new();
    for _ in 0..MOST_ROUNDS {
        let publishers = (0..PUBLISHERS).map(|_| world.drain_publications().boxed_local());
        let publishers = try_join_all(publishers);
        try_join3(publishers, world.sweep().boxed_local(), look(&world).boxed_local()).await?;
        statuses = try_join_all(scenes.iter().map(|scene| world.post_status(USER, scene.task).boxed_local())).await?;
        if statuses.iter().all(ended) {
            break;
        }
        confirm_everything(&world);
        world.advance(LATER);
    }
    world.rules.settle();
    world.drain_publications().boxed_local().await?;
    for (scene, status) in scenes.iter().zip(&statuses) {
        let truths = check(&world, scene.task, status, &scene.text, &scene.outlets).await?;
        ensure!(truths.iter().all(|truth| *truth == Oracle::Published), "{truths:?}");
    }
    let twice = world.sandbox.journal().published_twice();
    ensure!(twice.is_empty(), "published twice: {twice:?}");
    println!("{}", world.rules.report());
    Ok(())
}
