//! The same words twice: what one task published is never taken for what became of the other.

use anyhow::{Context, Result, ensure};
use sandbox::fault::Effect;
use sandbox::gewe::{GeweEndpoint, GeweFault};
use sandbox::wecom::{WecomEndpoint, WecomFault};
use serde_json::{Value, json};

use super::oracle::UNCONFIRMED;
use super::{LATER, USER, ended, recover, request, world};

const TEXT: &str = "今日特价，欢迎到店";

fn only_result(status: &Value) -> Result<&Value> {
    match status["results"].as_array().map(Vec::as_slice) {
        Some([result]) => Ok(result),
        _ => anyhow::bail!("not one result: {status}"),
    }
}

/// The first one's answer is lost and it never arrived; the second one, wanted at the same time, waits for its turn.
#[tokio::test]
async fn equal_texts_of_a_personal_account_are_published_one_after_the_other() -> Result<()> {
    let world = world().await?;
    let account = world.connect_device(USER, "device").await?;
    let body = json!({"text": TEXT, "accountIds": [account]});
    world.sandbox.gewe().arm(GeweFault::new(GeweEndpoint::SendText, Effect::Drop));
    let first = request(&world, &body).await?;
    world.drain_publications().await?;
    let second = request(&world, &body).await?;
    for _ in 0..20 {
        world.drain_publications().await?;
        let (of_first, of_second) = (world.post_status(USER, first).await?, world.post_status(USER, second).await?);
        if ended(&of_first) {
            break;
        }
        ensure!(!ended(&of_second) && world.sandbox.journal().publications().is_empty(), "{of_second}");
        world.advance(LATER);
        world.sweep().await?;
    }
    let of_first = recover(&world, first).await?;
    ensure!(only_result(&of_first)?["errorCode"] == UNCONFIRMED, "{of_first}");
    let of_second = recover(&world, second).await?;
    let published = world.sandbox.journal().publications_of("device");
    ensure!(published.len() == 1, "{published:?}");
    ensure!(only_result(&of_second)?["momentId"] == published[0].id.as_str(), "{of_second}");
    ensure!(recover(&world, first).await? == of_first, "what was told of the first has changed");
    Ok(())
}

/// The first one never arrived; the second one asks another member of the company to publish the same words.
#[tokio::test]
async fn equal_texts_of_a_company_to_other_members_prove_nothing() -> Result<()> {
    let world = world().await?;
    let accounts = world.connect_corp(USER, "flowers", &["lily", "rose"]).await?;
    let [lily, rose] = accounts.as_slice() else { anyhow::bail!("{accounts:?}") };
    world.sandbox.wecom().arm(WecomFault::new(WecomEndpoint::AddMomentTask, Effect::Drop));
    let first = request(&world, &json!({"text": TEXT, "accountIds": [lily]})).await?;
    world.drain_publications().await?;
    let second = request(&world, &json!({"text": TEXT, "accountIds": [rose]})).await?;
    let of_second = recover(&world, second).await?;
    ensure!(of_second["status"] == "COMPLETED", "{of_second}");
    let of_first = recover(&world, first).await?;
    ensure!(only_result(&of_first)?["errorCode"] == UNCONFIRMED, "{of_first}");
    let journal = world.sandbox.journal();
    ensure!(journal.publications_of("flowers/lily").is_empty() && journal.publications_of("flowers/rose").len() == 1);
    let moments = world.sandbox.wecom().moment_tasks();
    let moment = moments.first().context("no moment")?;
    ensure!(moments.len() == 1 && only_result(&of_second)?["momentId"] == moment.moment_id.as_str(), "{moments:?}");
    Ok(())
}
