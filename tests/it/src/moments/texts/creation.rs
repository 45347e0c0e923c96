//! What a task must not be made of, and what is said while nobody can tell.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use functions::http::dispatch;
use functions::routes::moment_sync;
use sandbox::fault::Effect;
use sandbox::media::MediaFile;
use sandbox::text_check::{TextCheckEndpoint, TextCheckFault};
use serde_json::json;

use crate::event::Answer;
use crate::moments::bad_input::{CONTENT, Desk};
use crate::snapshot::ExpectedError;
use crate::world::{EndpointOverrides, World};

const NOT_JUDGED: ExpectedError<'_> = ExpectedError::new(503, "MOMENT_SYNC_CREATION_FAILED");
const ADVICE: &str = "请稍后再试";

#[tokio::test]
async fn creation_with_a_word_of_the_list_is_refused_and_the_version_is_kept_with_what_passes() -> Result<()> {
    let mut world = World::start().await?;
    world.put_words("稳赚不赔\r\n\n ＶＸ内幕\n").await?;
    world.set("SENSITIVE_WORDS", "加群");
    let mut desk = Desk::in_world(world).await?;
    for (what, text, word) in [
        ("a word of the list", "本店稳赚不赔", "稳赚不赔"),
        ("in another writing", "看vx\u{200b}内幕", "vx内幕"),
        ("one of the settings", "来加群", "加群"),
    ] {
        let event = desk.post(json!({"text": text}))?;
        desk.refuses(what, &event, &CONTENT.on(&["text"]), word).await?;
    }
    let task = desk.grants("another text", &desk.post(json!({"text": "早上好"}))?).await?;
    let row = desk.world.rows("t_moment_sync_task").await?.pop().context("no task")?;
    ensure!(row["words_version"].len() == 32, "the version is an ETag: {row:?}");
    desk.publishes("another text", task).await?;
    // Whoever posts no text needs no list.
    desk.world.remove_words().await?;
    let picture = desk.world.sandbox.media().put_file("1.jpg", MediaFile::jpeg(80, 80));
    desk.grants("a picture", &desk.post(json!({"text": null, "mediaUrls": [picture]}))?).await?;
    desk.settle().await?;
    let event = desk.post(json!({"text": "早上好"}))?;
    desk.refuses("a list that is gone", &event, &NOT_JUDGED, ADVICE).await
}

#[tokio::test]
async fn creation_learns_of_a_new_list_after_five_minutes_and_keeps_an_old_one_for_an_hour() -> Result<()> {
    let mut world = World::start().await?;
    world.put_words("稳赚").await?;
    let desk = Desk::in_world(world).await?;
    let base = desk.world.context("moment-sync", &EndpointOverrides::default()).await?;
    let app = moment_sync::App::new(&base).await?;
    let ask = async |text: &str| -> Result<u16> {
        let event = desk.post(json!({"text": text}))?;
        let answer = dispatch(&app, moment_sync::handle, event.request()?).await;
        Ok(Answer::new(answer).status)
    };
    ensure!((ask("稳赚").await?, ask("内幕").await?) == (422, 202));
    let put = desk.world.object_request(reqwest::Method::PUT, super::KEY)?.body("内幕").send().await?;
    ensure!(put.status().is_success());
    desk.world.advance(Duration::from_secs(299));
    ensure!(ask("稳赚").await? == 422, "read again before five minutes");
    desk.world.advance(Duration::from_secs(2));
    ensure!((ask("稳赚").await?, ask("内幕").await?) == (202, 422), "not read again after five minutes");
    desk.world.remove_words().await?;
    desk.world.advance(Duration::from_secs(3_500));
    ensure!((ask("好").await?, ask("内幕").await?) == (202, 422), "an old list does not serve");
    desk.world.advance(Duration::from_secs(101));
    ensure!((ask("好").await?, ask("内幕").await?) == (503, 503), "a list older than an hour serves");
    Ok(())
}

#[tokio::test]
async fn creation_with_a_list_that_cannot_be_used_is_refused() -> Result<()> {
    let mut world = World::start().await?;
    world.put_words(&(0..100_001).map(|number| format!("词{number}\n")).collect::<String>()).await?;
    let desk = Desk::in_world(world).await?;
    let event = desk.post(json!({"text": "早上好"}))?;
    desk.refuses("a list that is too long", &event, &NOT_JUDGED, ADVICE).await
}

#[tokio::test]
async fn creation_asks_the_service_and_tells_what_it_says() -> Result<()> {
    let mut world = World::start().await?;
    world.ask_service();
    let mut desk = Desk::in_world(world).await?;
    for (text, remedy) in [("违禁品", "未通过内容审核，请修改"), ("疑似广告", "人工复核，请修改")]
    {
        let event = desk.post(json!({"text": text}))?;
        desk.refuses(text, &event, &CONTENT.on(&["text"]), remedy).await?;
    }
    let checked = desk.world.sandbox.text_check().checked();
    desk.refuses("too long", &desk.post(json!({"text": "字".repeat(1_334)}))?, &CONTENT.on(&["text"]), "请精简")
        .await?;
    ensure!(desk.world.sandbox.text_check().checked() == checked, "it was asked about what is refused anyway");
    let task = desk.grants("a text that passes", &desk.post(json!({"text": "早上好"}))?).await?;
    desk.publishes("a text that passes", task).await?;

    // What the service wants looked at is posted where the operator says so.
    let form = r#"{"request":{"text":"$TEXT"},"verdict":"/suggestion","pass":["PASS","review"],"block":["block"],"review":[]}"#;
    desk.world.set("TEXT_CHECK_FORM", form);
    let task = desk.grants("for review", &desk.post(json!({"text": "疑似广告"}))?).await?;
    desk.publishes("for review", task).await
}

#[tokio::test]
async fn creation_while_the_service_does_not_answer_makes_no_task() -> Result<()> {
    let mut world = World::start().await?;
    world.ask_service();
    let desk = Desk::in_world(world).await?;
    let (service, event) = (desk.world.sandbox.text_check(), desk.post(json!({"text": "早上好"}))?);
    for effect in [
        Effect::Http { status: 500 },
        Effect::Http { status: 302 },
        Effect::NotJson,
        Effect::EmptyBody,
        Effect::Code { code: 1, message: None },
        Effect::Drop,
        Effect::Hang { milliseconds: None },
    ] {
        // For the post and for trying it out, each asked twice where the answer is lost.
        let what = format!("{effect:?}");
        service.arm(TextCheckFault::new(TextCheckEndpoint::Check, effect).permanent());
        desk.refuses(&what, &event, &NOT_JUDGED, ADVICE).await?;
        service.clear_faults();
    }
    service.configure(|settings| settings.latency_milliseconds = 1_500);
    desk.refuses("slower than anybody waits", &event, &NOT_JUDGED, ADVICE).await?;
    service.configure(|settings| (settings.latency_milliseconds, settings.token) = (0, "another".to_owned()));
    desk.refuses("a token that is refused", &event, &NOT_JUDGED, ADVICE).await?;
    service.configure(|settings| settings.token = sandbox::text_check::TOKEN.to_owned());
    service.arm(TextCheckFault::new(TextCheckEndpoint::Check, Effect::Drop));
    desk.grants("one lost answer", &event).await?;
    Ok(())
}
