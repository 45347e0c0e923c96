//! Statuses and what a page costs by them: the sets of ids stay exact whoever edits at once, and a page costs as many
//! requests at a million leads as at a thousand.

use anyhow::{Result, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use functions::http::dispatch;
use functions::routes::douyin_leads;
use futures::future::try_join_all;
use futures::{StreamExt, TryStreamExt, stream};
use kernel::dynamo::{n, s};
use serde_json::{Value, json};

use crate::bad_input::USER;
use crate::proxy::Proxy;
use crate::{Answer, Event, World, lead_tables};

/// Before a range of all of them begins, and when it has ended.
const BEFORE: &str = "2026-11-01T00:00:00Z";
const AFTER: &str = "2026-11-03T00:00:00Z";
/// When all leads were acquired.
const ACQUIRED: i64 = 1_793_577_600;

async fn change(world: &World, lead: u64, body: &Value) -> Result<Answer> {
    world.call(&world.sample_as(USER, "douyin-lead-update")?.path("leadId", &lead.to_string()).json(body)).await
}

#[tokio::test]
async fn lead_status_changes_of_neighbours_at_once_are_all_kept() -> Result<()> {
    const LEADS: u64 = 12;
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 20);
    world.authorize(USER, "shop").await?;
    world.sync(USER, &shop, "INCREMENTAL").await?;
    for (status, reopen) in [("CONTACTED", false), ("CONVERTED", false), ("NEW", true), ("CONTACTED", false)] {
        let body = json!({"status": status, "reopen": reopen});
        let answers = try_join_all((1..=LEADS).map(|lead| change(&world, lead, &body))).await?;
        ensure!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
        lead_tables::check(&world).await?;
    }
    let page = world.leads(USER, &[("status", "CONTACTED")]).await?;
    assert_eq!(page.data()["total"], LEADS);
    assert_eq!(page.data()["statusCounts"], json!({"NEW": 20 - LEADS, "CONTACTED": LEADS, "CONVERTED": 0}));
    Ok(())
}

#[tokio::test]
async fn lead_page_costs_as_many_requests_at_a_million_leads_as_at_a_thousand() -> Result<()> {
    for (leads, holes) in
        [(1_000, Holes::None), (1_000, Holes::Many), (1_000_000, Holes::None), (1_000_000, Holes::Many)]
    {
        let crowd = Crowd::of(leads, holes).await?;
        let proxy = Proxy::start(&crowd.world).await?;
        let context = crowd.world.context("douyin-leads", &proxy.endpoints()).await?;
        let app = douyin_leads::App::new(&context).await?;
        let range = [("startTime", BEFORE), ("endTime", AFTER)];
        for (filter, statuses, requests) in [
            (vec![], &STATUSES[..], 3),
            (vec![("status", "NEW")], &STATUSES[..1], 3),
            (vec![("status", "CONTACTED")], &STATUSES[1..2], 3),
            (vec![("status", "CONVERTED")], &STATUSES[2..], 3),
            (range.to_vec(), &STATUSES[..], 5),
            ([&range[..], &[("status", "NEW")]].concat(), &STATUSES[..1], 4),
            (vec![("ownerId", "staff-17")], &STATUSES[1..2], 4),
            (vec![("ownerId", "staff-17"), ("status", "CONTACTED")], &STATUSES[1..2], 4),
        ] {
            let fitting: Vec<u64> = crowd.present().filter(|id| statuses.contains(&status_of(*id))).collect();
            let total = fitting.len() as u64;
            let mut most = 0;
            for page in [1, total / 20, total.div_ceil(10)] {
                let expected = crowd.page(&fitting, page).await?;
                let number = page.to_string();
                let query = [&filter[..], &[("page", number.as_str())]].concat();
                let event = Event::sample("douyin-leads")?.query(&query).bearer(&crowd.world.token(USER, &["*"])?);
                let before = proxy.steps().len();
                let answer = Answer::new(dispatch(&app, douyin_leads::handle, event.request()?).await);
                let steps = proxy.steps().split_off(before);
                let found: Vec<u64> = answer.data()["records"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|record| record["leadId"].as_u64())
                    .collect();
                assert_eq!((&found, &answer.data()["total"]), (&expected, &json!(total)), "{query:?}: {answer:?}");
                let is_owners = filter.iter().any(|(name, _)| *name == "ownerId");
                let of_owner = json!({"NEW": 0, "CONTACTED": total, "CONVERTED": 0});
                let counts = if is_owners { &of_owner } else { &crowd.counts };
                assert_eq!(answer.data()["statusCounts"], *counts, "{query:?}");
                assert!(steps.len() <= requests, "{query:?} at {leads} leads, {holes:?}: {steps:?}");
                most = most.max(steps.len());
            }
            println!("  {leads:>9} leads, holes {holes:?}: at most {most} requests for {filter:?}");
        }
    }
    Ok(())
}

const STATUSES: [&str; 3] = ["NEW", "CONTACTED", "CONVERTED"];

