//! Reading the lead list in every way, and working a lead.

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Account, FANS};
use crate::demo::api::{Api, list, number, text};
use crate::demo::scenario::Scenario;

const LEADS: &str = "/api/v1/lead/douyin/leads";

/// Size of a page when none is asked for.
const SIZE: u64 = 10;

/// A lead in the middle of the list, in nobody's first page.
const WORKED: u64 = 2_500;

/// A lead that somebody wrote a note about.
pub(super) struct Noted {
    lead_id: u64,
    notes: String,
}

/// First, middle and last page, and the one after it.
pub(super) async fn pages(stage: &Scenario<'_>, user: &Api) -> Result<()> {
    let last = FANS.div_ceil(SIZE);
    for page in [1, 250, last, last + 1] {
        let answer = user.get(LEADS, &[("page", &page.to_string())]).await?.data(200)?;
        for (field, promised) in [("total", FANS), ("size", SIZE), ("current", page), ("pages", last)] {
            ensure!(number(&answer, field)? == promised, "{field} of page {page} must be {promised}");
        }
        let newest = (FANS + SIZE).saturating_sub(page * SIZE);
        let promised: Vec<u64> = (newest.saturating_sub(SIZE) + 1..=newest).rev().collect();
        ensure!(ids(&answer)? == promised, "page {page} must have the leads {promised:?}, not {:?}", ids(&answer)?);
        for record in list(&answer, "records")? {
            ensure!(text(record, "channel")? == "抖音获客", "the channel must be 抖音获客");
            ensure!(text(record, "status")? == "NEW", "a lead nobody has touched must be NEW");
            for field in ["nickname", "avatarUrl", "douyinUserId", "acquireTime", "notes"] {
                text(record, field)?;
            }
        }
        stage.tell(&match (promised.first(), promised.last()) {
            (Some(first), Some(last)) => format!("page {page}: leads {first} to {last} of {FANS}, newest first"),
            _ => format!("page {page}, past the end: no records, total still {FANS}"),
        });
    }
    Ok(())
}

/// A range that ends in the middle holds exactly the leads acquired until then.
pub(super) async fn time_range(stage: &Scenario<'_>, user: &Api) -> Result<()> {
    let end = acquired(user, WORKED).await?;
    let answer = user.get(LEADS, &[("endTime", &end)]).await?.data(200)?;
    let total = number(&answer, "total")?;
    ensure!(ids(&answer)?.first() == Some(&total), "lead ids must be dense in time");
    ensure!(acquired(user, total).await? == end, "lead {total} must belong to the range");
    if total < FANS {
        ensure!(acquired(user, total + 1).await? > end, "lead {} must not belong to the range", total + 1);
    }
    stage.tell(&format!("until {end}, both ends included: {total} leads"));

    let query = [("startTime", end.as_str()), ("endTime", "2000-01-01T00:00:00Z")];
    let said = user.get(LEADS, &query).await?.refused(400, "INVALID_DOUYIN_LEAD_QUERY")?;
    stage.tell(&format!("a reversed range is refused: {said}"));
    Ok(())
}

/// A keyword finds exactly the fans whose nickname contains it.
pub(super) async fn keyword(stage: &Scenario<'_>, user: &Api, account: &Account) -> Result<()> {
    let fans = stage.sandbox(Method::GET, &format!("douyin/accounts/{}/fans", account.name), None).await?;
    let fans = fans.as_array().context("the sandbox lists no fans")?;
    let nicknames: Vec<&str> = fans.iter().filter_map(|fan| fan.get("nickname")?.as_str()).collect();
    // Two Chinese characters from the middle of somebody's name: nothing that upper case or width could change.
    let is_chinese = |letter: char| ('\u{4e00}'..='\u{9fff}').contains(&letter);
    let keyword = nicknames.iter().find_map(|nickname| {
        let letters: Vec<char> = nickname.chars().collect();
        letters.windows(2).skip(1).find(|pair| pair.iter().copied().all(is_chinese)).map(|pair| pair.iter().collect())
    });
    let keyword: String = keyword.context("none of the sandbox's nicknames is Chinese")?;
    let promised = nicknames.iter().filter(|nickname| nickname.contains(&keyword)).count() as u64;
    let answer = user.get(LEADS, &[("keyword", &keyword)]).await?.data(200)?;
    let total = number(&answer, "total")?;
    ensure!(total == promised, "{promised} nicknames contain the keyword, not {total}");
    for record in list(&answer, "records")? {
        ensure!(text(record, "nickname")?.contains(&keyword), "a lead was found that does not contain the keyword");
    }
    stage.tell(&format!("keyword 「{keyword}」 out of a nickname: {total} leads, exactly those at Douyin"));
    Ok(())
}

/// A lead is contacted and a note written, by which it is found.
pub(super) async fn work(stage: &Scenario<'_>, user: &Api) -> Result<Noted> {
    let path = format!("{LEADS}/{WORKED}");
    let notes = format!("已电话联系，周五回访 {}", stage.play);
    let change = json!({ "status": "CONTACTED", "notes": notes });
    let lead = user.send(Method::PATCH, &path, change).await?.data(200)?;
    ensure!(text(&lead, "status")? == "CONTACTED", "the lead must be CONTACTED: {lead}");
    stage.tell(&format!("lead {WORKED} is CONTACTED, with a note"));

    let keyword = format!("周五回访 {}", stage.play);
    let found = user.get(LEADS, &[("keyword", &keyword)]).await?.data(200)?;
    ensure!(number(&found, "total")? == 1 && ids(&found)? == [WORKED], "the note must lead to lead {WORKED}");
    stage.tell("the note is found by keyword");

    let backwards = user.send(Method::PATCH, &path, json!({ "status": "NEW" })).await?;
    let said = backwards.refused(409, "CONFLICT")?;
    stage.tell(&format!("back to NEW only on purpose: {said}"));
    let lead = user.get(&path, &[]).await?.data(200)?;
    ensure!(list(&lead, "history")?.len() == 1, "one change must be in the history: {lead}");
    stage.tell("the history has who changed what, and when");
    Ok(Noted { lead_id: WORKED, notes })
}

/// What users wrote survives every sync.
pub(super) async fn still_noted(stage: &Scenario<'_>, user: &Api, noted: &Noted) -> Result<()> {
    let lead = user.get(&format!("{LEADS}/{}", noted.lead_id), &[]).await?.data(200)?;
    ensure!(text(&lead, "notes")? == noted.notes && text(&lead, "status")? == "CONTACTED", "a sync changed {lead}");
    stage.tell("status and note of the lead are as the user left them");
    Ok(())
}

/// The newest leads: where each comes from.
pub(super) async fn newest(user: &Api, count: usize) -> Result<(u64, Vec<String>)> {
    let answer = user.get(LEADS, &[("size", &count.to_string())]).await?.data(200)?;
    let fans = list(&answer, "records")?.iter().map(|record| Ok(text(record, "douyinUserId")?.to_owned()));
    Ok((number(&answer, "total")?, fans.collect::<Result<_>>()?))
}

async fn acquired(user: &Api, lead_id: u64) -> Result<String> {
    let lead = user.get(&format!("{LEADS}/{lead_id}"), &[]).await?.data(200)?;
    Ok(text(&lead, "acquireTime")?.to_owned())
}

fn ids(answer: &Value) -> Result<Vec<u64>> {
    list(answer, "records")?.iter().map(|record| number(record, "leadId")).collect()
}
