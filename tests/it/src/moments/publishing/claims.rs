//! One post of a provider belongs to one delivery: what another one published is never told as one's own.

use anyhow::{Context, Result, ensure};
use futures::FutureExt;
use kernel::dynamo::{n, s};
use sandbox::fault::Effect;
use sandbox::gewe::{GeweEndpoint, GeweFault};
use sandbox::wecom::{ByHand, MemberSpec, WecomEndpoint, WecomFault};
use serde_json::{Value, json};

use super::company::disconnect;
use super::oracle::UNCONFIRMED;
use super::{LATER, USER, confirm_everything, ended, live, recover, request, world};
use crate::proxy::{Fault, Proxy, When};
use crate::{Event, World};

const TEXT: &str = "今日特价，欢迎到店";
const DELIVERY: &str = "TransactWriteItems t_moment_publish_unit";

/// A company with anna and bob; answers their accounts.
async fn company(world: &World) -> Result<[String; 2]> {
    let accounts = world.connect_corp(USER, "flowers", &["anna", "bob"]).await?;
    accounts.try_into().map_err(|accounts| anyhow::anyhow!("{accounts:?}"))
}

/// A post of these whose answer is lost; `arrives` says whether it was carried out.
async fn lost(world: &World, accounts: &[&String], arrives: bool) -> Result<u64> {
    let fault = WecomFault::new(WecomEndpoint::AddMomentTask, Effect::Drop);
    world.sandbox.wecom().arm(if arrives { fault.processed() } else { fault });
    let task = request(world, &json!({"text": TEXT, "accountIds": accounts})).await?;
    world.drain_publications().boxed_local().await?;
    Ok(task)
}

async fn sent(world: &World, accounts: &[&String]) -> Result<u64> {
    let task = request(world, &json!({"text": TEXT, "accountIds": accounts})).await?;
    world.drain_publications().boxed_local().await?;
    Ok(task)
}

/// What each account is told: its post's id, or the code of its failure.
fn told(status: &Value) -> Vec<String> {
    let results = status["results"].as_array().map(Vec::as_slice).unwrap_or_default();
    let word = |result: &Value| {
        let id = result["momentId"].as_str().or_else(|| result["errorCode"].as_str());
        id.or_else(|| result["stage"].as_str()).unwrap_or_default().to_owned()
    };
    results.iter().map(word).collect()
}

/// No two accounts' results of any tasks name the same post for the same member, and every SUCCESS is a real post.
fn honest(world: &World, ends: &[&Value]) -> Result<()> {
    let posts = world.sandbox.wecom().published_posts();
    let successes: usize = ends.iter().map(|end| end.to_string().matches("\"SUCCESS\"").count()).sum();
    ensure!(posts.len() == successes, "{} posts, and {successes} are told: {ends:?}", posts.len());
    Ok(())
}

/// The first one never arrived; the second one asks one of the same members to publish the same words.
#[tokio::test]
async fn read_back_does_not_claim_a_moment_to_fewer_members() -> Result<()> {
    let world = world().await?;
    let [anna, bob] = company(&world).await?;
    let first = lost(&world, &[&anna, &bob], false).await?;
    let second = sent(&world, &[&anna]).await?;
    let (of_second, of_first) = (recover(&world, second).await?, recover(&world, first).await?);
    ensure!(of_second["status"] == "COMPLETED", "{of_second}");
    ensure!(told(&of_first) == [UNCONFIRMED, UNCONFIRMED], "{of_first}");
    honest(&world, &[&of_first, &of_second])
}

/// And one that asks more members than the lost one did.
#[tokio::test]
async fn read_back_does_not_claim_a_moment_to_more_members() -> Result<()> {
    let world = world().await?;
    let [anna, bob] = company(&world).await?;
    let first = lost(&world, &[&anna], false).await?;
    let second = sent(&world, &[&anna, &bob]).await?;
    let (of_second, of_first) = (recover(&world, second).await?, recover(&world, first).await?);
    ensure!(of_second["status"] == "COMPLETED" && told(&of_first) == [UNCONFIRMED], "{of_first}");
    honest(&world, &[&of_first, &of_second])
}

/// A double click: the same members, the same words. Only the second one arrived, and it answered.
#[tokio::test]
async fn equal_tasks_of_which_one_arrived_have_one_success() -> Result<()> {
    let world = world().await?;
    let [anna, bob] = company(&world).await?;
    let first = lost(&world, &[&anna, &bob], false).await?;
    let second = sent(&world, &[&anna, &bob]).await?;
    let (of_second, of_first) = (recover(&world, second).await?, recover(&world, first).await?);
    ensure!(of_second["status"] == "COMPLETED" && told(&of_first) == [UNCONFIRMED, UNCONFIRMED], "{of_first}");
    honest(&world, &[&of_first, &of_second])
}

