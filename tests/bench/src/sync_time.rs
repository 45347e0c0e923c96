//! How long a sync takes, against a loop that only fetches the same pages with the same client: in turns, so that
//! whatever else the machine does meets both.

use kernel::platform_secret::Secrets;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use it::World;
use it::world::EndpointOverrides;
use leads::douyin::Douyin;
use local::aws::rules::Rule;
use secrecy::SecretString;

use crate::report::{Figure, median, progress};
use crate::{Options, story};

const NAME: &str = "shop";

/// One sync and one loop over the same account.
struct Pair {
    sync: Duration,
    fetch: Duration,
}

impl Pair {
    fn ratio(&self) -> f64 {
        self.sync.as_secs_f64() / self.fetch.as_secs_f64()
    }
}

pub async fn measure(options: &Options) -> Result<Vec<Figure>> {
    let runs = if options.quick { 1 } else { 5 };
    let mut figures = Vec::new();
    for (milliseconds, limit) in [(0, None), (50, Some(1.10))] {
        let mut pairs = Vec::with_capacity(runs);
        for run in 0..runs {
            progress("sync-time", &format!("Douyin answering after {milliseconds} ms, pair {} of {runs}", run + 1));
            pairs.push(pair(options.fans(), Duration::from_millis(milliseconds), run % 2 == 0).await?);
        }
        figures.extend(figures_of(options.fans(), milliseconds, limit, &pairs));
    }
    Ok(figures)
}

fn figures_of(fans: u32, milliseconds: u64, limit: Option<f64>, pairs: &[Pair]) -> Vec<Figure> {
    let pages = f64::from(fans.div_ceil(story::PAGE));
    let syncs = || pairs.iter().map(|pair| pair.sync.as_secs_f64());
    let per_page = median(syncs()) * 1_000.0 / pages;
    let what = format!("{fans} fans, Douyin at {milliseconds} ms");
    let ratio = Figure::time(format!("{what}: sync against fetching alone"), "×", pairs.iter().map(Pair::ratio));
    let ratio = match limit {
        Some(limit) => ratio.at_most(limit),
        None => ratio.note(format!(
            "For information: with Douyin answering at once, a sync is as fast as the emulated DynamoDB commits: \
             {per_page:.1} ms per page of {} leads.",
            story::PAGE
        )),
    };
    vec![
        ratio,
        Figure::time(format!("{what}: sync"), "s", syncs()),
        Figure::time(format!("{what}: fetching alone"), "s", pairs.iter().map(|pair| pair.fetch.as_secs_f64())),
    ]
}

/// In a world of its own, so that no run finds more rows in the emulator than another.
async fn pair(fans: u32, latency: Duration, sync_first: bool) -> Result<Pair> {
    let world = story::world().await?;
    // Pauses after refusals are waited for in real time here, and the emulated AWS refuses on purpose.
    world.rules.switch_off(&[Rule::Conflicts, Rule::Throttling, Rule::PartialAnswers, Rule::LostAnswers]);
    let account = story::account(&world, NAME, fans).await?;
    story::latency(&world, latency);
    if sync_first {
        let sync = sync(&world, &account, fans).await?;
        return Ok(Pair { sync, fetch: fetch(&world, &account, fans).await? });
    }
    let fetch = fetch(&world, &account, fans).await?;
    Ok(Pair { fetch, sync: sync(&world, &account, fans).await? })
}

async fn sync(world: &World, account: &str, fans: u32) -> Result<Duration> {
    let worker = story::worker(world, &EndpointOverrides::default()).await?;
    let task = story::request_sync(world, &EndpointOverrides::default(), account, "INCREMENTAL").await?;
    let took = story::run(world, &worker, &task).await?;
    story::completed(world, &task, fans).await?;
    Ok(took)
}

async fn fetch(world: &World, account: &str, fans: u32) -> Result<Duration> {
    let base = world.context("douyin-fan-sync-worker", &EndpointOverrides::default()).await?;
    let douyin = leads::config::douyin(&base, Secrets::load(&base).await?)?;
    let grant = world.sandbox.douyin().authorize(NAME, &["user_info", "fans.list"]);
    let token = SecretString::from(grant.map(|grant| grant.access_token).unwrap_or_default());
    let began = Instant::now();
    let (pages, seen) = walk(&douyin, &token, account).await?;
    let took = began.elapsed();
    ensure!((pages, seen) == (fans.div_ceil(story::PAGE), fans as usize), "{pages} pages with {seen} fans");
    Ok(took)
}

/// What a sync cannot do without: every page, one after the other, because a page's cursor is in the one before.
async fn walk(douyin: &Douyin, token: &SecretString, account: &str) -> Result<(u32, usize)> {
    let (mut cursor, mut pages, mut seen) = (0, 0, 0);
    loop {
        let page = douyin.fans(token, account, cursor, story::PAGE).await?;
        pages += 1;
        seen += page.fans.len();
        if !page.has_more {
            return Ok((pages, seen));
        }
        cursor = page.cursor;
    }
}
