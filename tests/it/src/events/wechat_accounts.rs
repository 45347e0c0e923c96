//! What is told of accounts of WeChat: that they cannot publish, that they can do so again, that one belongs to somebody else.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sandbox::gewe::{DeviceSpec, DeviceState};
use serde_json::{Value, json};

use super::{number, read};
use crate::moments::contract::check_health;
use crate::proxy::{Fault, Proxy, When};
use crate::world::GATEWAY_WEBHOOK_SECRET;
use crate::{Event, World};

const USER: u64 = 7_421;
const OTHER: u64 = 7_422;
const NEW_SECRET: &str = "another-secret-of-the-app";
/// How far apart checks of an account are that is online.
const CHECK: Duration = Duration::from_secs(700);

/// What is told of accounts: type and data.
async fn told(world: &World, user: u64) -> Result<Vec<(String, Value)>> {
    number(world, user).await?;
    let events = read(world, user, 0, 100).await?;
    let of_accounts = events.iter().filter(|event| event["type"].as_str().is_some_and(|it| it.starts_with("account.")));
    Ok(of_accounts.map(|event| (event["type"].as_str().unwrap().to_owned(), event["data"].clone())).collect())
}

fn kinds(told: &[(String, Value)]) -> Vec<&str> {
    told.iter().map(|(kind, _)| kind.as_str()).collect()
}

/// The gateway's notice that a device is not logged in any more.
fn notice(world: &World, device: &str) -> Result<Event> {
    let message = world.sandbox.gewe().offline_message(device).context("no such device")?;
    Ok(Event::sample("gateway-webhook")?.path("secret", GATEWAY_WEBHOOK_SECRET).json(&message))
}

async fn goes_offline(world: &World, device: &str) -> Result<()> {
    world.advance(Duration::from_secs(1));
    world.sandbox.gewe().set_state(device, DeviceState::Offline);
    let answer = world.call(&notice(world, device)?).await?;
    ensure!(answer.status == 200, "{answer:?}");
    Ok(())
}

async fn comes_back(world: &World, device: &str) -> Result<()> {
    world.sandbox.gewe().set_state(device, DeviceState::Online);
    world.advance(CHECK);
    check_health(world).await
}

fn offline(account: &str) -> (String, Value) {
    let data = json!({
        "platform": "WECHAT_PERSONAL", "accountIds": [account], "status": "OFFLINE", "message": "该微信账号已离线",
        "reason": "请重新登录，待账号恢复在线（约 10 分钟内，重新连接账号可立即恢复）后重试",
    });
    ("account.offline".to_owned(), data)
}

fn restored(platform: &str, accounts: &[String]) -> (String, Value) {
    ("account.restored".to_owned(), json!({"platform": platform, "accountIds": accounts}))
}

fn expired(accounts: &[String]) -> (String, Value) {
    let data = json!({
        "platform": "WECHAT_WEWORK", "accountIds": accounts, "status": "EXPIRED",
        "message": "企业微信不再接受应用密钥", "reason": "请在企业微信后台查看应用密钥并更新，更新后自动恢复",
    });
    ("account.expired".to_owned(), data)
}

#[tokio::test]
async fn personal_account_that_goes_offline_comes_back_and_goes_again_is_told_three_times() -> Result<()> {
    let world = World::start().await?;
    let account = world.connect_device(USER, "phone").await?;
    // The gateway repeats itself, and a check agrees with it.
    goes_offline(&world, "phone").await?;
    goes_offline(&world, "phone").await?;
    world.advance(CHECK);
    check_health(&world).await?;
    comes_back(&world, "phone").await?;
    comes_back(&world, "phone").await?;
    // Without a notice several checks have to agree.
    world.sandbox.gewe().set_state("phone", DeviceState::Offline);
    for _ in 0..5 {
        world.advance(CHECK);
        check_health(&world).await?;
    }
    let back = restored("WECHAT_PERSONAL", std::slice::from_ref(&account));
    assert_eq!(told(&world, USER).await?, [offline(&account), back, offline(&account)]);
    Ok(())
}

#[tokio::test]
async fn personal_account_that_is_connected_anew_is_restored_or_taken_over() -> Result<()> {
    let world = World::start().await?;
    let account = world.connect_device(USER, "phone").await?;
    goes_offline(&world, "phone").await?;
    let wxid = world.sandbox.gewe().device("phone").context("no device")?.wxid;
    let connect = async |user: u64, device: &str| -> Result<()> {
        world.advance(Duration::from_secs(1));
        let spec = DeviceSpec { wxid: Some(wxid.clone()), ..DeviceSpec::new(device) };
        let app_id = world.sandbox.gewe().add_device(spec).app_id;
        let token = world.sandbox.gewe().token();
        let body = json!({"accountType": "PERSONAL", "appId": app_id, "gatewayToken": token, "acceptRisk": true});
        let answer = world.call_as(user, Event::sample("wechat-account-connect")?.json(&body)).await?;
        ensure!(answer.status == 200, "{answer:?}");
        Ok(())
    };
    connect(USER, "new-phone").await?;
    // One that can publish is connected once more: nothing has changed for whoever reads this.
    connect(USER, "newer-phone").await?;
    let ids = std::slice::from_ref(&account);
    let first = [offline(&account), restored("WECHAT_PERSONAL", ids)];
    assert_eq!(told(&world, USER).await?, first);

    goes_offline(&world, "newer-phone").await?;
    connect(OTHER, "their-phone").await?;
    let lost = ("account.taken_over".to_owned(), json!({"platform": "WECHAT_PERSONAL", "accountIds": ids}));
    assert_eq!(told(&world, USER).await?[2..], [offline(&account), lost], "it does not say by whom");
    assert_eq!(told(&world, OTHER).await?, []);
    Ok(())
}

