//! The audit log: who has done what is written in the transaction that does it, and told to its tenant alone.

use std::time::Duration;

use anyhow::{Context, Result};
use sandbox::douyin::Decision;
use serde_json::{Value, json};

use crate::call::call;
use crate::proxy::{Fault, Proxy, When};
use crate::snapshot::ExpectedError;
use crate::{Browser, Event, World};

const USER: u64 = 6101;
const OTHER: u64 = 6102;

fn staff() -> Value {
    json!({"sub": "staff-17", "name": "王小明"})
}

/// Calls a function as somebody of the tenant. What is done in one millisecond is in no particular order.
async fn does(world: &World, event: Event) -> Result<Value> {
    world.advance(Duration::from_secs(1));
    let answer = world.call(&event.bearer(&world.token_of(USER, &staff())?)).await?;
    assert!((200..300).contains(&answer.status), "{answer:?}");
    Ok(answer.data().clone())
}

async fn log(world: &World, user: u64, query: &[(&str, &str)]) -> Result<Vec<Value>> {
    let page = world.call_as(user, Event::sample("audit")?.query(query)).await?;
    assert_eq!(page.status, 200, "{page:?}");
    Ok(page.data()["records"].as_array().context("no records")?.clone())
}

/// Action, object, before and after of each row, newest first.
async fn deeds(world: &World, user: u64) -> Result<Vec<[Value; 4]>> {
    let rows = log(world, user, &[("size", "100")]).await?;
    Ok(rows.into_iter().map(|row| ["action", "object", "before", "after"].map(|name| row[name].clone())).collect())
}

fn deed(action: &str, object: impl Into<String>, before: Value, after: Value) -> [Value; 4] {
    [action.into(), object.into().into(), before, after]
}

#[tokio::test]
async fn audit_log_tells_what_was_done_to_douyin_accounts_and_leads() -> Result<()> {
    let world = World::start().await?;
    world.keep_the_clock();
    let shop = world.douyin_account("shop", 3);
    let object = format!("douyin-account/{shop}");
    world.authorize(USER, "shop").await?;
    world.sync(USER, &shop, "INCREMENTAL").await?;
    let body = json!({"leadIds": [1, 2, 9], "status": "CONTACTED", "ownerId": "staff-18"});
    does(&world, Event::sample("douyin-leads-update")?.json(&body)).await?;
    let link = Event::sample("douyin-lead-link")?.path("leadId", "2");
    does(&world, link.clone().json(&json!({"unifiedLeadId": 702}))).await?;
    does(&world, link.clone().json(&json!({"unifiedLeadId": 703}))).await?;
    does(&world, Event::sample("douyin-leads-export")?.query(&[("keyword", "小"), ("status", "NEW")])).await?;
    let sync = world.request_sync(USER, &shop, "FULL").await?.data()["taskId"].as_str().unwrap().to_owned();
    does(&world, Event::sample("douyin-fans-sync-cancel")?.path("taskId", &sync)).await?;
    does(&world, Event::sample("douyin-account-delete")?.path("douyinUserId", &shop)).await?;
    let exported = log(&world, USER, &[("action", "LEADS_EXPORTED")]).await?.remove(0);
    let leads = exported["after"]["leads"].clone();
    assert!(leads.is_u64(), "{exported}");
    let asked = json!({"leads": leads, "startTime": null, "endTime": null, "status": "NEW", "sourceDouyinUserId": null,
        "ownerId": null, "hasKeyword": true});
    let changed = json!({"leadIds": [1, 2], "status": "CONTACTED", "ownerId": "staff-18"});
    let expected = [
        deed("DOUYIN_ACCOUNT_DELETED", &object, json!({"status": "ACTIVE"}), Value::Null),
        deed(
            "FAN_SYNC_CANCELLED",
            format!("fan-sync/{sync}"),
            json!({"status": "PENDING"}),
            json!({"status": "CANCELLED"}),
        ),
        deed("LEADS_EXPORTED", "leads", Value::Null, asked),
        deed("LEAD_LINKED", "lead/2", json!({"isLinked": true}), json!({"isLinked": true})),
        deed("LEAD_LINKED", "lead/2", json!({"isLinked": false}), json!({"isLinked": true})),
        deed("LEADS_CHANGED", "leads", Value::Null, changed),
        deed("DOUYIN_ACCOUNT_AUTHORIZED", &object, Value::Null, json!({"status": "ACTIVE"})),
    ];
    assert_eq!(deeds(&world, USER).await?, expected);
    let newest = log(&world, USER, &[("size", "1")]).await?.remove(0);
    assert_eq!(newest["actor"], json!({"id": "staff-17", "name": "王小明"}));
    assert_eq!(newest["time"].as_str().unwrap().parse::<jiff::Timestamp>()?, world.clock.now());
    // What changes nothing is no deed, and neither is what is refused.
    does(&world, Event::sample("douyin-leads-update")?.json(&body)).await?;
    does(&world, link.json(&json!({"unifiedLeadId": 703}))).await?;
    let gone = Event::sample("douyin-account-delete")?.path("douyinUserId", &shop);
    assert_eq!(world.call_as(USER, gone).await?.status, 404);
    assert_eq!(deeds(&world, USER).await?.len(), expected.len());
    assert!(log(&world, OTHER, &[]).await?.is_empty(), "another tenant sees none of it");

    // Nothing of it is about a person who is a lead.
    let rows = format!("{:?}", world.rows("t_audit").await?);
    for fan in world.sandbox.douyin().fans("shop").unwrap() {
        assert!(!rows.contains(&*fan.open_id), "the log names a fan");
        assert!(fan.nickname.as_deref().is_none_or(|name| name.is_empty() || !rows.contains(name)), "by nickname");
    }
    Ok(())
}

