//! A company's own way to WeCom: everything of it goes through its proxy and nothing else does, what is refused for the
//! address is told with the address, and a proxy that is down loses and doubles nothing.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Result, ensure};
use sandbox::ForwardProxy;
use sandbox::media::MediaFile;
use serde_json::{Value, json};

use super::{LOGIN, USER, change, company, health, proxy, trust};
use crate::World;
use crate::moments::contract::{post, world};

const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// A company whose members confirm at once, and which has this proxy.
async fn connected(world: &World, name: &str, proxy: &ForwardProxy) -> Result<Vec<String>> {
    world.sandbox.wecom().configure(|settings| settings.auto_confirm_seconds = Some(0));
    let accounts = world.connect_corp(USER, name, &["lily", "rose"]).await?;
    trust(world, name, &[proxy.leaves_from()]);
    let changed = change(world, name, &json!({"egressProxyUrl": proxy.url()})).await?;
    ensure!(changed.status == 200 && changed.data()["health"]["status"] == "OK", "{changed:?}");
    Ok(accounts)
}

fn moments(world: &World) -> usize {
    world.sandbox.wecom().moment_tasks().len()
}

/// The calls to WeCom that a world has seen. What members do by themselves is none.
fn asked_of_wecom(world: &World) -> usize {
    world
        .sandbox
        .journal()
        .entries()
        .iter()
        .filter(|entry| entry.platform == "wecom" && entry.endpoint != "member/publish")
        .count()
}

#[tokio::test]
async fn publish_of_a_company_goes_through_its_proxy_and_nothing_else_does() -> Result<()> {
    let mut world = world().await?;
    let proxy = proxy(&mut world).await?;
    let mut accounts = connected(&world, "flowers", &proxy).await?;
    accounts.push(world.connect_device(USER, "phone").await?);
    let picture = world.sandbox.media().put_file("1.jpg", MediaFile::jpeg(80, 60));
    world.ask_service();
    let (carried, asked) = (proxy.carried().len(), asked_of_wecom(&world));
    // Its token has ended, so that a new one is asked for as well.
    world.advance(Duration::from_secs(7_300));
    let task = post(&world, &json!({"text": "新品到店", "mediaUrls": [picture], "accountIds": accounts})).await?;
    let status = world.publish_until_ended(USER, task, 60).await?;
    ensure!(status["status"] == "COMPLETED", "{status}");
    let calls: Vec<String> = proxy.carried().split_off(carried);
    let wecom = format!("{}/cgi-bin/", world.sandbox.wecom().base_url());
    ensure!(calls.iter().all(|call| call.starts_with(&wecom)), "another platform's traffic: {calls:?}");
    for call in
        ["gettoken", "media/upload_attachment", "externalcontact/add_moment_task", "externalcontact/get_moment_task"]
    {
        ensure!(calls.contains(&format!("{wecom}{call}")), "{call} went another way: {calls:?}");
    }
    ensure!(asked_of_wecom(&world) - asked == calls.len(), "a call went past the proxy");
    ensure!(world.sandbox.journal().published_twice().is_empty());
    Ok(())
}

#[tokio::test]
async fn publish_from_an_address_that_is_not_trusted_names_it_until_it_is() -> Result<()> {
    let world = world().await?;
    world.sandbox.wecom().configure(|settings| settings.auto_confirm_seconds = Some(0));
    let accounts = world.connect_corp(USER, "flowers", &["lily"]).await?;
    trust(&world, "flowers", &[]);
    let task = post(&world, &json!({"text": "早", "accountIds": accounts})).await?;
    let status = world.publish_until_ended(USER, task, 20).await?;
    ensure!(status["status"] == "FAILED" && moments(&world) == 0, "{status}");
    let told = status["results"][0]["errorMessage"].as_str().unwrap_or_default();
    let rule = "该地址须是贵公司自己的服务器地址，服务商地址会被企业微信拒绝";
    ensure!(told.contains(" 127.0.0.1 ") && told.contains(rule), "{told}");
    let sick = company(&world).await?["health"].clone();
    ensure!(sick["status"] == "IP_NOT_TRUSTED" && sick["seenIp"] == "127.0.0.1", "{sick}");
    ensure!(sick["reason"].as_str().unwrap().contains(rule), "{sick}");

    // Once it is listed, the next call clears it.
    trust(&world, "flowers", &[HERE.into()]);
    let task = post(&world, &json!({"text": "早安", "accountIds": accounts})).await?;
    ensure!(world.publish_until_ended(USER, task, 60).await?["status"] == "COMPLETED");
    let well = company(&world).await?["health"].clone();
    ensure!(well["status"] == "OK" && well["reason"] == Value::Null && well.get("seenIp").is_none(), "{well}");
    Ok(())
}

