//! Posts for a time to come: one that goes out then, and one that is moved, called off, and does not.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::json;

use super::posts::{self, SYNC};
use super::{Accounts, publications};
use crate::console::Step;
use crate::demo::api::{Api, list, text};
use crate::demo::scenario::Scenario;

/// How far ahead a post is planned: the chapters between take most of it.
const AHEAD: SignedDuration = SignedDuration::from_secs(75);

/// What is promised: within a minute of its time.
const LATEST: SignedDuration = SignedDuration::from_secs(60);

/// The posts that were planned.
pub(super) struct Planned {
    time: Timestamp,
    post: Post,
    called_off: Post,
}

struct Post {
    task: u64,
    text: String,
}

/// Orders both: the one out of the content library, the other for long after.
pub(super) async fn order(stage: &Scenario<'_>, user: &Api, cast: &Accounts) -> Result<Planned> {
    // Whole seconds, as people write them.
    let time = Timestamp::from_second(Timestamp::now().as_second())? + AHEAD;
    let wording = posts::wording(stage, "周末到店有礼");
    let content_id = format!("demo-{}", stage.play);
    let draft = json!({
        "contentId": content_id, "ownerUserId": stage.user_id(0), "text": wording,
        "mediaUrls": posts::pictures(stage, 1),
    });
    stage.sandbox(Method::POST, "content/drafts", Some(draft)).await?;
    let ids = [cast.member.id.as_str(), cast.steady.id.as_str()];
    let body = json!({ "contentId": content_id, "accountIds": ids, "scheduledTime": time });
    let answer = user.send(Method::POST, SYNC, body).await?.data(202)?;
    ensure!(text(&answer, "contentId")? == content_id, "the draft must be named: {answer}");
    let post = Post { task: posts::accepted(&answer)?, text: wording };
    stage.tell(&format!("a draft of the content library is planned for {time}"));
    let waiting = posts::read(user, post.task).await?;
    let result = posts::result(&waiting, &cast.steady)?;
    let (reason, until) = (text(result, "reason")?, text(result, "nextActionAt")?);
    ensure!(until.parse::<Timestamp>()? == time, "it must wait until {time}: {waiting}");
    stage.tell(&format!("its accounts say what they wait for, and until when: {reason}, {until}"));

    let wording = posts::wording(stage, "临时活动");
    let later = time + SignedDuration::from_mins(30);
    let body = json!({ "text": wording, "accountIds": ids, "scheduledTime": later });
    let task = posts::accepted(&user.send(Method::POST, SYNC, body).await?.data(202)?)?;
    let moved = user.send(Method::PATCH, &posts::path(task), json!({ "scheduledTime": time })).await?.data(200)?;
    ensure!(text(&moved, "scheduledTime")?.parse::<Timestamp>()? == time, "it must be moved to {time}: {moved}");
    ensure!(text(&moved, "status")? == "PENDING", "a moved post must be PENDING: {moved}");
    stage.tell("another one, planned for half an hour after, is moved to the same time");
    Ok(Planned { time, post, called_off: Post { task, text: wording } })
}

/// The other one is called off, once.
pub(super) async fn call_off(stage: &Scenario<'_>, user: &Api, planned: &Planned) -> Result<()> {
    let path = format!("{}/cancel", posts::path(planned.called_off.task));
    let answer = user.order(Method::POST, &path).await?.data(200)?;
    is_called_off(&answer)?;
    stage.tell("it is called off: CANCELLED, the task and both accounts");
    let said = user.order(Method::POST, &path).await?.refused(409, "CONFLICT")?;
    stage.tell(&format!("a second time there is nothing to call off: {said}"));
    Ok(())
}

/// Its time comes: the one goes out, the other does not.
pub(super) async fn come_due(stage: &Scenario<'_>, user: &Api, cast: &Accounts, planned: &Planned) -> Result<()> {
    let Planned { time, post, called_off } = planned;
    before_its_time(stage, user, planned).await?;
    let patience = Duration::try_from(LATEST)? + Duration::from_secs(u64::try_from(left(*time).as_secs().max(0))?);
    // The company's moment and the phone's post; the member's comes with their confirmation.
    let out = publications::count(stage, &post.text, 2, patience).await?;
    let first = out.iter().map(|publication| publication.at).min().context("nothing went out")?;
    let last = out.iter().map(|publication| publication.at).max().context("nothing went out")?;
    ensure!(first >= *time, "nothing may go out before {time}, and something did at {first}");
    let lag = |at: Timestamp| at.duration_since(*time);
    ensure!(lag(last) <= LATEST, "everything must go out within a minute of {time}, and something did at {last}");
    let [first, last] = [first, last].map(|at| lag(at).as_secs_f64());
    stage.tell(&format!("it went out {first:.1} s (the first) and {last:.1} s (the last) after its time, none before"));

    posts::confirm(stage, user, cast, post.task).await?;
    posts::ended(user, post.task, "COMPLETED").await?;
    publications::once(stage, &post.text, 1, &publications::both(cast, &cast.steady)).await?;
    stage.tell("COMPLETED after the member's confirmation; each account has published once, with the draft's picture");

    is_called_off(&posts::read(user, called_off.task).await?)?;
    publications::nothing(stage, &called_off.text).await?;
    let past = -left(*time).as_secs();
    stage.tell(&format!("{past} s after the time of the one that was called off: CANCELLED, nothing was published"));
    Ok(())
}

/// Shortly before, nothing has happened.
async fn before_its_time(stage: &Scenario<'_>, user: &Api, planned: &Planned) -> Result<()> {
    let Planned { time, post, .. } = planned;
    let shortly_before = left(*time) - SignedDuration::from_secs(3);
    if shortly_before.is_negative() {
        // This machine took longer for the chapters between; when it went out is told by the journal all the same.
        return Ok(());
    }
    let waiting = Step::start(&format!("waiting: it is not yet {time}"));
    tokio::time::sleep(Duration::try_from(shortly_before)?).await;
    drop(waiting);
    let answer = posts::read(user, post.task).await?;
    ensure!(text(&answer, "status")? == "PENDING", "before its time the task must be PENDING: {answer}");
    publications::nothing(stage, &post.text).await?;
    stage.tell(&format!("{} s before its time: PENDING, nothing is published", left(*time).as_secs()));
    Ok(())
}

fn is_called_off(task: &serde_json::Value) -> Result<()> {
    ensure!(text(task, "status")? == "CANCELLED", "the task must be CANCELLED: {task}");
    for result in list(task, "results")? {
        ensure!(text(result, "status")? == "CANCELLED", "every account must be CANCELLED: {task}");
    }
    Ok(())
}

fn left(time: Timestamp) -> SignedDuration {
    time.duration_since(Timestamp::now())
}
