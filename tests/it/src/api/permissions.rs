//! Who may call what: every route, without a token, with the wrong one, and with exactly the permission that
//! template.yaml declares for it. A handler that asks for another one fails here.

use std::collections::BTreeSet;

use anyhow::Result;
use functions::catalog;

use crate::contract::USER;
use crate::snapshot::ExpectedError;
use crate::{Event, World};

#[tokio::test]
async fn route_without_its_own_permission_is_refused() -> Result<()> {
    let world = World::start().await?;
    let all: BTreeSet<&str> = catalog::ROUTES.iter().map(|route| route.permission).collect();
    let before = world.snapshot().await?;
    let forged = local::token::issue(&"x".repeat(32), USER, &["*".to_owned()], jiff::SignedDuration::from_hours(1))?;
    let expired =
        local::token::issue(crate::world::JWT_SECRET, USER, &["*".to_owned()], jiff::SignedDuration::from_mins(-2))?;
    let unauthenticated = ExpectedError::new(401, "UNAUTHENTICATED");
    for catalog::Route { name: function, permission, .. } in catalog::ROUTES.iter().copied() {
        let sample = Event::sample(function)?;
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
async fn route_that_declares_no_permission_ignores_tokens() -> Result<()> {
    let world = World::start().await?;
    for catalog::OpenRoute { name: function, .. } in catalog::OPEN_ROUTES.iter().copied() {
        let sample = Event::sample(function)?;
        let bare = world.call(&sample.clone().without_header("authorization")).await?;
        let with_token = world.call(&sample.bearer(&world.token(USER, &["*"])?)).await?;
        assert_eq!(bare.status, with_token.status, "{function}");
    }
    Ok(())
}

#[tokio::test]
async fn route_with_its_permission_or_a_wildcard_is_allowed() -> Result<()> {
    let world = World::start().await?;
    for catalog::Route { name: function, permission, .. } in catalog::ROUTES.iter().copied() {
        let borders = permission.match_indices(':').map(|(border, _)| format!("{}:*", &permission[..border]));
        for held in borders.chain([permission.to_owned(), "*".to_owned()]) {
            let held = held.as_str();
            let answer = world.call(&Event::sample(function)?.bearer(&world.token(USER, &[held])?)).await?;
            assert!(![401, 403].contains(&answer.status), "{function} with {held}: {answer:?}");
        }
    }
    Ok(())
}
