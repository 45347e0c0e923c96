//! A right that the template forgets: for each right of each keeper and worker, what happens without it. An alarm must ring
//! for each that is asked for, and with the right given back everything must end as it should.
//!
//! What came of it is the table `rights/denied.txt`.

mod scenes;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use tracing::instrument::WithSubscriber;

use super::alarms::Operation;
use crate::World;
use crate::logged::Logged;

const USER: u64 = 4101;

/// Function, right, and an alarm that rings without it. After how many minutes it did is printed.
const TABLE: &str = include_str!("rights/denied.txt");

/// Rights by which Lambda polls a queue for a function. Our code does not use them.
const POLLING: [&str; 3] = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];

/// What stands in the table for a right that the scene does not need.
const UNASKED: &str = "not asked for";

/// The rights of a function in a few words: action, and the last part of the resource.
fn rights(world: &World, function: &str) -> Vec<(String, String)> {
    let rights: BTreeSet<_> = world.roles().rights(function).collect();
    rights.into_iter().filter(|(action, _)| !POLLING.contains(&action.as_str())).collect()
}

fn shown(action: &str, resource: &str) -> String {
    let place = resource.split("table/").nth(1).or_else(|| resource.rsplit([':', '/']).next()).unwrap_or_default();
    let place = place.trim_start_matches("it-");
    // The emulator makes up the names of keys and secrets.
    let place = match action.split(':').next() {
        Some("kms") => "key",
        Some("secretsmanager") => "secret",
        // The emulator makes up a bucket's name too; what is before an object's own says what it is.
        Some("s3") => resource.split_once('/').map_or("bucket", |(_, objects)| objects),
        _ => place,
    };
    format!("{action} {place}")
}

/// What a sync of changed fans needs beside one of strangers.
const OF_CHANGED_FANS: [&str; 4] = [
    "dynamodb:BatchGetItem t_douyin_lead",
    "dynamodb:Query t_douyin_lead_index",
    "dynamodb:UpdateItem t_douyin_lead",
    "kms:GenerateMac key",
];

/// What the deletion of old leads needs beside that of an account's data.
const OF_OLD_LEADS: [&str; 5] = [
    "dynamodb:BatchGetItem t_lead_identity",
    "dynamodb:PutItem t_audit",
    "dynamodb:PutItem t_lead_identity",
    "dynamodb:Query t_douyin_lead_index/index/by_retention_due",
    "kms:GenerateMac key",
];

/// What a sync needs whose token is refused.
const OF_A_REFUSED_TOKEN: [&str; 3] =
    ["dynamodb:GetItem t_idempotency", "dynamodb:UpdateItem t_idempotency", "sqs:SendMessage fan-sync"];

/// What the event sequencer needs where there is a sink.
const OF_THE_SINK: [&str; 4] = [
    "dynamodb:BatchGetItem t_douyin_lead",
    "dynamodb:Query t_event",
    "sqs:GetQueueUrl modules.fifo",
    "sqs:SendMessage modules.fifo",
];

/// How the rights of a function are taken away: whose they are, which of them, which functions are called, and for how many
/// minutes.
struct Denial<'a> {
    function: &'a str,
    takes: fn(&str) -> bool,
    runs: &'a [&'a str],
    minutes: i64,
}

