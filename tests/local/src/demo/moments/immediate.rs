//! A post with pictures that goes out at once, to an account of each kind.

use anyhow::{Result, ensure};
use reqwest::Method;
use serde_json::json;

use super::posts::{self, SYNC, TASKS};
use super::{Accounts, publications};
use crate::demo::api::{Api, list, number, text};
use crate::demo::scenario::Scenario;

/// Pictures of the post.
const PICTURES: u64 = 3;

pub(super) struct Published {
    pub(super) task: u64,
    text: String,
}

/// Publishes it; the same request again changes nothing.
pub(super) async fn publish(stage: &Scenario<'_>, user: &Api, cast: &Accounts) -> Result<Published> {
    let wording = posts::wording(stage, "秋季新品到店，欢迎来看看 🌸");
    let key = format!("demo-{}", stage.play);
    let body = json!({
        "text": wording,
        "mediaUrls": posts::pictures(stage, PICTURES),
        "accountIds": [cast.member.id, cast.steady.id],
    });
    let task = posts::accepted(&user.send_once(SYNC, &key, &body).await?.data(202)?)?;
    stage.tell("a text with three pictures for a member and a phone is accepted: PENDING");
    let again = posts::accepted(&user.send_once(SYNC, &key, &body).await?.data(202)?)?;
    ensure!(again == task, "the same Idempotency-Key must give task {task}, not {again}");
    let other = json!({ "text": "另一条内容", "accountIds": [cast.steady.id] });
    let said = user.send_once(SYNC, &key, &other).await?.refused(422, "MOMENT_SYNC_CREATION_FAILED")?;
    stage.tell(&format!("the same Idempotency-Key gives the same task; with other content it is refused: {said}"));

    let at_the_phone = posts::until(user, task, "the phone has published", |now| {
        let result = posts::result(now, &cast.steady)?;
        Ok((text(result, "status")? == "SUCCESS").then(|| now.clone()))
    })
    .await?;
    ensure!(text(&at_the_phone, "status")? == "PROCESSING", "one of two is under way: {at_the_phone}");
    stage.tell("the phone has published: SUCCESS; the member has yet to confirm, so the task is PROCESSING");
    posts::confirm(stage, user, cast, task).await?;
    stage.tell("WeCom asks the member (WAITING_MEMBER_CONFIRM), and they tap 发表");
    let end = posts::ended(user, task, "COMPLETED").await?;
    for result in list(&end, "results")? {
        ensure!(text(result, "status")? == "SUCCESS", "every account must have succeeded: {end}");
        text(result, "momentId")?;
    }
    stage.tell("COMPLETED: SUCCESS for both, each with the platform's own id");

    publications::once(stage, &wording, PICTURES, &publications::both(cast, &cast.steady)).await?;
    stage.tell("the platforms' journal: each account has published once, that text and three pictures");
    let said = user.send(Method::POST, SYNC, body).await?.refused(422, "DUPLICATE_CONTENT")?;
    stage.tell(&format!("the same once more, without the key, is taken for a mistake: {said}"));
    let tasks = user.get(TASKS, &[("status", "COMPLETED")]).await?.data(200)?;
    let listed = list(&tasks, "records")?.iter().any(|record| number(record, "syncTaskId").is_ok_and(|id| id == task));
    ensure!(listed, "the task must be in the list of completed ones: {tasks}");
    stage.tell("the task list has it among those COMPLETED");
    Ok(Published { task, text: wording })
}

/// The same text for the same account is refused until its user says that it is meant.
pub(super) async fn force_duplicate(stage: &Scenario<'_>, user: &Api, cast: &Accounts) -> Result<()> {
    let (steady, wording) = (&cast.steady, posts::wording(stage, "每日一句"));
    let first = posts::order(user, &wording, &[steady]).await?;
    posts::ended(user, first, "COMPLETED").await?;
    let mut body = json!({ "text": wording, "accountIds": [steady.id] });
    let said = user.send(Method::POST, SYNC, body.clone()).await?.refused(422, "DUPLICATE_CONTENT")?;
    ensure!(said.contains(&first.to_string()), "the refusal must name the earlier task: {said}");
    if let Some(body) = body.as_object_mut() {
        body.insert("force".to_owned(), json!(["DUPLICATE_CONTENT"]));
    }
    let forced = posts::accepted(&user.send(Method::POST, SYNC, body).await?.data(202)?)?;
    posts::ended(user, forced, "COMPLETED").await?;
    publications::once(stage, &wording, 0, &[&steady.name, &steady.name]).await?;
    stage.tell(
        "the same text twice is refused, naming the first task; with force it goes out again: two posts, as asked for",
    );
    Ok(())
}

/// Whatever happened since: it went out once.
pub(super) async fn still_once(stage: &Scenario<'_>, cast: &Accounts, published: &Published) -> Result<()> {
    publications::once(stage, &published.text, PICTURES, &publications::both(cast, &cast.steady)).await?;
    stage.tell("the first post of the play is still published once by each account");
    Ok(())
}
