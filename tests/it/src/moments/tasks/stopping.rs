//! Row 13b: what members have not confirmed is stopped, and what cannot be recalled is said.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use crate::World;
use crate::moments::contract::{USER, about, later, post, world};

async fn go_on(world: &World) -> Result<()> {
    world.advance(Duration::from_secs(2_000));
    world.sweep().await?;
    world.drain_publications().await?;
    Ok(())
}

fn of<'a>(list: &'a Value, account: &str) -> &'a Value {
    list.as_array().unwrap().iter().find(|entry| entry["accountId"] == account).unwrap()
}

#[tokio::test]
async fn stop_of_a_company_stops_unconfirmed_members_and_names_the_others() -> Result<()> {
    let world = world().await?;
    let members = world.connect_corp(USER, "花店", &["lily", "rose"]).await?;
    let device = world.connect_device(USER, "phone").await?;
    let task = post(&world, &json!({"text": "错了", "accountIds": [members[0], members[1], device]})).await?;
    world.drain_publications().await?;
    go_on(&world).await?;
    let moment = world.sandbox.wecom().moment_tasks()[0].moment_id.clone();
    world.sandbox.wecom().confirm(&moment, "lily").unwrap();

    let answer = about(&world, "moment-task-stop", task).await?;
    assert_eq!(answer.status, 202, "{answer:?}");
    let (stops, results) = (&answer.data()["stops"], &answer.data()["results"]);
    // Nobody has looked at the members since one of them confirmed.
    assert_eq!(of(stops, &members[0])["outcome"], "STOPPING", "{stops}");
    assert_eq!(of(stops, &members[1])["outcome"], "STOPPING", "{stops}");
    assert_eq!(of(stops, &device)["outcome"], "NOT_RECALLED", "{stops}");
    assert!(of(stops, &device)["reason"].as_str().unwrap().contains("无法撤回"), "{stops}");
    assert_eq!(of(results, &members[1])["reason"], "正在请求企业微信停止未确认的成员");

    world.drain_publications().await?;
    let status = world.post_status(USER, task).await?;
    assert_eq!(status["status"], "PARTIAL_SUCCESS", "{status}");
    for (account, expected) in [(&members[0], "SUCCESS"), (&members[1], "CANCELLED"), (&device, "SUCCESS")] {
        assert_eq!(of(&status["results"], account)["status"], expected, "{status}");
    }
    assert!(world.sandbox.wecom().confirm(&moment, "rose").is_err(), "it can still be confirmed");

    // Asked again it is as it was: stopped, with what cannot be recalled.
    let again = about(&world, "moment-task-stop", task).await?;
    assert_eq!(again.status, 202, "{again:?}");
    let told: Vec<&Value> =
        [&members[0], &members[1], &device].map(|account| &of(&again.data()["stops"], account)["outcome"]).into();
    assert_eq!(told, ["NOT_RECALLED", "CANCELLED", "NOT_RECALLED"]);
    Ok(())
}

#[tokio::test]
async fn stop_of_an_unsent_task_cancels_it_with_its_schedule() -> Result<()> {
    let world = world().await?;
    let device = world.connect_device(USER, "phone").await?;
    let body = json!({"text": "错了", "accountIds": [device], "scheduledTime": later(&world, 86_400)});
    let task = post(&world, &body).await?;
    for _ in 0..2 {
        let answer = about(&world, "moment-task-stop", task).await?;
        assert_eq!((answer.status, &answer.data()["status"]), (202, &json!("CANCELLED")), "{answer:?}");
        let stop = json!({"accountId": device, "outcome": "CANCELLED", "reason": null});
        assert_eq!(answer.data()["stops"], json!([stop]));
    }
    assert!(world.scheduled().await?.is_empty());
    world.advance(Duration::from_secs(2 * 86_400));
    go_on(&world).await?;
    assert!(world.sandbox.gewe().published_posts().is_empty());
    Ok(())
}

#[tokio::test]
async fn stop_of_a_company_while_its_job_runs_cancels_the_moment_once_made() -> Result<()> {
    let world = world().await?;
    let members = world.connect_corp(USER, "花店", &["lily"]).await?;
    let task = post(&world, &json!({"text": "错了", "accountIds": members})).await?;
    world.drain_publications().await?;
    assert_eq!(world.post_status(USER, task).await?["results"][0]["stage"], "SUBMITTED");
    let answer = about(&world, "moment-task-stop", task).await?;
    assert_eq!(answer.data()["stops"][0]["outcome"], "STOPPING", "{answer:?}");
    let ended = world.publish_until_ended(USER, task, 5).await?;
    assert_eq!(ended["status"], "CANCELLED", "{ended}");
    let moment = world.sandbox.wecom().moment_tasks()[0].moment_id.clone();
    assert!(world.sandbox.wecom().confirm(&moment, "lily").is_err());
    Ok(())
}
