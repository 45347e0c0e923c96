//! A publisher that dies before and after each step of each story: whoever comes next ends the task with the truth.

use anyhow::{Result, ensure};
use futures::{StreamExt, stream};

use super::story::{Story, blind_spots};
use super::truth::{Truth, UNCONFIRMED};
use super::world;
use crate::proxy::{Step, When};

/// Worlds at once: enough to keep the emulator busy, which has one core.
const PARALLEL: usize = 3;

type Verdict = (Step, When, Result<Vec<Truth>>);

async fn survives(story: Story) -> Result<()> {
    let mut cases = Vec::new();
    let steps = story.steps(&world().await?).await?;
    for (number, step) in steps.iter().enumerate() {
        cases.extend([(2 * number + 1, step, When::Before), (2 * number + 2, step, When::After)]);
    }
    let hands: Vec<Vec<_>> =
        (0..PARALLEL).map(|hand| cases.iter().skip(hand).step_by(PARALLEL).copied().collect()).collect();
    let told: Vec<Result<Vec<Verdict>>> = stream::iter(hands)
        .map(|cases| async move {
            let world = world().await?;
            let mut verdicts = Vec::new();
            for (number, step, when) in cases {
                let told = story.tell(&world, number, Some((step, when))).await;
                verdicts.push((step.clone(), when, told.map(|(_, truths)| truths)));
            }
            let twice = world.sandbox.journal().published_twice();
            ensure!(twice.is_empty(), "published twice: {twice:?}");
            Ok(verdicts)
        })
        .buffer_unordered(PARALLEL)
        .collect()
        .await;
    let mut verdicts: Vec<Verdict> = told.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
    let place = |verdict: &Verdict| (steps.iter().position(|step| *step == verdict.0), verdict.1 == When::After);
    verdicts.sort_by_key(place);
    let blind = blind_spots(&steps)?;
    println!("{story:?}");
    let mut failures = 0;
    for (step, when, verdict) in &verdicts {
        let is_blind = blind.contains(&(step.clone(), *when));
        // Which of two units comes first is chance, and with it which transaction is whose fence.
        let either = story == Story::Both && step.name.starts_with("Transact");
        let outcome = match verdict {
            Ok(truths) if truths.iter().all(|truth| *truth == Truth::Published) && (!is_blind || either) => {
                "published once".to_owned()
            }
            Ok(truths) if (is_blind || either) && truths.contains(&Truth::Nothing(UNCONFIRMED.to_owned())) => {
                "not published, told as unconfirmed".to_owned()
            }
            other => {
                failures += 1;
                format!("✗ {other:?}")
            }
        };
        println!("  {:<52}{:<8}{outcome}", step.to_string(), format!("{when:?}"));
    }
    ensure!(failures == 0, "{failures} of {} deaths of the publisher ended otherwise", verdicts.len());
    Ok(())
}

#[tokio::test]
async fn a_publisher_may_die_at_every_step_of_a_persons_words() -> Result<()> {
    survives(Story::Words).await
}

#[tokio::test]
async fn a_publisher_may_die_at_every_step_of_a_persons_picture() -> Result<()> {
    survives(Story::Picture).await
}

#[tokio::test]
async fn a_publisher_may_die_at_every_step_of_a_persons_video() -> Result<()> {
    survives(Story::Video).await
}

#[tokio::test]
async fn a_publisher_may_die_at_every_step_of_a_company() -> Result<()> {
    survives(Story::Company).await
}

#[tokio::test]
async fn a_publisher_may_die_at_every_step_of_a_company_whose_token_has_run_out() -> Result<()> {
    survives(Story::Renewal).await
}

#[tokio::test]
async fn a_publisher_may_die_at_every_step_of_a_company_and_a_person() -> Result<()> {
    survives(Story::Both).await
}