#[tokio::test]
async fn audit_of_a_takeover_is_told_to_both_tenants_and_to_neither_of_the_other() -> Result<()> {
    let world = World::start().await?;
    world.keep_the_clock();
    let shop = world.douyin_account("shop", 1);
    let object = format!("douyin-account/{shop}");
    world.authorize(OTHER, "shop").await?;
    let revoked = world.sandbox.douyin().revoke_quietly("shop").context("no shop")?;
    let event = Event::sample("douyin-webhook")?.header("x-douyin-signature", &revoked.signature);
    let event = event.header("msg-id", &revoked.message_id).body(&revoked.body);
    assert_eq!(world.call(&event).await?.status, 200);
    world.advance(Duration::from_secs(60));
    // Whoever asked for the link is who has done it, although the callback shows no token.
    let mut browser = Browser::default();
    let link =
        world.call(&Event::sample("douyin-auth-url")?.query(&[]).bearer(&world.token_of(USER, &staff())?)).await?;
    browser.keeps(&link);
    let link = link.data()["authUrl"].as_str().context("no link")?;
    let callback = browser.consents(&world, link, "shop", &Decision::APPROVE)?;
    assert_eq!(world.call(&callback).await?.status, 200);

    let taken = log(&world, USER, &[]).await?;
    assert_eq!(taken.len(), 1, "{taken:?}");
    assert_eq!(taken[0]["actor"], json!({"id": "staff-17", "name": "王小明"}));
    let expected = [deed("DOUYIN_ACCOUNT_TAKEN_OVER", &object, Value::Null, json!({"status": "ACTIVE"}))];
    assert_eq!(deeds(&world, USER).await?, expected);
    let lost = log(&world, OTHER, &[]).await?;
    assert_eq!(lost[0]["actor"], json!({"id": "system"}));
    let expected = [
        deed("DOUYIN_ACCOUNT_TAKEN_OVER", &object, json!({"status": "REVOKED"}), Value::Null),
        deed("DOUYIN_ACCOUNT_AUTHORIZED", &object, Value::Null, json!({"status": "ACTIVE"})),
    ];
    assert_eq!(deeds(&world, OTHER).await?, expected);
    for (rows, other) in [(taken, OTHER), (lost, USER)] {
        let text = json!(rows).to_string();
        assert!(!text.contains(&other.to_string()), "{text}");
    }
    Ok(())
}

