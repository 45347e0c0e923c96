//! Ids in the path that are none: there is no such thing, and that is all anybody learns.

use anyhow::Result;
use functions::catalog;
use serde_json::json;

use crate::World;
use crate::bad_input::USER;
use crate::snapshot::{ExpectedError, last_parameter};

/// The parameters of paths that are numbers.
const NUMBERS: [&str; 2] = ["leadId", "taskId"];

const NOT_FOUND: ExpectedError<'_> = ExpectedError::new(404, "NOT_FOUND");

#[tokio::test]
async fn path_id_that_is_no_id_is_not_found() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 3);
    world.authorize(USER, "shop").await?;
    world.sync(USER, &shop, "INCREMENTAL").await?;
    let body = json!({"status": "CONTACTED", "notes": "x"});
    let numbered: Vec<(&str, &str)> = catalog::ROUTES
        .iter()
        .filter(|route| route.path.starts_with("/api/v1/lead/"))
        .filter_map(|route| Some((route.name, last_parameter(route.path).filter(|name| NUMBERS.contains(name))?)))
        .collect();
    assert!(numbered.len() >= 3, "{numbered:?}");
    let long = "9".repeat(5_000);
    let before = world.snapshot().await?;
    for id in [
        "0",
        "4",
        "00",
        "01",
        "+1",
        "-1",
        "1.0",
        "1e0",
        "1 ",
        " 1",
        "1,2",
        "１",
        "一",
        "0x1",
        "abc",
        "null",
        "%31x",
        "%FF",
        "1%00",
        "1/history",
        "..",
        "9007199254740991",
        "9007199254740992",
        "18446744073709551617",
        &long,
    ] {
        for (function, parameter) in &numbered {
            let event = world.sample_as(USER, function)?.path(parameter, id);
            // Otherwise the sample's own body, which its route takes.
            let event = if *function == "douyin-lead-update" { event.json(&body) } else { event };
            let what = format!("{function} {id:.40}");
            before.refuses(&world, &what, &event, &NOT_FOUND).await?;
        }
    }
    world.expect_empty_queues().await
}

#[tokio::test]
async fn path_account_that_does_not_exist_is_not_found() -> Result<()> {
    let world = World::start().await?;
    world.douyin_account("shop", 0);
    let shop = world.authorize(USER, "shop").await?;
    let (longest, too_long) = ("x".repeat(2_048), "x".repeat(2_049));
    let (upper, cut) = (shop.to_uppercase() + "X", &shop[..shop.len() - 1]);
    for id in ["x", "%20", "抖音号", "%FF", "..", &upper, cut, &longest, &too_long] {
        let event = world.sample_as(USER, "douyin-account-delete")?.path("douyinUserId", id);
        world.refused(&format!("{id:.40}"), &event, &NOT_FOUND).await?;
    }
    Ok(())
}