impl Denial<'_> {
    /// Plays a scene without each right, until an alarm rings that would not with it, and then with the right given back.
    async fn play<T>(
        &self,
        scene: impl AsyncFn() -> Result<(World, T)>,
        recovers: impl AsyncFn(&World, T) -> Result<()>,
    ) -> Result<()> {
        let log = Logged::default();
        let played = async {
            let (world, _) = scene().await?;
            let taken = rights(&world, self.function).into_iter().map(|(action, resource)| shown(&action, &resource));
            let taken: Vec<(usize, String)> = taken.enumerate().filter(|(_, right)| (self.takes)(right)).collect();
            let mut lines = Vec::new();
            let usual = self.rung(&mut self.begin(world, &log).await?, &BTreeSet::new(), |_| false).await?;
            let usual: BTreeSet<String> = usual.into_keys().collect();
            for (place, right) in taken {
                // Each world is an account of its own, so the same right has another ARN in the next one.
                let (mut world, told) = scene().await?;
                let (action, resource) = rights(&world, self.function).swap_remove(place);
                world.take_right(self.function, &action, &resource).await?;
                let mut operation = self.begin(world, &log).await?;
                let begun = operation.now();
                let expected =
                    TABLE.lines().find_map(|line| line.strip_prefix(&format!("{} | {right} | ", self.function)));
                let rung = self.rung(&mut operation, &usual, |rung| {
                    expected.map_or(!rung.is_empty(), |alarm| rung.contains_key(alarm))
                });
                let rung = rung.await?;
                let asked = !operation.world.roles().denied().is_empty();
                let of_table = expected.filter(|alarm| rung.contains_key(*alarm)).map(str::to_owned);
                let first = of_table.or_else(|| rung.iter().min_by_key(|(_, at)| **at).map(|(alarm, _)| alarm.clone()));
                let outcome = match (first, asked) {
                    (Some(alarm), true) => alarm,
                    (None, true) => "SILENCE".to_owned(),
                    (None, false) => UNASKED.to_owned(),
                    (Some(alarm), false) => anyhow::bail!("{alarm} rings although nothing was denied"),
                };
                let minutes = rung.get(&outcome).map(|at| (at - begun + 59) / 60);
                let line = format!("{} | {right} | {outcome}", self.function);
                println!("{line} {}", minutes.map_or_else(String::new, |minutes| format!("after {minutes} minutes")));
                lines.push(line);
                operation.world.give_rights_back().await?;
                recovers(&operation.world, told)
                    .await
                    .with_context(|| format!("with {action} {resource} given back"))?;
            }
            Ok::<_, anyhow::Error>(lines)
        };
        let lines = Box::pin(played).with_subscriber(log.subscriber_at("ERROR")).await?;
        let prefix = format!("{} | ", self.function);
        let of_scene = |line: &&str| {
            let right = line.strip_prefix(&prefix).and_then(|rest| rest.split_once(" | "));
            right.is_some_and(|(right, _)| (self.takes)(right))
        };
        let known: Vec<&str> = TABLE.lines().filter(of_scene).collect();
        assert_eq!(lines, known, "played (left), tests/it/src/platform/rights/denied.txt (right)");
        ensure!(!lines.iter().any(|line| line.ends_with("SILENCE")), "denied, and nobody is told");
        Ok(())
    }

    async fn begin(&self, world: World, log: &Logged) -> Result<Operation> {
        let mut operation = Operation::begin(world, log).await?;
        operation.run_only(self.runs);
        Ok(operation)
    }

    /// The alarms beside the usual ones that ring, until they are enough.
    async fn rung(
        &self,
        operation: &mut Operation,
        usual: &BTreeSet<String>,
        is_enough: impl Fn(&BTreeMap<String, i64>) -> bool,
    ) -> Result<BTreeMap<String, i64>> {
        let until = operation.now() + self.minutes * 60;
        let mut rung = BTreeMap::new();
        while operation.now() < until && !is_enough(&rung) {
            operation.minute().await?;
            let all = operation.rung(i64::MIN)?.into_iter().filter(|(alarm, _)| !usual.contains(*alarm));
            rung = all.map(|(alarm, at)| (alarm.to_owned(), at)).collect();
        }
        Ok(rung)
    }
}

#[tokio::test]
async fn token_keeper_without_a_right_rings_and_recovers() -> Result<()> {
    let denial =
        Denial { function: "douyin-token-keeper", takes: |_| true, runs: &["douyin-token-keeper"], minutes: 200 };
    let scene = async || Ok((scenes::due_tokens().await?, ()));
    denial.play(scene, async |world, ()| scenes::later(world, scenes::keeper).await).await
}

#[tokio::test]
async fn health_checker_without_a_right_rings_and_recovers() -> Result<()> {
    let denial =
        Denial { function: "wechat-health-checker", takes: |_| true, runs: &["wechat-health-checker"], minutes: 20 };
    let scene = async || Ok((scenes::due_devices().await?, ()));
    denial.play(scene, async |world, ()| scenes::later(world, scenes::checker).await).await
}

#[tokio::test]
async fn sweeper_without_a_right_rings_and_recovers() -> Result<()> {
    let takes = |right: &str| !OF_OLD_LEADS.contains(&right);
    let denial = Denial { function: "sweeper", takes, runs: &["sweeper"], minutes: 25 };
    let scene = async || Ok((scenes::forgotten_work().await?, ()));
    denial.play(scene, async |world, ()| scenes::later(world, scenes::sweeper).await).await
}

