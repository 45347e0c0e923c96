//! A sequencer that dies, loses an answer, meets another one or is refused at any of its steps.

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::{live, marks, of, scene, taken};
use crate::World;
use crate::bad_input::USER;
use crate::events::{change, hand, number, read, sequencer};
use crate::proxy::{Fault, Proxy, Step, When};
use crate::world::EndpointOverrides;

/// Puts the head back to where nothing was sent, and empties the queue: a new one, which remembers no ids.
async fn renewed(world: &World) -> Result<()> {
    world.delete_sink().await?;
    world.make_sink().await?;
    world.replay(USER, 1).await
}

#[tokio::test]
async fn sequencer_disturbed_at_any_step_sends_every_event_once_and_in_order() -> Result<()> {
    let world = scene(30).await?;
    for number in 0..25 {
        change(&world, USER, 1 + number % 4, &json!({"notes": format!("第 {number} 次")})).await?;
    }
    number(&world, USER).await?;
    let expected = of(&taken(&world).await?, USER);
    assert_eq!(expected, read(&world, USER, 0, 1_000).await?);
    renewed(&world).await?;
    let proxy = Proxy::start(&world).await?;
    live(&world, &proxy).await?;
    assert_eq!(of(&taken(&world).await?, USER), expected);
    let steps: Vec<Step> = proxy.steps();
    let of_name = |name: &str| steps.iter().filter(|step| step.name == name).count();
    // One message, two of ten and a rest; one note.
    assert_eq!((of_name("SendMessageBatch"), of_name("TransactWriteItems t_event")), (4, 1), "{steps:?}");
    for step in &steps {
        let faults = [When::Before, When::After].into_iter().flat_map(|when| [Fault::Kill(when), Fault::Lose(when)]);
        for fault in faults {
            let what = format!("{fault:?} at {step}");
            renewed(&world).await?;
            let proxy = Proxy::start(&world).await?;
            proxy.arm(&step.name, step.nth, fault);
            live(&world, &proxy).await?;
            number(&world, USER).await.context(what.clone())?;
            assert_eq!(of(&taken(&world).await?, USER), expected, "{what}");
            assert_eq!(marks(&world, USER).await?, (Some(expected.len().to_string()), false), "{what}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn sequencers_at_once_send_every_event_once_and_in_order() -> Result<()> {
    let world = scene(30).await?;
    for number in 0..25 {
        change(&world, USER, 1 + number % 4, &json!({"notes": format!("第 {number} 次")})).await?;
    }
    number(&world, USER).await?;
    let expected = of(&taken(&world).await?, USER);
    // One stands still at a request while another one does all the work.
    for (name, nth) in [("SendMessageBatch", 1), ("SendMessageBatch", 3), ("TransactWriteItems t_event", 1)] {
        renewed(&world).await?;
        let proxy = Proxy::start(&world).await?;
        let gate = proxy.hold(name, nth);
        let app = sequencer(&world, &proxy.endpoints()).await?;
        let other = async {
            gate.reached().await;
            let done = number(&world, USER).await;
            gate.open();
            done
        };
        let (held, other) = futures::join!(hand(&world, &app, USER), other);
        ensure!(held?, "the one that stood still failed");
        other?;
        assert_eq!(of(&taken(&world).await?, USER), expected, "{name} {nth}");
        assert_eq!(marks(&world, USER).await?, (Some(expected.len().to_string()), false), "{name} {nth}");
    }
    // And several without choosing the moment.
    renewed(&world).await?;
    let mut apps = Vec::new();
    for _ in 0..3 {
        apps.push(sequencer(&world, &EndpointOverrides::default()).await?);
    }
    let all = apps.iter().flat_map(|app| [app, app]).map(|app| hand(&world, app, USER));
    for done in futures::future::join_all(all).await {
        ensure!(done?, "a sequencer failed");
    }
    assert_eq!(of(&taken(&world).await?, USER), expected);
    Ok(())
}

#[tokio::test]
async fn event_that_the_sink_refuses_is_passed_by_no_later_request() -> Result<()> {
    let world = scene(30).await?;
    for number in 0..40 {
        change(&world, USER, 1 + number % 4, &json!({"notes": format!("第 {number} 次")})).await?;
    }
    number(&world, USER).await?;
    let expected = of(&taken(&world).await?, USER);
    renewed(&world).await?;
    let proxy = Proxy::start(&world).await?;
    // The second request is of the events 2 to 11; the sink takes three of them.
    proxy.arm("SendMessageBatch", 2, Fault::FirstOfBatch(3));
    live(&world, &proxy).await?;
    assert_eq!(of(&taken(&world).await?, USER), expected[..4]);
    assert_eq!(proxy.count("SendMessageBatch"), 2);
    assert_eq!(marks(&world, USER).await?, (Some("4".to_owned()), true));
    // The next one is refused for a while: it is tried alone, and those behind it wait.
    let proxy = Proxy::start(&world).await?;
    proxy.arm("SendMessageBatch", 1, Fault::FirstOfBatch(0));
    live(&world, &proxy).await?;
    assert_eq!((proxy.count("SendMessageBatch"), taken(&world).await?.len()), (1, 0));
    assert_eq!(marks(&world, USER).await?, (Some("4".to_owned()), true));
    number(&world, USER).await?;
    assert_eq!(of(&taken(&world).await?, USER), expected[4..]);
    Ok(())
}
