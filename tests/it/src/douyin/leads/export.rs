//! The lead list as a file.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use kernel::dynamo::{n, s};
use serde_json::{Value, json};

use crate::bad_input::USER;
use crate::call::call;
use crate::proxy::Proxy;
use crate::snapshot::ExpectedError;
use crate::{Answer, Event, World};

const COLUMNS: [&str; 9] =
    ["线索编号", "渠道", "昵称", "抖音用户编号", "获取时间（北京时间）", "状态", "备注", "负责人", "来源抖音账号"];

const TOO_LARGE: ExpectedError<'_> = ExpectedError::new(422, "INVALID_DOUYIN_LEAD_QUERY");

async fn export(world: &World, query: &[(&str, &str)]) -> Result<Answer> {
    world.call_as(USER, Event::sample("douyin-leads-export")?.query(query)).await
}

/// The cells of a file, as RFC 4180 says.
fn cells(text: &str) -> Result<Vec<Vec<String>>> {
    let mut characters = text.strip_prefix('\u{feff}').context("no byte order mark")?.chars().peekable();
    let (mut lines, mut line, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut quoted = false;
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => line.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {
                ensure!(characters.next() == Some('\n'), "a line ends otherwise");
                line.push(std::mem::take(&mut cell));
                lines.push(std::mem::take(&mut line));
            }
            other => cell.push(other),
        }
    }
    ensure!(!quoted && cell.is_empty() && line.is_empty(), "the file is cut off");
    Ok(lines)
}

fn line(record: &Value, sources: &str) -> Vec<String> {
    let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
    let safe = |text: String| if text.starts_with(['=', '+', '-', '@', '\t']) { format!("'{text}") } else { text };
    let time: Timestamp = text("acquireTime").parse().unwrap();
    let status = match &*text("status") {
        "NEW" => "新线索",
        "CONTACTED" => "已联系",
        _ => "已转化",
    };
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(8));
    vec![
        record["leadId"].to_string(),
        text("channel"),
        safe(text("nickname")),
        safe(text("douyinUserId")),
        time.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        status.to_owned(),
        safe(text("notes")),
        safe(text("ownerId")),
        sources.to_owned(),
    ]
}

#[tokio::test]
async fn lead_export_is_the_filtered_list_as_a_file_that_excel_opens() -> Result<()> {
    let world = World::start().await?;
    world.keep_the_clock();
    let shop = world.douyin_account("shop", 130);
    world.authorize(USER, "shop").await?;
    world.sync(USER, &shop, "INCREMENTAL").await?;
    let hostile = ["=1+1", "+86 138", "-2", "@SUM(A1)", "\t=1", "a,b", "他说\"好\"", "第一行\r\n第二行", ";", "\"=1\""];
    for (lead, notes) in (1..).zip(hostile) {
        let body = json!({"notes": notes, "status": "CONTACTED", "ownerId": "=cmd"});
        let event = Event::sample("douyin-lead-update")?.path("leadId", &lead.to_string()).json(&body);
        assert_eq!(world.call_as(USER, event).await?.status, 200);
    }
    for query in [
        vec![],
        vec![("status", "CONTACTED")],
        vec![("status", "NEW")],
        vec![("ownerId", "=cmd")],
        vec![("keyword", "a,b")],
        vec![("sourceDouyinUserId", shop.as_str())],
        vec![("startTime", "2020-01-01T00:00:00Z"), ("endTime", "9999-12-31T23:59:59Z")],
        vec![("endTime", "2001-01-01T00:00:00Z")],
    ] {
        let answer = export(&world, &query).await?;
        assert_eq!(answer.status, 200, "{query:?}: {answer:?}");
        assert_eq!(answer.headers["content-type"], "text/csv; charset=utf-8");
        let name = answer.headers["content-disposition"].clone();
        assert!(name.starts_with("attachment; filename=\"douyin-leads-20") && name.ends_with(".csv\""), "{name}");
        let mut expected = vec![COLUMNS.map(str::to_owned).to_vec()];
        for page in ["1", "2"] {
            let listed = world.leads(USER, &[&query[..], &[("size", "100"), ("page", page)]].concat()).await?;
            let records = listed.data()["records"].as_array().unwrap().clone();
            expected.extend(records.iter().map(|record| line(record, &shop)));
        }
        for (found, expected) in cells(&answer.text)?.iter().zip(&expected) {
            assert_eq!(found, expected, "{query:?}");
        }
        assert_eq!(cells(&answer.text)?.len(), expected.len(), "{query:?}");
    }
    let theirs = Event::sample("douyin-leads-export")?.query(&[("sourceDouyinUserId", &shop)]);
    let lines = cells(&world.call_as(USER + 1, theirs).await?.text)?;
    assert_eq!(lines, [COLUMNS.map(str::to_owned).to_vec()], "another tenant");
    for query in [("page", "1"), ("size", "10"), ("ownerID", "x")] {
        let fields = [query.0];
        let refusal = ExpectedError { fields: &fields, ..ExpectedError::new(400, "INVALID_DOUYIN_LEAD_QUERY") };
        let event = world.sample_as(USER, "douyin-leads-export")?.query(&[query]);
        world.refused(query.0, &event, &refusal).await?;
    }
    let event = world.sample_as(USER, "douyin-leads-export")?.query(&[("status", "LOST")]);
    let refusal = ExpectedError { fields: &["status"], ..ExpectedError::new(400, "INVALID_DOUYIN_LEAD_QUERY") };
    world.refused("a status", &event, &refusal).await
}

