//! Times that are none, are over, or too far off. A post whose time cannot be read must never go out at once instead.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::moments::bad_input::{CONTENT, Desk};
use crate::snapshot::ExpectedError;

const YEAR: i64 = 365 * 86_400;

#[tokio::test]
async fn creation_with_a_time_that_is_no_instant_is_refused() -> Result<()> {
    let desk = Desk::open().await?;
    let form = "时间须为带时区的 RFC 3339 格式，例如";
    let day = &desk.at(7 * 86_400)[..10];
    let cases = [
        (json!(format!("{day}T09:30:00")), form),
        (json!(format!("{day} 09:30:00Z")), form),
        (json!(format!("{day}T09:30")), form),
        (json!(day), form),
        (json!(format!("{day}Z")), form),
        (json!("09:30:00Z"), form),
        (json!(format!("{day}T24:00:00Z")), form),
        (json!(format!("{day}T09:61:00Z")), form),
        (json!("2027-02-29T09:30:00Z"), form),
        (json!("2027-13-01T09:30:00Z"), form),
        (json!(format!("{day}T09:30:00+25:00")), form),
        (json!(format!("{day}T09:30:00+24:00")), form),
        (json!(format!("{day}T09:30:00+08:60")), form),
        (json!(format!("{day}T09:30:00+8")), form),
        (json!(format!("{day}T09:30:00 08:00")), form),
        (json!(format!("{day}T09:30:00CST")), form),
        (json!(format!("{day}T09:30:00 GMT+8")), form),
        (json!(format!("{day}T09:30:00[Asia/Shanghai]")), form),
        (json!(format!("{day}T09:30:00Z and more")), form),
        (json!(" "), form),
        (json!("明天上午"), form),
        (json!("null"), form),
        (json!("1795161600"), form),
        (json!("P1D"), form),
        (json!(1_795_161_600), "应为文本"),
        (json!(1_795_161_600_000_u64), "应为文本"),
        (json!(true), "应为文本"),
        (json!([desk.at(3_600)]), "应为文本"),
        (json!({"at": desk.at(3_600)}), "应为文本"),
    ];
    for (time, remedy) in cases {
        let event = desk.post(json!({"scheduledTime": time}))?;
        desk.refuses(&time.to_string(), &event, &ExpectedError::fields(&["scheduledTime"]), remedy).await?;
    }
    Ok(())
}

#[tokio::test]
async fn creation_with_a_time_in_the_past_or_too_far_ahead_is_refused() -> Result<()> {
    let desk = Desk::open().await?;
    let (over, far) = ("定时时间必须晚于当前时间；如需立即发布，请不要填写该字段", "定时时间不能晚于一年之后");
    // Somebody in Beijing writes the time there and forgets that Z means another place.
    let beijing = desk.at(8 * 3_600 - 60).replace('Z', "+08:00");
    for (what, time, remedy) in [
        ("now", desk.at(0), over),
        ("a second ago", desk.at(-1), over),
        ("a year ago", desk.at(-YEAR), over),
        ("the epoch", "1970-01-01T00:00:00Z".to_owned(), over),
        ("before it", "0001-01-01T00:00:00Z".to_owned(), over),
        ("an offset that makes it the past", beijing, over),
        ("a second more than a year", desk.at(YEAR + 1), far),
        ("the end of time", "9999-12-01T00:00:00Z".to_owned(), far),
        ("the end of the calendar", "9999-12-31T23:59:59Z".to_owned(), far),
    ] {
        let event = desk.post(json!({"scheduledTime": time}))?;
        desk.refuses(what, &event, &CONTENT.on(&["scheduledTime"]), remedy).await?;
    }
    Ok(())
}

#[tokio::test]
async fn creation_with_a_time_within_a_year_keeps_it_to_the_second() -> Result<()> {
    let desk = Desk::open().await?;
    let second = |seconds: i64| jiff::Timestamp::from_second(desk.world.clock.now().as_second() + seconds).unwrap();
    let east = second(3_600).to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(8)));
    let cases: Vec<(&str, Value, i64)> = vec![
        ("a second from now", json!(second(1).to_string()), 1),
        ("an hour from now", json!(second(3_600).to_string()), 3_600),
        ("the same in Beijing", json!(east.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()), 3_600),
        // Nothing goes out before its time, so a time between two seconds is the later one.
        ("with milliseconds", json!(second(3_600).to_string().replace('Z', ".250Z")), 3_601),
        ("exactly a year from now", json!(second(YEAR).to_string()), YEAR),
    ];
    for (what, time, seconds) in cases {
        let task = desk.grants(what, &desk.post(json!({"scheduledTime": time}))?).await?;
        let status = desk.world.post_status(crate::moments::bad_input::USER, task).await?;
        ensure!(status["scheduledTime"] == json!(second(seconds).to_string()), "{what}: {status}");
    }
    desk.world.drain_publications().await?;
    ensure!(desk.world.sandbox.gewe().published_posts().is_empty(), "no time has come yet");
    // What fits no delayed message is a schedule, to the second a fixed while early.
    ensure!(desk.world.scheduled().await?.len() == 4, "{:?}", desk.world.scheduled().await?);
    for absent in [json!(null), json!("")] {
        let what = format!("{absent} is no time");
        let task = desk.grants(&what, &desk.post(json!({"scheduledTime": absent}))?).await?;
        desk.publishes(&what, task).await?;
    }
    Ok(())
}