/// Both arrived and neither answered: each has a post of its own.
#[tokio::test]
async fn equal_tasks_of_which_both_arrived_have_two_successes() -> Result<()> {
    let world = world().await?;
    let [anna, bob] = company(&world).await?;
    let first = lost(&world, &[&anna, &bob], true).await?;
    let second = lost(&world, &[&anna, &bob], true).await?;
    let (of_first, of_second) = (recover(&world, first).await?, recover(&world, second).await?);
    ensure!(of_first["status"] == "COMPLETED" && of_second["status"] == "COMPLETED", "{of_first} {of_second}");
    ensure!(told(&of_first)[0] != told(&of_second)[0], "one post is told twice: {of_first}");
    honest(&world, &[&of_first, &of_second])
}

/// A moment with the same words that nobody was asked to publish proves nothing.
#[tokio::test]
async fn read_back_does_not_claim_a_moment_that_asks_nobody() -> Result<()> {
    let world = world().await?;
    let [anna, bob] = company(&world).await?;
    let first = lost(&world, &[&anna, &bob], false).await?;
    let asked = Some(Vec::new());
    let post = ByHand { creator: "boss".to_owned(), text: TEXT.to_owned(), images: 0, personal: false, asked };
    world.sandbox.wecom().post_by_hand("flowers", post).context("no company")?;
    let of_first = recover(&world, first).await?;
    ensure!(told(&of_first) == [UNCONFIRMED, UNCONFIRMED], "{of_first}");
    Ok(())
}

/// The post arrived, and before it is looked for its members are disconnected, one or all: it is recognised by whom it
/// asked.
#[tokio::test]
async fn read_back_finds_the_moment_although_members_have_left() -> Result<()> {
    for leaving in [1, 2] {
        let world = world().await?;
        let accounts = company(&world).await?;
        let first = lost(&world, &accounts.iter().collect::<Vec<_>>(), true).await?;
        for account in accounts.iter().take(leaving) {
            disconnect(&world, account).await?;
        }
        let of_first = recover(&world, first).await?;
        ensure!(of_first["status"] == "COMPLETED", "{leaving} have left: {of_first}");
        honest(&world, &[&of_first])?;
    }
    Ok(())
}

/// WeCom writes a member's id as the member was made, whatever was asked for.
#[tokio::test]
async fn read_back_compares_members_without_case() -> Result<()> {
    let world = world().await?;
    let [anna, bob] = company(&world).await?;
    world.sandbox.wecom().put_member("flowers", MemberSpec::new("ANNA", "成员anna"));
    let first = lost(&world, &[&anna, &bob], true).await?;
    let of_first = recover(&world, first).await?;
    ensure!(of_first["status"] == "COMPLETED", "{of_first}");
    Ok(())
}

/// Two deliveries look at the same time for what one of them published.
#[tokio::test]
async fn read_back_of_two_deliveries_at_once_claims_a_post_once() -> Result<()> {
    let world = world().await?;
    let [anna, bob] = company(&world).await?;
    let first = lost(&world, &[&anna, &bob], true).await?;
    let second = lost(&world, &[&anna, &bob], false).await?;
    world.advance(LATER);
    world.sweep().await?;
    let slow = Proxy::start(&world).await?;
    let gate = slow.hold(DELIVERY, 1);
    let meanwhile = async {
        gate.reached().await;
        let drained = world.drain_publications().boxed_local().await;
        gate.open();
        drained
    };
    let (lived, drained) = futures::join!(live(&world, &slow), meanwhile);
    ensure!(lived?.is_none(), "the publisher died");
    drained?;
    let (of_first, of_second) = (recover(&world, first).await?, recover(&world, second).await?);
    let mut ends = [of_first["status"].to_string(), of_second["status"].to_string()];
    ends.sort();
    ensure!(ends == ["\"COMPLETED\"", "\"FAILED\""], "{of_first} {of_second}");
    honest(&world, &[&of_first, &of_second])
}

async fn delivery_of(world: &World, task: u64) -> Result<String> {
    let deliveries = world.rows("t_moment_publish_unit").await?;
    Ok(deliveries.iter().find(|delivery| delivery["task_id"] == task.to_string()).context("no delivery")?["delivery"]
        .clone())
}

async fn message(world: &World, task: u64) -> Result<()> {
    let body = json!({"taskId": task.to_string(), "delivery": delivery_of(world, task).await?}).to_string();
    world.aws.sqs.send_message().queue_url(world.publish_queue_url()?).message_body(body).send().await?;
    Ok(())
}

