//! Random lives of leads: syncs, edits, merges, splits, erasures, retention, processes that die, and questions, in any order,
//! against a plain model in memory. After every step the tables agree with each other and the answers with the model.

mod model;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use functions::workers::sweeper;
use futures::FutureExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use sandbox::SandboxConfig;
use sandbox::douyin::FanChange;
use serde_json::{Value, json};

use super::merges::{merge, split, stores};
use crate::bad_input::USER;
use crate::call::call;
use crate::douyin::fan_sync::faults::{PLENTY, begin, deliver_again, live, recover};
use crate::proxy::{Fault, Proxy, When};
use crate::world::EndpointOverrides;
use crate::{Event, World, lead_tables};
use model::{Lead, Model, STATUSES, Stands};

const SHOP: &str = "shop";
/// Steps of a life.
const STEPS: usize = 40;
/// How many lives; more of them take longer than the checks may.
const LIVES: &str = "LIVES";
/// Set to the number that a failure printed, it makes the next run live the same.
const SEED: &str = "LIVES_SEED";

/// How long a lead is kept that nobody works: the shortest that can be set.
const KEPT_DAYS: u32 = 30;
const RETENTION: &str = "LEAD_RETENTION_DAYS";
const DAY: Duration = Duration::from_secs(86_400);
/// In which no lead may become old, so that it does not matter when exactly the sweeper looks.
const ROUNDS: Duration = Duration::from_secs(600);

const NOTES: [&str; 3] = ["", "ＸＱ七号客户", "ＺＫ九号客户"];
const OWNERS: [&str; 3] = ["", "staff-1", "staff-1#0000000"];

/// Something that changes one lead or two.
#[derive(Debug, Clone)]
enum Work {
    Edit(u64, usize, &'static str, &'static str),
    Merge(u64, u64),
    Split(u64),
    Erase(u64),
}

struct Life {
    world: World,
    shop: String,
    model: Model,
    random: StdRng,
    /// What was done how often.
    done: BTreeMap<&'static str, usize>,
}

#[tokio::test]
async fn leads_live_as_a_plain_model_does_whatever_is_done_to_them_in_any_order() -> Result<()> {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>()).transpose();
    let given = number(SEED)?;
    let lives = if given.is_some() { 1 } else { number(LIVES)?.unwrap_or(3) };
    let mut done: BTreeMap<&'static str, usize> = BTreeMap::new();
    for _ in 0..lives {
        let seed = given.unwrap_or_else(rand::random);
        let life = live_through_all(seed).boxed_local().await;
        for (what, times) in life.with_context(|| format!("to live the same again: {SEED}={seed}"))? {
            *done.entry(what).or_default() += times;
        }
    }
    println!("  {lives} lives of {STEPS} steps: {done:?}");
    Ok(())
}

async fn live_through_all(seed: u64) -> Result<BTreeMap<&'static str, usize>> {
    let mut world = World::around(SandboxConfig { seed: Some(seed), ..SandboxConfig::default() }).await?;
    // So that every sync meets everybody.
    world.set("FAN_SYNC_KNOWN_PAGES", "0");
    world.set("DOUYIN_FAN_PAGE_SIZE", "20");
    // Leads come by the syncs of a life alone, and go for their age only where the model knows of it.
    world.set("AUTO_SYNC_INTERVAL_HOURS", "0");
    world.douyin_account(SHOP, 45);
    let shop = world.authorize(USER, SHOP).await?;
    let random = StdRng::seed_from_u64(seed);
    let mut life = Life { world, shop, model: Model::default(), random, done: BTreeMap::new() };
    life.sync().await?;
    for step in 0..STEPS {
        let what = format!("step {step}");
        match life.random.random_range(0..11) {
            0 => life.sync().await.context(what)?,
            1 => life.grow_old().await.context(what)?,
            2..=7 => life.work().await.context(what)?,
            _ => life.ask().await.context(what)?,
        }
        lead_tables::check(&life.world).await.with_context(|| format!("after step {step}"))?;
    }
    life.sync().await?;
    life.list(&[], &|_| true).await?;
    lead_tables::check(&life.world).await?;
    Ok(life.done)
}

