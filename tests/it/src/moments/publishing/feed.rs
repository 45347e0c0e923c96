//! Reading back a personal account: its gateway's feed holds what friends posted too, in equal words, and its list of one
//! person's posts may be empty, late or unreadable. Only the author tells whose a post is.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sandbox::fault::Effect;
use sandbox::gewe::{GeweEndpoint, GeweFault};
use serde_json::{Value, json};

use super::oracle::{Oracle, Outlet, UNCONFIRMED, check};
use super::{USER, recover, request, world};
use crate::World;

const TEXT: &str = "新品到店，欢迎来看";

/// Devices that are friends of each other.
async fn connect(world: &World, names: &[&str]) -> Result<Vec<Outlet>> {
    let mut outlets = Vec::new();
    for name in names {
        let account_id = world.connect_device(USER, name).await?;
        outlets.push(Outlet { account_id, name: (*name).to_owned() });
    }
    Ok(outlets)
}

async fn post(world: &World, outlets: &[Outlet]) -> Result<(Value, Vec<Oracle>)> {
    let accounts: Vec<&str> = outlets.iter().map(|outlet| outlet.account_id.as_str()).collect();
    let task = request(world, &json!({"text": TEXT, "accountIds": accounts})).await?;
    let status = recover(world, task).await?;
    let truths = check(world, task, &status, TEXT, outlets).await?;
    Ok((status, truths))
}

fn lost_before(device: &str) -> GeweFault {
    GeweFault::new(GeweEndpoint::SendText, Effect::Drop).for_account(device)
}

fn lost_after(device: &str) -> GeweFault {
    GeweFault::lost_answer(GeweEndpoint::SendText).for_account(device)
}

fn unconfirmed() -> Oracle {
    Oracle::Nothing(UNCONFIRMED.to_owned())
}

/// The second device's call never reaches WeChat, and what its feed shows is the first one's post.
#[tokio::test]
async fn read_back_of_a_lost_call_does_not_take_a_friends_post_for_its_own() -> Result<()> {
    let world = world().await?;
    let outlets = connect(&world, &["anna", "bob"]).await?;
    world.sandbox.gewe().arm(lost_before("bob"));
    let (status, truths) = post(&world, &outlets).await?;
    ensure!(truths == [Oracle::Published, unconfirmed()], "{truths:?}: {status}");
    Ok(())
}

/// Both answers are lost, both posts are there.
#[tokio::test]
async fn read_back_of_two_friends_finds_for_each_its_own_post() -> Result<()> {
    let world = world().await?;
    let outlets = connect(&world, &["anna", "bob"]).await?;
    for outlet in &outlets {
        world.sandbox.gewe().arm(lost_after(&outlet.name));
    }
    let (status, truths) = post(&world, &outlets).await?;
    ensure!(truths == [Oracle::Published, Oracle::Published], "{truths:?}: {status}");
    let ids: Vec<&Value> =
        status["results"].as_array().context("no results")?.iter().map(|row| &row["momentId"]).collect();
    ensure!(ids.len() == 2 && ids[0] != ids[1], "{ids:?}");
    Ok(())
}

/// Somebody whose phone is not ours posts the same words after the call was lost.
#[tokio::test]
async fn read_back_does_not_take_a_strangers_equal_words_for_its_own() -> Result<()> {
    let world = world().await?;
    let outlets = connect(&world, &["anna"]).await?;
    world.sandbox.gewe().arm(lost_before("anna"));
    let task = request(&world, &json!({"text": TEXT, "accountIds": [outlets[0].account_id]})).await?;
    world.drain_publications().await?;
    world.sandbox.gewe().post_by_friend("小李", TEXT).context("a device")?;
    let status = recover(&world, task).await?;
    let truths = check(&world, task, &status, TEXT, &outlets).await?;
    ensure!(truths == [unconfirmed()], "{truths:?}: {status}");
    Ok(())
}