/// The first one never arrived. The second one's job is slow to be asked about, so the first one finds its moment in the
/// list and takes it for its own, while `confirmed` members publish it.
async fn found_by_another(world: &World, confirmed: &[&str]) -> Result<(u64, u64)> {
    let [anna, bob] = company(world).await?;
    let first = lost(world, &[&anna, &bob], false).await?;
    let second = sent(world, &[&anna, &bob]).await?;
    let moment = world.sandbox.wecom().moment_tasks().pop().context("no moment")?.moment_id;
    world.advance(LATER);
    message(world, first).await?;
    world.drain_publications().boxed_local().await?;
    let status = world.post_status(USER, first).await?;
    ensure!(told(&status) == ["WAITING_MEMBER_CONFIRM"; 2], "not found: {status}");
    for member in confirmed {
        world.sandbox.wecom().confirm(&moment, member)?;
    }
    if !confirmed.is_empty() {
        world.advance(LATER);
        message(world, first).await?;
        world.drain_publications().boxed_local().await?;
        let status = world.post_status(USER, first).await?;
        ensure!(status.to_string().matches("\"SUCCESS\"").count() == confirmed.len(), "{status}");
    }
    Ok((first, second))
}

/// What WeCom answered a delivery goes before what another one found, however far that one has come with it.
#[tokio::test]
async fn claim_of_an_answered_moment_replaces_a_found_one() -> Result<()> {
    for confirmed in [&[][..], &["anna"], &["anna", "bob"]] {
        let world = world().await?;
        let (first, second) = found_by_another(&world, confirmed).boxed_local().await?;
        message(&world, second).await?;
        world.drain_publications().await?;
        let of_first = world.post_status(USER, first).await?;
        ensure!(told(&of_first) == ["UNCONFIRMED"; 2] && !ended(&of_first), "{confirmed:?}: {of_first}");
        let (of_second, of_first) = (recover(&world, second).await?, recover(&world, first).await?);
        ensure!(of_second["status"] == "COMPLETED", "{of_second}");
        ensure!(told(&of_first) == [UNCONFIRMED, UNCONFIRMED], "{confirmed:?}: {of_first}");
        honest(&world, &[&of_first, &of_second])?;
    }
    Ok(())
}

/// Its user stops the delivery that has found another one's moment: that one is stopped at WeCom, but of the delivery's own
/// call this says nothing.
#[tokio::test]
async fn claim_of_an_answered_moment_takes_back_that_another_was_called_off() -> Result<()> {
    let world = world().await?;
    let (first, second) = found_by_another(&world, &[]).boxed_local().await?;
    let stop = Event::sample("moment-task-stop")?.path("taskId", &first.to_string());
    ensure!(world.call_as(USER, stop).await?.status == 202);
    world.drain_publications().boxed_local().await?;
    let of_first = world.post_status(USER, first).await?;
    ensure!(told(&of_first) == ["CANCELLED"; 2], "{of_first}");
    message(&world, second).await?;
    world.drain_publications().boxed_local().await?;
    let of_first = world.post_status(USER, first).await?;
    ensure!(told(&of_first) == ["UNCONFIRMED"; 2] && !ended(&of_first), "{of_first}");
    let of_first = recover(&world, first).await?;
    ensure!(told(&of_first) == [UNCONFIRMED, UNCONFIRMED], "{of_first}");
    let of_second = recover(&world, second).await?;
    honest(&world, &[&of_first, &of_second])
}

/// The publisher dies around every write of that: whoever comes next ends both deliveries with the truth.
#[tokio::test]
async fn claim_replacement_killed_at_any_step_can_be_repeated() -> Result<()> {
    let claim = "TransactWriteItems t_moment_claim";
    let noted = "UpdateItem t_moment_publish_unit";
    for (step, nth) in [(noted, 2), (DELIVERY, 1), ("GetItem t_moment_claim", 1), (claim, 1), (DELIVERY, 2)] {
        for when in [When::Before, When::After] {
            let world = world().await?;
            let (first, second) = found_by_another(&world, &["anna"]).boxed_local().await?;
            message(&world, second).await?;
            let proxy = Proxy::start(&world).await?;
            proxy.arm(step, nth, Fault::Kill(when));
            ensure!(live(&world, &proxy).await?.is_some(), "{step} #{nth} never came: {:?}", proxy.steps());
            world.advance(LATER);
            world.sweep().await?;
            confirm_everything(&world);
            let (of_second, of_first) = (recover(&world, second).await?, recover(&world, first).await?);
            ensure!(of_second["status"] == "COMPLETED", "{step} #{nth} {when:?}: {of_second}");
            ensure!(told(&of_first) == [UNCONFIRMED, UNCONFIRMED], "{step} #{nth} {when:?}: {of_first}");
            honest(&world, &[&of_first, &of_second])?;
        }
    }
    Ok(())
}