#[tokio::test]
async fn lead_export_of_ten_thousand_is_complete_and_of_more_is_refused() -> Result<()> {
    let world = World::start().await?;
    fill(&world, 10_000, "已加微信，周五回访").await?;
    let proxy = Proxy::start(&world).await?;
    let event = world.sample_as(USER, "douyin-leads-export")?.query(&[]);
    let answer = Box::pin(call(&world.context("douyin-leads-export", &proxy.endpoints()).await?, &event)).await?;
    let lines = cells(&answer.text)?;
    let ids: Vec<u64> = lines[1..].iter().map(|line| line[0].parse()).collect::<Result<_, _>>()?;
    assert!(ids.iter().copied().eq((1..=10_000).rev()), "{} lines", lines.len());
    // The totals, of a hundred times a hundred leads the buckets they lie in, the row of the audit log, and the secret.
    let queries: u64 = (0..100).map(|chunk| (chunk * 100 + 100) / 64 - (chunk * 100 + 1) / 64 + 1).sum();
    assert_eq!(proxy.steps().len() as u64, 1 + queries + 1 + 1);

    fill(&world, 10_001, "").await?;
    world.refused("one too many", &event, &TOO_LARGE.saying("符合条件的线索有 10001 条，一次最多导出 10000 条")).await
}

#[tokio::test]
async fn lead_export_of_more_text_than_an_answer_holds_is_refused() -> Result<()> {
    let world = World::start().await?;
    // Quotes take four bytes each in the JSON of the answer.
    fill(&world, 2_000, &"\"".repeat(1_000)).await?;
    let event = world.sample_as(USER, "douyin-leads-export")?.query(&[]);
    world.refused("long notes", &event, &TOO_LARGE.saying("符合条件的线索内容过多，一个文件放不下")).await
}

/// So many leads with these notes, as far as an export looks at them.
async fn fill(world: &World, leads: u64, notes: &str) -> Result<()> {
    let entry = [("user_id", n(USER)), ("entry", s("counter")), ("lead_count", n(leads)), ("version", n(1))];
    let time = ("last_acquire_time", n(1_793_577_600));
    put_all(world, "t_douyin_lead_index", vec![entry.into_iter().chain([time]).collect()]).await?;
    let row = |id: u64| {
        vec![
            ("lead_bucket", s(format!("{USER}#{}", id / 64))),
            ("lead_id", n(id)),
            ("user_id", n(USER)),
            ("douyin_user_id", s(format!("fan-{id}"))),
            ("nickname", s("小明")),
            ("notes", s(notes)),
            ("status", s("NEW")),
            ("acquire_time", n(1_793_577_600)),
            ("update_time", n(1_793_577_600)),
        ]
    };
    put_all(world, "t_douyin_lead", (1..=leads).map(row).collect()).await
}

async fn put_all(world: &World, table: &str, rows: Vec<Vec<(&'static str, AttributeValue)>>) -> Result<()> {
    let table = world.table(table);
    let batches = stream::iter(rows.chunks(25)).map(async |rows| {
        let mut pending: Vec<WriteRequest> = Vec::new();
        for row in rows {
            let put = PutRequest::builder();
            let put = row.iter().fold(put, |put, (name, value)| put.item(*name, value.clone())).build()?;
            pending.push(WriteRequest::builder().put_request(put).build());
        }
        while !pending.is_empty() {
            let batch = HashMap::from([(table.clone(), pending)]);
            let done = world.aws.dynamodb.batch_write_item().set_request_items(Some(batch)).send().await?;
            pending = done.unprocessed_items.and_then(|mut left| left.remove(&table)).unwrap_or_default();
        }
        Ok::<_, anyhow::Error>(())
    });
    batches.buffer_unordered(8).try_collect::<()>().await
}
