//! Reading back what an account sees, and removing what a device posted.

use aws_lc_rs::digest;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::post::Post;
use super::super::world::World;
use super::super::xml;
use super::{Call, Outcome, Problem};

/// The posts the account sees below `maxId`, its own and its friends', newest first. An own post nobody else sees is
/// among them like any other.
pub(super) fn feed(world: &mut World, call: &mut Call, name: &str, now: Timestamp) -> Outcome {
    page(world, call, now, |world, post| world.sees(name, post) && post.listed_from <= now)
}

/// The posts of one person below `maxId`, newest first; the account's own are asked for like anybody's.
pub(super) fn of_contact(world: &mut World, call: &mut Call, name: &str, now: Timestamp) -> Outcome {
    let wxid = call.text("wxid").unwrap_or_default().to_owned();
    page(world, call, now, |world, post| {
        post.author == wxid
            && world.sees(name, post)
            && post.contact_listed_from <= now
            && !world.settings.contact_list_empty
    })
}

/// One post the account sees.
pub(super) fn details(world: &mut World, call: &mut Call, name: &str, now: Timestamp) -> Outcome {
    let id = call.id("snsId").ok_or_else(|| Problem::of(call.endpoint, "snsId格式错误"))?;
    let seen = |post: &&Post| post.id == id && world.sees(name, post) && post.listed_from <= now;
    let item = world.posts.below(0).find(seen).map(|post| item(world, post));
    let Some((nickname, item)) = item else { return Err(Problem::plain(call.endpoint.failure())) };
    world.show_nickname(nickname);
    Ok(Some(item))
}

fn page(world: &mut World, call: &mut Call, now: Timestamp, shows: impl Fn(&World, &Post) -> bool) -> Outcome {
    let before = if call.body.contains_key("maxId") {
        call.id("maxId").ok_or_else(|| Problem::of(call.endpoint, "maxId格式错误"))?
    } else {
        0
    };
    if before != 0 && call.text("firstPageMd5").is_none() {
        call.violation("a later page without the firstPageMd5 of the first one");
    }
    let listed = |before| world.posts.below(before).filter(|post| shows(world, post)).take(world.settings.page_size);
    let first: Vec<u64> = listed(0).map(|post| post.id).collect();
    let last = listed(before).last().map_or(0, |post| post.id);
    let (nicknames, items): (Vec<String>, Vec<Value>) = listed(before).map(|post| item(world, post)).unzip();
    for nickname in nicknames {
        world.show_nickname(nickname);
    }
    Ok(Some(json!({
        "firstPageMd5": fingerprint(&first),
        "maxId": last,
        "snsCount": items.len(),
        "requestTime": now.as_second().saturating_add(world.settings.clock_ahead_seconds),
        "snsList": items,
    })))
}

/// A post as lists and details show it, with the nickname it tells.
fn item(world: &World, post: &Post) -> (String, Value) {
    let time = post.at.as_second().saturating_add(world.settings.clock_ahead_seconds);
    let text = if world.settings.trims_texts { post.text.trim() } else { post.text.as_str() };
    let item = json!({
        "id": post.id, "userName": post.author, "nickName": post.nickname, "createTime": time,
        "snsXml": xml::timeline(&Post { text: text.to_owned(), ..post.clone() }, world.settings.xml),
        "likeCount": 0, "likeList": null, "commentCount": 0, "commentList": null,
        "withUserCount": 0, "withUserList": null,
    });
    (post.nickname.clone(), item)
}

pub(super) fn delete(world: &mut World, call: &mut Call, name: &str) -> Outcome {
    let id = call.id("snsId").ok_or_else(|| Problem::of(call.endpoint, "snsId格式错误"))?;
    if world.posts.delete(name, id) { Ok(None) } else { Err(Problem::plain(call.endpoint.failure())) }
}

fn fingerprint(ids: &[u64]) -> String {
    let bytes: Vec<u8> = ids.iter().flat_map(|id| id.to_be_bytes()).collect();
    let hash = digest::digest(&digest::SHA256, &bytes);
    hash.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
