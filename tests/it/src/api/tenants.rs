//! Isolation of tenants: whatever of somebody else's a request names, the answer is the one for something that
//! does not exist, down to the last byte, and nothing changes.

mod ownership;

use anyhow::{Context, Result, bail};
use functions::catalog;
use leads::lead_edit::MAX_NOTES;
use serde_json::{Value, json};

use crate::snapshot::last_parameter;
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
    corp: [String; 2],
    webhook: [String; 2],
}

/// What a function can be asked about somebody's things.
enum Case {
    /// Requests that name a thing: each built from the id of the owner's, and of one that does not exist.
    Names([String; 2], Vec<Request>),
    /// Requests that list: their answers must not mention any of the owner's things.
    Lists(Event),
    /// It takes nobody's things; a test of its own says why it is safe.
    NoId,
}

/// Makes a request about the thing with this id out of the function's sample.
type Request = Box<dyn Fn(Event, &str) -> Event>;

fn body(body: impl Fn(&str) -> Value + 'static) -> Request {
    Box::new(move |event, id| event.json(&body(id)))
}

fn query(pairs: &'static [(&'static str, &'static str)]) -> Request {
    Box::new(move |event, id| {
        let query: Vec<(&str, &str)> =
            pairs.iter().map(|(name, value)| (*name, if *value == ID { id } else { value })).collect();
        event.query(&query)
    })
}

/// Stands for the id in a query.
const ID: &str = "{id}";

impl Ids {
    /// What the last parameter of a path names: a request about it is part of the matrix, whatever function it is for.
    fn named_by(&self, path: &'static str) -> Result<Option<([String; 2], &'static str)>> {
        // Whose a delivery is is said by its webhook.
        let parameter = if path.contains("{webhookId}") { Some("webhookId") } else { last_parameter(path) };
        let Some(parameter) = parameter else { return Ok(None) };
        let things = match parameter {
            "leadId" => &self.lead,
            "douyinUserId" => &self.account,
            "accountId" => &self.device,
            "corpKey" => &self.corp,
            "webhookId" => &self.webhook,
            "taskId" if path.starts_with("/api/v1/lead/") => &self.task,
            "taskId" => &self.post,
            other => bail!("{path}: nobody says whose things {other} names"),
        };
        Ok(Some((things.clone(), parameter)))
    }
}

impl Case {
    /// What the matrix asks of a route. One whose path names nothing has to be put in here.
    fn of(route: &catalog::Route, ids: &Ids) -> Result<Self> {
        if let Some((things, parameter)) = ids.named_by(route.path)? {
            let mut requests: Vec<Request> = vec![Box::new(move |event, id| event.path(parameter, id))];
            // Neither its state nor its version shows through a refusal.
            let bodies = match route.name {
                "douyin-lead-update" => vec![
                    json!({ "status": "CONVERTED" }),
                    json!({ "notes": "x", "version": 7 }),
                    json!({ "notes": "长".repeat(MAX_NOTES + 1) }),
                    json!({}),
                ],
                "wechat-corp-update" => vec![
                    json!({ "secret": "x" }),
                    json!({ "egressProxyUrl": "" }),
                    json!({ "egressProxyUrl": "http://127.0.0.1" }),
                    json!({}),
                ],
                "webhook-update" => vec![
                    json!({ "status": "PAUSED" }),
                    json!({ "rotateSecret": true }),
                    json!({ "url": "http://127.0.0.1" }),
                    json!({}),
                ],
                "douyin-lead-link" => vec![json!({ "unifiedLeadId": 1 }), json!({ "unifiedLeadId": 0 }), json!({})],
                "douyin-lead-note-add" => vec![json!({ "text": "x" }), json!({ "text": "长".repeat(MAX_NOTES + 1) })],
                "moment-task-update" => vec![
                    json!({ "scheduledTime": "2001-01-01T00:00:00Z" }),
                    json!({ "scheduledTime": "9000-01-01T00:00:00Z" }),
                ],
                _ => vec![],
            };
            requests.extend(
                bodies
                    .into_iter()
                    .map(|body| -> Request { Box::new(move |event, id| event.path(parameter, id).json(&body)) }),
            );
            return Ok(Self::Names(things, requests));
        }
        let Ids { account, device, .. } = ids.clone();
        Ok(match route.name {
            // That somebody asks for a file is written down, so `leads::export` has what another tenant finds in it.
            "douyin-leads-export" => Self::NoId,
            // A ticket says whose it is, and the wrong hands destroy it: `authorization::attack` has what comes of that.
            "douyin-auth-url" | "douyin-auth-confirm" | "wechat-account-connect" | "webhook-create" => Self::NoId,
            "douyin-fans-sync" => Self::Names(
                account,
                vec![
                    body(|id| json!({ "douyinUserId": id })),
                    body(|id| json!({ "douyinUserId": id, "syncStrategy": "FULL" })),
                    body(|id| json!({ "douyinUserId": id, "syncStrategy": "ALL" })),
                ],
            ),
            "douyin-fans-sync-tasks" => Self::Names(account, vec![query(&[("douyinUserId", ID)])]),
            "douyin-leads" => Self::Names(
                account,
                vec![
                    query(&[("sourceDouyinUserId", ID)]),
                    query(&[("sourceDouyinUserId", ID), ("keyword", "小"), ("status", "CONTACTED")]),
                    query(&[("sourceDouyinUserId", ID), ("startTime", "2020-01-01T00:00:00Z")]),
                ],
            ),
            "douyin-leads-update" => Self::Names(
                ids.lead.clone(),
                vec![body(
                    |id| json!({ "leadIds": [id.parse::<u64>().unwrap()], "status": "CONTACTED", "ownerId": "x" }),
                )],
            ),
            "audit" | "douyin-accounts" | "events" | "webhooks" | "wechat-corps" => {
                Self::Lists(Event::sample(route.name)?)
            }
            "wechat-accounts" | "moment-tasks" => Self::Lists(Event::sample(route.name)?.query(&[])),
            "moment-sync" | "moment-validate" => Self::Names(
                device,
                vec![
                    body(|id| json!({ "text": "早上好", "accountIds": [id] })),
                    body(|id| json!({ "text": "", "accountIds": [id] })),
                    body(|id| json!({ "text": "早上好", "accountIds": [id, id] })),
                ],
            ),
            other => bail!("{other} is in no row of the cross-tenant matrix"),
        })
    }
}

