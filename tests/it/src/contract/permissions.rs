//! Who may call what: every route, without a token, with the wrong one, and with exactly the right permission.

use std::collections::BTreeSet;

use anyhow::Result;

use super::USER;
use crate::evidence::{Refusal, functions_behind_the_api};
use crate::{Event, World};

/// The permission of each function; none for those that platforms call.
const PERMISSIONS: &[(&str, Option<&str>)] = &[
    ("douyin-auth-url", Some("lead:douyin:auth:get_url")),
    ("douyin-auth-callback", None),
    ("douyin-auth-confirm", Some("lead:douyin:auth:get_url")),
    ("douyin-fans-sync", Some("lead:douyin:fans:sync")),
    ("douyin-fans-sync-task", Some("lead:douyin:fans:sync")),
    ("douyin-leads", Some("lead:douyin:leads:view")),
    ("douyin-lead", Some("lead:douyin:leads:view")),
    ("douyin-lead-update", Some("lead:douyin:leads:edit")),
    ("douyin-accounts", Some("lead:douyin:accounts:view")),
    ("douyin-account-delete", Some("lead:douyin:accounts:manage")),
    ("douyin-webhook", None),
    ("wechat-accounts", Some("workbench:wechat:moments:accounts:view")),
    ("moment-sync", Some("workbench:wechat:moments:sync:create")),
    ("moment-task", Some("workbench:wechat:moments:task:view")),
    ("moment-tasks", Some("workbench:wechat:moments:task:view")),
    ("moment-task-cancel", Some("workbench:wechat:moments:task:manage")),
    ("moment-task-retry", Some("workbench:wechat:moments:task:manage")),
    ("moment-task-update", Some("workbench:wechat:moments:task:manage")),
    ("wechat-account-connect", Some("workbench:wechat:accounts:manage")),
    ("wechat-account-disconnect", Some("workbench:wechat:accounts:manage")),
    ("gateway-webhook", None),
];

#[tokio::test]
async fn every_route_wants_its_own_permission_and_nothing_less() -> Result<()> {
    let covered: BTreeSet<String> = PERMISSIONS.iter().map(|(function, _)| (*function).to_owned()).collect();
    assert_eq!(covered, functions_behind_the_api()?, "a route without a row in the table, or a row without a route");

    let world = World::start().await?;
    let all: BTreeSet<&str> = PERMISSIONS.iter().filter_map(|(_, permission)| *permission).collect();
    let before = world.snapshot().await?;
    let forged = local::token::issue(&"x".repeat(32), USER, &["*".to_owned()], jiff::SignedDuration::from_hours(1))?;
    let expired =
        local::token::issue(crate::world::JWT_SECRET, USER, &["*".to_owned()], jiff::SignedDuration::from_mins(-2))?;
    for (function, permission) in PERMISSIONS.iter().copied() {
        let sample = Event::sample(function)?;
        let unauthenticated = Refusal::new(401, "UNAUTHENTICATED");
        let Some(permission) = permission else {
            // What protects these is not a token: neither is one asked for, nor does one help.
            let bare = world.call(&sample.clone().without_header("authorization")).await?;
            let with_token = world.call(&sample.bearer(&world.token(USER, &["*"])?)).await?;
            assert_eq!(bare.status, with_token.status, "{function}");
            continue;
        };
        let without = sample.clone().without_header("authorization");
        for (what, event) in [
            ("no token", without.clone()),
            ("a forged token", sample.clone().bearer(&forged)),
            ("an expired token", sample.clone().bearer(&expired)),
            ("no JWT", sample.clone().bearer("abc")),
            ("another scheme", without.header("authorization", "Basic dXNlcjpwYXNz")),
        ] {
            unauthenticated.check(&format!("{function} with {what}"), &world.call(&event).await?);
        }

        let others: Vec<&str> = all.iter().copied().filter(|other| *other != permission).collect();
        let (area, _) = permission.rsplit_once(':').unwrap();
        let near = [&permission[..permission.len() - 1], area, &format!("{permission}:more"), &format!("{area}*")];
        for (what, held) in [("all but its own", &*others), ("look-alikes", &near), ("none", &[])] {
            let answer = world.call(&sample.clone().bearer(&world.token(USER, held)?)).await?;
            assert_eq!((answer.status, answer.error_type()), (403, "PERMISSION_DENIED"), "{function} with {what}");
            let reason = answer.body["error"]["reason"].as_str().unwrap();
            assert_eq!(reason, format!("请联系管理员开通权限 {permission}"), "{function} with {what}");
        }
        world.snapshot().await?.assert_unchanged_since(&before, function);
    }
    Ok(())
}

#[tokio::test]
async fn the_permission_alone_or_a_wildcard_over_it_is_enough() -> Result<()> {
    let world = World::start().await?;
    for (function, permission) in PERMISSIONS.iter().filter_map(|(name, held)| Some((*name, (*held)?))) {
        let borders = permission.match_indices(':').map(|(border, _)| format!("{}:*", &permission[..border]));
        for held in borders.chain([permission.to_owned(), "*".to_owned()]) {
            let held = held.as_str();
            let answer = world.call(&Event::sample(function)?.bearer(&world.token(USER, &[held])?)).await?;
            assert!(![401, 403].contains(&answer.status), "{function} with {held}: {answer:?}");
        }
    }
    Ok(())
}
