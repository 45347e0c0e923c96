//! Reading back what a device posted, and removing it.

use aws_lc_rs::digest;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::post::Post;
use super::super::world::World;
use super::super::xml;
use super::{Call, Outcome, Problem};

/// The device's own posts below `maxId`, newest first. A post nobody else sees is in the list like any other.
pub(super) fn own(world: &mut World, call: &mut Call, name: &str, now: Timestamp) -> Outcome {
    world.show(name);
    let before = if call.body.contains_key("maxId") {
        call.id("maxId").ok_or_else(|| Problem::of(call.endpoint, "maxId格式错误"))?
    } else {
        0
    };
    let item = |post: &Post| {
        json!({
            "id": post.id, "userName": post.author, "nickName": post.nickname, "createTime": post.at.as_second(),
            "snsXml": xml::timeline(post, world.settings.xml),
            "likeCount": 0, "likeList": null, "commentCount": 0, "commentList": null,
            "withUserCount": 0, "withUserList": null,
        })
    };
    let page: Vec<&Post> = world.posts.listed(name, before, now).take(world.settings.page_size).collect();
    let first: Vec<u64> = world.posts.listed(name, 0, now).take(world.settings.page_size).map(|post| post.id).collect();
    let items: Vec<Value> = page.iter().map(|post| item(post)).collect();
    Ok(Some(json!({
        "firstPageMd5": fingerprint(&first),
        "maxId": page.last().map_or(0, |post| post.id),
        "snsCount": items.len(),
        "requestTime": now.as_second(),
        "snsList": items,
    })))
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
