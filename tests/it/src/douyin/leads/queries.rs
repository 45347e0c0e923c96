//! Lists that cannot be asked for that way, and lists of nothing.

use anyhow::Result;
use serde_json::json;

use crate::World;
use crate::bad_input::USER;
use crate::snapshot::ExpectedError;

/// A query, and the fields it must be refused for.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);

#[tokio::test]
async fn lead_list_query_that_is_invalid_is_refused_with_its_fields() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 3);
    world.authorize(USER, "shop").await?;
    world.sync(USER, &shop, "INCREMENTAL").await?;
    let long = "长".repeat(1_000);
    let cases: &[Case<'_>] = &[
        (&[("page", "0")], &["page"]),
        (&[("page", "-1")], &["page"]),
        (&[("page", "1.5")], &["page"]),
        (&[("page", "one")], &["page"]),
        (&[("page", "１")], &["page"]),
        (&[("page", " 1")], &["page"]),
        (&[("page", "9007199254740992")], &["page"]),
        (&[("page", "99999999999999999999999")], &["page"]),
        (&[("size", "0")], &["size"]),
        (&[("size", "101")], &["size"]),
        (&[("size", "1000")], &["size"]),
        (&[("size", "-10")], &["size"]),
        (&[("size", "ten")], &["size"]),
        (&[("startTime", "2026-11-20T16:00:00+08:00[America/New_York]")], &["startTime"]),
        (&[("startTime", "20260101T000000Z")], &["startTime"]),
        (&[("startTime", "2026-11-20T16:00:00+0800")], &["startTime"]),
        (&[("startTime", "2026-11-20 08:00:00Z")], &["startTime"]),
        (&[("endTime", "-001000-01-01T00:00:00Z")], &["endTime"]),
        (&[("startTime", "2026-11-20T08:00:00")], &["startTime"]),
        (&[("startTime", "2026-11-20")], &["startTime"]),
        (&[("startTime", "yesterday")], &["startTime"]),
        (&[("startTime", "1795140000")], &["startTime"]),
        (&[("startTime", "1795140000000")], &["startTime"]),
        (&[("startTime", "2026-13-01T00:00:00Z")], &["startTime"]),
        (&[("startTime", "2026-02-30T00:00:00Z")], &["startTime"]),
        (&[("startTime", "2026-11-20T25:00:00Z")], &["startTime"]),
        // What becomes of a `+` that was not encoded.
        (&[("startTime", "2026-11-20T08:00:00 08:00")], &["startTime"]),
        (&[("endTime", "2026/11/20 08:00:00")], &["endTime"]),
        (&[("endTime", "12026-11-20T08:00:00Z")], &["endTime"]),
        (&[("startTime", "2026-11-20T08:00:01Z"), ("endTime", "2026-11-20T08:00:00Z")], &["startTime"]),
        (&[("startTime", "2026-11-20T08:00:00Z"), ("endTime", "2026-11-20T15:59:59+08:00")], &["startTime"]),
        (&[("keyword", &long)], &["keyword"]),
        (&[("status", "LOST")], &["status"]),
        (&[("status", "new")], &["status"]),
        (&[("status", "NEW,CONTACTED")], &["status"]),
        (&[("page", "1"), ("page", "2")], &["page"]),
        (&[("keyword", "a"), ("keyword", "a")], &["keyword"]),
        (&[("status", "NEW"), ("status", "CONTACTED")], &["status"]),
        (&[("sourceDouyinUserId", "a"), ("sourceDouyinUserId", "b")], &["sourceDouyinUserId"]),
        (&[("pageSize", "5")], &["pageSize"]),
        (&[("status[]", "NEW"), ("Keyword", "a"), ("size", "5")], &["Keyword", "status[]"]),
        // All that is wrong is told at once.
        (
            &[("startTime", "x"), ("endTime", "y"), ("keyword", &long), ("status", "z"), ("page", "0"), ("size", "0")],
            &["startTime", "endTime", "keyword", "status", "page", "size"],
        ),
    ];
    let before = world.snapshot().await?;
    for (query, fields) in cases {
        let refusal = ExpectedError { fields, ..ExpectedError::new(400, "INVALID_DOUYIN_LEAD_QUERY") };
        let event = world.sample_as(USER, "douyin-leads")?.query(query);
        before.refuses(&world, &format!("{:.200}", format!("{query:?}")), &event, &refusal).await?;
    }
    world.expect_empty_queues().await
}

#[tokio::test]
async fn lead_list_query_that_matches_nothing_has_true_totals() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 23);
    world.authorize(USER, "shop").await?;
    world.sync(USER, &shop, "INCREMENTAL").await?;
    let before = world.snapshot().await?;
    let hundred = "很".repeat(100);
    for (query, total, size, current, pages) in [
        (&[("page", "4")][..], 23, 10, 4, 3),
        (&[("page", "2"), ("size", "23")], 23, 23, 2, 1),
        (&[("page", "9007199254740991"), ("size", "100")], 23, 100, 9_007_199_254_740_991_u64, 1),
        (&[("page", "2"), ("size", "100"), ("status", "NEW")], 23, 100, 2, 1),
        (&[("page", "9007199254740991"), ("status", "NEW")], 23, 10, 9_007_199_254_740_991, 3),
        (&[("keyword", "没有人叫这个名字")], 0, 10, 1, 0),
        (&[("keyword", &hundred)], 0, 10, 1, 0),
        (&[("keyword", "\\u0000%_*?[")], 0, 10, 1, 0),
        (&[("status", "CONVERTED")], 0, 10, 1, 0),
        (&[("sourceDouyinUserId", "no-such-account")], 0, 10, 1, 0),
        (&[("endTime", "2001-01-01T00:00:00Z")], 0, 10, 1, 0),
        (&[("endTime", "1969-12-31T23:59:59Z")], 0, 10, 1, 0),
        (&[("endTime", "0000-01-01T00:00:00Z")], 0, 10, 1, 0),
        (&[("startTime", "9999-12-30T00:00:00Z")], 0, 10, 1, 0),
        (&[("startTime", "9999-12-31T23:59:59Z")], 0, 10, 1, 0),
        (&[("startTime", "9000-01-01T00:00:00Z"), ("keyword", "小"), ("page", "7")], 0, 10, 7, 0),
    ] {
        let answer = world.leads(USER, query).await?;
        let mut data = answer.data().clone();
        // All of them are NEW, whichever status is asked for.
        let new = if query.iter().any(|(name, _)| *name == "status") { 23 } else { total };
        let counts = data.as_object_mut().and_then(|data| data.remove("statusCounts"));
        assert_eq!(counts, Some(json!({"NEW": new, "CONTACTED": 0, "CONVERTED": 0})), "{query:?}");
        let expected = json!({"records": [], "total": total, "size": size, "current": current, "pages": pages});
        assert_eq!((answer.status, &data), (200, &expected), "{query:?}");
    }
    for query in [
        &[("startTime", "1969-12-31T23:59:59Z")][..],
        &[("startTime", "0000-01-01T00:00:00Z"), ("endTime", "9999-12-31T23:59:59Z")],
        // How clients get around a cache.
        &[("_", "1795161600"), ("_t", "1")],
        &[("keyword", "\u{200b}\u{fe0f}")],
    ] {
        assert_eq!(world.leads(USER, query).await?.data()["total"], 23, "{query:?}");
    }
    world.snapshot().await?.assert_unchanged_since(&before, "reading");
    Ok(())
}