#[tokio::test]
async fn sweeper_with_old_leads_and_without_a_right_rings_and_recovers() -> Result<()> {
    let takes = |right: &str| OF_OLD_LEADS.contains(&right);
    let denial = Denial { function: "sweeper", takes, runs: &["sweeper"], minutes: 25 };
    let scene = async || Ok((scenes::old_leads().await?, ()));
    denial.play(scene, async |world, ()| scenes::later(world, scenes::sweeper).await).await
}

#[tokio::test]
async fn fan_sync_worker_without_a_right_rings_and_recovers() -> Result<()> {
    let function = "douyin-fan-sync-worker";
    let denial = Denial {
        function,
        takes: |right| !OF_CHANGED_FANS.contains(&right) && !OF_A_REFUSED_TOKEN.contains(&right),
        runs: &[function, "sweeper"],
        minutes: 40,
    };
    denial.play(scenes::sync_to_run, async |world, task| scenes::sync_completed(world, &task, 15).await).await
}

#[tokio::test]
async fn fan_sync_worker_with_changed_fans_and_without_a_right_rings_and_recovers() -> Result<()> {
    let function = "douyin-fan-sync-worker";
    let takes = |right: &str| OF_CHANGED_FANS.contains(&right);
    let denial = Denial { function, takes, runs: &[function, "sweeper"], minutes: 40 };
    denial.play(scenes::sync_of_changed_fans, async |world, task| scenes::sync_completed(world, &task, 3).await).await
}

#[tokio::test]
async fn fan_sync_worker_with_a_refused_token_and_without_a_right_rings_and_recovers() -> Result<()> {
    let function = "douyin-fan-sync-worker";
    let takes = |right: &str| OF_A_REFUSED_TOKEN.contains(&right);
    let denial = Denial { function, takes, runs: &[function, "sweeper"], minutes: 70 };
    let recovers = async |world: &World, task: String| scenes::sync_ended_with_its_account(world, &task).await;
    denial.play(scenes::sync_with_refused_token, recovers).await
}

#[tokio::test]
async fn event_sequencer_without_a_right_rings_and_recovers() -> Result<()> {
    let function = "event-sequencer";
    let takes = |right: &str| !OF_THE_SINK.contains(&right);
    let denial = Denial { function, takes, runs: &[function, "sweeper"], minutes: 40 };
    let scene = async || Ok((scenes::events_to_number().await?, ()));
    denial.play(scene, async |world, ()| scenes::events_numbered(world).await).await
}

#[tokio::test]
async fn webhook_deliverer_without_a_right_rings_and_recovers() -> Result<()> {
    let function = "webhook-deliverer";
    let denial = Denial { function, takes: |_| true, runs: &[function, "sweeper"], minutes: 60 };
    let scene = async || Ok((crate::webhooks::deliveries_to_send(USER).await?, ()));
    denial.play(scene, async |world, ()| crate::webhooks::deliveries_sent(world).await).await
}

#[tokio::test]
async fn event_sequencer_without_a_right_to_the_sink_rings_and_recovers() -> Result<()> {
    let function = "event-sequencer";
    let takes = |right: &str| OF_THE_SINK.contains(&right);
    let denial = Denial { function, takes, runs: &[function, "sweeper"], minutes: 40 };
    let scene = async || Ok((scenes::events_to_send().await?, ()));
    denial.play(scene, async |world, ()| scenes::events_sent(world).await).await
}

#[tokio::test]
async fn publisher_without_a_right_rings_and_publishes_once_all_the_same() -> Result<()> {
    let function = "moment-publisher";
    let denial = Denial { function, takes: |_| true, runs: &[function, "sweeper"], minutes: 25 };
    denial
        .play(scenes::post_to_publish, async |world, task| {
            let status = world.publish_until_ended(USER, task, 60).await?;
            ensure!(status["status"] == "COMPLETED", "{status}");
            let journal = world.sandbox.journal();
            for account in ["phone", "flowers/lily"] {
                let publications = journal.publications_of(account);
                ensure!(publications.len() == 1, "{publications:?}");
            }
            Ok(())
        })
        .await
}