/// WeCom names one moment to two deliveries: at most one of them can be right, so the second one proves nothing.
#[tokio::test]
async fn claim_of_a_moment_answered_twice_gives_one_success() -> Result<()> {
    let world = world().await?;
    let [anna, bob] = company(&world).await?;
    let first = sent(&world, &[&anna]).await?;
    let of_first = recover(&world, first).await?;
    ensure!(of_first["status"] == "COMPLETED", "{of_first}");
    let second = request(&world, &json!({"text": "另一条", "accountIds": [bob]})).await?;
    world.drain_publications().await?;
    let ids: Vec<String> = world.sandbox.wecom().moment_tasks().into_iter().map(|moment| moment.moment_id).collect();
    let proxy = Proxy::start(&world).await?;
    let lie = Fault::Replace(vec![(ids[1].clone(), ids[0].clone())]);
    proxy.arm("externalcontact/get_moment_task_result", 1, lie);
    // The true one is gone, so that reading back cannot mend it either.
    world.sandbox.wecom().arm(WecomFault::code(WecomEndpoint::GetMomentTask, 41_060).permanent());
    world.advance(LATER);
    world.sweep().await?;
    ensure!(live(&world, &proxy).await?.is_none());
    let of_second = recover(&world, second).await?;
    ensure!(told(&of_second) == [UNCONFIRMED], "{of_second}");
    ensure!(world.post_status(USER, first).await? == of_first, "what was told of the first has changed");
    Ok(())
}

/// A post of a person that is answered, while another delivery has the claim on it already: what was found is given
/// back, what was answered is not.
#[tokio::test]
async fn claim_of_an_answered_personal_post_replaces_a_found_one() -> Result<()> {
    for how in ["FOUND", "ANSWERED"] {
        let world = world().await?;
        let (one, two) = (world.connect_device(USER, "one").await?, world.connect_device(USER, "two").await?);
        world.sandbox.gewe().arm(GeweFault::new(GeweEndpoint::SendText, Effect::Drop));
        let first = sent(&world, &[&one]).await?;
        let finder = format!("{first}/{}", delivery_of(&world, first).await?);
        let second = request(&world, &json!({"text": "另一条", "accountIds": [two]})).await?;
        let proxy = Proxy::start(&world).await?;
        let gate = proxy.hold(DELIVERY, 2);
        let claims = async {
            gate.reached().await;
            let post = world.sandbox.journal().publications_of("two").remove(0);
            let row = world.aws.dynamodb.put_item().table_name(world.table("t_moment_claim"));
            row.item("claim_key", s(format!("moment:gateway:{}", post.id)))
                .item("delivery", s(&finder))
                .item("user_id", n(USER))
                .item("how", s(how))
                .send()
                .await?;
            gate.open();
            Ok::<_, anyhow::Error>(post.id)
        };
        let (lived, id) = futures::join!(live(&world, &proxy), claims);
        ensure!(lived?.is_none(), "the publisher died");
        let (of_second, of_first) = (recover(&world, second).await?, recover(&world, first).await?);
        let expected = if how == "FOUND" { id? } else { UNCONFIRMED.to_owned() };
        ensure!(told(&of_second) == [expected], "{how}: {of_second}");
        ensure!(told(&of_first) == [UNCONFIRMED], "{how}: {of_first}");
    }
    Ok(())
}

/// Whatever is told as published has its claim, of its own delivery.
#[tokio::test]
async fn claim_exists_for_every_recorded_success() -> Result<()> {
    let world = world().await?;
    let [anna, _] = company(&world).await?;
    let device = world.connect_device(USER, "phone").await?;
    let answered = sent(&world, &[&anna, &device]).await?;
    let of_answered = recover(&world, answered).await?;
    world.sandbox.gewe().arm(GeweFault::lost_answer(GeweEndpoint::SendText));
    let found = sent(&world, &[&device]).await?;
    let of_found = recover(&world, found).await?;
    let rows = world.rows("t_moment_claim").await?;
    for (status, how) in [(&of_answered, "ANSWERED"), (&of_found, "FOUND")] {
        ensure!(status["status"] == "COMPLETED", "{status}");
        let task = status["syncTaskId"].to_string();
        for id in told(status) {
            let claim = rows.iter().find(|row| row["claim_key"].ends_with(&format!(":{id}"))).context("no claim")?;
            ensure!(claim["how"] == how && claim["delivery"].starts_with(&format!("{task}/")), "{claim:?}");
        }
    }
    ensure!(rows.len() == 3, "{rows:?}");
    Ok(())
}