impl Life {
    fn count(&mut self, what: &'static str) {
        *self.done.entry(what).or_default() += 1;
    }

    /// Some come, some go, and a sync finds out; its worker may die at any of its commits.
    async fn sync(&mut self) -> Result<()> {
        let random = &mut self.random;
        let mut some = |most| random.random_range(0..=most);
        let change = FanChange { add: some(4), unfollow: some(3), refollow: some(3), rename: some(5) };
        let strategy = if some(1) == 0 { "FULL" } else { "INCREMENTAL" };
        let (dies, nth, when) = (some(1) == 0, 1 + some(3), if some(1) == 0 { When::Before } else { When::After });
        self.world.advance(Duration::from_secs(u64::from(some(100_000))));
        self.world.sandbox.douyin().change_fans(SHOP, change);
        let listed: Vec<String> =
            self.world.sandbox.douyin().fans(SHOP).into_iter().flatten().map(|fan| fan.open_id).collect();
        let strangers = self.model.strangers(&listed);
        let task = begin(&self.world, &self.shop, strategy).await?;
        let proxy = Proxy::start(&self.world).await?;
        if dies {
            proxy.arm("TransactWriteItems t_douyin_sync_task", nth, Fault::Kill(when));
        }
        let left = live(&self.world, &proxy, PLENTY).await?;
        self.count(if left.is_empty() { "sync" } else { "sync that died" });
        deliver_again(&self.world, left).await?;
        recover(&self.world, &task).await?;
        let progress = self.world.progress(USER, &task).await?;
        ensure!(progress["status"] == "COMPLETED" && progress["created"] == strangers.len(), "{progress}");
        let mut made = Vec::new();
        for row in self.world.rows("t_douyin_lead").await? {
            let id: u64 = row["lead_id"].parse()?;
            if id > self.model.last {
                made.push((id, row["douyin_user_id"].clone(), row["acquire_time"].parse()?));
            }
        }
        made.sort();
        ensure!(
            made.iter().map(|(_, fan, _)| fan).collect::<std::collections::BTreeSet<_>>() == strangers.iter().collect()
        );
        made.into_iter().try_for_each(|(id, fan, acquired)| self.model.add(id, fan, acquired))
    }

    fn any(&mut self) -> Option<u64> {
        let ids: Vec<u64> = self.model.leads.keys().copied().collect();
        ids.choose(&mut self.random).copied()
    }

    fn choose(&mut self) -> Option<Work> {
        let lead = self.any()?;
        Some(match self.random.random_range(0..8) {
            0..=2 => {
                let now = self.model.leads[&lead].work.status;
                let status = *[now, (now + 1).min(2), 0].choose(&mut self.random)?;
                let (notes, owner) = (*NOTES.choose(&mut self.random)?, *OWNERS.choose(&mut self.random)?);
                Work::Edit(lead, status, notes, owner)
            }
            3..=4 => Work::Merge(lead, self.any().filter(|other| *other != lead)?),
            5..=6 => Work::Split(self.model.merged().choose(&mut self.random)?.0),
            _ => Work::Erase(self.random.random_range(1..=self.model.last)),
        })
    }

    /// A random piece of work, whose process may die before or after its transaction.
    async fn work(&mut self) -> Result<()> {
        let Some(work) = self.choose() else { return Ok(()) };
        let when = *[None, None, Some(When::Before), Some(When::After)].choose(&mut self.random).context("none")?;
        let legal = match work {
            Work::Split(id) => self.model.merged().contains(&(id, true)),
            Work::Erase(id) => matches!(self.model.stands(id), Stands::For(_)),
            _ => true,
        };
        let proxy = Proxy::start(&self.world).await?;
        if let Some(when) = when {
            proxy.arm("TransactWriteItems t_douyin_lead", 1, Fault::Kill(when));
        }
        let died = tokio::select! {
            biased;
            () = proxy.died() => { proxy.idle().await; true }
            done = perform(&self.world, &work, proxy.endpoints(), Some(&proxy)).boxed_local() => {
                let done = done?;
                ensure!(done == legal || matches!(work, Work::Erase(_)) && done, "{work:?} was answered {done}");
                false
            }
        };
        ensure!(!died || legal || matches!(work, Work::Edit(..)), "{work:?} began to write");
        let now = self.world.clock.now().as_second();
        if legal && (!died || when == Some(When::After)) {
            match work {
                Work::Edit(id, status, notes, owner) => {
                    let work = model::Work { status, notes: notes.to_owned(), owner: owner.to_owned() };
                    self.model.edit(id, work, now);
                }
                Work::Merge(survivor, other) => self.model.merge(survivor, other, now),
                Work::Split(id) => self.model.split(id, now),
                Work::Erase(id) => self.model.erase(id),
            }
        }
        self.count(match (&work, died) {
            (_, true) => "work that died",
            (Work::Edit(..), _) => "edit",
            (Work::Merge(..), _) => "merge",
            (Work::Split(_), _) => "split",
            (Work::Erase(_), _) => "erasure",
        });
        Ok(())
    }

