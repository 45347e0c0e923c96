//! The confirmation deadline of a company: what is told then needs a last look, and whoever cannot look does not conclude.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sandbox::fault::Effect;
use sandbox::wecom::{WecomEndpoint, WecomFault};
use serde_json::Value;

use super::company::{disconnect, wait_in_vain};
use super::oracle::{Oracle, UNCONFIRMED, check};
use super::story::{Scenario, Story};
use super::{LATER, USER, recover, world};
use crate::World;

/// Beyond the 48 hours that members have.
const DEADLINE: Duration = Duration::from_secs(48 * 3_600 + 2_000);

/// A company whose members are asked to publish; answers the moment's id.
async fn asked(world: &World) -> Result<(Scenario, String)> {
    let scene = Story::Company.scene(world, 1).await?;
    world.drain_publications().await?;
    world.advance(LATER);
    world.sweep().await?;
    world.drain_publications().await?;
    let moment = world.sandbox.wecom().moment_tasks().pop().context("no moment")?;
    let status = world.post_status(USER, scene.task).await?;
    ensure!(status["results"][0]["stage"] == "WAITING_MEMBER_CONFIRM", "{status}");
    Ok((scene, moment.moment_id))
}

/// Time moves beyond the deadline, and the company's token is looked for then.
async fn deadline_comes(world: &World) -> Result<()> {
    world.advance(DEADLINE);
    world.sweep().await?;
    world.drain_publications().await?;
    Ok(())
}

fn codes(status: &Value) -> Vec<&str> {
    let results = status["results"].as_array().map(Vec::as_slice).unwrap_or_default();
    results.iter().map(|result| result["errorCode"].as_str().unwrap_or_default()).collect()
}

/// One member has published, and at the deadline WeCom gives no token, once. The last look is made later all the same.
#[tokio::test]
async fn deadline_without_a_company_token_waits_for_one() -> Result<()> {
    for effect in [Effect::Http { status: 502 }, Effect::Code { code: 45_009, message: None }] {
        let world = world().await?;
        let (scene, moment) = asked(&world).await?;
        world.sandbox.wecom().confirm(&moment, "lily")?;
        world.sandbox.wecom().arm(WecomFault::new(WecomEndpoint::GetToken, effect.clone()));
        deadline_comes(&world).await?;
        let (status, _) = wait_in_vain(&world, &scene).await?;
        let truths = check(&world, scene.task, &status, &scene.text, &scene.outlets).await?;
        let expected = [Oracle::Published, Oracle::Nothing("MOMENT_PUBLISH_FAILED".to_owned())];
        ensure!(truths == expected, "{effect:?}: {status}");
        ensure!(
            world.sandbox.wecom().moment_task(&moment).context("no moment")?.cancelled,
            "rose can still publish it"
        );
    }
    Ok(())
}

/// Nobody knows any more whether members published: an outage beyond the last word, a secret that is refused, a company
/// that was let go. Whoever asks them again publishes twice, so it is not told as a plain failure.
#[tokio::test]
async fn deadline_without_an_answer_ends_unconfirmed() -> Result<()> {
    for how in ["outage", "secret refused", "let go"] {
        let world = world().await?;
        let (scene, _) = asked(&world).await?;
        match how {
            "outage" => {
                let fault = WecomFault::new(WecomEndpoint::GetToken, Effect::Http { status: 502 });
                world.sandbox.wecom().arm(fault.permanent());
            }
            "secret refused" => {
                world.sandbox.wecom().change_app("flowers-1", |app| app.secret = Some("another".repeat(6)));
                world.sandbox.wecom().void_tokens("flowers-1");
            }
            _ => {
                for outlet in &scene.outlets {
                    disconnect(&world, &outlet.account_id).await?;
                }
            }
        }
        deadline_comes(&world).await?;
        let (status, _) = wait_in_vain(&world, &scene).await?;
        check(&world, scene.task, &status, &scene.text, &scene.outlets).await?;
        ensure!(codes(&status) == [UNCONFIRMED, UNCONFIRMED], "{how}: {status}");
    }
    Ok(())
}

/// A secret that is mended within a day of the deadline still brings the truth to light.
#[tokio::test]
async fn deadline_with_a_secret_replaced_afterwards_polls_once_more() -> Result<()> {
    let world = world().await?;
    let (scene, moment) = asked(&world).await?;
    world.sandbox.wecom().confirm(&moment, "lily")?;
    let secret = world.sandbox.wecom().corp("flowers-1").context("no company")?.secret().to_owned();
    world.sandbox.wecom().change_app("flowers-1", |app| app.secret = Some("another".repeat(6)));
    world.sandbox.wecom().void_tokens("flowers-1");
    deadline_comes(&world).await?;
    world.sandbox.wecom().change_app("flowers-1", |app| app.secret = Some(secret));
    let (status, _) = wait_in_vain(&world, &scene).await?;
    let truths = check(&world, scene.task, &status, &scene.text, &scene.outlets).await?;
    ensure!(truths == [Oracle::Published, Oracle::Nothing("MOMENT_PUBLISH_FAILED".to_owned())], "{status}");
    Ok(())
}

/// WeCom refuses to stop the members for good: who has not published still can, so nothing certain is told about them.
#[tokio::test]
async fn deadline_with_members_that_cannot_be_stopped_ends_unconfirmed() -> Result<()> {
    let world = world().await?;
    let (scene, moment) = asked(&world).await?;
    world.sandbox.wecom().confirm(&moment, "lily")?;
    world.sandbox.wecom().arm(WecomFault::code(WecomEndpoint::CancelMomentTask, 48_002).permanent());
    deadline_comes(&world).await?;
    let (status, _) = wait_in_vain(&world, &scene).await?;
    let truths = check(&world, scene.task, &status, &scene.text, &scene.outlets).await?;
    ensure!(truths == [Oracle::Published, Oracle::Nothing(UNCONFIRMED.to_owned())], "{status}");
    Ok(())
}

/// WeCom refuses the token of the call that publishes, and does not give another at once: nothing was sent, so it is
/// tried again like anything that passes.
#[tokio::test]
async fn company_token_that_is_late_does_not_fail_an_unsent_delivery() -> Result<()> {
    let world = world().await?;
    let scene = Story::Company.scene(&world, 1).await?;
    world.sandbox.wecom().arm(WecomFault::new(WecomEndpoint::AddMomentTask, Effect::LoseSession));
    world.sandbox.wecom().arm(WecomFault::new(WecomEndpoint::GetToken, Effect::Http { status: 502 }));
    let status = recover(&world, scene.task).await?;
    let truths = check(&world, scene.task, &status, &scene.text, &scene.outlets).await?;
    ensure!(truths == [Oracle::Published, Oracle::Published], "{status}");
    Ok(())
}
