//! The sample events are what `cargo lambda invoke` sends: each must be taken by its function as it stands, once the
//! token, the ids and the moments of a real world are put in.

mod douyin;
mod wechat;

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::{Value, json};

use crate::contract::USER;
use crate::snapshot::{sample, samples};
use crate::{Answer, Event, World};

/// The calls of this test, and which samples they were.
struct Samples {
    world: World,
    played: BTreeSet<String>,
}

impl Samples {
    /// Plays a sample with what `vary` puts in, expects `status` and answers the answer.
    async fn play(&mut self, function: &str, status: u16, vary: impl FnOnce(Event) -> Event) -> Result<Answer> {
        let answer = self.world.call_as(USER, vary(Event::sample(function)?)).await?;
        assert_eq!(answer.status, status, "{function}: {answer:?}");
        self.played.insert(function.to_owned());
        Ok(answer)
    }

    /// Notes that a sample without anything in it was played by `run`.
    fn scheduled(&mut self, function: &str, run: Result<()>) -> Result<()> {
        assert_eq!(sample(function)?, json!({}), "{function} takes no input");
        self.played.insert(function.to_owned());
        run
    }
}

/// The JSON body of a sample.
fn body_of(function: &str) -> Result<Value> {
    Ok(serde_json::from_str(sample(function)?["body"].as_str().unwrap())?)
}

/// The sample of a queue's function, with every record's body changed.
fn batch_of(function: &str, change: impl Fn(&mut Value)) -> Result<Value> {
    let mut event = sample(function)?;
    for record in event["Records"].as_array_mut().unwrap() {
        let mut body: Value = serde_json::from_str(record["body"].as_str().unwrap())?;
        change(&mut body);
        record["body"] = json!(body.to_string());
    }
    Ok(event)
}

#[tokio::test]
async fn sample_event_is_accepted_by_its_function() -> Result<()> {
    let mut world = World::start().await?;
    world.pause_by_hand();
    world.set("REDIRECT_ORIGINS", "https://app.example.com");
    let mut it = Samples { world, played: BTreeSet::new() };
    wechat::play(&mut it).await?;
    let swept = it.world.sweep().await;
    it.scheduled("sweeper", swept)?;
    // Last, because it ends with the credentials of the sample in place of the world's own.
    douyin::play(&mut it).await?;
    assert_eq!(it.played, samples()?, "a sample that no test plays");
    it.world.expect_empty_queues().await
}
