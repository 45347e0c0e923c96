//! The wall between tenants: whatever of somebody else's a request names, the answer is the one for something that
//! does not exist, down to the last byte, and nothing changes.

mod ownership;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::evidence::functions_behind_the_api;
use crate::{Answer, Event, World};

/// Whose things they are.
const OWNER: u64 = 1001;
/// Who tries. They have an account and leads of their own, so that an empty tenant is not what makes it work.
const INTRUDER: u64 = 2002;

/// What the owner has, and the like of it that nobody has.
#[derive(Clone)]
struct Ids {
    account: [String; 2],
    task: [String; 2],
    lead: [String; 2],
    device: [String; 2],
    post: [String; 2],
}

/// What a function can be asked about somebody's things.
enum Case {
    /// Requests that name a thing: each built from the id of the owner's, and of one that does not exist.
    Names([String; 2], Vec<fn(Event, &str) -> Event>),
    /// Requests that list: their answers must not mention any of the owner's things.
    Lists(Event),
    /// It takes nobody's things; a test of its own says why it is safe.
    NoId,
}

impl Case {
    /// What the matrix asks of a function. A new one has to be put in here.
    fn of(function: &str, ids: &Ids) -> Result<Self> {
        let Ids { account, task, lead, device, post } = ids.clone();
        Ok(match function {
            // A ticket says whose it is, and the wrong hands destroy it: `authorization::attack` has what comes of that.
            "douyin-auth-url" | "douyin-auth-callback" | "douyin-auth-confirm" | "douyin-webhook" => Self::NoId,
            "douyin-fans-sync" => Self::Names(
                account,
                vec![
                    |event, id| event.json(&json!({ "douyinUserId": id })),
                    |event, id| event.json(&json!({ "douyinUserId": id, "syncStrategy": "FULL" })),
                    |event, id| event.json(&json!({ "douyinUserId": id, "syncStrategy": "ALL" })),
                ],
            ),
            "douyin-fans-sync-task" => Self::Names(task, vec![|event, id| event.path("taskId", id)]),
            "douyin-leads" => Self::Names(
                account,
                vec![
                    |event, id| event.query(&[("sourceDouyinUserId", id)]),
                    |event, id| event.query(&[("sourceDouyinUserId", id), ("keyword", "小"), ("status", "CONTACTED")]),
                    |event, id| event.query(&[("sourceDouyinUserId", id), ("startTime", "2020-01-01T00:00:00Z")]),
                ],
            ),
            "douyin-lead" => Self::Names(lead, vec![|event, id| event.path("leadId", id)]),
            "douyin-lead-update" => Self::Names(
                lead,
                vec![
                    |event, id| event.path("leadId", id),
                    // Neither its state nor its version shows through a refusal.
                    |event, id| event.path("leadId", id).json(&json!({ "status": "CONVERTED" })),
                    |event, id| event.path("leadId", id).json(&json!({ "notes": "x", "version": 7 })),
                    |event, id| event.path("leadId", id).json(&json!({ "notes": "长".repeat(1_001) })),
                    |event, id| event.path("leadId", id).json(&json!({})),
                ],
            ),
            "douyin-accounts" => Self::Lists(Event::sample(function)?),
            "douyin-account-delete" => Self::Names(account, vec![|event, id| event.path("douyinUserId", id)]),
            "gateway-webhook" | "wechat-account-connect" => Self::NoId,
            "wechat-accounts" | "moment-tasks" => Self::Lists(Event::sample(function)?.query(&[])),
            "wechat-account-disconnect" => Self::Names(device, vec![|event, id| event.path("accountId", id)]),
            "moment-sync" => Self::Names(
                device,
                vec![
                    |event, id| event.json(&json!({ "text": "早上好", "accountIds": [id] })),
                    |event, id| event.json(&json!({ "text": "", "accountIds": [id] })),
                    |event, id| event.json(&json!({ "text": "早上好", "accountIds": [id, id] })),
                ],
            ),
            "moment-task" | "moment-task-cancel" | "moment-task-retry" => {
                Self::Names(post, vec![|event, id| event.path("taskId", id)])
            }
            "moment-task-update" => Self::Names(
                post,
                vec![
                    |event, id| event.path("taskId", id).json(&json!({ "scheduledTime": "2001-01-01T00:00:00Z" })),
                    |event, id| event.path("taskId", id).json(&json!({ "scheduledTime": "9000-01-01T00:00:00Z" })),
                ],
            ),
            other => bail!("{other} is in no row of the cross-tenant matrix"),
        })
    }
}

