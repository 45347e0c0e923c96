//! The sample events are what `cargo lambda invoke` sends: each must be taken by its function as it stands, once the
//! token, the ids and the moments of a real world are put in.

mod douyin;
mod webhooks;
mod wechat;

use std::collections::BTreeSet;

use anyhow::Result;
use functions::catalog;
use serde_json::{Value, json};

use crate::contract::USER;
use crate::snapshot::{last_parameter, sample, samples};
use crate::{Answer, Event, World, described};

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
        described::record(function, &answer)?;
        Ok(answer)
    }

    /// Plays the samples of all routes below `path` that only read, and whose sample names nothing or one of `ids`.
    async fn play_reads(&mut self, path: &str, ids: &[(&str, &str)]) -> Result<()> {
        let reads = catalog::ROUTES.iter().filter(|route| route.method == "GET" && route.path.starts_with(path));
        for route in reads.filter(|route| !self.played.contains(route.name)).collect::<Vec<_>>() {
            let named = last_parameter(route.path).and_then(|name| ids.iter().find(|(known, _)| *known == name));
            let vary = |event: Event| match named {
                Some((name, id)) => event.path(name, id),
                None => event,
            };
            self.play(route.name, 200, vary).await?;
        }
        Ok(())
    }

    /// The samples of scheduled functions: they take no input, so there is nothing in them that could be refused.
    fn of_schedules() -> Result<BTreeSet<String>> {
        let mut names = samples()?;
        for name in names.clone() {
            if sample(&name)? != json!({}) {
                names.remove(&name);
            }
        }
        Ok(names)
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
    webhooks::play(&mut it).await?;
    it.world.sweep().await?;
    // Last, because it ends with the credentials of the sample in place of the world's own.
    douyin::play(&mut it).await?;
    it.play_reads("/api/v1/audit", &[]).await?;
    it.played.extend(Samples::of_schedules()?);
    assert_eq!(it.played, samples()?, "a sample that no test plays");
    it.world.expect_empty_queues().await
}
