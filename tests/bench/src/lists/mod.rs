//! What the lead list costs at a thousand leads and at a hundred thousand or more, and a search through the hundred thousand.

mod postgres;
mod search;
mod seed;

use std::time::Instant;

use anyhow::{Result, ensure};
use functions::http::dispatch;
use functions::routes::douyin_leads::{self, App};
use it::Event;
use postgres::Postgres;
use seed::Tenant;
use serde_json::Value;

use crate::meter::{self, Meter};
use crate::report::{Figure, progress};
use crate::{Options, story};

const FEW: u32 = 1_000;
const MANY: u32 = 100_000;
const SIZE: u32 = 10;

/// Pages measured around each place: read units come in steps of 4 KB, so a single page with a long nickname more or less
/// would otherwise decide.
const PAGES: u32 = 5;

/// What is said beside PostgreSQL's times.
const POSTGRES: &str = "Server with its defaults on this machine: two prepared statements (`count(*)`, and a page by `OFFSET`) over a Unix \
                        socket, without a function around them.";

/// What a list query was measured to cost, page by page.
#[derive(Debug, Default)]
struct Cost {
    units: Vec<f64>,
    requests: Vec<f64>,
    milliseconds: Vec<f64>,
}

/// Something asked of a list.
struct Question {
    what: &'static str,
    query: Vec<(&'static str, String)>,
    pages: Vec<u32>,
    /// How many leads there must be.
    total: Option<u32>,
    /// How many requests a page may cost.
    requests: f64,
}

pub async fn measure(options: &Options) -> Result<Vec<Figure>> {
    let usual = if options.quick { MANY / 10 } else { MANY };
    let many = options.leads.unwrap_or(usual);
    let few = Tenant::with(FEW).await?;
    let mut small = Vec::new();
    for question in questions(&few)? {
        small.push(ask(&few, &question).await?);
    }
    let tenant = Tenant::with(many).await?;
    let postgres = Postgres::with(&tenant).await?;
    let mut figures = Vec::new();
    for (question, small) in questions(&tenant)?.iter().zip(&small) {
        progress("lists", question.what);
        figures.extend(compare(question, many, small, &ask(&tenant, question).await?));
        if let Some(postgres) = &postgres {
            let what = format!("{} of {SIZE}: time in PostgreSQL at {many} leads", question.what);
            figures.push(Figure::time(what, "ms", postgres.ask(question).await?).note(POSTGRES));
        }
    }
    if many == usual {
        figures.extend(search::measure(&tenant, options).await?);
    }
    Ok(figures)
}

fn questions(tenant: &Tenant) -> Result<Vec<Question>> {
    let pages = tenant.leads / SIZE;
    let plain = |what, first| Question {
        what,
        query: Vec::new(),
        pages: (first..first + PAGES).collect(),
        total: Some(tenant.leads),
        requests: 3.0,
    };
    // Six of twenty parts, from the middle.
    let range = vec![("startTime", tenant.time(7)?[0].to_owned()), ("endTime", tenant.time(12)?[1].to_owned())];
    let in_range = tenant.leads / 20 * 6;
    Ok(vec![
        plain("first pages", 1),
        plain("middle pages", pages / 2),
        plain("last pages", pages - PAGES + 1),
        Question {
            what: "a time range",
            query: range,
            pages: (1..=PAGES).collect(),
            total: Some(in_range),
            requests: 5.0,
        },
        Question {
            what: "a status",
            query: vec![("status", "NEW".to_owned())],
            pages: (1..=PAGES).collect(),
            total: Some(tenant.leads),
            requests: 6.0,
        },
    ])
}

/// Asks for each page through a meter. For a read that costs a millisecond per request, so the time is of use too.
async fn ask(tenant: &Tenant, question: &Question) -> Result<Cost> {
    let world = &tenant.world;
    let meter = Meter::before(world).await?;
    let app = App::new(&world.context("douyin-leads", &meter.endpoints()).await?).await?;
    meter.take()?;
    let mut cost = Cost::default();
    for page in &question.pages {
        let page = page.to_string();
        let query = question.query.iter().map(|(name, value)| (*name, value.as_str()));
        let query: Vec<(&str, &str)> = query.chain([("page", page.as_str())]).collect();
        let event = Event::sample("douyin-leads")?.query(&query).bearer(&world.token(story::USER, &["*"])?);
        let began = Instant::now();
        let answer = get(&app, &event).await?;
        cost.milliseconds.push(began.elapsed().as_secs_f64() * 1_000.0);
        let total = answer.pointer("/data/total").and_then(Value::as_u64);
        ensure!(question.total.is_none_or(|expected| total == Some(u64::from(expected))), "{total:?} leads");
        let calls = meter.take()?;
        cost.units.push(meter::read_units(&calls));
        cost.requests.push(calls.len() as f64);
    }
    Ok(cost)
}

async fn get(app: &App, event: &Event) -> Result<Value> {
    let answer = dispatch(app, douyin_leads::handle, event.request()?).await;
    ensure!(answer.status().as_u16() == 200, "the list answered with {}", answer.status());
    Ok(serde_json::from_str(answer.body())?)
}

fn compare(question: &Question, many: u32, small: &Cost, large: &Cost) -> Vec<Figure> {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let what = format!("{} of {SIZE}", question.what);
    let requests = small.requests.iter().chain(&large.requests).copied();
    vec![
        Figure::count(format!("{what}: requests, at {FEW} and {many} leads"), "requests", requests)
            .at_most(question.requests),
        Figure::count(
            format!("{what}: read units at {many} leads against {FEW}"),
            "×",
            [mean(&large.units) / mean(&small.units)],
        )
        .at_most(1.2)
        .note(format!(
            "Means of {PAGES} neighbouring pages: {:.2} and {:.2} units.",
            mean(&large.units),
            mean(&small.units)
        )),
        Figure::count(format!("{what}: read units at {many} leads"), "units", large.units.iter().copied()),
        Figure::time(format!("{what}: time at {FEW} leads"), "ms", small.milliseconds.iter().copied()),
        Figure::time(format!("{what}: time at {many} leads"), "ms", large.milliseconds.iter().copied()).note(
            "With the check of the caller's token, the requests over HTTP to the emulated tables, and the answer as JSON.",
        ),
    ]
}
