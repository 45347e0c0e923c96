//! Links that die on the way, and links while others are at work on the same lead.

use anyhow::{Result, ensure};
use futures::FutureExt;
use serde_json::{Value, json};

use super::{PERMISSION, change, leads, link, linking, read, shown};
use crate::bad_input::USER;
use crate::call::call;
use crate::douyin::leads::merges::{merge, stores};
use crate::proxy::{Fault, Proxy, When};
use crate::{Answer, Event, World, lead_tables};

const COMMIT: &str = "TransactWriteItems t_douyin_lead";

async fn through(world: &World, proxy: &Proxy, function: &str, event: Event, permission: &str) -> Result<Answer> {
    let event = event.bearer(&world.token(USER, &[permission])?);
    Box::pin(call(&world.context(function, &proxy.endpoints()).await?, &event)).await
}

/// What is done through a proxy that holds its transaction back until `meanwhile` is done.
async fn around(
    world: &World,
    (function, event, permission): (&str, Event, &str),
    meanwhile: impl Future<Output = Result<()>>,
) -> Result<Answer> {
    let proxy = Proxy::start(world).await?;
    let gate = proxy.hold(COMMIT, 1);
    let (answer, held) = futures::join!(
        through(world, &proxy, function, event, permission).boxed_local(),
        async {
            gate.reached().await;
            let done = meanwhile.await;
            gate.open();
            done
        }
        .boxed_local()
    );
    held?;
    answer
}

/// The deeds of links, as the audit log has them.
async fn deeds(world: &World) -> Result<Vec<[Value; 3]>> {
    let page = world.call_as(USER, Event::sample("audit")?.query(&[("action", "LEAD_LINKED")])).await?;
    let rows = page.data()["records"].as_array().cloned().unwrap_or_default();
    Ok(rows.into_iter().map(|row| ["object", "before", "after"].map(|name| row[name].clone())).collect())
}

#[tokio::test]
async fn link_that_dies_at_any_step_is_written_and_written_down_or_neither_and_is_finished_by_asking_again()
-> Result<()> {
    let event = || linking(2, &json!({ "unifiedLeadId": 702 }));
    let (world, _) = leads(3).await?;
    let proxy = Proxy::start(&world).await?;
    assert_eq!(through(&world, &proxy, "douyin-lead-link", event()?, PERMISSION).await?.status, 200);
    let steps: Vec<_> = proxy.steps().into_iter().filter(|step| !step.name.contains("SecretValue")).collect();
    ensure!(steps.iter().any(|step| step.name == COMMIT), "{steps:?}");
    let deed = [json!("lead/2"), json!({"isLinked": false}), json!({"isLinked": true})];
    for step in steps {
        for when in [When::Before, When::After] {
            let (world, _) = leads(3).await?;
            let proxy = Proxy::start(&world).await?;
            proxy.arm(&step.name, step.nth, Fault::Kill(when));
            tokio::select! {
                biased;
                () = proxy.died() => proxy.idle().await,
                answer = through(&world, &proxy, "douyin-lead-link", event()?, PERMISSION) => {
                    anyhow::bail!("{step}: answered {answer:?}")
                }
            }
            let is_linked = shown(&world, 2).await? == json!(702);
            assert_eq!(is_linked, step.name == COMMIT && when == When::After, "{step} {when:?}");
            assert_eq!(deeds(&world).await?.len(), usize::from(is_linked), "{step} {when:?}");
            assert_eq!(link(&world, 2, 702).await?.status, 200, "{step} {when:?}");
            assert_eq!(
                (shown(&world, 2).await?, deeds(&world).await?),
                (json!(702), vec![deed.clone()]),
                "{step} {when:?}"
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn link_and_edit_of_a_lead_at_the_same_moment_are_both_kept_whoever_is_first() -> Result<()> {
    for is_link_first in [true, false] {
        let (world, _) = leads(4).await?;
        let body = json!({"status": "CONTACTED", "notes": "已加微信", "ownerId": "staff-1", "version": 0});
        if is_link_first {
            let edit = Event::sample("douyin-lead-update")?.path("leadId", "2").json(&body);
            let meanwhile = async {
                ensure!(link(&world, 2, 702).await?.status == 200);
                Ok(())
            };
            let edited = around(&world, ("douyin-lead-update", edit, "*"), meanwhile).await?;
            assert_eq!(edited.status, 200, "the version is that which the person has seen: {edited:?}");
        } else {
            let meanwhile = async {
                ensure!(change(&world, 2, &body).await?.status == 200);
                Ok(())
            };
            let event = linking(2, &json!({ "unifiedLeadId": 702 }))?;
            assert_eq!(around(&world, ("douyin-lead-link", event, PERMISSION), meanwhile).await?.status, 200);
        }
        let lead = read(&world, 2).await?;
        for (field, value) in [
            ("unifiedLeadId", json!(702)),
            ("status", json!("CONTACTED")),
            ("notes", json!("已加微信")),
            ("ownerId", json!("staff-1")),
            ("version", json!(1)),
        ] {
            assert_eq!(lead.data()[field], value, "{field}, {is_link_first}");
        }
        lead_tables::check(&world).await?;
    }
    Ok(())
}

/// The merge has read both leads, and carries one row whole and the other one into its log.
#[tokio::test]
async fn link_of_a_lead_that_is_about_to_be_merged_is_not_lost() -> Result<()> {
    for (lead, shown_by_both) in [(5, json!(705)), (9, json!(709))] {
        for step in ["BatchGetItem t_douyin_lead", COMMIT] {
            let (world, _) = leads(10).await?;
            let proxy = Proxy::start(&world).await?;
            // Of the reads the last one is that of the row which goes into the log.
            let gate = proxy.hold(step, if step == COMMIT { 1 } else { 3 });
            let slow = stores(&world, Some(&proxy))?;
            let linking = async {
                gate.reached().await;
                let answer = link(&world, lead, 700 + lead).await;
                gate.open();
                answer
            };
            let (merged, answer) = futures::join!(merge(&slow, 5, 9).boxed_local(), linking.boxed_local());
            merged?;
            assert_eq!(answer?.status, 200);
            assert_eq!(shown(&world, 5).await?, shown_by_both, "{step}, {lead}");
            lead_tables::check(&world).await?;
        }
    }
    Ok(())
}

/// Two ids at once: the one that was answered last is there, and each is written down.
#[tokio::test]
async fn link_that_meets_another_one_replaces_it() -> Result<()> {
    let (world, _) = leads(3).await?;
    let event = linking(2, &json!({ "unifiedLeadId": 702 }))?;
    let meanwhile = async {
        ensure!(link(&world, 2, 799).await?.status == 200);
        Ok(())
    };
    assert_eq!(around(&world, ("douyin-lead-link", event, PERMISSION), meanwhile).await?.status, 200);
    assert_eq!(shown(&world, 2).await?, json!(702));
    let before: Vec<Value> =
        deeds(&world).await?.into_iter().map(|[_, before, _]| before["isLinked"].clone()).collect();
    assert_eq!(before.len(), 2);
    assert!(before.contains(&json!(true)) && before.contains(&json!(false)), "{before:?}");
    Ok(())
}
