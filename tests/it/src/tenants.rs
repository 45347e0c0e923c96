//! The wall between tenants: whatever of somebody else's a request names, the answer is the one for something that
//! does not exist, down to the last byte, and nothing changes.

use anyhow::{Result, bail};
use sandbox::douyin::Decision;
use serde_json::{Value, json};

use crate::evidence::functions_behind_the_api;
use crate::{Answer, Event, World};

/// Whose things they are.
const OWNER: u64 = 1001;
/// Who tries. They have an account and leads of their own, so that an empty tenant is not what makes it work.
const INTRUDER: u64 = 2002;

/// What the owner has, and the like of it that nobody has.
struct Ids {
    account: [String; 2],
    task: [String; 2],
    lead: [String; 2],
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
        let (account, task, lead) = (ids.account.clone(), ids.task.clone(), ids.lead.clone());
        Ok(match function {
            "douyin-auth-url" | "douyin-auth-callback" | "douyin-webhook" => Self::NoId,
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
            other => bail!("{other} is in no row of the cross-tenant matrix"),
        })
    }
}

/// Everything of an answer but what is different in each: the request id.
fn comparable(answer: Answer) -> (u16, Value, Vec<(String, String)>) {
    let mut body = answer.body;
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
    let no_account = theirs.chars().rev().collect();
    // Lead 7 is the owner's alone: the intruder has three.
    Ok(Ids { account: [theirs, no_account], task: [task, no_task], lead: ["7".into(), "9007199254740".into()] })
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
                    let seen = comparable(seen);
                    assert_eq!(seen, comparable(expected), "{function}, request {number}");
                    // The likeness above would also hold between two successes.
                    let harmless = function == "douyin-leads" && seen.1["data"]["total"] == 0;
                    assert!(harmless || [400, 404].contains(&seen.0), "{function}, request {number}: {seen:?}");
                }
            }
            Case::Lists(event) => {
                let text = world.call_as(INTRUDER, event).await?.body.to_string();
                assert!(!text.contains(&ids.account[0]) && !text.contains(&ids.task[0]), "{function}: {text}");
            }
            Case::NoId => {}
        }
        world.snapshot().await?.assert_unchanged_since(&before, &function);
    }
    // The owner's sync went on undisturbed.
    world.drain().await?;
    let progress = world.progress(OWNER, &ids.task[0]).await?;
    assert_eq!((&progress["status"], &progress["unchanged"]), (&json!("COMPLETED"), &progress["seen"]), "{progress}");
    world.expect_empty_queues().await
}

#[tokio::test]
async fn lists_hold_ones_own_and_nothing_else() -> Result<()> {
    let world = World::start().await?;
    two_tenants(&world).await?;
    for (user, account) in [(OWNER, "theirs"), (INTRUDER, "mine")] {
        let fans = world.sandbox.douyin().fans(account).unwrap();
        let own: std::collections::BTreeSet<&str> = fans.iter().map(|fan| &*fan.open_id).collect();
        for query in
            [&[("size", "100")][..], &[("size", "100"), ("status", "NEW")], &[("size", "100"), ("keyword", "")]]
        {
            let page = world.leads(user, query).await?;
            for record in page.data()["records"].as_array().unwrap() {
                assert!(own.contains(record["douyinUserId"].as_str().unwrap()), "{user} {query:?}: {record}");
            }
        }
        assert_eq!(world.leads(user, &[]).await?.data()["total"], fans.len());
        let accounts = world.call_as(user, Event::sample("douyin-accounts")?).await?;
        let ids: Vec<&str> =
            accounts.data().as_array().unwrap().iter().map(|one| one["douyinUserId"].as_str().unwrap()).collect();
        assert_eq!(ids, [world.sandbox.douyin().open_id(account).unwrap()]);
    }
    // Lead ids are counted per tenant: the same number is another lead for each.
    let first = Event::sample("douyin-lead")?.path("leadId", "1");
    let (theirs, mine) = (world.call_as(OWNER, first.clone()).await?, world.call_as(INTRUDER, first).await?);
    let (theirs, mine) = (theirs.data(), mine.data());
    assert_eq!((&theirs["leadId"], &mine["leadId"]), (&json!(1), &json!(1)));
    assert_ne!(theirs["douyinUserId"], mine["douyinUserId"]);
    world.drain().await?;
    world.expect_empty_queues().await
}

/// Whoever holds the phone can consent for an account; that does not take it, its tokens or its leads from its user.
#[tokio::test]
async fn an_account_stays_with_the_user_who_authorised_it_first() -> Result<()> {
    let world = World::start().await?;
    let ids = two_tenants(&world).await?;
    let callback = world.consent(INTRUDER, "theirs", &Decision::APPROVE).await?;
    let before = world.snapshot().await?;
    let answer = world.call(&callback).await?;
    assert_eq!((answer.status, answer.error_type()), (400, "DOUYIN_AUTH_ERROR"), "{answer:?}");
    assert_eq!(answer.body["message"], "该抖音账号已绑定其他存客宝用户");
    let after = world.snapshot().await?;
    assert_eq!(after.rows("TABLE_OAUTH_STATE").len() + 1, before.rows("TABLE_OAUTH_STATE").len());
    assert!(after.rows("TABLE_DOUYIN_AUTH") == before.rows("TABLE_DOUYIN_AUTH"), "the account was touched");

    // Once its user lets it go it is free; the leads made of it stay where they are.
    world.drain().await?;
    let delete = Event::sample("douyin-account-delete")?.path("douyinUserId", &ids.account[0]);
    assert_eq!(world.call_as(OWNER, delete).await?.status, 200);
    assert_eq!(world.authorize(INTRUDER, "theirs").await?, ids.account[0]);
    assert_eq!(world.sync(INTRUDER, &ids.account[0], "INCREMENTAL").await?["created"], 40);
    let edited = world.call_as(INTRUDER, Event::sample("douyin-leads")?.query(&[("status", "CONTACTED")])).await?;
    assert_eq!(edited.data()["total"], 0, "the same fans are new leads of their new user: {edited:?}");
    assert_eq!(world.leads(OWNER, &[("status", "CONTACTED")]).await?.data()["total"], 1);
    assert_eq!(world.leads(OWNER, &[]).await?.data()["total"], 40);
    world.expect_empty_queues().await
}
