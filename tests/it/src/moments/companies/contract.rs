//! The list, and a change that works.

use anyhow::{Result, ensure};
use sandbox::wecom::{CorpSpec, MemberSpec};
use serde_json::json;

use super::{LOGIN, USER, change, company, key, proxy};
use crate::contract::assert_enveloped;
use crate::moments::contract::{post, world};
use crate::proxy::{Fault, Proxy, When};
use crate::{Event, World};

const OTHER: &str = "another-secret-of-the-app";

/// WeCom's console gives the app another secret, and takes back the tokens of the old one.
fn rotate(world: &World, name: &str) {
    world.sandbox.wecom().change_app(name, |app| app.secret = Some(OTHER.to_owned()));
    world.sandbox.wecom().void_tokens(name);
}

#[tokio::test]
async fn company_list_shows_members_and_health_and_nothing_secret() -> Result<()> {
    let mut world = world().await?;
    let listed = world.call_as(USER, Event::sample("wechat-corps")?).await?;
    assert_enveloped(&listed, 200, &json!([]));
    let proxy = proxy(&mut world).await?;
    world.connect_corp(USER, "flowers", &["lily", "rose"]).await?;
    world.connect_corp(USER + 1, "theirs", &["boss"]).await?;
    let corp = world.sandbox.wecom().corp("flowers").unwrap();
    let expected = json!({
        "corpKey": key(&world, "flowers")?, "corpId": corp.corp_id, "agentId": corp.agent_id(), "members": 2,
        "hasEgressProxy": false, "health": {"status": "OK", "reason": null},
    });
    let listed = world.call_as(USER, Event::sample("wechat-corps")?).await?;
    assert_enveloped(&listed, 200, &json!([expected]));

    let changed = change(&world, "flowers", &json!({"egressProxyUrl": proxy.url()})).await?;
    let mut with_proxy = expected.clone();
    with_proxy["hasEgressProxy"] = json!(true);
    assert_enveloped(&changed, 200, &with_proxy);
    assert_eq!(company(&world).await?, with_proxy);
    // Neither in an answer nor in a row.
    let row = &world.rows("t_wechat_corp").await?;
    for secret in [corp.secret(), LOGIN.1, "127.0.0.1"] {
        assert!(!changed.body.to_string().contains(secret), "{secret} is answered");
        assert!(!row.iter().any(|row| row.values().any(|value| value.contains(secret))), "{secret} is stored in clear");
    }
    // Empty: none from now on. Absent or null: as it was.
    for (body, has_proxy) in [
        (json!({"secret": corp.secret()}), true),
        (json!({"secret": corp.secret(), "egressProxyUrl": null}), true),
        (json!({"secret": null, "egressProxyUrl": ""}), false),
    ] {
        let changed = change(&world, "flowers", &body).await?;
        ensure!((changed.status, &changed.data()["hasEgressProxy"]) == (200, &json!(has_proxy)), "{body}: {changed:?}");
    }

    // The company ends with its last member.
    for account in world.call_as(USER, Event::sample("wechat-accounts")?).await?.data().as_array().unwrap() {
        let id = account["accountId"].as_str().unwrap();
        let gone = world.call_as(USER, Event::sample("wechat-account-disconnect")?.path("accountId", id)).await?;
        ensure!(gone.status == 200, "{gone:?}");
    }
    let listed = world.call_as(USER, Event::sample("wechat-corps")?).await?;
    assert_enveloped(&listed, 200, &json!([]));
    assert_eq!(change(&world, "flowers", &json!({"secret": corp.secret()})).await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn company_with_a_new_secret_publishes_with_all_its_members_again() -> Result<()> {
    let world = world().await?;
    let accounts = world.connect_corp(USER, "flowers", &["lily", "rose"]).await?;
    rotate(&world, "flowers");
    let task = post(&world, &json!({"text": "早", "accountIds": [accounts[0]]})).await?;
    ensure!(world.publish_until_ended(USER, task, 20).await?["status"] == "FAILED");
    let sick = company(&world).await?;
    ensure!(sick["health"]["status"] == "SECRET_REFUSED", "{sick}");
    let reason = sick["health"]["reason"].as_str().unwrap();
    ensure!(reason.contains("密钥") && sick["health"].get("seenIp").is_none(), "{sick}");
    let statuses = async || -> Result<Vec<String>> {
        let listed = world.call_as(USER, Event::sample("wechat-accounts")?).await?;
        let accounts = listed.data().as_array().unwrap().iter();
        Ok(accounts.map(|account| account["status"].as_str().unwrap().to_owned()).collect())
    };
    assert_eq!(statuses().await?, ["EXPIRED", "EXPIRED"]);

    // A wrong one changes nothing.
    let before = world.snapshot().await?;
    let wrong = change(&world, "flowers", &json!({"secret": "not-the-secret"})).await?;
    assert_eq!((wrong.status, wrong.error_type()), (400, "WECHAT_API_ERROR"), "{wrong:?}");
    world.snapshot().await?.assert_unchanged_since(&before, "a wrong secret");

    let right = change(&world, "flowers", &json!({"secret": OTHER})).await?;
    ensure!((right.status, &right.data()["health"]["status"]) == (200, &json!("OK")), "{right:?}");
    assert_eq!(statuses().await?, ["ACTIVE", "ACTIVE"]);
    world.sandbox.wecom().configure(|settings| settings.auto_confirm_seconds = Some(0));
    let task = post(&world, &json!({"text": "早安", "accountIds": accounts})).await?;
    let status = world.publish_until_ended(USER, task, 60).await?;
    ensure!(status["status"] == "COMPLETED", "{status}");
    Ok(())
}

/// Whoever dies after the company's row is written has left members expired: the next one takes them up.
#[tokio::test]
async fn company_change_whose_function_dies_at_any_step_is_made_whole_by_the_next() -> Result<()> {
    let mut seen = Vec::new();
    for place in 0.. {
        let world = World::start().await?;
        world.connect_corp(USER, "flowers", &["lily", "rose"]).await?;
        rotate(&world, "flowers");
        let accounts = world.rows("t_wechat_account").await?;
        let ids: Vec<&String> = accounts.iter().map(|row| &row["account_id"]).collect();
        let task = post(&world, &json!({"text": "早", "accountIds": [ids[0]]})).await?;
        ensure!(world.publish_until_ended(USER, task, 20).await?["status"] == "FAILED");
        let proxy = Proxy::start(&world).await?;
        let event = Event::sample("wechat-corp-update")?.path("corpKey", &key(&world, "flowers")?);
        let event = event.json(&json!({"secret": OTHER})).bearer(&world.token(USER, &["*"])?);
        let base = world.context("wechat-corp-update", &proxy.endpoints()).await?;
        if place == 0 {
            ensure!(Box::pin(crate::call::call(&base, &event)).await?.status == 200);
            seen = proxy.steps();
            let writes =
                seen.iter().filter(|step| step.name.contains("t_wechat") && step.name.contains("Item")).count();
            ensure!(writes > 3, "{seen:?}");
            continue;
        }
        let Some(step) = seen.get(place - 1) else { break };
        proxy.arm(&step.name, step.nth, Fault::Kill(When::After));
        tokio::select! {
            biased;
            () = proxy.died() => proxy.idle().await,
            answer = Box::pin(crate::call::call(&base, &event)) => anyhow::bail!("{step} was not met: {answer:?}"),
        }
        let again = change(&world, "flowers", &json!({"secret": OTHER})).await?;
        ensure!(again.status == 200, "after {step}: {again:?}");
        for row in world.rows("t_wechat_account").await? {
            ensure!(row["status"] == "ACTIVE", "after {step}: {row:?}");
        }
    }
    Ok(())
}

/// Connecting more members does not lose the proxy, and nobody gets that of another tenant.
#[tokio::test]
async fn company_connected_anew_keeps_its_proxy_unless_it_was_let_go() -> Result<()> {
    let mut world = world().await?;
    let proxy = proxy(&mut world).await?;
    let members = ["lily", "rose"].map(|id| MemberSpec::new(id, "成员")).to_vec();
    let corp = world.sandbox.wecom().add_corp(CorpSpec { members, ..CorpSpec::new("flowers") });
    super::trust(&world, "flowers", &[proxy.leaves_from()]);
    let mut body = json!({
        "accountType": "WEWORK", "corpId": corp.corp_id, "agentId": corp.agent_id(), "secret": corp.secret(),
        "memberIds": ["lily"], "egressProxyUrl": proxy.url(),
    });
    let connect = async |user: u64, body: &serde_json::Value| {
        world.call_as(user, Event::sample("wechat-account-connect")?.json(body)).await
    };
    let first = connect(USER, &body).await?;
    ensure!(first.status == 200, "{first:?}");
    body.as_object_mut().unwrap().remove("egressProxyUrl");
    body["memberIds"] = json!(["rose"]);
    ensure!(connect(USER, &body).await?.status == 200, "the proxy was lost");
    ensure!(company(&world).await?["hasEgressProxy"] == true);
    for account in world.call_as(USER, Event::sample("wechat-accounts")?).await?.data().as_array().unwrap() {
        let id = account["accountId"].as_str().unwrap();
        world.call_as(USER, Event::sample("wechat-account-disconnect")?.path("accountId", id)).await?;
    }
    let carried = proxy.carried().len();
    let theirs = connect(USER + 1, &body).await?;
    assert_eq!((theirs.status, theirs.error_type()), (400, "WECHAT_API_ERROR"), "{theirs:?}");
    assert_eq!(proxy.carried().len(), carried, "another tenant's proxy was used");
    Ok(())
}
