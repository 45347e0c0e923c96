//! Bodies that are not what a route reads.

use anyhow::Result;
use leads::lead_edit::MAX_NOTES;
use serde_json::{Value, json};

use crate::bad_input::USER;
use crate::snapshot::ExpectedError;
use crate::{Browser, World};

/// Bodies that are no JSON object of a bearable size, for a route that has a text `field`.
pub(crate) fn no_objects(field: &str) -> Vec<(&'static str, String)> {
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    let texts = [
        ("empty", ""),
        ("blank", " \r\n\t"),
        ("null", "null"),
        ("an array", "[]"),
        ("its values as an array", r#"["CONTACTED","x",0,false]"#),
        ("a text", r#""{}""#),
        ("a number", "7"),
        ("a form", "douyinUserId=x&status=NEW"),
        ("cut off", r#"{"FIELD":"#),
        ("with single quotes", "{'FIELD':'x'}"),
        ("with a comment", r#"{"FIELD":"x"} // done"#),
        ("with a comma too many", r#"{"FIELD":"x",}"#),
        ("two objects", r#"{"FIELD":"x"}{}"#),
        ("XML", "<status>NEW</status>"),
        ("with a byte order mark", "\u{feff}{}"),
        ("with a bare line break in a text", "{\"FIELD\":\"a\nb\"}"),
        ("with half a surrogate pair", r#"{"FIELD":"\ud83d"}"#),
    ];
    let long = format!(r#"{{"{field}":"{}"}}"#, "x".repeat(65_536));
    let texts = texts.into_iter().map(|(what, text)| (what, text.replace("FIELD", field)));
    texts.chain([("too large", long), ("deep", deep)]).collect()
}

#[tokio::test]
async fn fan_sync_request_that_cannot_be_read_is_refused_with_its_fault() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 3);
    world.authorize(USER, "shop").await?;
    let sample = world.sample_as(USER, "douyin-fans-sync")?;
    let before = world.snapshot().await?;
    for (what, body) in no_objects("douyinUserId") {
        before.refuses(&world, what, &sample.clone().body(&body), &ExpectedError::fields(&["body"])).await?;
    }
    let id = format!(r#""douyinUserId":"{shop}""#);
    for (body, field) in [
        (r#"{}"#.to_owned(), "douyinUserId"),
        (r#"{"douyinUserId":null}"#.to_owned(), "douyinUserId"),
        (r#"{"douyinUserId":""}"#.to_owned(), "douyinUserId"),
        (r#"{"douyinUserId":7}"#.to_owned(), "douyinUserId"),
        (format!(r#"{{"douyinUserId":["{shop}"]}}"#), "douyinUserId"),
        (format!(r#"{{"douyinUserID":"{shop}"}}"#), "douyinUserID"),
        (format!(r#"{{"douyin_user_id":"{shop}"}}"#), "douyin_user_id"),
        (format!(r#"{{{id},{id}}}"#), "douyinUserId"),
        (format!(r#"{{{id},"strategy":"FULL"}}"#), "strategy"),
        (format!(r#"{{{id},"syncStrategy":"FULL","userId":2002}}"#), "userId"),
        (format!(r#"{{{id},"syncStrategy":"ALL"}}"#), "syncStrategy"),
        (format!(r#"{{{id},"syncStrategy":"full"}}"#), "syncStrategy"),
        (format!(r#"{{{id},"syncStrategy":"Full"}}"#), "syncStrategy"),
        (format!(r#"{{{id},"syncStrategy":""}}"#), "syncStrategy"),
        (format!(r#"{{{id},"syncStrategy":1}}"#), "syncStrategy"),
        (format!(r#"{{{id},"syncStrategy":["FULL"]}}"#), "syncStrategy"),
        (format!(r#"{{{id},"syncStrategy":{{"FULL":null}}}}"#), "syncStrategy"),
        (format!(r#"{{{id},"syncStrategy":"FULL","syncStrategy":"FULL"}}"#), "syncStrategy"),
    ] {
        before.refuses(&world, &body, &sample.clone().body(&body), &ExpectedError::fields(&[field])).await?;
    }
    world.expect_empty_queues().await
}

#[tokio::test]
async fn confirmation_request_that_cannot_be_read_is_refused_with_its_fault() -> Result<()> {
    let world = World::start().await?;
    world.douyin_account("shop", 0);
    let ticket = Browser::parks(&world, USER, "shop", "http://127.0.0.1:9000/lead").await?;
    let sample = world.sample_as(USER, "douyin-auth-confirm")?;
    let before = world.snapshot().await?;
    for (what, body) in no_objects("ticket") {
        before.refuses(&world, what, &sample.clone().body(&body), &ExpectedError::fields(&["body"])).await?;
    }
    for (body, field) in [
        (json!({}), "ticket"),
        (json!({"ticket": null}), "ticket"),
        (json!({"ticket": ""}), "ticket"),
        (json!({"ticket": " \t"}), "ticket"),
        (json!({"ticket": 7}), "ticket"),
        (json!({"ticket": [ticket]}), "ticket"),
        (json!({"Ticket": ticket}), "Ticket"),
        (json!({"ticket": ticket, "userId": 2002}), "userId"),
    ] {
        before.refuses(&world, field, &sample.clone().json(&body), &ExpectedError::fields(&[field])).await?;
    }
    for unknown in ["x".to_owned(), "票".repeat(20), ticket.to_lowercase() + "x", "A".repeat(60_000)] {
        let event = sample.clone().json(&json!({ "ticket": unknown }));
        before.refuses(&world, "unknown", &event, &ExpectedError::new(410, "DOUYIN_AUTH_ERROR")).await?;
    }
    assert_eq!(world.confirm(USER, &ticket).await?.status, 200, "none of this has spent the ticket");
    Ok(())
}

#[tokio::test]
async fn lead_change_that_cannot_be_read_is_refused_with_its_fault() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 3);
    world.authorize(USER, "shop").await?;
    world.sync(USER, &shop, "INCREMENTAL").await?;
    let sample = world.sample_as(USER, "douyin-lead-update")?.path("leadId", "1");
    let before = world.snapshot().await?;
    for (what, body) in no_objects("notes") {
        before.refuses(&world, what, &sample.clone().body(&body), &ExpectedError::fields(&["body"])).await?;
    }
    let cases: [(Value, &str); 24] = [
        (json!({"status": "LOST"}), "status"),
        (json!({"status": "new"}), "status"),
        (json!({"status": ""}), "status"),
        (json!({"status": 1}), "status"),
        (json!({"status": ["CONTACTED"]}), "status"),
        (json!({"status": {"CONTACTED": null}}), "status"),
        (json!({"notes": 7}), "notes"),
        (json!({"notes": ["x"]}), "notes"),
        (json!({"notes": {"text": "x"}}), "notes"),
        (json!({"notes": "长".repeat(MAX_NOTES + 1)}), "notes"),
        (json!({"notes": "🌸".repeat(MAX_NOTES + 1), "status": "CONTACTED"}), "notes"),
        (json!({"version": "0", "notes": "x"}), "version"),
        (json!({"version": -1, "notes": "x"}), "version"),
        (json!({"version": 0.5, "notes": "x"}), "version"),
        (json!({"version": 1e30, "notes": "x"}), "version"),
        (json!({"reopen": "true", "status": "NEW"}), "reopen"),
        (json!({"reopen": 1, "status": "NEW"}), "reopen"),
        (json!({"reopen": true}), "reopen"),
        (json!({"reopen": true, "notes": "x"}), "reopen"),
        (json!({"reopen": true, "status": null}), "reopen"),
        (json!({"note": "x"}), "note"),
        (json!({"notes": "x", "Status": "CONTACTED"}), "Status"),
        (json!({"notes": "x", "nickname": "老王"}), "nickname"),
        (json!({"notes": "x", "leadId": 2}), "leadId"),
    ];
    for (body, field) in cases {
        before
            .refuses(&world, &body.to_string(), &sample.clone().json(&body), &ExpectedError::fields(&[field]))
            .await?;
    }
    let twice = sample.clone().body(r#"{"notes":"a","notes":"b"}"#);
    world.refused("notes twice", &twice, &ExpectedError::fields(&["notes"])).await?;

    let longest = sample.json(&json!({"notes": "🌸".repeat(MAX_NOTES)}));
    assert_eq!(world.call(&longest).await?.status, 200, "the longest notes are a thousand characters, not bytes");
    world.expect_empty_queues().await
}

#[tokio::test]
async fn webhook_that_is_not_douyins_changes_nothing() -> Result<()> {
    let world = World::start().await?;
    world.douyin_account("shop", 0);
    world.authorize(USER, "shop").await?;
    let message = world.sandbox.douyin().revoke_quietly("shop").unwrap();
    let secret = world.sandbox.douyin().client_secret();
    let sample = crate::Event::sample("douyin-webhook")?.header("msg-id", &message.message_id);
    let signed = |body: &str| {
        let signature = sandbox::douyin::signature(&secret, body.as_bytes());
        sample.clone().header("x-douyin-signature", &signature).body(body)
    };
    let unauthenticated = ExpectedError::new(401, "UNAUTHENTICATED");
    let unsigned = sample.clone().without_header("x-douyin-signature").body(&message.body);
    for (what, event) in [
        ("unsigned", unsigned),
        ("signed for nothing", sample.clone().header("x-douyin-signature", "").body(&message.body)),
        ("signed with another secret", {
            let signature = sandbox::douyin::signature("another secret", message.body.as_bytes());
            sample.clone().header("x-douyin-signature", &signature).body(&message.body)
        }),
        ("changed after signing", {
            let body = message.body.replace("unauthorize", "unauthorizE");
            sample.clone().header("x-douyin-signature", &message.signature).body(&body)
        }),
        ("without its newline", {
            sample.clone().header("x-douyin-signature", &message.signature).body(message.body.trim_end())
        }),
    ] {
        world.refused(what, &event, &unauthenticated).await?;
    }
    for body in ["", "null", "[]", "{}", "not json", r#"{"event":7}"#, r#"{"event":""}"#] {
        world.refused(&format!("body {body:?}"), &signed(body), &ExpectedError::fields(&["body"])).await?;
    }
    let own = world.sandbox.douyin().client_key().to_owned();
    let nobody = json!({"event": "unauthorize", "client_key": own, "content": {}}).to_string();
    let stranger = json!({"event": "unauthorize", "client_key": own, "from_user_id": "x".repeat(3_000), "content": {}});
    let foreign = message.body.replace(&own, "another-app");
    let ignored = [("nobody's", &nobody), ("an unknown account's", &stranger.to_string()), ("another app's", &foreign)];
    for (what, body) in ignored {
        let before = world.snapshot().await?;
        assert_eq!(world.call(&signed(body)).await?.status, 200, "{what}");
        world.snapshot().await?.assert_unchanged_since(&before, what);
    }
    Ok(())
}
