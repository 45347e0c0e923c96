//! One disturbance at each step of each story: what is left once somebody has taken the task up again is what an
//! undisturbed run leaves.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use futures::{StreamExt, stream};

use super::aws::ExpectedError;
use super::story::{Disturbance, Story, Told};
use crate::proxy::Step;

/// Stories told at once: enough to keep the emulator busy, which has one core.
const PARALLEL: usize = 4;

/// Disturbs each of the story's steps that `chosen` wants in each of these ways.
async fn survives(story: Story, disturbances: &[Disturbance], chosen: fn(&Step) -> bool) -> Result<()> {
    let undisturbed = story.undisturbed().await?;
    let steps: BTreeSet<&Step> = undisturbed[&1].steps.iter().filter(|step| chosen(step)).collect();
    let cases = steps.iter().flat_map(|step| disturbances.iter().map(|disturbance| (*step, *disturbance)));
    let outcomes: Vec<_> = stream::iter(cases)
        .map(|(step, disturbance)| async move {
            let told = story.expect_undisturbed(story.disturbed(step, disturbance).await).await;
            (step, disturbance, told.and_then(|told| judge(disturbance, &told)))
        })
        .buffered(PARALLEL)
        .collect()
        .await;
    println!("{story:?}");
    for (step, disturbance, verdict) in &outcomes {
        let verdict = verdict.as_ref().map_or_else(|problem| format!("✗ {problem:#}"), String::clone);
        println!("  {:<45}{:<21}{verdict}", step.to_string(), format!("{disturbance:?}"));
    }
    let failures = outcomes.iter().filter(|(_, _, verdict)| verdict.is_err()).count();
    ensure!(!outcomes.is_empty(), "no step was disturbed");
    ensure!(failures == 0, "{failures} of {} runs left something else than an undisturbed one", outcomes.len());
    Ok(())
}

fn judge(disturbance: Disturbance, told: &Told) -> Result<String> {
    let waited = told.sweeps > 0;
    ensure!(!waited || disturbance != Disturbance::LosesAnswer, "a lost answer made it wait for the sweeper");
    Ok(format!("as undisturbed, {} leads, {} sweeps", told.ledger.leads(), told.sweeps))
}

const CRASHES: [Disturbance; 2] = [Disturbance::DiesBefore, Disturbance::DiesAfter];
fn every(_: &Step) -> bool {
    true
}

/// What AWS is asked; at the platform a failure is an answer like any other, see `platform`.
fn of_aws(step: &Step) -> bool {
    !step.name.contains('/')
}

/// Where an answer can be lost although something was changed.
fn writing(step: &Step) -> bool {
    ["UpdateItem", "TransactWriteItems", "SendMessage"].iter().any(|name| step.name.starts_with(name))
}

/// What the other stories do not have: pages fetched during a commit, and the refresh of a token.
fn of_the_token(step: &Step) -> bool {
    let names = ["crypt", "t_douyin_auth", "oauth/refresh_token", "fans/list", "TransactWriteItems"];
    names.iter().any(|name| step.name.contains(name))
}

#[tokio::test]
async fn fan_sync_worker_killed_at_any_step_of_a_continued_walk_completes() -> Result<()> {
    survives(Story::Continued, &CRASHES, every).await
}

#[tokio::test]
async fn fan_sync_worker_killed_at_any_step_of_a_full_walk_completes() -> Result<()> {
    survives(Story::Full, &CRASHES, every).await
}

#[tokio::test]
async fn fan_sync_worker_killed_between_parts_of_a_large_page_completes() -> Result<()> {
    survives(Story::Large, &CRASHES, every).await
}

#[tokio::test]
async fn fan_sync_worker_frozen_between_parts_of_a_large_page_changes_nothing() -> Result<()> {
    survives(Story::Large, &[Disturbance::Freezes], every).await
}

#[tokio::test]
async fn fan_sync_worker_killed_at_any_step_around_an_expired_token_completes() -> Result<()> {
    survives(Story::Expired, &CRASHES, of_the_token).await
}

#[tokio::test]
async fn fan_sync_worker_frozen_at_any_step_of_a_continued_walk_changes_nothing() -> Result<()> {
    survives(Story::Continued, &[Disturbance::Freezes], every).await
}

#[tokio::test]
async fn fan_sync_worker_frozen_at_any_step_around_an_expired_token_changes_nothing() -> Result<()> {
    survives(Story::Expired, &[Disturbance::Freezes], of_the_token).await
}

#[tokio::test]
async fn fan_sync_with_aws_failing_at_any_step_completes() -> Result<()> {
    survives(Story::Continued, &[Disturbance::Refused(ExpectedError::Broken, 3)], of_aws).await
}

#[tokio::test]
async fn fan_sync_with_the_answer_to_any_write_lost_completes() -> Result<()> {
    survives(Story::Continued, &[Disturbance::LosesAnswer], writing).await?;
    survives(Story::Large, &[Disturbance::LosesAnswer], writing).await?;
    survives(Story::Expired, &[Disturbance::LosesAnswer], writing).await
}
