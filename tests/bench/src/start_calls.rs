//! What asking for a sync costs its caller: the AWS calls of `POST …/fans/sync`, counted on the wire.

use anyhow::{Result, ensure};
use functions::http::dispatch;
use functions::routes::douyin_fans_sync::{self, App};
use it::Event;
use serde_json::json;

use crate::meter::{Call, Meter, names, sequential};
use crate::report::Figure;
use crate::story;

pub async fn measure() -> Result<Vec<Figure>> {
    let world = story::world().await?;
    let account = story::account(&world, "shop", 1).await?;
    let meter = Meter::before(&world).await?;
    let app = App::new(&world.context("douyin-fans-sync", &meter.endpoints()).await?).await?;
    let init = meter.take()?;
    let event = Event::sample("douyin-fans-sync")?.json(&json!({ "douyinUserId": account }));
    let event = event.bearer(&world.token(story::USER, &["*"])?);
    let mut asked = Vec::new();
    for status in [202, 200] {
        let answer = dispatch(&app, douyin_fans_sync::handle, event.request()?).await;
        ensure!(answer.status().as_u16() == status, "the sync was answered with {}", answer.status());
        asked.push(meter.take()?);
    }
    let [new, running] = asked.as_slice() else { anyhow::bail!("two requests, {} answers", asked.len()) };
    let steps = |calls: &[Call]| [sequential(calls) as f64];
    Ok(vec![
        Figure::count("asking for a sync: AWS calls one after the other", "calls", steps(new))
            .at_most(2.0)
            .note(names(new)),
        Figure::count("asking again while it runs", "calls", steps(running)).at_most(3.0).note(names(running)),
        Figure::count("once per start of the function", "calls", steps(&init)).note(names(&init)),
    ])
}