/// Whichever of the two lists shows the post, it is found there; the other one is empty, late or not to be read.
#[tokio::test]
async fn read_back_finds_a_post_that_only_one_list_shows() -> Result<()> {
    const NEVER: u64 = 1_000_000_000;
    type Hide = fn(&World);
    let hide: [(&str, Hide); 5] = [
        ("the list of the person is empty", |world| {
            world.sandbox.gewe().configure(|settings| settings.contact_list_empty = true);
        }),
        ("the list of the person is late", |world| {
            world.sandbox.gewe().configure(|settings| settings.contact_list_delay_seconds = NEVER);
        }),
        ("the list of the person cannot be read", |world| {
            world.sandbox.gewe().arm(GeweFault::code(GeweEndpoint::ContactList, 500).permanent());
        }),
        ("the feed is late", |world| {
            world.sandbox.gewe().configure(|settings| settings.list_delay_seconds = NEVER);
        }),
        ("the feed cannot be read", |world| {
            world.sandbox.gewe().arm(GeweFault::new(GeweEndpoint::List, Effect::Http { status: 502 }).permanent());
        }),
    ];
    for (what, hide) in hide {
        let world = world().await?;
        let outlets = connect(&world, &["anna", "bob"]).await?;
        hide(&world);
        world.sandbox.gewe().arm(lost_after("anna"));
        world.sandbox.gewe().arm(lost_before("bob"));
        let (status, truths) = post(&world, &outlets).await?;
        ensure!(truths == [Oracle::Published, unconfirmed()], "{what}: {truths:?}: {status}");
    }
    Ok(())
}

/// Neither list can be read: nothing was learnt, and nothing is claimed.
#[tokio::test]
async fn read_back_of_two_unreadable_lists_claims_nothing() -> Result<()> {
    let world = world().await?;
    let outlets = connect(&world, &["anna"]).await?;
    world.sandbox.gewe().arm(lost_after("anna"));
    for list in [GeweEndpoint::List, GeweEndpoint::ContactList] {
        world.sandbox.gewe().arm(GeweFault::new(list, Effect::Http { status: 502 }).permanent());
    }
    let task = request(&world, &json!({"text": TEXT, "accountIds": [outlets[0].account_id]})).await?;
    let status = recover(&world, task).await?;
    ensure!(status["results"][0]["errorCode"] == UNCONFIRMED, "{status}");
    Ok(())
}

/// A post of the account that is recorded already is not counted a second time, however alike.
#[tokio::test]
async fn read_back_does_not_count_the_post_before_a_second_time() -> Result<()> {
    let world = world().await?;
    let outlets = connect(&world, &["anna"]).await?;
    let (first, truths) = post(&world, &outlets).await?;
    ensure!(truths == [Oracle::Published], "{first}");
    world.sandbox.gewe().arm(lost_before("anna"));
    // In the same second, so that the time does not tell them apart.
    let second = request(&world, &json!({"text": TEXT, "accountIds": [outlets[0].account_id]})).await?;
    let second = recover(&world, second).await?;
    ensure!(second["results"][0]["errorCode"] == UNCONFIRMED, "{second}");
    Ok(())
}

/// The account's row remembers the post that is recorded last, whichever way it was learnt, and no other account's.
#[tokio::test]
async fn account_row_has_the_post_recorded_last() -> Result<()> {
    let world = world().await?;
    let outlets = connect(&world, &["anna", "bob"]).await?;
    let remembered = async |name: &str| -> Result<Option<String>> {
        let id = &outlets.iter().find(|outlet| outlet.name == name).context("no such device")?.account_id;
        let rows = world.rows("t_wechat_account").await?;
        let row = rows.iter().find(|row| &row["account_id"] == id).context("no row")?;
        Ok(row.get("last_moment_id").cloned())
    };
    let newest = |name: &str| world.sandbox.gewe().posts_of(name).pop().map(|post| post.id.to_string());
    for (lost, what) in [(false, "answered"), (true, "found by reading back")] {
        if lost {
            world.sandbox.gewe().arm(lost_after("anna"));
        }
        world.advance(Duration::from_secs(3_600));
        let task = request(&world, &json!({"text": what, "accountIds": [outlets[0].account_id]})).await?;
        let status = recover(&world, task).await?;
        ensure!(status["status"] == "COMPLETED", "{what}: {status}");
        ensure!(remembered("anna").await? == newest("anna"), "{what}");
    }
    ensure!(remembered("bob").await?.is_none());
    Ok(())
}
