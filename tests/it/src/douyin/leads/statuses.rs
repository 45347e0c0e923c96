//! Statuses and what a page costs by them: the sets of ids stay exact whoever edits at once, and a page costs as many
//! requests at a million leads as at a thousand.

use anyhow::{Result, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use functions::http::dispatch;
use functions::routes::douyin_leads;
use futures::future::try_join_all;
use futures::{StreamExt, TryStreamExt, stream};
use kernel::dynamo::{n, s};
use roaring::RoaringBitmap;
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
    for leads in [1_000, 1_000_000] {
        let crowd = Crowd::of(leads).await?;
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
            let total = (1..=leads).filter(|id| statuses.contains(&status_of(*id))).count() as u64;
            for page in [1, total / 20, total.div_ceil(10)] {
                let expected = crowd.page(statuses, page).await?;
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
                let counts =
                    if is_owners { json!({"NEW": 0, "CONTACTED": total, "CONVERTED": 0}) } else { crowd.counts() };
                assert_eq!(answer.data()["statusCounts"], counts, "{query:?}");
                assert!(steps.len() <= requests, "{query:?} at {leads} leads: {steps:?}");
            }
        }
    }
    Ok(())
}

const STATUSES: [&str; 3] = ["NEW", "CONTACTED", "CONVERTED"];

/// Spread as evenly as can be, which makes the sets as large as they get.
const fn status_of(id: u64) -> &'static str {
    STATUSES[(id % 3) as usize]
}

/// Leads of whom the index knows all, and the table only those who are on a page that was asked for.
struct Crowd {
    world: World,
    leads: u64,
}

impl Crowd {
    async fn of(leads: u64) -> Result<Self> {
        let crowd = Self { world: World::start().await?, leads };
        let time = n(ACQUIRED);
        let counter = [("lead_count", n(leads)), ("last_acquire_time", time), ("version", n(1))];
        crowd.put_entry("counter".to_owned(), &counter).await?;
        let mark = [("first_lead_id", n(1)), ("last_lead_id", n(leads))];
        crowd.put_entry(format!("mark#{ACQUIRED:011}"), &mark).await?;
        let number = |status| n(crowd.number(status));
        let tally = [("contacted", number("CONTACTED")), ("converted", number("CONVERTED"))];
        crowd.put_entry("tally".to_owned(), &tally).await?;
        for status in &STATUSES[1..] {
            for block in 0..=leads >> 16 {
                let ids = (block << 16..(block + 1) << 16).filter(|id| (1..=leads).contains(id));
                let ids = ids.filter(|id| status_of(*id) == *status).map(|id| u32::try_from(id).unwrap());
                let mut bytes = Vec::new();
                ids.collect::<RoaringBitmap>().serialize_into(&mut bytes)?;
                let set = [("ids", AttributeValue::B(bytes.into())), ("version", n(1))];
                crowd.put_entry(format!("status#{block:05}#{status}"), &set).await?;
                // Somebody works all who are contacted.
                if *status == "CONTACTED" {
                    crowd.put_entry(format!("owner#staff-17#{block:05}"), &set).await?;
                }
            }
        }
        Ok(crowd)
    }

    fn number(&self, status: &str) -> usize {
        (1..=self.leads).filter(|id| status_of(*id) == status).count()
    }

    fn counts(&self) -> Value {
        STATUSES.map(|status| (status.to_owned(), json!(self.number(status)))).into_iter().collect()
    }

    /// The ids on a page of ten of the leads with these statuses, whose rows are there from now on.
    async fn page(&self, statuses: &[&str], page: u64) -> Result<Vec<u64>> {
        let fitting = (1..=self.leads).rev().filter(|id| statuses.contains(&status_of(*id)));
        let ids: Vec<u64> = fitting.skip((page as usize - 1) * 10).take(10).collect();
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
