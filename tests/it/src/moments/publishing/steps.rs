//! Every step of each story × every fault: the publisher dies before or after it, or the connection breaks before or
//! after it was carried out. Whoever comes next ends the task with the truth.
//!
//! The steps are the code's own list, recorded while nobody disturbs it: a step without a case fails the suite. Only what the
//! gateway downloads is not among them.

use anyhow::{Result, ensure};
use futures::{StreamExt, stream};

use super::oracle::{Oracle, UNCONFIRMED};
use super::story::{Story, blind_spots};
use super::world;
use crate::proxy::{Fault, When};

/// Worlds at once: enough to keep the emulator busy, which has one core.
const PARALLEL: usize = 3;

/// What a step meets: the publisher's death, or the connection's.
const CRASH_FAULTS: &[(&str, Fault)] =
    &[("dies before", Fault::Kill(When::Before)), ("dies after", Fault::Kill(When::After))];
const FAULTS: &[(&str, Fault)] = &[
    ("dies before", Fault::Kill(When::Before)),
    ("dies after", Fault::Kill(When::After)),
    ("lost before", Fault::Lose(When::Before)),
    ("lost after", Fault::Lose(When::After)),
];

/// Place of the step in the story, place of the fault among all, and what came of it.
type Verdict = (usize, usize, Result<Vec<Oracle>>);

async fn survives(story: Story, faults: &[(&str, Fault)]) -> Result<()> {
    let steps = story.steps(&world().await?).await?;
    let cases: Vec<(usize, usize)> =
        (0..steps.len()).flat_map(|step| (0..faults.len()).map(move |fault| (step, fault))).collect();
    let hands = (0..PARALLEL).map(|hand| cases.iter().skip(hand).step_by(PARALLEL).copied().collect::<Vec<_>>());
    let steps_of = &steps;
    let told: Vec<Result<Vec<Verdict>>> = stream::iter(hands)
        .map(|cases| async move {
            let world = world().await?;
            let mut verdicts = Vec::new();
            for (step, fault) in cases {
                let number = 1 + step * faults.len() + fault;
                let told = story.tell(&world, number, Some((&steps_of[step], faults[fault].1.clone()))).await;
                verdicts.push((step, fault, told.map(|(_, truths)| truths)));
            }
            let twice = world.sandbox.journal().published_twice();
            ensure!(twice.is_empty(), "published twice: {twice:?}");
            Ok(verdicts)
        })
        .buffer_unordered(PARALLEL)
        .collect()
        .await;
    let mut verdicts: Vec<Verdict> = told.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
    verdicts.sort_by_key(|(step, fault, _)| (*step, *fault));
    let blind = blind_spots(&steps)?;
    println!("{story:?}");
    let mut failures = 0;
    for (step, fault, verdict) in &verdicts {
        let (step, fault) = (&steps[*step], faults[*fault].0);
        let is_blind = blind.contains(&(step.clone(), fault));
        // Which of two deliveries comes first is chance, and with it which transaction is whose fence.
        let either = story == Story::Both && step.name.starts_with("Transact") && fault == "dies after";
        let outcome = match verdict {
            Ok(truths) if truths.iter().all(|truth| *truth == story.end()) && (!is_blind || either) => {
                if story == Story::Stopped { "stopped".to_owned() } else { "published once".to_owned() }
            }
            Ok(truths) if (is_blind || either) && truths.contains(&Oracle::Nothing(UNCONFIRMED.to_owned())) => {
                "not published, told as unconfirmed".to_owned()
            }
            other => {
                failures += 1;
                format!("✗ {other:?}")
            }
        };
        println!("  {:<52}{fault:<13}{outcome}", step.to_string());
    }
    ensure!(failures == 0, "{failures} of {} faults ended otherwise", verdicts.len());
    Ok(())
}

#[tokio::test]
async fn publisher_killed_at_any_step_of_a_personal_text_publishes_once() -> Result<()> {
    survives(Story::Words, FAULTS).await
}

#[tokio::test]
async fn publisher_killed_at_any_step_of_a_personal_image_publishes_once() -> Result<()> {
    survives(Story::Picture, CRASH_FAULTS).await
}

#[tokio::test]
async fn publisher_killed_at_any_step_of_a_personal_video_publishes_once() -> Result<()> {
    survives(Story::Video, FAULTS).await
}

#[tokio::test]
async fn publisher_killed_at_any_step_of_a_company_publishes_once() -> Result<()> {
    survives(Story::Company, FAULTS).await
}

#[tokio::test]
async fn publisher_killed_at_any_step_of_a_company_with_an_expired_token_publishes_once() -> Result<()> {
    survives(Story::Renewal, FAULTS).await
}

#[tokio::test]
async fn publisher_killed_at_any_step_of_a_stopped_company_publishes_once_at_most() -> Result<()> {
    survives(Story::Stopped, FAULTS).await
}

#[tokio::test]
async fn publisher_killed_at_any_step_of_a_company_and_a_person_publishes_each_once() -> Result<()> {
    survives(Story::Both, CRASH_FAULTS).await
}