/// Everything of an answer but what is different in each: the request id, and the id that was asked for.
fn comparable(answer: Answer, id: &str) -> (u16, Value, Vec<(String, String)>) {
    let text = answer.body.to_string().replace(&json!(id).to_string(), "\"the id\"");
    let text = text.replace(&format!("\"leadId\":{id},"), "\"leadId\":0,");
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
    world.connect_corp(OWNER, "flowers", &["lily"]).await?;
    let corp = world.rows("t_wechat_corp").await?.remove(0)["corp_key"].clone();
    world.connect_device(INTRUDER, "handset").await?;
    let time = (world.clock.now() + jiff::SignedDuration::from_hours(1)).to_string();
    let post = json!({ "text": "早上好", "accountIds": [device], "scheduledTime": time });
    let post = world.request_post(OWNER, &post).await?.data()["syncTaskId"].as_u64().unwrap();
    let webhook = world.call_as(OWNER, Event::sample("webhook-create")?).await?.data()["webhookId"].clone();
    let webhook = webhook.as_str().context("no webhookId")?.to_owned();
    Ok(Ids {
        account: [theirs.clone(), reversed(&theirs)],
        task: [task, no_task],
        // Lead 7 is the owner's alone: the intruder has three.
        lead: ["7".into(), "9007199254740".into()],
        device: [device.clone(), reversed(&device)],
        post: [post.to_string(), (post + 1).to_string()],
        corp: [corp.clone(), reversed(&corp)],
        webhook: [webhook.clone(), reversed(&webhook)],
    })
}

#[tokio::test]
async fn tenant_request_for_another_tenants_object_is_not_found_on_every_route() -> Result<()> {
    let world = World::start().await?;
    let ids = two_tenants(&world).await?;
    let before = world.snapshot().await?;
    // What takes no token is called by platforms, whose events tell by themselves whose they are.
    for route in catalog::ROUTES {
        let function = route.name;
        match Case::of(route, &ids)? {
            Case::Names([foreign, absent], requests) => {
                for (number, request) in requests.into_iter().enumerate() {
                    let sample = Event::sample(function)?;
                    let seen = world.call_as(INTRUDER, request(sample.clone(), &foreign)).await?;
                    let expected = world.call_as(INTRUDER, request(sample, &absent)).await?;
                    let seen = comparable(seen, &foreign);
                    assert_eq!(seen, comparable(expected, &absent), "{function}, request {number}");
                    // The likeness above would also hold between two successes.
                    let harmless = match function {
                        "douyin-leads" | "douyin-fans-sync-tasks" => seen.1["data"]["total"] == 0,
                        "douyin-leads-update" => seen.1["data"]["results"][0]["ok"] == false,
                        "moment-validate" => seen.1["data"]["valid"] == false,
                        _ => false,
                    };
                    assert!(harmless || [400, 404, 422].contains(&seen.0), "{function}, request {number}: {seen:?}");
                }
            }
            Case::Lists(event) => {
                let text = world.call_as(INTRUDER, event).await?.body.to_string();
                for id in [&ids.account, &ids.task, &ids.device, &ids.post, &ids.corp, &ids.webhook]
                    .map(|[foreign, _]| foreign)
                {
                    assert!(!text.contains(id), "{function}: {text}");
                }
            }
            Case::NoId => {}
        }
        world.snapshot().await?.assert_unchanged_since(&before, function);
    }
    // The owner's sync and post went on undisturbed.
    let post = world.post_status(OWNER, ids.post[0].parse()?).await?;
    assert_eq!(post["status"], "PENDING", "{post}");
    world.drain().await?;
    let progress = world.progress(OWNER, &ids.task[0]).await?;
    assert_eq!((&progress["status"], &progress["unchanged"]), (&json!("COMPLETED"), &progress["seen"]), "{progress}");
    world.expect_empty_queues().await
}