/// A company's members have one secret: one event tells of up to twenty of them.
#[tokio::test]
async fn company_whose_secret_is_refused_and_replaced_is_told_by_twenties() -> Result<()> {
    let world = World::start().await?;
    let members: Vec<String> = (10..35).map(|number| format!("member{number}")).collect();
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    let accounts = world.connect_corp(USER, "flowers", &members).await?;
    world.sandbox.wecom().change_app("flowers", |app| app.secret = Some(NEW_SECRET.to_owned()));
    world.sandbox.wecom().void_tokens("flowers");
    for text in ["早", "晚"] {
        let body = json!({"text": text, "accountIds": [accounts[0]]});
        let asked = world.request_post(USER, &body).await?;
        // The second is refused, as no account is left that could publish.
        if let Some(task) = asked.data()["syncTaskId"].as_u64() {
            world.publish_until_ended(USER, task, 20).await?;
        }
    }
    let listed = world.call_as(USER, Event::sample("wechat-accounts")?).await?;
    let ids: Vec<String> = listed.data().as_array().context("no list")?.iter().map(id).collect();
    ensure!(ids.len() == 25, "{ids:?}");
    let (twenty, others) = ids.split_at(20);
    let ended = [expired(twenty), expired(others)];
    assert_eq!(largest_first(told(&world, USER).await?), ended);

    let corp = world.sandbox.wecom().corp("flowers").context("no company")?;
    let key = format!("{}#{}", corp.corp_id, corp.agent_id());
    let change = Event::sample("wechat-corp-update")?.path("corpKey", &key).json(&json!({"secret": NEW_SECRET}));
    for _ in 0..2 {
        world.advance(Duration::from_secs(1));
        ensure!(world.call_as(USER, change.clone()).await?.status == 200);
    }
    let back = [restored("WECHAT_WEWORK", twenty), restored("WECHAT_WEWORK", others)];
    assert_eq!(largest_first(told(&world, USER).await?.split_off(2)), back);
    Ok(())
}

/// Events of one instant about different accounts are in no order.
fn largest_first(mut told: Vec<(String, Value)>) -> Vec<(String, Value)> {
    told.sort_by_key(|(_, data)| std::cmp::Reverse(data["accountIds"].as_array().map(Vec::len)));
    told
}

fn id(account: &Value) -> String {
    account["accountId"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn offline_notice_whose_function_dies_or_loses_an_answer_at_any_step_is_told_once() -> Result<()> {
    let steps = {
        let (world, proxy) = scene().await?;
        ensure!(call(&world, &proxy).await?);
        proxy.steps()
    };
    let of_table = |name: &str| steps.iter().any(|step| step.name == name);
    ensure!(of_table("Query t_wechat_account/by_device") || steps.len() >= 3, "{steps:?}");
    ensure!(of_table("TransactWriteItems t_wechat_account"), "{steps:?}");
    for step in &steps {
        let faults = [When::Before, When::After].into_iter().flat_map(|when| [Fault::Kill(when), Fault::Lose(when)]);
        for fault in faults {
            let (world, proxy) = scene().await?;
            let what = format!("{fault:?} at {step}");
            proxy.arm(&step.name, step.nth, fault);
            call(&world, &proxy).await?;
            // The gateway repeats what was not answered.
            goes_offline(&world, "phone").await?;
            assert_eq!(kinds(&told(&world, USER).await?), ["account.offline"], "{what}");
        }
    }
    Ok(())
}

async fn scene() -> Result<(World, Proxy)> {
    let world = World::start().await?;
    world.connect_device(USER, "phone").await?;
    let proxy = Proxy::start(&world).await?;
    Ok((world, proxy))
}

/// One request of the gateway to a function behind a proxy; whether it was answered well.
async fn call(world: &World, proxy: &Proxy) -> Result<bool> {
    let base = world.context("gateway-webhook", &proxy.endpoints()).await?;
    let notice = notice(world, "phone")?;
    tokio::select! {
        biased;
        () = proxy.died() => { proxy.idle().await; Ok(false) }
        answer = Box::pin(crate::call::call(&base, &notice)) => Ok(answer?.status == 200),
    }
}
