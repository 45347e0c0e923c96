//! Whose post it is: an account is a person, whichever device they are logged in on.

use anyhow::{Context, Result, ensure};
use sandbox::gewe::DeviceSpec;
use serde_json::{Value, json};

use super::{USER, recover, request, world};
use crate::{Answer, Event, World};

const PERSON: &str = "wxid_aperson0000001";
const TAKEN: &str = "登录的已不是此微信账号";

async fn connect(world: &World, user: u64, device: &str, wxid: &str) -> Result<Answer> {
    let spec = DeviceSpec { wxid: Some(wxid.to_owned()), ..DeviceSpec::new(device) };
    let app_id = world.sandbox.gewe().add_device(spec).app_id;
    let token = world.sandbox.gewe().token();
    let body = json!({"accountType": "PERSONAL", "appId": app_id, "gatewayToken": token, "acceptRisk": true});
    world.call_as(user, Event::sample("wechat-account-connect")?.json(&body)).await
}

fn account_of(answer: &Answer) -> Result<String> {
    Ok(answer.data()["accounts"][0]["accountId"].as_str().context("no account")?.to_owned())
}

async fn check_health(world: &World) -> Result<()> {
    let context = world.context("wechat-health-checker", &crate::world::EndpointOverrides::default()).await?;
    let app = functions::workers::wechat_health_checker::App::new(&context).await?;
    functions::workers::wechat_health_checker::handle(&app, world.deadline()).await?;
    Ok(())
}

async fn status_of(world: &World, user: u64) -> Result<Value> {
    Ok(world.call_as(user, Event::sample("wechat-accounts")?).await?.data()[0]["status"].clone())
}

#[tokio::test]
async fn nothing_is_published_on_a_device_where_somebody_else_has_logged_in() -> Result<()> {
    let world = world().await?;
    let account = account_of(&connect(&world, USER, "phone", PERSON).await?)?;
    world.sandbox.gewe().log_in("phone", "wxid_somebodyelse01");
    let task = request(&world, &json!({"text": "新品到店", "accountIds": [account]})).await?;
    let status = recover(&world, task).await?;
    ensure!(status["results"][0]["status"] == "FAILED", "{status}");
    ensure!(status["results"][0]["errorMessage"].to_string().contains(TAKEN), "{status}");
    ensure!(world.sandbox.gewe().published_posts().is_empty());

    // It is online, but not as this person.
    for _ in 0..2 {
        world.advance(std::time::Duration::from_secs(1_000));
        check_health(&world).await?;
        ensure!(status_of(&world, USER).await? == "OFFLINE");
    }
    world.sandbox.gewe().log_in("phone", PERSON);
    world.advance(std::time::Duration::from_secs(1_000));
    check_health(&world).await?;
    ensure!(status_of(&world, USER).await? == "ACTIVE");
    let retry = Event::sample("moment-task-retry")?.path("taskId", &task.to_string()).json(&json!({}));
    ensure!(world.call_as(USER, retry).await?.status == 202);
    let status = recover(&world, task).await?;
    ensure!(status["status"] == "COMPLETED", "{status}");
    Ok(())
}

#[tokio::test]
async fn a_person_on_another_device_is_the_same_account() -> Result<()> {
    let world = world().await?;
    let first = account_of(&connect(&world, USER, "old-phone", PERSON).await?)?;
    let second = account_of(&connect(&world, USER, "new-phone", PERSON).await?)?;
    ensure!(first == second, "{first} {second}");
    let task = request(&world, &json!({"text": "新品到店", "accountIds": [second]})).await?;
    ensure!(recover(&world, task).await?["status"] == "COMPLETED");
    ensure!(world.sandbox.gewe().posts_of("new-phone").len() == 1);
    ensure!(world.sandbox.gewe().posts_of("old-phone").is_empty());
    // And two persons on one device are two.
    world.sandbox.gewe().log_in("new-phone", "wxid_somebodyelse01");
    let third = account_of(&connect(&world, USER, "new-phone", "").await?)?;
    ensure!(third != first);
    Ok(())
}

#[tokio::test]
async fn an_account_that_is_not_active_goes_to_whoever_has_the_person_on_their_device() -> Result<()> {
    let world = world().await?;
    let other = USER + 1;
    let account = account_of(&connect(&world, USER, "theirs", PERSON).await?)?;
    ensure!(connect(&world, other, "ours", PERSON).await?.status == 409, "an active one is not taken");
    let task = request(&world, &json!({"text": "新品到店", "accountIds": [account]})).await?;
    world.sandbox.gewe().log_in("theirs", "wxid_somebodyelse01");
    recover(&world, task).await?;

    let taken = connect(&world, other, "ours", PERSON).await?;
    ensure!(taken.status == 200 && account_of(&taken)? == account, "{taken:?}");
    let answer = world.call_as(USER, Event::sample("wechat-accounts")?).await?;
    ensure!(answer.data() == &json!([]), "{answer:?}");
    let body = json!({"text": "早安", "accountIds": [account]});
    ensure!(world.request_post(USER, &body).await?.status == 404, "it is the former tenant's no longer");
    let answer = world.request_post(other, &body).await?;
    let task = answer.data()["syncTaskId"].as_u64().context("no task")?;
    let status = world.publish_until_ended(other, task, 5).await?;
    ensure!(status["status"] == "COMPLETED", "{status}");
    ensure!(world.sandbox.gewe().posts_of("ours").len() == 1);
    Ok(())
}
