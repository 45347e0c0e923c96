//! Content that is to come from the content library: not there, somebody else's, not to be had, or no better than what
//! people type in.

use anyhow::{Result, ensure};
use sandbox::content::{ContentEndpoint, ContentFault, Draft};
use sandbox::fault::Effect;
use sandbox::media::MediaFile;
use serde_json::{Value, json};

use crate::World;
use crate::moments::bad_input::{CONTENT, Desk, STRANGER, USER};
use crate::snapshot::ExpectedError;

const DOWN: ExpectedError<'_> = ExpectedError::new(500, "MOMENT_SYNC_CREATION_FAILED");

fn put(world: &World, id: &str, owner: u64, text: &str, media_urls: &[&str]) {
    let media_urls = media_urls.iter().map(ToString::to_string).collect();
    let (content_id, text) = (id.to_owned(), text.to_owned());
    world.sandbox.content().put(Draft { content_id, owner_user_id: owner, text, media_urls, title: None });
}

#[tokio::test]
async fn draft_of_another_user_is_refused_like_one_that_is_missing() -> Result<()> {
    let desk = Desk::open().await?;
    put(&desk.world, "42", STRANGER, "别人的草稿", &[]);
    let long = "x".repeat(5_000);
    for forbidden in [false, true] {
        desk.world.sandbox.content().configure(|settings| settings.foreign_is_forbidden = forbidden);
        for id in [
            json!(42),
            json!("42"),
            json!(41),
            json!(0),
            json!(u64::MAX),
            json!("."),
            json!(".."),
            json!("../contents/42"),
            json!("草稿"),
            json!("a/b?c#d"),
            json!("%2e%2e"),
            json!(" "),
            json!(long),
        ] {
            let event = desk.post(json!({"text": null, "contentId": id}))?;
            let remedy = "内容不存在或不属于当前用户，请重新选择内容";
            desk.refuses(&format!("{id:.40}"), &event, &CONTENT.on(&["contentId"]), remedy).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn draft_with_the_library_unavailable_makes_no_task() -> Result<()> {
    let mut world = World::start().await?;
    world.set("CONTENT_TIMEOUT_SECONDS", "2");
    let desk = Desk::in_world(world).await?;
    put(&desk.world, "42", USER, "草稿", &[]);
    let event = desk.post(json!({"text": null, "contentId": 42}))?;
    let remedy = "请稍后再试，或直接填写文字与素材";
    for effect in [
        Effect::Http { status: 500 },
        Effect::Http { status: 503 },
        Effect::Http { status: 401 },
        Effect::Http { status: 302 },
        Effect::NotJson,
        Effect::EmptyBody,
        Effect::Drop,
        Effect::Hang { milliseconds: None },
        Effect::Code { code: 1, message: None },
    ] {
        let what = format!("{effect:?}");
        // Once for the post, and once for trying it out.
        desk.world.sandbox.content().arm(ContentFault::new(ContentEndpoint::Contents, effect).times(2));
        desk.refuses(&what, &event, &DOWN, remedy).await?;
    }
    desk.world.sandbox.content().configure(|settings| settings.latency_milliseconds = 4_000);
    desk.refuses("slower than anybody waits", &event, &DOWN, remedy).await?;
    desk.world.sandbox.content().configure(|settings| settings.latency_milliseconds = 0);
    desk.grants("once it is back", &event).await?;
    Ok(())
}

#[tokio::test]
async fn draft_without_a_configured_library_is_refused() -> Result<()> {
    let mut world = World::start().await?;
    world.set("CONTENT_API_URL", "");
    let desk = Desk::in_world(world).await?;
    let event = desk.post(json!({"text": null, "contentId": 42}))?;
    desk.refuses("no library", &event, &DOWN, "直接填写文字与素材").await
}

#[tokio::test]
async fn draft_that_breaks_a_rule_is_refused() -> Result<()> {
    let mut world = World::start().await?;
    world.set("SENSITIVE_WORDS", "稳赚不赔");
    let desk = Desk::in_world(world).await?;
    let media = desk.world.sandbox.media();
    let (image, video) =
        (media.put_file("a.jpg", MediaFile::jpeg(80, 80)), media.put_file("v.mp4", MediaFile::mp4(900)));
    let gone = media.url("gone");
    let (image, video, gone) = (image.as_str(), video.as_str(), gone.as_str());
    let (long, ten, mixed, missing) = ("字".repeat(1_334), [image; 10], [image, video], [gone]);
    let cases = [
        ("nothing", "", &[] as &[&str], "text", "至少需要一项"),
        ("blank", " \n", &[], "text", "至少需要一项"),
        ("too long", &long, &[], "text", "请精简"),
        ("a control character", "早\u{7}", &[], "text", "请删除"),
        ("a sensitive word", "稳赚不赔", &[], "text", "敏感词"),
        ("ten images", "早", &ten, "mediaUrls", "最多 9 张"),
        ("an image and a video", "早", &mixed, "mediaUrls[1]", "不能一起发布"),
        ("an address of ours", "早", &["https://169.254.169.254/"], "mediaUrls[0]", "请换用公网链接"),
        ("a missing image", "早", &missing, "mediaUrls[0]", "HTTP 404"),
    ];
    for (what, text, urls, field, remedy) in cases {
        put(&desk.world, "42", USER, text, urls);
        let event = desk.post(json!({"text": null, "contentId": 42}))?;
        desk.refuses(what, &event, &CONTENT.on(&[field]), remedy).await?;
    }
    Ok(())
}

#[tokio::test]
async fn draft_fields_are_overridden_by_those_of_the_request() -> Result<()> {
    let desk = Desk::open().await?;
    let media = desk.world.sandbox.media();
    let (of_draft, own) =
        (media.put_file("d.jpg", MediaFile::jpeg(80, 80)), media.put_file("o.jpg", MediaFile::jpeg(90, 90)));
    put(&desk.world, "42", USER, "草稿的文字", &[&of_draft, &of_draft]);
    let cases: Vec<(&str, Value, &str, usize)> = vec![
        ("the draft alone", json!({"text": null}), "草稿的文字", 2),
        ("with a text", json!({"text": "自己的文字"}), "自己的文字", 2),
        ("with media", json!({"text": null, "mediaUrls": [own]}), "草稿的文字", 1),
        ("with both", json!({"text": "自己的文字", "mediaUrls": [own]}), "自己的文字", 1),
        // A form sends the fields nobody filled in.
        ("with fields left empty", json!({"text": "", "mediaUrls": []}), "草稿的文字", 2),
        ("with a blank text", json!({"text": " \n", "mediaUrls": [own]}), "草稿的文字", 1),
    ];
    for (number, (what, changes, text, pictures)) in cases.into_iter().enumerate() {
        let id = if number % 2 == 0 { json!(42) } else { json!("42") };
        let task = desk
            .grants(what, &desk.post(crate::moments::bad_input::merged(changes, json!({"contentId": id})))?)
            .await?;
        desk.publishes(what, task).await?;
        let posted = desk.world.sandbox.gewe().posts_of("phone").pop().unwrap();
        ensure!((posted.text.as_str(), posted.media) == (text, pictures), "{what}: {posted:?}");
        ensure!(desk.world.post_status(USER, task).await?["contentId"] == id, "{what}");
    }
    put(&desk.world, "43", USER, " \u{3164}\n", &[&format!(" {of_draft}\n")]);
    let task = desk.grants("a draft of an image", &desk.post(json!({"text": null, "contentId": 43}))?).await?;
    desk.publishes("a draft of an image", task).await?;
    let posted = desk.world.sandbox.gewe().posts_of("phone").pop().unwrap();
    ensure!((posted.text.as_str(), posted.media) == ("", 1), "{posted:?}");
    let bad = desk.post(json!({"text": "早\u{7}", "contentId": 42}))?;
    let answer = desk.world.call(&bad).await?;
    CONTENT.on(&["text"]).check("a bad text is not saved by a good draft", &answer);
    Ok(())
}
