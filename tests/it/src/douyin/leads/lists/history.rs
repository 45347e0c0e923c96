//! Random leads with a past: syncs at several times, fans who come, go and change, fans of both accounts, and work on
//! the leads.

use std::time::Duration;

use anyhow::{Result, ensure};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use sandbox::douyin::FanChange;
use serde_json::{Value, json};

use super::stand_in::StandIn;
use crate::{Event, World};

/// Whose leads they are.
pub const USER: u64 = 1001;
/// Another user with leads of their own, in the same tables.
const NEIGHBOUR: u64 = 2002;
/// Whose the user's leads are.
pub const OWNERS: [&str; 3] = ["staff-1", "staff-17", "员工#00000"];
pub const SHOPS: [&str; 2] = ["shop", "branch"];

/// What notes are made of: every kind of text that searching folds or must leave alone.
const NOTES: [&str; 14] = [
    "想要ＶＩＰ卡",
    "vip customer",
    "已加微信 WeChat:Ａｂｃ１２３",
    "周五回访🌸",
    "👨‍👩‍👧‍👦一家人",
    "价格？？太贵",
    "ＡＢＣ",
    "abc",
    "ｶﾀｶﾅ店",
    "Straße",
    "100%_满意",
    "  前后有空格  ",
    "第一行\n第二行\t完",
    "𠮷野家",
];

pub async fn make(world: &mut World, random: &mut StdRng) -> Result<()> {
    let mut ids = Vec::new();
    for (shop, fans) in SHOPS.into_iter().zip([random.random_range(60..150), random.random_range(1..40)]) {
        world.douyin_account(shop, fans);
        ids.push(world.authorize(USER, shop).await?);
    }
    world.douyin_account("neighbour", 30);
    let neighbour = world.authorize(NEIGHBOUR, "neighbour").await?;
    let twin = StandIn::start(&world.sandbox).await?;
    world.set("DOUYIN_BASE_URL", twin.url());

    let mut leads = 0;
    for round in 0..6 {
        // Some syncs happen within one second: their leads share a time.
        if random.random_bool(0.8) {
            world.advance(Duration::from_millis(random.random_range(1..200_000_000)));
        }
        let which = usize::from(random.random_bool(0.4));
        // Now and then the branch has the shop's fans too.
        twin.show(&ids[1], random.random_bool(0.5).then_some(SHOPS[0]));
        let strategy = *["INCREMENTAL", "FULL"].choose(random).unwrap();
        let progress = world.sync(USER, &ids[which], strategy).await?;
        ensure!(progress["status"] == "COMPLETED", "{progress}");
        leads += progress["created"].as_u64().unwrap_or_default();
        if round == 2 {
            world.sync(NEIGHBOUR, &neighbour, "INCREMENTAL").await?;
        }
        for _ in 0..random.random_range(0..20) {
            work(world, random, leads).await?;
        }
        let some = |random: &mut StdRng| random.random_range(0..12);
        let change =
            FanChange { add: some(random), unfollow: some(random), refollow: some(random), rename: some(random) };
        world.sandbox.douyin().change_fans(SHOPS[which], change);
    }
    // Whatever chance has done: both accounts contributed, and some fans follow both.
    for (shown, id) in [(None, &ids[0]), (None, &ids[1]), (Some(SHOPS[0]), &ids[1])] {
        twin.show(&ids[1], shown);
        let progress = world.sync(USER, id, "INCREMENTAL").await?;
        ensure!(progress["status"] == "COMPLETED", "{progress}");
    }
    Ok(())
}

/// One change of a random lead, whichever its state allows.
async fn work(world: &World, random: &mut StdRng, leads: u64) -> Result<()> {
    if leads == 0 {
        return Ok(());
    }
    let id = random.random_range(1..=leads).to_string();
    let lead = world.call_as(USER, Event::sample("douyin-lead")?.path("leadId", &id)).await?;
    let mut body = json!({});
    if random.random_bool(0.6) {
        body["notes"] = notes(random).into();
    }
    if random.random_bool(0.4) {
        body["ownerId"] = ["", OWNERS[0], OWNERS[1], OWNERS[2]].choose(random).copied().into();
    }
    if random.random_bool(0.6) {
        let next = match lead.data()["status"].as_str() {
            Some("NEW") => "CONTACTED",
            Some("CONTACTED") if random.random_bool(0.7) => "CONVERTED",
            _ => "NEW",
        };
        body["status"] = next.into();
        body["reopen"] = Value::from(next == "NEW");
    }
    if random.random_bool(0.3) {
        world.advance(Duration::from_secs(random.random_range(0..100)));
    }
    let answer = world.call_as(USER, Event::sample("douyin-lead-update")?.path("leadId", &id).json(&body)).await?;
    ensure!(answer.status == 200, "{body} was answered {answer:?}");
    Ok(())
}

fn notes(random: &mut impl Rng) -> String {
    (0..random.random_range(0..4)).map(|_| *NOTES.choose(random).unwrap()).collect()
}
