//! Where a user must not be sent back to.

use anyhow::Result;

use crate::World;
use crate::bad_input::USER;
use crate::snapshot::ExpectedError;

#[tokio::test]
async fn redirect_to_an_origin_that_is_not_listed_is_refused_in_every_notation() -> Result<()> {
    let mut world = World::start().await?;
    world.set("REDIRECT_ORIGINS", "https://app.example.com,http://127.0.0.1:3000");
    let long = format!("https://app.example.com/{}", "x".repeat(2_048));
    let before = world.snapshot().await?;
    for url in [
        "https://evil.example/",
        "//evil.example",
        "//app.example.com/lead",
        "/lead/douyin",
        "lead",
        " ",
        "https://",
        "http://app.example.com/",
        "https://app.example.com:8443/",
        "https://127.0.0.1:3000/",
        "http://127.0.0.1/",
        "https://app.example.com.evil.example/",
        "https://app.example.com\u{3002}evil.example/",
        "https://app.example.com%2eevil.example/",
        "https://evil-app.example.com/",
        "https://sub.app.example.com/",
        "https://appXexample.com/",
        "https://app.example.com@evil.example/",
        "https://app.example.com:443@evil.example/",
        "https://user@app.example.com/",
        "https://user:password@app.example.com/",
        "https://evil.example\\@app.example.com/",
        "https://evil.example/?https://app.example.com/",
        "https://evil.example/#https://app.example.com/",
        "https://\u{430}pp.example.com/",
        "https://app.example.com%00.evil.example/",
        "javascript:alert(1)//https://app.example.com/",
        "data:text/html,https://app.example.com/",
        "ftp://app.example.com/",
        "https:///evil.example/",
        "null",
        &long,
    ] {
        let event = world.sample_as(USER, "douyin-auth-url")?.query(&[("redirectUrl", url)]);
        before.refuses(&world, url, &event, &ExpectedError::fields(&["redirectUrl"])).await?;
    }
    let two = [("redirectUrl", "https://app.example.com/"), ("redirectUrl", "https://evil.example/")];
    let event = world.sample_as(USER, "douyin-auth-url")?.query(&two);
    world.refused("two addresses", &event, &ExpectedError::fields(&["redirectUrl"])).await?;

    for (url, kept) in [
        ("https://app.example.com", "https://app.example.com/"),
        ("https://APP.example.com:443/lead?tab=1#top", "https://app.example.com/lead?tab=1#top"),
        // Read as a browser reads it: all of these lead to the listed host.
        ("https://app.example.com\\@evil.example/", "https://app.example.com/@evil.example/"),
        ("https://ａｐｐ.example.com/", "https://app.example.com/"),
        ("http://127.0.0.1:3000/back", "http://127.0.0.1:3000/back"),
    ] {
        let before = world.rows("t_oauth_state").await?;
        let event = world.sample_as(USER, "douyin-auth-url")?.query(&[("redirectUrl", url)]);
        let answer = world.call(&event).await?;
        assert_eq!(answer.status, 200, "{url}: {answer:?}");
        let mut states = world.rows("t_oauth_state").await?;
        states.retain(|row| !before.contains(row));
        assert_eq!(states[0]["redirect_url"], kept, "{url}");
    }
    Ok(())
}