    /// More than a week goes by, after which whoever is left is looked at anew, and the sweeper finds who is kept for
    /// nothing. Its process may die at any of its deletions.
    async fn grow_old(&mut self) -> Result<()> {
        for _ in 0..2 {
            self.world.advance(4 * DAY + Duration::from_secs(self.random.random_range(0..100_000)));
            self.world.keep_tokens().await?;
        }
        let kept_for = i64::from(KEPT_DAYS) * 86_400;
        let cutoff = |world: &World| world.clock.now().as_second() - kept_for;
        let since = |lead: &Lead| lead.acquired.max(lead.worked);
        let turns_old = |world: &World, lead: &Lead| since(lead).abs_diff(cutoff(world)) <= ROUNDS.as_secs();
        while self.model.leads.values().any(|lead| turns_old(&self.world, lead)) {
            self.world.advance(2 * ROUNDS);
        }
        let rows = self.world.rows("t_douyin_lead").await?;
        let followers = rows.iter().filter(|row| row["follow_state"] == "FOLLOWING");
        let followers = followers.map(|row| row["lead_id"].parse()).collect::<Result<_, _>>()?;
        let gone = self.model.expire(cutoff(&self.world), &followers);
        self.world.set(RETENTION, &KEPT_DAYS.to_string());
        let proxy = Proxy::start(&self.world).await?;
        let when = *[None, Some(When::Before), Some(When::After)].choose(&mut self.random).context("none")?;
        if let Some(when) = when {
            proxy.arm("TransactWriteItems t_douyin_lead", self.random.random_range(1..=3), Fault::Kill(when));
        }
        let app = sweeper::App::new(&self.world.context("sweeper", &proxy.endpoints()).await?).await?;
        let died = tokio::select! {
            biased;
            () = proxy.died() => { proxy.idle().await; true }
            done = sweeper::handle(&app, self.world.deadline()).boxed_local() => { done?; false }
        };
        self.world.advance(Duration::from_secs(60));
        self.world.sweep().await?;
        self.world.set(RETENTION, "0");
        *self.done.entry("lead that went for its age").or_default() += gone;
        self.count(if died { "retention that died" } else { "retention" });
        ensure!(self.world.rows("t_douyin_lead").await?.len() == self.model.leads.len(), "not all of {gone} are gone");
        Ok(())
    }

    /// A random question: what an id stands for, or a page of some list.
    async fn ask(&mut self) -> Result<()> {
        self.count("question");
        let id = self.random.random_range(1..=self.model.last + 2);
        let answer = self.world.call_as(USER, Event::sample("douyin-lead")?.path("leadId", &id.to_string())).await?;
        let seen = (answer.status, answer.data()["leadId"].as_u64(), answer.data()["mergedInto"].as_u64());
        let expected = match self.model.stands(id) {
            Stands::For(lead) => (200, Some(lead), Some(lead).filter(|lead| *lead != id)),
            Stands::Erased => (410, None, None),
            Stands::Nobody => (404, None, None),
        };
        ensure!(seen == expected, "lead {id} was answered {answer:?}, not {expected:?}");
        let (status, owner) = (self.random.random_range(0..3), *OWNERS.choose(&mut self.random).context("none")?);
        let time = self.any().map_or(0, |id| self.model.leads[&id].acquired);
        let text = jiff::Timestamp::from_second(time)?.to_string();
        match self.random.random_range(0..6) {
            0 => self.list(&[], &|_| true).await,
            1 => self.list(&[("status", STATUSES[status])], &|lead| lead.work.status == status).await,
            2 => self.list(&[("startTime", &text)], &|lead| lead.acquired >= time).await,
            3 => self.list(&[("endTime", &text)], &|lead| lead.acquired <= time).await,
            4 => self.list(&[("keyword", "xq七号")], &|lead| lead.work.notes.contains("ＸＱ七号")).await,
            _ if owner.is_empty() => {
                self.list(&[("startTime", &text), ("endTime", &text)], &|lead| lead.acquired == time).await
            }
            _ => self.list(&[("ownerId", owner)], &|lead| lead.work.owner == owner).await,
        }
    }