#[tokio::test]
async fn audit_log_tells_what_was_done_to_wechat_accounts_and_tasks() -> Result<()> {
    let world = World::start().await?;
    world.keep_the_clock();
    let device = world.connect_device(USER, "phone").await?;
    let in_hours = |hours| (world.clock.now() + jiff::SignedDuration::from_hours(hours)).to_string();
    let (first, second) = (in_hours(20), in_hours(44));
    let post = json!({"text": "早上好", "accountIds": [device], "scheduledTime": first});
    let task = does(&world, Event::sample("moment-sync")?.without_header("idempotency-key").json(&post)).await?;
    let task = task["syncTaskId"].as_u64().context("no task")?.to_string();
    let about = |function: &str| Ok::<_, anyhow::Error>(Event::sample(function)?.path("taskId", &task));
    does(&world, about("moment-task-update")?.json(&json!({"scheduledTime": second}))).await?;
    does(&world, about("moment-task-cancel")?).await?;
    does(&world, Event::sample("wechat-account-disconnect")?.path("accountId", &device)).await?;
    let (account, task) = (format!("wechat-account/{device}"), format!("moment-task/{task}"));
    let made = json!({"accounts": [device], "scheduledTime": first, "contentId": null, "force": []});
    let expected = [
        deed("WECHAT_ACCOUNT_DISCONNECTED", &account, json!({"status": "ACTIVE"}), Value::Null),
        deed(
            "MOMENT_TASK_CANCELLED",
            &task,
            json!({"status": "PENDING"}),
            json!({"status": "CANCELLED", "accounts": [device]}),
        ),
        deed("MOMENT_TASK_RESCHEDULED", &task, json!({"scheduledTime": first}), json!({"scheduledTime": second})),
        deed("MOMENT_TASK_CREATED", &task, Value::Null, made),
        deed("WECHAT_ACCOUNT_CONNECTED", &account, Value::Null, json!({"status": "ACTIVE"})),
    ];
    assert_eq!(deeds(&world, USER).await?, expected);
    assert!(!format!("{:?}", world.rows("t_audit").await?).contains("早上好"), "what is posted is in the task");
    Ok(())
}

#[tokio::test]
async fn audit_log_tells_that_a_company_changed_and_not_to_what() -> Result<()> {
    let world = World::start().await?;
    world.keep_the_clock();
    world.connect_corp(USER, "flowers", &["lily"]).await?;
    let corp = world.sandbox.wecom().corp("flowers").context("no corp")?;
    let key = format!("{}#{}", corp.corp_id, corp.agent_id());
    let change = Event::sample("wechat-corp-update")?.path("corpKey", &key);
    does(&world, change.json(&json!({"secret": corp.secret()}))).await?;
    let after = json!({"hasEgressProxy": false, "newSecret": true, "newProxy": false});
    let changed = deed("WECHAT_CORP_CHANGED", format!("wechat-corp/{key}"), json!({"hasEgressProxy": false}), after);
    assert_eq!(deeds(&world, USER).await?[0], changed);
    assert!(!format!("{:?}", world.rows("t_audit").await?).contains(corp.secret()));
    Ok(())
}

#[tokio::test]
async fn audit_log_is_paged_filtered_and_kept_as_long_as_is_set() -> Result<()> {
    let mut world = World::start().await?;
    world.keep_the_clock();
    world.set("AUDIT_RETENTION_DAYS", "2");
    let mut times = Vec::new();
    for number in 0..5 {
        world.advance(Duration::from_secs(60));
        times.push(world.clock.now().to_string());
        world.connect_device(USER, &format!("phone-{number}")).await?;
    }
    does(&world, Event::sample("douyin-leads-export")?.query(&[])).await?;
    let page = world.call_as(USER, Event::sample("audit")?.query(&[("page", "2"), ("size", "4")])).await?;
    let of = |name: &str| page.data()[name].clone();
    assert_eq!([of("total"), of("size"), of("current"), of("pages")], [json!(6), json!(4), json!(2), json!(2)]);
    assert_eq!(page.data()["records"].as_array().unwrap().len(), 2);
    for (query, found) in [
        (vec![("from", times[1].as_str())], 5),
        (vec![("to", times[1].as_str())], 2),
        (vec![("from", times[1].as_str()), ("to", times[3].as_str())], 3),
        (vec![("from", times[4].as_str()), ("action", "WECHAT_ACCOUNT_CONNECTED")], 1),
        (vec![("actor", "staff-17")], 1),
        (vec![("actor", "6101"), ("action", "LEADS_EXPORTED")], 0),
        (vec![("actor", "staff"), ("_", "1")], 0),
    ] {
        assert_eq!(log(&world, USER, &query).await?.len(), found, "{query:?}");
    }
    let before = world.snapshot().await?;
    for (query, field) in [
        (vec![("action", "LEADS_STOLEN")], "action"),
        (vec![("from", "2026-11-20")], "from"),
        (vec![("to", "1795161600")], "to"),
        (vec![("from", times[2].as_str()), ("to", times[1].as_str())], "from"),
        (vec![("page", "0")], "page"),
        (vec![("size", "101")], "size"),
        (vec![("object", "leads")], "object"),
    ] {
        let event = world.sample_as(USER, "audit")?.query(&query);
        before.refuses(&world, field, &event, &ExpectedError::fields(&[field])).await?;
    }
    // DynamoDB deletes rows days after their time.
    world.advance(Duration::from_secs(2 * 86_400));
    assert!(log(&world, USER, &[]).await?.is_empty());
    let expiry: Vec<i64> =
        world.rows("t_audit").await?.iter().map(|row| row["expires_at"].parse()).collect::<Result<_, _>>()?;
    assert!(expiry.iter().all(|second| *second <= world.clock.now().as_second()), "{expiry:?}");
    Ok(())
}

