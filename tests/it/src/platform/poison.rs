//! Messages that no worker can ever handle: they end in the dead-letter queue, alone.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::json;

use crate::World;
use crate::bad_input::USER;

/// Empties a queue and answers its bodies.
async fn take_all(world: &World, queue_url: &str) -> Result<Vec<String>> {
    let mut bodies = Vec::new();
    loop {
        let received = world.aws.sqs.receive_message().queue_url(queue_url).max_number_of_messages(10).send().await?;
        let messages = received.messages.unwrap_or_default();
        if messages.is_empty() {
            return Ok(bodies);
        }
        for message in messages {
            let receipt = message.receipt_handle.unwrap();
            world.aws.sqs.delete_message().queue_url(queue_url).receipt_handle(receipt).send().await?;
            bodies.push(message.body.unwrap());
        }
    }
}

#[tokio::test]
async fn message_that_always_fails_goes_to_the_dead_letter_queue_alone() -> Result<()> {
    let world = World::start().await?;
    let mut tasks = Vec::new();
    for name in ["first", "second"] {
        let id = world.douyin_account(name, 30);
        world.authorize(USER, name).await?;
        let answer = world.request_sync(USER, &id, "INCREMENTAL").await?;
        tasks.push(answer.data()["taskId"].as_str().unwrap().to_owned());
    }
    // The poison stands between two good messages, all of them in one batch.
    let sent = world.receive().await?;
    assert_eq!(sent.len(), 2);
    let good: Vec<String> = sent.iter().map(|message| message.body.clone().unwrap()).collect();
    for message in sent {
        let receipt = message.receipt_handle.unwrap();
        world.aws.sqs.delete_message().queue_url(world.queue_url()?).receipt_handle(receipt).send().await?;
    }
    let poison = [
        "not json at all".to_owned(),
        "{}".to_owned(),
        "[]".to_owned(),
        json!({ "taskId": tasks[0], "douyinUserId": "x" }).to_string(),
        json!({ "taskId": tasks[0].parse::<u64>()? }).to_string(),
        json!({ "taskId": "one" }).to_string(),
        json!({ "task_id": tasks[0] }).to_string(),
    ];
    let unknown = json!({ "taskId": "7352904600000001" }).to_string();
    world.put_message(&good[0]).await?;
    for body in poison.iter().chain([&unknown]) {
        world.put_message(body).await?;
    }
    world.put_message(&good[1]).await?;
    assert_eq!(world.depth(world.queue_url()?).await?, 10);

    // Done are the two good ones and the one about a task that does not exist: it has nothing to do.
    assert_eq!(world.drain().await?, 3);
    for task in &tasks {
        let progress = world.progress(USER, task).await?;
        assert_eq!((&progress["status"], &progress["created"]), (&json!("COMPLETED"), &json!(30)), "{progress}");
    }
    assert_eq!(world.rows("t_douyin_sync_task").await?.len(), 2, "no task was made of nothing");
    let dead: BTreeSet<String> = take_all(&world, world.dead_letter_url()?).await?.into_iter().collect();
    assert_eq!(dead, poison.into_iter().collect());
    world.expect_empty_queues().await
}
