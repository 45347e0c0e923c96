//! Trying a post out: everything its creation would say, and nothing written.

use anyhow::Result;
use sandbox::media::MediaFile;
use serde_json::{Value, json};

use crate::contract::assert_enveloped;
use crate::moments::contract::{USER, later, now, world};
use crate::{Answer, Event, World};

async fn try_out(world: &World, body: &Value) -> Result<Answer> {
    let before = world.snapshot().await?;
    let answer = world.call_as(USER, Event::sample("moment-validate")?.json(body)).await?;
    world.snapshot().await?.assert_unchanged_since(&before, "trying out");
    assert!(world.scheduled().await?.is_empty());
    Ok(answer)
}

#[tokio::test]
async fn validation_of_a_valid_post_says_so_and_makes_no_task() -> Result<()> {
    let world = world().await?;
    let device = world.connect_device(USER, "phone").await?;
    let picture = world.sandbox.media().put_file("1.jpg", MediaFile::Jpeg { width: 80, height: 80, bytes: 0 });
    for body in [
        json!({"text": "早上好", "accountIds": [device]}),
        json!({"mediaUrls": [picture], "accountIds": [device], "scheduledTime": later(&world, 86_400)}),
    ] {
        let answer = try_out(&world, &body).await?;
        assert_enveloped(&answer, 200, &json!({"valid": true, "problems": []}));
    }
    assert!(world.rows("t_moment_sync_task").await?.is_empty());
    assert_eq!(world.depth(world.publish_queue_url()?).await?, 0);
    Ok(())
}

#[tokio::test]
async fn validation_of_an_invalid_post_names_all_problems_with_the_codes_of_creation() -> Result<()> {
    let world = world().await?;
    let device = world.connect_device(USER, "phone").await?;
    let body = json!({
        "text": "早\u{7}", "mediaUrls": ["http://a.cn/1.jpg"], "accountIds": [device, "wx0"], "scheduledTime": now(&world),
    });
    let answer = try_out(&world, &body).await?;
    let told: Vec<(&str, &str)> = answer.data()["problems"].as_array().unwrap().iter().map(of).collect();
    assert_eq!(answer.data()["valid"], false);
    assert_eq!(
        told,
        [
            ("scheduledTime", "MOMENT_SYNC_CREATION_FAILED"),
            ("accountIds[1]", "WECHAT_ACCOUNT_NOT_FOUND"),
            ("text", "MOMENT_SYNC_CREATION_FAILED"),
            ("mediaUrls[0]", "MOMENT_SYNC_CREATION_FAILED"),
        ]
    );
    // What keeps the accounts from being looked for keeps nothing else from being said.
    let body = json!({"text": "", "accountIds": [device, device]});
    let answer = try_out(&world, &body).await?;
    let paths: Vec<&str> = answer.data()["problems"].as_array().unwrap().iter().map(|problem| of(problem).0).collect();
    assert_eq!(paths, ["accountIds[1]", "text"]);
    // A field of the wrong form is a finding; what is no object at all is no request.
    let answer = try_out(&world, &json!({"text": "早上好", "accountIds": [device], "scheduledTime": "明天"})).await?;
    assert_eq!(of(&answer.data()["problems"][0]), ("scheduledTime", "INVALID_REQUEST"));
    assert_eq!(try_out(&world, &json!([])).await?.status, 400);
    Ok(())
}

fn of(problem: &Value) -> (&str, &str) {
    assert!(problem["problem"].as_str().is_some_and(|text| !text.is_empty()), "{problem}");
    (problem["path"].as_str().unwrap_or_default(), problem["code"].as_str().unwrap_or_default())
}