    /// All pages of a list are those leads of the model that fit.
    async fn list(&self, query: &[(&str, &str)], fits: &dyn Fn(&Lead) -> bool) -> Result<()> {
        let fitting: Vec<(&u64, &Lead)> = self.model.leads.iter().rev().filter(|(_, lead)| fits(lead)).collect();
        let size = 7;
        for page in 1..=fitting.len().div_ceil(size).max(1) {
            let (number, per_page) = (page.to_string(), size.to_string());
            let query = [query, &[("page", number.as_str()), ("size", per_page.as_str())]].concat();
            let answer = self.world.leads(USER, &query).await?;
            let seen: Vec<Value> = answer.data()["records"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|record| {
                    json!([record["leadId"], record["status"], undated(record["notes"].as_str().unwrap_or_default())])
                })
                .collect();
            let expected: Vec<Value> = fitting
                .iter()
                .skip((page - 1) * size)
                .take(size)
                .map(|(id, lead)| json!([id, STATUSES[lead.work.status], lead.work.notes]))
                .collect();
            ensure!(answer.status == 200 && seen == expected, "{query:?}\n{seen:?}\nnot {expected:?}: {answer:?}");
            ensure!(
                answer.data()["total"] == fitting.len(),
                "{query:?}: {} are not {}",
                answer.data()["total"],
                fitting.len()
            );
            if !query.iter().any(|(name, _)| *name == "status") {
                for (place, status) in STATUSES.iter().enumerate() {
                    let count = fitting.iter().filter(|(_, lead)| lead.work.status == place).count();
                    ensure!(
                        answer.data()["statusCounts"][status] == count,
                        "{query:?}: {answer:?}, {count} are {status}"
                    );
                }
            }
        }
        Ok(())
    }
}

/// Whether the work was done; `false`: it was refused as what cannot be done.
async fn perform(world: &World, work: &Work, endpoints: EndpointOverrides, proxy: Option<&Proxy>) -> Result<bool> {
    let api = async |function: &str, event: Event| {
        let event = event.bearer(&world.token(USER, &["*"])?);
        let answer = call(&world.context(function, &endpoints).await?, &event).boxed_local().await?;
        ensure!([200, 404, 410].contains(&answer.status), "{work:?} was answered {answer:?}");
        Ok(answer.status == 200)
    };
    match work {
        Work::Edit(id, status, notes, owner) => {
            let body = json!({"status": STATUSES[*status], "notes": notes, "ownerId": owner, "reopen": *status == 0});
            let event = Event::sample("douyin-lead-update")?.path("leadId", &id.to_string()).json(&body);
            api("douyin-lead-update", event).await
        }
        Work::Erase(id) => {
            api("douyin-lead-erase", Event::sample("douyin-lead-erase")?.path("leadId", &id.to_string())).await
        }
        Work::Merge(survivor, other) => Ok(merge(&stores(world, proxy)?, *survivor, *other).await.map(|_| true)?),
        Work::Split(id) => match split(&stores(world, proxy)?, *id).await {
            Err(leads::Error::LeadMerged { .. } | leads::Error::Kernel(kernel::Error::NotFound(_))) => Ok(false),
            done => Ok(done.map(|_| true)?),
        },
    }
}

/// Joined notes without the dates in them.
fn undated(notes: &str) -> String {
    let mut parts = notes.split("，20");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.get(8..).unwrap_or_default())
}
