//! What a new lead costs in write units: a whole first sync, from asking for it to its end, all tables and indexes.

use anyhow::{Result, ensure};
use sandbox::douyin::Disorder;

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
