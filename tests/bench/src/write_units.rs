//! What a new lead costs in write units: a whole first sync, from asking for it to its end, all tables and indexes.

use anyhow::{Result, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use functions::http::dispatch;
use functions::routes::douyin_lead_update::{self, App};
use it::Event;
use it::world::EndpointOverrides;
use kernel::dynamo::{n, s};
use sandbox::douyin::Disorder;
use serde_json::json;

use crate::meter::{self, Call, Meter};
use crate::report::{Figure, progress};
use crate::{Options, story};

pub async fn measure(options: &Options) -> Result<Vec<Figure>> {
    let fans = options.fans();
    let calls = first_sync("INCREMENTAL", fans, Disorder::NONE).await?;
    let mut figures = vec![judged("INCREMENTAL", fans, &calls)];
    figures.extend(details(fans, &calls));
    let calls = first_sync("FULL", fans, Disorder::NONE).await?;
    figures.push(judged("FULL", fans, &calls));
    let calls = first_sync("INCREMENTAL", fans, Disorder::default()).await?;
    figures.push(judged("INCREMENTAL, with repeated fans and short pages", fans, &calls));
    figures.extend(status_edits(Neighbours::New).await?);
    figures.extend(status_edits(Neighbours::Worked).await?);
    Ok(figures)
}

/// How the ids lie beside those that are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Neighbours {
    /// Nobody of the block was worked on.
    New,
    /// Every other id of the block is CONTACTED, and the rest CONVERTED: its sets are as large as they get.
    Worked,
}

/// Fills both sets of the first block beyond these leads.
async fn fill_sets(world: &it::World, leads: u32) -> Result<()> {
    for (name, bits) in [("CONTACTED", 0b1010_1010), ("CONVERTED", 0b0101_0101)] {
        let mut ids = vec![bits; 512];
        ids.iter_mut().take(leads as usize / 8 + 1).for_each(|byte| *byte = 0);
        let put = world.aws.dynamodb.put_item().table_name(world.table("t_douyin_lead_index"));
        let put = put.item("user_id", n(story::USER)).item("entry", s(format!("set#0000000#{name}")));
        put.item("ids", AttributeValue::B(ids.into())).item("version", n(1)).send().await?;
    }
    Ok(())
}

/// What a change of a lead's status writes: its row, its history, the tally, and one or two sets of ids.
async fn status_edits(neighbours: Neighbours) -> Result<Vec<Figure>> {
    const LEADS: u32 = 20;
    progress("write-units", "changes of statuses");
    let world = story::world().await?;
    let account = story::account(&world, "shop", LEADS).await?;
    let worker = story::worker(&world, &EndpointOverrides::default()).await?;
    let task = story::request_sync(&world, &EndpointOverrides::default(), &account, "INCREMENTAL").await?;
    story::run(&world, &worker, &task).await?;
    story::completed(&world, &task, LEADS).await?;
    if neighbours == Neighbours::Worked {
        fill_sets(&world, LEADS).await?;
    }
    let meter = Meter::before(&world).await?;
    let app = App::new(&world.context("douyin-lead-update", &meter.endpoints()).await?).await?;
    let mut figures = Vec::new();
    for (from, status) in [("NEW", "CONTACTED"), ("CONTACTED", "CONVERTED")] {
        meter.take()?;
        let mut units = Vec::new();
        for lead in 1..=LEADS {
            let event = Event::sample("douyin-lead-update")?.path("leadId", &lead.to_string());
            let event = event.json(&json!({ "status": status })).bearer(&world.token(story::USER, &["*"])?);
            let answer = dispatch(&app, douyin_lead_update::handle, event.request()?).await;
            ensure!(answer.status().as_u16() == 200, "the edit was answered with {}", answer.status());
            units.push(meter::write_units(&meter.take()?));
        }
        let what = format!("write units of a lead's change from {from} to {status}, neighbours {neighbours:?}");
        figures.push(Figure::count(what, "units", units).at_most(15.0).note(
            "A set has 4,096 ids in 512 bytes, so it costs 2 units however many of them are in it. The event is \
                     3: its item in the transaction, and that one's index.",
        ));
    }
    Ok(figures)
}

async fn first_sync(strategy: &str, fans: u32, disorder: Disorder) -> Result<Vec<Call>> {
    progress("write-units", &format!("a first {strategy} sync of {fans} fans"));
    let world = story::world().await?;
    world.sandbox.douyin().configure(|settings| settings.disorder = disorder);
    let account = story::account(&world, "shop", fans).await?;
    let meter = Meter::before(&world).await?;
    let worker = story::worker(&world, &meter.endpoints()).await?;
    let task = story::request_sync(&world, &meter.endpoints(), &account, strategy).await?;
    story::run(&world, &worker, &task).await?;
    story::completed(&world, &task, fans).await?;
    let calls = meter.take()?;
    ensure!(!calls.iter().any(|call| call.refused), "an undisturbed sync was refused something");
    Ok(calls)
}

fn judged(sync: &str, fans: u32, calls: &[Call]) -> Figure {
    let what = format!("write units per new lead, first sync of {fans} fans, {sync}");
    Figure::count(what, "units", [meter::write_units(calls) / f64::from(fans)]).at_most(5.5).note(
        "By DynamoDB's published rules, from the rows before and after every request of the sync: 2 per KB in a \
         transaction, 1 per KB of each index entry that changes; tasks, counter, marks and search segments included. \
         Judged by this figure, because the rules are AWS's and the emulator's account is not.",
    )
}

fn details(fans: u32, calls: &[Call]) -> Vec<Figure> {
    let per_lead = |units: f64| [units / f64::from(fans)];
    let requests = calls.iter().filter(|call| call.operation.starts_with("DynamoDB")).count();
    let mut figures = vec![
        Figure::count("the same by the emulator's account", "units", per_lead(meter::reported_units(calls)))
            .note("ReturnConsumedCapacity of the emulator, asked for in the same requests."),
        Figure::count("read units per new lead", "units", per_lead(meter::read_units(calls))),
        Figure::count("DynamoDB requests per new lead", "requests", per_lead(requests as f64)),
    ];
    for (table, (rows, units, indexes)) in meter::by_table(calls) {
        let what = format!("of it {table}: {rows} rows written, {indexes} units of its indexes");
        figures.push(Figure::count(what, "units", per_lead((units + indexes) as f64)));
    }
    figures
}