/// Everything of an answer but what is different in each: the request id, and the id that was asked for.
fn comparable(answer: Answer, id: &str) -> (u16, Value, Vec<(String, String)>) {
    let text = answer.body.to_string().replace(&json!(id).to_string(), "\"the id\"");
    let mut body: Value = serde_json::from_str(&text).unwrap();
    if let Some(error) = body.get_mut("error").and_then(Value::as_object_mut) {
        error.remove("requestId");
    }
    (answer.status, body, answer.headers.into_iter().filter(|(name, _)| name != "x-request-id").collect())
}

/// Two tenants, each with leads; the owner also with a running sync and a lead worked on.
async fn two_tenants(world: &World) -> Result<Ids> {
    world.douyin_account("theirs", 40);
    world.douyin_account("mine", 3);
    let theirs = world.authorize(OWNER, "theirs").await?;
    let mine = world.authorize(INTRUDER, "mine").await?;
    world.sync(OWNER, &theirs, "INCREMENTAL").await?;
    world.sync(INTRUDER, &mine, "INCREMENTAL").await?;
    let edit = Event::sample("douyin-lead-update")?.path("leadId", "7");
    assert_eq!(world.call_as(OWNER, edit).await?.status, 200);
    let task = world.request_sync(OWNER, &theirs, "FULL").await?.data()["taskId"].as_str().unwrap().to_owned();
    let no_task = (task.parse::<u64>()? + 1).to_string();
    let reversed = |id: &str| id.chars().rev().collect::<String>();
    let device = world.connect_device(OWNER, "phone").await?;
    world.connect_device(INTRUDER, "handset").await?;
    let time = (world.clock.now() + jiff::SignedDuration::from_hours(1)).to_string();
    let post = json!({ "text": "早上好", "accountIds": [device], "scheduledTime": time });
    let post = world.request_post(OWNER, &post).await?.data()["syncTaskId"].as_u64().unwrap();
    Ok(Ids {
        account: [theirs.clone(), reversed(&theirs)],
        task: [task, no_task],
        // Lead 7 is the owner's alone: the intruder has three.
        lead: ["7".into(), "9007199254740".into()],
        device: [device.clone(), reversed(&device)],
        post: [post.to_string(), (post + 1).to_string()],
    })
}

#[tokio::test]
async fn somebody_elses_is_as_if_it_were_not_there_on_every_route() -> Result<()> {
    let world = World::start().await?;
    let ids = two_tenants(&world).await?;
    let before = world.snapshot().await?;
    for function in functions_behind_the_api()? {
        match Case::of(&function, &ids)? {
            Case::Names([foreign, absent], requests) => {
                for (number, request) in requests.into_iter().enumerate() {
                    let sample = Event::sample(&function)?;
                    let seen = world.call_as(INTRUDER, request(sample.clone(), &foreign)).await?;
                    let expected = world.call_as(INTRUDER, request(sample, &absent)).await?;
                    let seen = comparable(seen, &foreign);
                    assert_eq!(seen, comparable(expected, &absent), "{function}, request {number}");
                    // The likeness above would also hold between two successes.
                    let harmless = function == "douyin-leads" && seen.1["data"]["total"] == 0;
                    assert!(harmless || [400, 404, 422].contains(&seen.0), "{function}, request {number}: {seen:?}");
                }
            }
            Case::Lists(event) => {
                let text = world.call_as(INTRUDER, event).await?.body.to_string();
                for id in [&ids.account, &ids.task, &ids.device, &ids.post].map(|[foreign, _]| foreign) {
                    assert!(!text.contains(id), "{function}: {text}");
                }
            }
            Case::NoId => {}
        }
        world.snapshot().await?.assert_unchanged_since(&before, &function);
    }
    // The owner's sync and post went on undisturbed.
    let post = world.post_status(OWNER, ids.post[0].parse()?).await?;
    assert_eq!(post["status"], "PENDING", "{post}");
    world.drain().await?;
    let progress = world.progress(OWNER, &ids.task[0]).await?;
    assert_eq!((&progress["status"], &progress["unchanged"]), (&json!("COMPLETED"), &progress["seen"]), "{progress}");
    world.expect_empty_queues().await
}