#[tokio::test]
async fn audit_log_that_is_asked_without_a_beginning_goes_back_thirty_days() -> Result<()> {
    let world = World::start().await?;
    world.keep_the_clock();
    let first = world.clock.now().to_string();
    world.connect_device(USER, "phone-1").await?;
    world.advance(Duration::from_secs(30 * 86_400));
    world.connect_device(USER, "phone-2").await?;
    assert_eq!(log(&world, USER, &[]).await?.len(), 2, "both ends belong to it");
    world.advance(Duration::from_secs(1));
    let now = world.clock.now().to_string();
    for (query, found) in [
        (vec![], 1),
        (vec![("action", "WECHAT_ACCOUNT_CONNECTED")], 1),
        (vec![("to", now.as_str())], 1),
        (vec![("from", first.as_str())], 2),
        (vec![("to", first.as_str())], 1),
    ] {
        assert_eq!(log(&world, USER, &query).await?.len(), found, "{query:?}");
    }
    Ok(())
}

/// A request that died has done both or neither: the deed, and its row.
#[tokio::test]
async fn audit_row_is_there_if_and_only_if_the_deed_is_done() -> Result<()> {
    let scene = async || {
        let world = World::start().await?;
        let shop = world.douyin_account("shop", 1);
        world.authorize(USER, "shop").await?;
        let event = Event::sample("douyin-account-delete")?.path("douyinUserId", &shop);
        let event = event.bearer(&world.token(USER, &["*"])?);
        Ok::<_, anyhow::Error>((world, event))
    };
    let sends = async |world: &World, event: &Event, proxy: &Proxy| {
        Box::pin(call(&world.context("douyin-account-delete", &proxy.endpoints()).await?, event)).await
    };
    let (world, event) = scene().await?;
    let proxy = Proxy::start(&world).await?;
    assert_eq!(sends(&world, &event, &proxy).await?.status, 200);
    for step in proxy.steps() {
        for when in [When::Before, When::After] {
            let (world, event) = scene().await?;
            let proxy = Proxy::start(&world).await?;
            proxy.arm(&step.name, step.nth, Fault::Kill(when));
            tokio::select! {
                biased;
                () = proxy.died() => proxy.idle().await,
                answer = sends(&world, &event, &proxy) => anyhow::bail!("{step}: answered {answer:?}"),
            }
            let is_gone = world.rows("t_douyin_auth").await?.is_empty();
            let rows = log(&world, USER, &[("action", "DOUYIN_ACCOUNT_DELETED")]).await?.len();
            assert_eq!(rows, usize::from(is_gone), "{step} {when:?}");
            assert_eq!(world.call(&event).await?.status, if is_gone { 404 } else { 200 }, "{step} {when:?}");
            assert_eq!(log(&world, USER, &[("action", "DOUYIN_ACCOUNT_DELETED")]).await?.len(), 1, "{step} {when:?}");
        }
    }
    Ok(())
}
