//! What is told against what the platforms did, when everything has ended.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Context, Result, ensure};
use it::tables::Row;
use it::{Event, lead_tables};
use jiff::Timestamp;
use sandbox::{Publication, PublicationKind, text_hash};

use super::Soak;
use crate::report::Figure;

const OPEN: [&str; 2] = ["PENDING", "PROCESSING"];

/// Accounts of posts by what is told of them and whether it is true.
#[derive(Debug, Default)]
struct Verdict {
    told: BTreeMap<String, u64>,
    /// What is told and not so.
    wrong: Vec<String>,
    /// Posts whose answer was lost and that no list has shown: told as not known, and out nevertheless.
    unknown_and_out: u64,
}

fn has_ended(row: &Row) -> bool {
    !OPEN.contains(&row["status"].as_str())
}

impl Soak {
    pub(super) async fn has_ended(&self) -> Result<bool> {
        if !self.world.rows("t_outbox").await?.is_empty() {
            return Ok(false);
        }
        for table in ["t_moment_sync_task", "t_moment_sync_result", "t_douyin_sync_task"] {
            if !self.world.rows(table).await?.iter().all(has_ended) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(super) async fn verdict(&mut self) -> Result<Vec<Figure>> {
        let verdict = self.posts().await?;
        let open = self.open().await?;
        let syncs = self.syncs().await?;
        let twice = self.world.sandbox.journal().published_twice();
        let lost_notes = self.lost_notes().await?;
        lead_tables::check(&self.world).await?;
        let untold = self.untold().await?;
        let missing = self.missing_leads().await?;
        for url in [self.world.queue_url()?, self.world.publish_queue_url()?] {
            // Those that were to get lost are hidden until long after this run.
            let left = self.world.depth_without_delayed(url).await?;
            ensure!(left <= self.of("messages lost"), "{left} messages are left in {url}");
        }
        let days = self.world.clock.now().duration_since(self.begun).as_secs() as f64 / 86_400.0;
        let note = format!(
            "{}. Syncs: {syncs:?}. Accounts of posts, as told: {:?}. The emulated AWS: {}.",
            self.line(),
            verdict.told,
            self.world.rules.report(),
        );
        let count = |what: &str, found: usize| Figure::count(what.to_owned(), "", [found as f64]).at_most(0.0);
        Ok(vec![
            Figure::time("soak: days on the clock of functions and platforms", "days", [days]).note(note),
            Figure::count("soak: posts accepted", "posts", [self.of("posts accepted") as f64]),
            Figure::count("soak: syncs that have ended", "syncs", [syncs.values().sum::<u64>() as f64]),
            count("soak: published twice", twice.len()).note(format!("{twice:?}")),
            count("soak: accounts told otherwise than it is", verdict.wrong.len()).note(verdict.wrong.join("; ")),
            Figure::count(
                "soak: told as not known (MOMENT_PUBLISH_UNCONFIRMED), and out",
                "accounts",
                [verdict.unknown_and_out as f64],
            ),
            count("soak: rows that have not ended", open.len()).note(open.join("; ")),
            count("soak: notes lost", lost_notes.len()).note(lost_notes.join("; ")),
            count("soak: leads and syncs that events do not tell of, or twice", untold.len()).note(untold.join("; ")),
            count("soak: fans who are no lead, or two", missing.len()).note(missing.join("; ")),
        ])
    }

    /// Every account of every post that was accepted, whoever was told of it.
    async fn posts(&self) -> Result<Verdict> {
        let outlets: HashMap<&str, &str> = self
            .tenants
            .iter()
            .flat_map(|tenant| &tenant.outlets)
            .map(|outlet| (outlet.account.as_str(), outlet.name.as_str()))
            .collect();
        let mut out: HashMap<(String, String), Vec<Publication>> = HashMap::new();
        let mut first: HashMap<String, Timestamp> = HashMap::new();
        for post in self.world.sandbox.journal().publications() {
            if post.kind != PublicationKind::MemberPost {
                first.entry(post.text_hash.clone()).or_insert(post.at);
            }
            out.entry((post.account.clone(), post.text_hash.clone())).or_default().push(post);
        }
        let tasks = self.world.rows("t_moment_sync_task").await?;
        let tasks: HashMap<&str, &Row> = tasks.iter().map(|task| (task["id"].as_str(), task)).collect();
        let mut verdict = Verdict::default();
        for row in self.world.rows("t_moment_sync_result").await? {
            let task = tasks.get(row["task_id"].as_str()).context("a result without a task")?;
            let hash = text_hash(&task["text_content"]);
            let outlet = outlets.get(row["account_id"].as_str()).context("an account of nobody")?;
            let published = out.get(&((*outlet).to_owned(), hash.clone())).map(Vec::as_slice).unwrap_or_default();
            let code = row.get("error_code").map(String::as_str).unwrap_or_default();
            let told = if code.is_empty() { row["status"].clone() } else { format!("{} {code}", row["status"]) };
            let is_true = match (row["status"].as_str(), published) {
                ("SUCCESS", [post]) => row.get("moment_id") == Some(&post.id),
                ("FAILED", []) => !code.is_empty(),
                ("CANCELLED", []) => true,
                ("FAILED", [_]) if code == "MOMENT_PUBLISH_UNCONFIRMED" => {
                    verdict.unknown_and_out += 1;
                    true
                }
                _ => false,
            };
            let planned = task.get("scheduled_time").and_then(|time| time.parse::<i64>().ok());
            let is_early = planned.zip(first.get(&hash)).is_some_and(|(planned, at)| at.as_second() < planned);
            if !is_true || is_early {
                verdict.wrong.push(format!("{told} of task {} on {outlet}, really {published:?}", row["task_id"]));
            }
            *verdict.told.entry(told).or_default() += 1;
        }
        Ok(verdict)
    }

    /// Rows that still want something.
    async fn open(&self) -> Result<Vec<String>> {
        let mut open = Vec::new();
        for table in ["t_moment_sync_task", "t_moment_sync_result", "t_moment_publish_unit", "t_douyin_sync_task"] {
            for row in self.world.rows(table).await? {
                let is_open = row.get("status").is_some_and(|status| OPEN.contains(&status.as_str()));
                if is_open || row.contains_key("next_action_at") {
                    open.push(format!("{table} {row:?}"));
                }
            }
        }
        Ok(open)
    }

    /// How syncs have ended.
    async fn syncs(&self) -> Result<BTreeMap<String, u64>> {
        let mut ends = BTreeMap::new();
        for row in self.world.rows("t_douyin_sync_task").await? {
            let end = row.get("error_code").map_or_else(|| row["status"].clone(), |code| format!("FAILED {code}"));
            *ends.entry(end).or_default() += 1;
        }
        Ok(ends)
    }

    async fn lost_notes(&self) -> Result<Vec<String>> {
        let mut lost = Vec::new();
        for ((user, lead), note) in &self.notes {
            let event = Event::sample("douyin-lead")?.path("leadId", &lead.to_string());
            let answer = self.world.call_as(*user, event).await?;
            if answer.data()["notes"] != note.as_str() {
                lost.push(format!("of {user}/{lead}: {note}"));
            }
        }
        Ok(lost)
    }

    /// Leads whose coming, and syncs whose end, is not told by exactly one event. The numbers of events have no gap.
    async fn untold(&self) -> Result<Vec<String>> {
        let mut untold = Vec::new();
        let (leads, syncs) = (self.world.rows("t_douyin_lead").await?, self.world.rows("t_douyin_sync_task").await?);
        for tenant in &self.tenants {
            let user = tenant.user.to_string();
            let mut told: BTreeMap<String, u32> = BTreeMap::new();
            let mut after = 0;
            loop {
                let query = [("after", after.to_string()), ("limit", "1000".to_owned())];
                let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
                let answer = self.world.call_as(tenant.user, Event::sample("events")?.query(&query)).await?;
                let events = answer.data()["events"].as_array().context("no events")?;
                if events.is_empty() {
                    ensure!(answer.data()["lastSequence"] == after, "events of {user} end at {after}: {answer:?}");
                    break;
                }
                for event in events {
                    after += 1;
                    ensure!(event["sequence"] == after, "{} comes in place of {after}", event["sequence"]);
                    let data = &event["data"];
                    let ids: Vec<String> = match event["type"].as_str() {
                        Some("lead.created") => {
                            data["leadIds"].as_array().into_iter().flatten().map(|id| format!("lead {id}")).collect()
                        }
                        Some("sync.completed" | "sync.failed") => vec![format!("sync {}", data["taskId"])],
                        _ => Vec::new(),
                    };
                    for id in ids {
                        *told.entry(id).or_default() += 1;
                    }
                }
            }
            let of_tenant = |row: &&Row| row["user_id"] == user;
            let there = leads.iter().filter(of_tenant).map(|row| format!("lead {}", row["lead_id"]));
            let there = there.chain(syncs.iter().filter(of_tenant).map(|row| format!("sync \"{}\"", row["task_id"])));
            untold.extend(there.filter(|id| told.get(id) != Some(&1)).map(|id| format!("{id} of {user}")));
        }
        Ok(untold)
    }

    /// After one more FULL sync of each account everybody who follows is exactly one lead of its tenant.
    async fn missing_leads(&self) -> Result<Vec<String>> {
        let mut missing = Vec::new();
        for tenant in &self.tenants {
            let mut fans = BTreeSet::new();
            for shop in &tenant.shops {
                let progress = self.world.sync(tenant.user, &shop.open_id, "FULL").await?;
                ensure!(progress["status"] == "COMPLETED", "the last sync of {}: {progress}", shop.name);
                fans.extend(self.world.sandbox.douyin().fans(&shop.name).into_iter().flatten().map(|fan| fan.open_id));
            }
            let rows = self.world.rows("t_douyin_lead").await?;
            let mut leads: BTreeMap<&str, u32> = BTreeMap::new();
            for row in rows.iter().filter(|row| row["user_id"] == tenant.user.to_string()) {
                *leads.entry(row["douyin_user_id"].as_str()).or_default() += 1;
            }
            missing.extend(fans.into_iter().filter(|fan| !leads.contains_key(fan.as_str())));
            missing.extend(leads.into_iter().filter(|(_, count)| *count > 1).map(|(fan, _)| fan.to_owned()));
        }
        lead_tables::check(&self.world).await?;
        Ok(missing)
    }
}