/// Two companies list the same address, as they would that of a service provider: WeCom takes it from neither.
#[tokio::test]
async fn publish_from_an_address_that_two_companies_list_is_refused_to_both() -> Result<()> {
    let mut world = world().await?;
    let proxy = proxy(&mut world).await?;
    let first = connected(&world, "flowers", &proxy).await?;
    world.connect_corp(USER + 1, "theirs", &["boss"]).await?;
    trust(&world, "theirs", &[proxy.leaves_from()]);
    let task = post(&world, &json!({"text": "早", "accountIds": [first[0]]})).await?;
    let status = world.publish_until_ended(USER, task, 20).await?;
    ensure!(status["status"] == "FAILED" && moments(&world) == 0, "{status}");
    let sick = company(&world).await?["health"].clone();
    ensure!((&sick["status"], &sick["seenIp"]) == (&json!("IP_NOT_TRUSTED"), &json!("127.0.0.2")), "{sick}");
    // A proxy may be set before its address is listed: only then the address is known.
    let changed = change(&world, "flowers", &json!({"egressProxyUrl": proxy.url()})).await?;
    ensure!(changed.status == 200 && changed.data()["health"]["seenIp"] == "127.0.0.2", "{changed:?}");
    Ok(())
}

#[tokio::test]
async fn publish_through_a_proxy_that_is_down_waits_and_goes_out_once() -> Result<()> {
    let mut world = world().await?;
    let mut proxy = proxy(&mut world).await?;
    let accounts = connected(&world, "flowers", &proxy).await?;
    proxy.stop().await;
    let asked = asked_of_wecom(&world);
    let task = post(&world, &json!({"text": "早安", "accountIds": accounts})).await?;
    for _ in 0..3 {
        world.drain_publications().await?;
        let status = world.post_status(USER, task).await?;
        let reason = status["results"][0]["reason"].as_str().unwrap_or_default();
        ensure!(status["status"] == "PROCESSING" && reason.contains("代理服务器"), "{status}");
        world.advance(Duration::from_secs(2_000));
        world.sweep().await?;
    }
    ensure!(asked_of_wecom(&world) == asked, "WeCom was asked past the proxy");
    let sick = company(&world).await?["health"].clone();
    ensure!(sick["status"] == health("PROXY_NOT_CONNECTED")["status"], "{sick}");
    ensure!(!sick.to_string().contains(LOGIN.1), "{sick}");
    proxy.restart().await?;
    let status = world.publish_until_ended(USER, task, 60).await?;
    ensure!(status["status"] == "COMPLETED" && moments(&world) == 1, "{status}");
    ensure!(company(&world).await?["health"]["status"] == "OK");
    ensure!(world.sandbox.journal().published_twice().is_empty());
    Ok(())
}

#[tokio::test]
async fn publish_through_a_proxy_that_stays_down_fails_and_says_so() -> Result<()> {
    let mut world = world().await?;
    let mut proxy = proxy(&mut world).await?;
    let accounts = connected(&world, "flowers", &proxy).await?;
    // Down while members are waited for as well: nothing is concluded from that.
    world.sandbox.wecom().configure(|settings| settings.auto_confirm_seconds = Some(5_000));
    let sent = post(&world, &json!({"text": "已发出", "accountIds": accounts})).await?;
    world.drain_publications().await?;
    ensure!(moments(&world) == 1);
    proxy.stop().await;
    let task = post(&world, &json!({"text": "早安", "accountIds": accounts})).await?;
    let status = world.publish_until_ended(USER, task, 30).await?;
    ensure!(status["status"] == "FAILED" && moments(&world) == 1, "{status}");
    let told = status["results"][0]["errorMessage"].as_str().unwrap_or_default();
    ensure!(told.contains("代理") && status["results"][0]["errorCode"] == "WECHAT_API_ERROR", "{status}");
    ensure!(world.post_status(USER, sent).await?["status"] == "PROCESSING");
    proxy.restart().await?;
    let status = world.publish_until_ended(USER, sent, 60).await?;
    ensure!(status["status"] == "COMPLETED", "{status}");
    Ok(())
}

/// The installation's own proxy serves companies that have given none.
#[tokio::test]
async fn publish_of_a_company_without_a_proxy_takes_that_of_the_installation() -> Result<()> {
    let mut world = world().await?;
    let proxy = ForwardProxy::start(super::LEAVES_FROM, None).await?;
    world.set("EGRESS_PROXY_URL", &proxy.origin());
    world.sandbox.wecom().configure(|settings| settings.auto_confirm_seconds = Some(0));
    let accounts = world.connect_corp(USER, "flowers", &["lily"]).await?;
    trust(&world, "flowers", &[proxy.leaves_from()]);
    ensure!(proxy.carried().len() >= 3, "connecting went another way");
    let task = post(&world, &json!({"text": "早", "accountIds": accounts})).await?;
    let status = world.publish_until_ended(USER, task, 60).await?;
    ensure!(status["status"] == "COMPLETED", "{status}");
    Ok(())
}
