//! Accounts one cannot publish with: not there, somebody else's, not able to, named twice, too many, none.

use anyhow::{Result, ensure};
use sandbox::fault::Effect;
use sandbox::gewe::{GeweEndpoint, GeweFault};
use serde_json::{Value, json};

use crate::moments::bad_input::{CONTENT, Desk, NO_ACCOUNT, STRANGER, USER};
use crate::world::{EndpointOverrides, GATEWAY_WEBHOOK_SECRET};
use crate::{Event, World};

/// The gateway says itself that the device went off the line.
async fn goes_offline(world: &World, device: &str) -> Result<()> {
    let message = world.sandbox.gewe().offline_message(device).unwrap();
    let event = Event::sample("gateway-webhook")?.path("secret", GATEWAY_WEBHOOK_SECRET).json(&message);
    ensure!(world.call(&event).await?.status == 200);
    Ok(())
}

/// The gateway does not take the token of the device any more, which the next look at its health shows.
async fn expires(world: &World, device: &str) -> Result<()> {
    let words = "X-GEWE-TOKEN=… 不可用或已过期";
    let refusal = Effect::Code { code: 500, message: Some(words.to_owned()) };
    world.sandbox.gewe().arm(GeweFault::new(GeweEndpoint::CheckOnline, refusal).for_account(device));
    world.advance(std::time::Duration::from_secs(700));
    let base = world.context("wechat-health-checker", &EndpointOverrides::default()).await?;
    let checker = functions::workers::wechat_health_checker::App::new(&base).await?;
    functions::workers::wechat_health_checker::handle(&checker, world.deadline()).await?;
    Ok(())
}

#[tokio::test]
async fn creation_with_accounts_that_cannot_publish_names_their_index() -> Result<()> {
    let mut desk = Desk::open().await?;
    let good = desk.device.clone();
    let expired = desk.world.connect_device(USER, "expired").await?;
    let offline = desk.world.connect_device(USER, "offline").await?;
    let foreign = desk.world.connect_device(STRANGER, "foreign").await?;
    expires(&desk.world, "expired").await?;
    goes_offline(&desk.world, "offline").await?;
    desk.settle().await?;
    let listed = desk.world.call_as(USER, Event::sample("wechat-accounts")?).await?;
    let mut states: Vec<&Value> = listed.data().as_array().unwrap().iter().map(|account| &account["status"]).collect();
    states.sort_by_key(|state| state.as_str());
    ensure!(states == ["ACTIVE", "EXPIRED", "OFFLINE"], "{listed:?}");

    let (mut unknown, long, upper) = (good.clone(), "x".repeat(3_000), good.to_uppercase());
    unknown.replace_range(2..6, "0000");
    let missing = "账号不存在或不属于当前用户，请重新选择";
    let cases: Vec<(&str, Value, &[&str])> = vec![
        ("unknown", json!([unknown]), &["accountIds[0]"]),
        ("foreign", json!([foreign]), &["accountIds[0]"]),
        ("unknown and foreign among good ones", json!([unknown, good, foreign]), &["accountIds[0]", "accountIds[2]"]),
        ("foreign beside one that is offline", json!([offline, foreign]), &["accountIds[1]"]),
        ("an empty id", json!([""]), &["accountIds[0]"]),
        ("an empty id beside a good one", json!([good, ""]), &["accountIds[1]"]),
        ("a blank id", json!([" "]), &["accountIds[0]"]),
        ("an id with a space", json!([format!("{good} ")]), &["accountIds[0]"]),
        ("an id in other letters", json!([upper]), &["accountIds[0]"]),
        ("an id longer than any key", json!([long]), &["accountIds[0]"]),
        ("a path", json!(["../../etc/passwd"]), &["accountIds[0]"]),
        ("a name in place of an id", json!(["阳光小店长"]), &["accountIds[0]"]),
        ("NUL", json!(["\u{0}"]), &["accountIds[0]"]),
    ];
    for (what, ids, fields) in cases {
        desk.refuses(what, &desk.post(json!({"accountIds": ids}))?, &NO_ACCOUNT.on(fields), missing).await?;
    }
    let many: Vec<String> = (0..91).map(|number| format!("wx{number:024}")).collect();
    let doubled = "账号重复，请去掉重复的账号";
    let cases: Vec<(&str, Value, &[&str], &str)> = vec![
        ("offline", json!([offline]), &["accountIds[0]"], "该微信账号已离线，请重新登录"),
        ("expired", json!([good, expired]), &["accountIds[1]"], "该账号授权已失效，请重新连接"),
        ("both", json!([expired, offline]), &["accountIds[0]", "accountIds[1]"], "请重新登录"),
        ("none", json!([]), &["accountIds"], "请选择 1 到 90 个账号"),
        ("91", json!(many), &["accountIds"], "请选择 1 到 90 个账号"),
        ("the same twice", json!([good, good]), &["accountIds[1]"], doubled),
        ("the same three times", json!([good, good, good]), &["accountIds[1]", "accountIds[2]"], doubled),
        ("an unknown one twice", json!([unknown, unknown]), &["accountIds[1]"], doubled),
    ];
    for (what, ids, fields, remedy) in cases {
        desk.refuses(what, &desk.post(json!({"accountIds": ids}))?, &CONTENT.on(fields), remedy).await?;
    }
    Ok(())
}

#[tokio::test]
async fn creation_with_the_most_accounts_publishes_to_all() -> Result<()> {
    let desk = Desk::open().await?;
    let members: Vec<String> = (0..90).map(|number| format!("m{number:02}")).collect();
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    let accounts = desk.world.connect_corp(USER, "花店", &members).await?;
    ensure!(accounts.len() == 90);
    let event = desk.post(json!({"accountIds": accounts}))?.header("idempotency-key", "ninety");
    let task = desk.grants("ninety accounts and a key", &event).await?;
    desk.world.drain_publications().await?;
    let status = desk.world.post_status(USER, task).await?;
    ensure!(status["results"].as_array().unwrap().len() == 90, "{status}");
    let moments = desk.world.sandbox.wecom().moment_tasks();
    ensure!(moments.len() == 1 && moments[0].members.len() == 90, "{moments:?}");
    Ok(())
}
