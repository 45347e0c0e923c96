//! Somebody else acts while a publisher stands still: the user calls the task off, another publisher takes it over.

use anyhow::{Result, ensure};

use super::oracle::{Oracle, UNCONFIRMED, check};
use super::story::Story;
use super::{LATER, USER, live, recover, world};
use crate::proxy::Proxy;
use crate::{Answer, Event, World};

const DISPATCH: &str = "TransactWriteItems t_moment_sync_task";
const FENCE: &str = "TransactWriteItems t_moment_publish_unit";
/// The claim of a delivery, and the note of what its call was answered.
const CLAIM: &str = "UpdateItem t_moment_publish_unit";
/// The first thing that is done for the first delivery of a task, whose dispatcher goes on with it.
const BEGIN: &str = "Decrypt";
const SEND: &str = "sns/sendTextSns";

async fn cancel(world: &World, task: u64) -> Result<Answer> {
    world.call_as(USER, Event::sample("moment-task-cancel")?.path("taskId", &task.to_string())).await
}

/// Whoever is first wins, and the other is told.
#[tokio::test]
async fn task_cancelled_at_any_step_before_sending_publishes_nothing() -> Result<()> {
    let world = world().await?;
    for (number, (step, nth, in_time)) in [
        (DISPATCH, 1, true),
        (BEGIN, 1, true),
        (FENCE, 1, true),
        (SEND, 1, false),
        (CLAIM, 1, false),
        (FENCE, 2, false),
    ]
    .into_iter()
    .enumerate()
    {
        let scene = Story::Words.scene(&world, number).await?;
        let proxy = Proxy::start(&world).await?;
        let gate = proxy.hold(step, nth);
        let calls_off = async {
            gate.reached().await;
            let answer = cancel(&world, scene.task).await;
            gate.open();
            answer
        };
        let (lived, answer) = futures::join!(live(&world, &proxy), calls_off);
        ensure!(lived?.is_none(), "the publisher died");
        let answer = answer?;
        ensure!(answer.status == if in_time { 200 } else { 409 }, "{step} #{nth}: {answer:?}");
        let status = recover(&world, scene.task).await?;
        let truths = check(&world, scene.task, &status, &scene.text, &scene.outlets).await?;
        let expected = if in_time { Oracle::Nothing("CANCELLED".to_owned()) } else { Oracle::Published };
        ensure!(truths == [expected], "{step} #{nth}: {truths:?}");
        println!("  called off at {step} #{nth}: {}, {truths:?}", answer.status);
    }
    Ok(())
}

/// A publisher stands still beyond its lease, another one finishes its work, and then it goes on.
#[tokio::test]
async fn publisher_frozen_past_its_lease_changes_nothing() -> Result<()> {
    let world = world().await?;
    for (number, (story, step, nth)) in [
        (Story::Words, CLAIM, 1),
        (Story::Words, FENCE, 1),
        (Story::Words, SEND, 1),
        (Story::Words, FENCE, 2),
        (Story::Company, CLAIM, 1),
        (Story::Company, FENCE, 2),
        (Story::Company, "externalcontact/add_moment_task", 1),
        (Story::Company, FENCE, 3),
    ]
    .into_iter()
    .enumerate()
    {
        let scene = story.scene(&world, number).await?;
        let proxy = Proxy::start(&world).await?;
        let gate = proxy.hold(step, nth);
        let takes_over = async {
            gate.reached().await;
            world.advance(LATER);
            world.sweep().await?;
            let status = recover(&world, scene.task).await;
            gate.open();
            status
        };
        let (lived, status) = futures::join!(live(&world, &proxy), takes_over);
        ensure!(lived?.is_none(), "the publisher died");
        let before = status?;
        let status = recover(&world, scene.task).await?;
        ensure!(before == status, "{step} #{nth}: what was told changed afterwards: {before} {status}");
        let sent_late = step == SEND || step.ends_with("add_moment_task");
        if sent_late {
            // The other one could not know that it was yet to be sent, and said so; a person looks.
            let rows = world.rows("t_moment_sync_result").await?;
            let mine = rows.iter().filter(|row| row["task_id"] == scene.task.to_string());
            ensure!(mine.clone().count() > 0);
            for row in mine {
                ensure!(row["status"] == "FAILED" && row["error_code"] == UNCONFIRMED, "{row:?}");
            }
        } else {
            let truths = check(&world, scene.task, &status, &scene.text, &scene.outlets).await?;
            ensure!(truths.iter().all(|truth| *truth == Oracle::Published), "{step} #{nth}: {truths:?}");
        }
        println!("  {story:?} stood still at {step} #{nth}: {}", status["status"]);
    }
    let journal = world.sandbox.journal();
    ensure!(journal.published_twice().is_empty());
    ensure!(journal.of("sns/sendTextSns").len() == 4, "{}", journal.of("sns/sendTextSns").len());
    Ok(())
}
