//! What a search through many leads costs, in units, requests and memory.

use anyhow::{Context, Result, ensure};
use it::Event;
use serde_json::{Value, json};

use super::seed::Tenant;
use super::{Question, ask};
use crate::process::{Function, build, variables};
use crate::report::{Figure, progress};
use crate::{Options, story};

const FUNCTION: &str = "douyin-leads";

/// Something common, something rare, and nothing at all.
const KEYWORDS: [&str; 3] = ["小猫", "HYPERLINK", "没有这样的昵称"];

/// Leads that get notes, to see what notes cost a search.
const NOTED: u32 = 200;
const NOTE: &str = "约了周五下午三点到店看样，预算两千左右，比较在意售后；已加微信，下周一再跟进报价";

/// What a search may cost.
const UNITS: f64 = 600.0;
const REQUESTS: f64 = 12.0;

pub async fn measure(tenant: &Tenant, options: &Options) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let mut dearest: f64 = 0.0;
    for keyword in KEYWORDS {
        progress("lists", &format!("keyword {keyword}"));
        let cost = ask(tenant, &question(keyword, &[1, 2, 50])).await?;
        let what = format!("keyword {keyword} over {} leads", tenant.leads);
        dearest = cost.units.iter().copied().fold(dearest, f64::max);
        figures.extend([
            Figure::count(format!("{what}: read units"), "units", cost.units).at_most(UNITS),
            Figure::count(format!("{what}: requests"), "requests", cost.requests).at_most(REQUESTS),
            Figure::time(format!("{what}: time"), "ms", cost.milliseconds),
        ]);
    }
    figures.push(with_notes(tenant, dearest).await?);
    figures.push(memory(tenant, options).await?);
    Ok(figures)
}

fn question(keyword: &str, pages: &[u32]) -> Question {
    Question {
        what: "keyword",
        query: vec![("keyword", keyword.to_owned())],
        pages: pages.to_vec(),
        total: None,
        requests: REQUESTS,
    }
}

/// Notes lie beside the segments and are read through at every search.
async fn with_notes(tenant: &Tenant, dearest: f64) -> Result<Figure> {
    let [.., nothing] = KEYWORDS;
    let units = async || Ok::<f64, anyhow::Error>(ask(tenant, &question(nothing, &[1])).await?.units.iter().sum());
    let without = units().await?;
    progress("lists", &format!("{NOTED} leads get notes"));
    for number in 1..=NOTED {
        let lead = (tenant.leads / NOTED * number).to_string();
        let event = Event::sample("douyin-lead-update")?.path("leadId", &lead).json(&json!({ "notes": NOTE }));
        let answer = tenant.world.call_as(story::USER, event).await?;
        ensure!(answer.status == 200, "the edit was answered with {answer:?}");
    }
    let each = (units().await? - without) / f64::from(NOTED);
    let room = ((UNITS - dearest) / each / 100.0).floor() * 100.0;
    Ok(Figure::count("read units a search costs more for each lead with notes", "units", [each]).note(format!(
        "Notes of {} characters. The budget holds up to about {room:.0} leads with such notes.",
        NOTE.chars().count()
    )))
}

/// The answers of a search come in parallel, a megabyte each: the most memory a function of the list needs.
async fn memory(tenant: &Tenant, options: &Options) -> Result<Figure> {
    let built = build("lists", &options.profile, &[FUNCTION]).await?;
    let mut function = Function::start(built.path(FUNCTION)?, &variables(&tenant.world, FUNCTION)?).await?;
    let mut peaks = Vec::new();
    for keyword in KEYWORDS {
        let answer = function.invoke(event(tenant, keyword)?).await?;
        ensure!(answer.get("statusCode") == Some(&json!(200)), "the list answered with {answer}");
        peaks.push(function.peak_mebibytes()?);
    }
    let what = format!("peak memory of {FUNCTION} searching {} leads, {}", tenant.leads, options.profile);
    Ok(Figure::count(what, "MiB", peaks).note("VmHWM after each of three searches, one after the other."))
}

/// The sample event as Lambda would hand it over.
fn event(tenant: &Tenant, keyword: &str) -> Result<Value> {
    let path = local::paths::workspace().join("events").join(format!("{FUNCTION}.json"));
    let mut event: Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    let set = event.as_object_mut().context("the sample is no event")?;
    let query = reqwest::Url::parse_with_params("http://localhost", [("keyword", keyword)])?;
    set.insert("rawQueryString".to_owned(), query.query().into());
    set.insert("queryStringParameters".to_owned(), json!({ "keyword": keyword }));
    let token = tenant.world.token(story::USER, &["*"])?;
    set.insert("headers".to_owned(), json!({ "authorization": format!("Bearer {token}") }));
    Ok(event)
}
