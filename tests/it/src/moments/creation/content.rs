//! Texts that must not be posted, and those that just may be and have to arrive as they were written.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::World;
use crate::moments::bad_input::{CONTENT, Desk, USER};

#[tokio::test]
async fn creation_with_a_text_that_breaks_a_rule_is_refused() -> Result<()> {
    let mut world = World::start().await?;
    world.set("SENSITIVE_WORDS", "稳赚不赔, VX内幕");
    let desk = Desk::in_world(world).await?;
    let nothing = "文字、图片或视频至少需要一项";
    let cases: Vec<(&str, Value, &[&str], &str)> = vec![
        ("no content", json!({"text": null}), &["text"], nothing),
        ("an empty text", json!({"text": ""}), &["text"], nothing),
        ("spaces and line breaks", json!({"text": " \n\t "}), &["text"], nothing),
        ("spaces as wide as characters", json!({"text": "\u{3000}\u{3000}"}), &["text"], nothing),
        ("characters without a look", json!({"text": "\u{200b}\u{2060}\u{feff}\u{200d}"}), &["text"], nothing),
        ("what varies a character that is not there", json!({"text": "\u{fe0f}\u{fe0e}"}), &["text"], nothing),
        ("letters that look blank", json!({"text": "\u{3164}\u{2800}\u{34f}"}), &["text"], nothing),
        ("a tag of a language", json!({"text": "\u{e0001}"}), &["text"], nothing),
        (
            "no field filled in",
            json!({"text": "", "mediaUrls": [], "contentId": "", "scheduledTime": ""}),
            &["text"],
            nothing,
        ),
        ("an empty text without media", json!({"text": "", "mediaUrls": []}), &["text"], nothing),
        ("2,001 letters", json!({"text": "a".repeat(2_001)}), &["text"], "2001 字、2001 字节"),
        ("1,334 characters", json!({"text": "字".repeat(1_334)}), &["text"], "1334 字、4002 字节"),
        ("4,001 bytes", json!({"text": "字".repeat(1_333) + "ab"}), &["text"], "1335 字、4001 字节"),
        ("1,001 emoji", json!({"text": "😀".repeat(1_001)}), &["text"], "请精简"),
        ("NUL", json!({"text": "早\u{0}上好"}), &["text"], "控制字符，请删除"),
        ("a bell", json!({"text": "早上好\u{7}"}), &["text"], "控制字符，请删除"),
        ("an escape sequence", json!({"text": "\u{1b}[31m红\u{1b}[0m"}), &["text"], "控制字符，请删除"),
        ("DEL", json!({"text": "早\u{7f}"}), &["text"], "控制字符，请删除"),
        ("a control character of the upper half", json!({"text": "早\u{85}上"}), &["text"], "控制字符，请删除"),
        ("a sensitive word", json!({"text": "本店项目稳赚不赔！"}), &["text"], "稳赚不赔"),
        ("one cut by what nobody sees", json!({"text": "稳\u{200b}赚不\u{feff}赔"}), &["text"], "稳赚不赔"),
        ("one cut by a variation", json!({"text": "稳\u{fe0f}赚不\u{3164}赔"}), &["text"], "稳赚不赔"),
        ("one of full width", json!({"text": "加群看ＶＸ内幕"}), &["text"], "vx内幕"),
        ("one in other letters", json!({"text": "加群看vx内幕"}), &["text"], "敏感词"),
        ("two faults", json!({"text": "稳赚不赔\u{7}"}), &["text", "text"], "请修改"),
        (
            "one in each field",
            json!({"text": "\u{7}", "mediaUrls": ["http://a.cn/1.jpg"]}),
            &["text", "mediaUrls[0]"],
            "请删除",
        ),
    ];
    for (what, changes, fields, remedy) in cases {
        desk.refuses(what, &desk.post(changes)?, &CONTENT.on(fields), remedy).await?;
    }
    Ok(())
}

#[tokio::test]
async fn creation_with_a_text_at_the_limits_is_published_unchanged() -> Result<()> {
    let desk = Desk::open().await?;
    let member = desk.world.connect_corp(USER, "花店", &["lily"]).await?.remove(0);
    let accounts = json!([desk.device, member]);
    let texts = [
        ("2,000 letters", "a".repeat(2_000)),
        ("1,333 characters", "字".repeat(1_333)),
        ("4,000 bytes to the last", "字".repeat(1_333) + "a"),
        ("1,000 emoji", "😀".repeat(1_000)),
        ("families of joined emoji and a flag", "👨‍👩‍👧‍👦 全家福 🇨🇳 ❤️‍🔥".to_owned()),
        ("lines and columns", "第一行\n\n第三行\t列".to_owned()),
        (
            "what markup and JSON would trip over",
            r#"<b>&amp;</b> "引号" \n 'x' %s {0} ]]> </TimelineObject>"#.to_owned(),
        ),
        ("a character above the first plane", "𠮷野家".to_owned()),
        ("writing from right to left", "مرحبا 早上好 שלום".to_owned()),
        (
            "a composed letter, a decomposed one, full width, and what is not seen",
            "é e\u{301} ＶＩＰ\u{fe0f}\u{3164}专享\u{200b}".to_owned(),
        ),
    ];
    for (what, text) in &texts {
        let task = desk.grants(what, &desk.post(json!({"text": text, "accountIds": accounts}))?).await?;
        // Nobody has confirmed yet: the company is asked, the device has posted.
        desk.world.drain_publications().await?;
        let posted = desk.world.sandbox.gewe().posts_of("phone").pop();
        ensure!(posted.is_some_and(|post| post.text == *text), "{what}: another text at the gateway");
        let asked = desk.world.sandbox.wecom().moment_tasks().pop();
        ensure!(asked.is_some_and(|moment| moment.text_hash == sandbox::text_hash(text)), "{what}: at WeCom");
        let shown = desk.world.post_status(USER, task).await?;
        ensure!(shown["status"] == "PROCESSING", "{what}: {shown}");
    }
    let violations = desk.world.sandbox.journal().violations();
    ensure!(violations.is_empty(), "{violations:?}");
    Ok(())
}

#[tokio::test]
async fn creation_with_line_ends_of_other_systems_publishes_line_feeds() -> Result<()> {
    let desk = Desk::open().await?;
    let task = desk.grants("CRLF", &desk.post(json!({"text": "第一行\r\n第二行\r第三行"}))?).await?;
    desk.publishes("CRLF", task).await?;
    let posts = desk.world.sandbox.gewe().posts_of("phone");
    ensure!(posts.iter().map(|post| post.text.as_str()).eq(["第一行\n第二行\n第三行"]), "{posts:?}");
    Ok(())
}