/// Spread as evenly as can be, which makes the sets as large as they get.
const fn status_of(id: u64) -> &'static str {
    STATUSES[(id % 3) as usize]
}

/// Which ids stand for nobody any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holes {
    None,
    /// Every seventh, and a whole block of them.
    Many,
}

impl Holes {
    const fn has(self, id: u64) -> bool {
        matches!(self, Self::Many) && (id % 7 == 3 || id / BLOCK == 10)
    }
}

/// How many ids share a block of a set.
const BLOCK: u64 = 4_096;

/// Leads of whom the index knows all, and the table only those who are on a page that was asked for.
struct Crowd {
    world: World,
    leads: u64,
    holes: Holes,
    counts: Value,
}

impl Crowd {
    async fn of(leads: u64, holes: Holes) -> Result<Self> {
        let mut crowd = Self { world: World::start().await?, leads, holes, counts: Value::Null };
        let number = |status| crowd.present().filter(|id| status_of(*id) == status).count();
        let counts = STATUSES.map(number);
        let by_block = (0..=leads / BLOCK).map(|block| {
            let ids = (block * BLOCK).max(1)..((block + 1) * BLOCK).min(leads + 1);
            n(ids.filter(|id| holes.has(*id)).count())
        });
        let mut counter = vec![("lead_count", n(leads)), ("last_acquire_time", n(ACQUIRED)), ("version", n(1))];
        if holes != Holes::None {
            counter.push(("holes", AttributeValue::L(by_block.collect())));
        }
        crowd.put_entry("counter".to_owned(), &counter).await?;
        let mark = [("first_lead_id", n(1)), ("last_lead_id", n(leads))];
        crowd.put_entry(format!("mark#{ACQUIRED:011}"), &mark).await?;
        let tally = [("contacted", n(counts[1])), ("converted", n(counts[2]))];
        crowd.put_entry("tally".to_owned(), &tally).await?;
        for status in &STATUSES[1..] {
            let holds = |id| !holes.has(id) && status_of(id) == *status;
            crowd.put_set(&|block| format!("set#{block:07}#{status}"), holds).await?;
            // Somebody works all who are contacted.
            if *status == "CONTACTED" {
                crowd.put_set(&|block| format!("owner#staff-17#{block:07}"), holds).await?;
            }
        }
        crowd.put_set(&|block| format!("set#{block:07}#GONE"), |id| holes.has(id)).await?;
        crowd.counts = STATUSES.into_iter().map(str::to_owned).zip(counts.map(|count| json!(count))).collect();
        Ok(crowd)
    }

    /// The ids that stand for a lead, newest first.
    fn present(&self) -> impl Iterator<Item = u64> {
        let holes = self.holes;
        (1..=self.leads).rev().filter(move |id| !holes.has(*id))
    }

    async fn put_set(&self, entry: &impl Fn(u64) -> String, holds: impl Fn(u64) -> bool) -> Result<()> {
        let blocks = (0..=self.leads / BLOCK).map(|block| {
            let mut bits = vec![0_u8; BLOCK as usize / 8];
            let ids = (block * BLOCK..(block + 1) * BLOCK).filter(|id| (1..=self.leads).contains(id) && holds(*id));
            for place in ids.map(|id| (id - block * BLOCK) as usize) {
                bits[place / 8] |= 1 << (place % 8);
            }
            (entry(block), [("ids", AttributeValue::B(bits.into())), ("version", n(1))])
        });
        let puts = stream::iter(blocks).map(|(entry, set)| async move { self.put_entry(entry, &set).await });
        puts.buffer_unordered(10).try_collect().await
    }

    /// The ids on a page of ten of these leads, whose rows are there from now on.
    async fn page(&self, fitting: &[u64], page: u64) -> Result<Vec<u64>> {
        let ids: Vec<u64> = fitting.iter().copied().skip((page as usize - 1) * 10).take(10).collect();
        stream::iter(&ids).map(|id| self.put_lead(*id)).buffer_unordered(10).try_collect::<()>().await?;
        Ok(ids)
    }

    async fn put_entry(&self, entry: String, attributes: &[(&str, AttributeValue)]) -> Result<()> {
        self.put("t_douyin_lead_index", [&[("user_id", n(USER)), ("entry", s(entry))], attributes].concat()).await
    }

    async fn put_lead(&self, id: u64) -> Result<()> {
        let row = [
            ("lead_bucket", s(format!("{USER}#{}", id / 64))),
            ("lead_id", n(id)),
            ("user_id", n(USER)),
            ("douyin_user_id", s(format!("fan-{id}"))),
            ("status", s(status_of(id))),
            ("acquire_time", n(ACQUIRED)),
            ("update_time", n(ACQUIRED)),
        ];
        self.put("t_douyin_lead", row.to_vec()).await
    }

    async fn put(&self, table: &str, row: Vec<(&str, AttributeValue)>) -> Result<()> {
        let row = row.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let put = self.world.aws.dynamodb.put_item().table_name(self.world.table(table));
        put.set_item(Some(row)).send().await?;
        Ok(())
    }
}
