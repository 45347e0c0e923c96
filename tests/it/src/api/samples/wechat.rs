//! The samples of the WeChat functions.

use std::time::Duration;

use anyhow::Result;
use functions::worker::run_batch;
use functions::workers::{moment_publisher, wechat_health_checker};
use sandbox::gewe::DeviceState;
use sandbox::media::MediaFile;
use sandbox::wecom::{CorpSpec, MemberSpec};
use serde_json::{Value, json};

use super::{Samples, USER, batch_of, body_of};
use crate::world::{EndpointOverrides, GATEWAY_WEBHOOK_SECRET};

pub async fn play(it: &mut Samples) -> Result<()> {
    let member = connect(it).await?;
    let device = it.world.connect_device(USER, "phone").await?;

    let mut body = body_of("moment-sync")?;
    let pictures = body["mediaUrls"].as_array().unwrap().len();
    let put = |number| {
        let picture = MediaFile::Jpeg { width: 80, height: 80, bytes: 0 };
        it.world.sandbox.media().put_file(&format!("{number}.jpg"), picture)
    };
    body["mediaUrls"] = (0..pictures).map(put).map(Value::from).collect();
    body["accountIds"] = json!([device, member]);
    body["scheduledTime"] = json!(later(it, 1));
    let checked = it.play("moment-validate", 200, |event| event.json(&body)).await?;
    assert_eq!(checked.data(), &json!({"valid": true, "problems": []}));
    let task = it.play("moment-sync", 202, |event| event.json(&body)).await?.data()["syncTaskId"].to_string();
    it.play_reads("/api/v1/workbench/", &[("taskId", &task), ("accountId", &device)]).await?;
    let mut moved = body_of("moment-task-update")?;
    moved["scheduledTime"] = json!(later(it, 2));
    it.play("moment-task-update", 200, |event| event.path("taskId", &task).json(&moved)).await?;
    it.play("moment-task-publish-now", 202, |event| event.path("taskId", &task)).await?;
    it.play("moment-task-cancel", 200, |event| event.path("taskId", &task)).await?;
    it.play("moment-task-stop", 202, |event| event.path("taskId", &task)).await?;

    let failed = failed_post(it, &device).await?;
    it.play("moment-task-retry", 202, |event| event.path("taskId", &failed)).await?;
    publish(it, &failed).await?;
    assert_eq!(it.world.post_status(USER, failed.parse()?).await?["status"], "COMPLETED");
    // The delivery's own message finds nothing left to do.
    it.world.drain_publications().await?;

    let mut change = body_of("wechat-corp-update")?;
    let corp = it.world.sandbox.wecom().corp("花店").unwrap();
    change["secret"] = json!(corp.secret());
    let key = format!("{}#{}", corp.corp_id, corp.agent_id());
    it.play("wechat-corp-update", 200, |event| event.path("corpKey", &key).json(&change)).await?;

    it.play("gateway-webhook", 200, |event| event.path("secret", GATEWAY_WEBHOOK_SECRET)).await?;
    it.play("wechat-account-disconnect", 200, |event| event.path("accountId", &device)).await?;
    assert_eq!(it.world.depth(it.world.publish_queue_url()?).await?, 0);
    Ok(())
}

/// So many days from now.
fn later(it: &Samples, days: i64) -> String {
    (it.world.clock.now() + jiff::SignedDuration::from_hours(24 * days)).to_string()
}

/// Connects the sample's company; answers the account of one of its members.
async fn connect(it: &mut Samples) -> Result<String> {
    let mut body = body_of("wechat-account-connect")?;
    let ids = body["memberIds"].as_array().unwrap();
    let members = ids.iter().map(|id| MemberSpec::new(id.as_str().unwrap(), "成员")).collect();
    let corp = it.world.sandbox.wecom().add_corp(CorpSpec { members, ..CorpSpec::new("花店") });
    body["corpId"] = json!(corp.corp_id);
    body["agentId"] = json!(corp.apps[0].agent_id);
    body["secret"] = json!(corp.secret());
    let answer = it.play("wechat-account-connect", 200, |event| event.json(&body)).await?;
    Ok(answer.data()["accounts"][0]["accountId"].as_str().unwrap().to_owned())
}

/// A post that failed because the device was offline, which it is no more.
async fn failed_post(it: &mut Samples, device: &str) -> Result<String> {
    let world = &it.world;
    let answer = world.request_post(USER, &json!({"text": "早上好", "accountIds": [device]})).await?;
    let task = answer.data()["syncTaskId"].as_u64().unwrap();
    world.sandbox.gewe().set_state("phone", DeviceState::Offline);
    assert_eq!(world.publish_until_ended(USER, task, 5).await?["status"], "FAILED");
    world.sandbox.gewe().set_state("phone", DeviceState::Online);
    let app =
        wechat_health_checker::App::new(&world.context("wechat-health-checker", &EndpointOverrides::default()).await?)
            .await?;
    for _ in 0..2 {
        world.advance(Duration::from_secs(1_200));
        wechat_health_checker::handle(&app, world.deadline()).await?;
    }
    Ok(task.to_string())
}

/// The publisher's sample has a message about a whole task and one about a delivery of it.
async fn publish(it: &mut Samples, task: &str) -> Result<()> {
    let name = "moment-publisher";
    let app = moment_publisher::App::new(&it.world.context(name, &EndpointOverrides::default()).await?).await?;
    // The message of the retry makes the delivery there is to name, and its dispatcher goes on with it: what the sample
    // says of it is one copy more.
    it.world.publish_batch(&app, it.world.receive_publications().await?).await?;
    let deliveries = it.world.rows("t_moment_publish_unit").await?;
    let delivery = &deliveries
        .iter()
        .find(|delivery| delivery["task_id"] == task && delivery["delivery"].ends_with("#1"))
        .unwrap()["delivery"];
    let event = batch_of(name, |body| {
        body["taskId"] = json!(task);
        if let Some(named) = body.get_mut("delivery") {
            *named = json!(delivery);
        }
    })?;
    let answer = run_batch(&app, moment_publisher::handle, serde_json::from_value(event)?, it.world.deadline()).await;
    assert_eq!(answer.batch_item_failures.len(), 0);
    it.played.insert(name.to_owned());
    Ok(())
}
