//! What asking for a publication costs its caller: the AWS calls of `POST …/moments/sync`, counted on the wire.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use functions::http::dispatch;
use functions::routes::moment_sync::{self, App};
use it::{Event, World};
use serde_json::json;

use crate::meter::{Call, Meter, names, sequential};
use crate::report::Figure;
use crate::story;

/// So far ahead that a schedule holds the post: SQS delays a message by a quarter of an hour at most.
const LATER: Duration = Duration::from_secs(2 * 3_600);
/// The most accounts asked for at once.
const MANY: usize = 50;
const PHONES: usize = 3;

pub async fn measure() -> Result<Vec<Figure>> {
    let world = World::start().await?;
    let accounts = accounts(&world).await?;
    let meter = Meter::counting(&world).await?;
    let app = App::new(&world.context("moment-sync", &meter.endpoints()).await?).await?;
    let mut figures = Vec::new();
    let init = meter.take()?;
    let mut key = 0;
    for (count, to) in [(1, "one account".to_owned()), (MANY, format!("{MANY} accounts"))] {
        let chosen = accounts.get(..count).context("too few accounts")?;
        for (when, delay) in [("at once", None), ("at a time", Some(LATER))] {
            let event = event(&world, chosen, delay)?;
            let asked = ask(&app, &meter, &event).await?;
            figures.push(figure(format!("publishing to {to} {when}"), &asked));
            key += 1;
            let event = event.header("idempotency-key", &format!("key-{key}"));
            for what in ["with an Idempotency-Key", "with the same key again"] {
                let asked = ask(&app, &meter, &event).await?;
                figures.push(figure(format!("publishing to {to} {when}, {what}"), &asked));
            }
        }
    }
    figures
        .push(Figure::count("once per start of the function", "calls", [sequential(&init) as f64]).note(names(&init)));
    Ok(figures)
}

/// A company's members and a few phones, phones first.
async fn accounts(world: &World) -> Result<Vec<String>> {
    let mut accounts = Vec::new();
    for number in 1..=PHONES {
        accounts.push(world.connect_device(story::USER, &format!("mobile-{number}")).await?);
    }
    let members: Vec<String> = (PHONES..MANY).map(|number| format!("member-{number}")).collect();
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    accounts.extend(world.connect_corp(story::USER, "shop", &members).await?);
    Ok(accounts)
}

fn event(world: &World, accounts: &[String], delay: Option<Duration>) -> Result<Event> {
    let mut body = json!({ "text": "Fresh flowers", "accountIds": accounts, "force": ["DUPLICATE_CONTENT"] });
    if let (Some(delay), Some(fields)) = (delay, body.as_object_mut()) {
        let time = world.clock.now() + delay;
        fields.insert("scheduledTime".to_owned(), time.to_string().into());
    }
    let event = Event::sample("moment-sync")?.without_header("idempotency-key").json(&body);
    Ok(event.bearer(&world.token(story::USER, &["*"])?))
}

async fn ask(app: &App, meter: &Meter, event: &Event) -> Result<Vec<Call>> {
    let answer = dispatch(app, moment_sync::handle, event.request()?).await;
    ensure!(answer.status().as_u16() == 202, "the publication was answered with {}", answer.status());
    meter.take()
}

fn figure(what: String, calls: &[Call]) -> Figure {
    let figure = Figure::count(format!("{what}: AWS calls one after the other"), "calls", [sequential(calls) as f64]);
    figure.at_most(4.0).note(names(calls))
}
