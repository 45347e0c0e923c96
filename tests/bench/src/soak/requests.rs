//! What people ask for. A request whose process dies is sent again under its key, as a frontend does.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::FutureExt;
use it::world::EndpointOverrides;
use it::{Answer, Event};
use rand::RngExt;
use rand::seq::IndexedRandom;
use serde_json::json;

use super::Soak;
use super::death::unless_it_dies;

const POSTS: u32 = 3;
const SYNCS: u32 = 2;
const EDITS: u32 = 2;
/// One request in so many loses its process.
const DEATHS: u32 = 6;
/// Waits of a process within which it dies then.
const WAITS: u32 = 10;
/// How often a request is sent until its answer is one.
const TRIES: u32 = 6;

impl Soak {
    pub(super) async fn ask(&mut self) -> Result<()> {
        for _ in 0..self.random.random_range(1..=POSTS) {
            self.post().await?;
        }
        for _ in 0..self.random.random_range(1..=SYNCS) {
            self.sync().await?;
        }
        for _ in 0..self.random.random_range(1..=EDITS) {
            self.edit().await?;
        }
        if self.one_in(3) {
            self.withdraw().await?;
        }
        Ok(())
    }

    /// When the next process dies; `None` for one that lives.
    pub(super) fn death(&mut self, chances: u32, waits: u32) -> Option<u32> {
        self.one_in(chances).then(|| self.random.random_range(0..waits))
    }

    /// Sends a request until it is answered with something else than an outage. `None` when it never was.
    async fn send(&mut self, user: u64, event: Event) -> Result<Option<Answer>> {
        let event = event.bearer(&self.world.token(user, &["*"])?);
        for _ in 0..TRIES {
            let death = self.death(DEATHS, WAITS);
            let base = self.world.context(&event.function, &EndpointOverrides::default()).await?;
            let answered = unless_it_dies(death, it::call::call(&base, &event).boxed_local()).await;
            let Some(answer) = answered.transpose()? else {
                self.count("deaths of requests");
                continue;
            };
            ensure!(answer.status != 500, "an error that is ours: {answer:?}");
            if answer.status < 500 && answer.error_type() != "CONFLICT" {
                return Ok(Some(answer));
            }
            self.count("requests to be sent again later");
            self.world.advance(Duration::from_secs(30));
        }
        Ok(None)
    }

    /// A text of its own from some of a tenant's accounts; every third one at a time.
    async fn post(&mut self) -> Result<()> {
        let number = self.of("posts asked for") + 1;
        let tenant = self.tenants.choose(&mut self.random).context("no tenant")?;
        let (user, most) = (tenant.user, tenant.outlets.len().min(4));
        let how_many = self.random.random_range(1..=most);
        let accounts: Vec<&str> =
            tenant.outlets.sample(&mut self.random, how_many).map(|outlet| outlet.account.as_str()).collect();
        let mut body = json!({ "text": format!("第{number}条：新品到店"), "accountIds": accounts });
        if self.random.random_range(0..3) == 0 {
            let later = Duration::from_secs(self.random.random_range(120..7_200));
            body["scheduledTime"] = (self.world.clock.now() + later).to_string().into();
        }
        let key = format!("soak-post-{number}");
        let event = Event::sample("moment-sync")?.header("idempotency-key", &key).json(&body);
        self.count("posts asked for");
        let answer = self.send(user, event).await?;
        self.count(match answer.as_ref().map(|answer| answer.status) {
            Some(202) => "posts accepted",
            Some(_) => "posts refused because an account was off the line",
            None => "posts given up",
        });
        if let Some(answer) = answer {
            ensure!(answer.status == 202 || answer.text.contains("accountIds"), "refused: {answer:?}");
        }
        Ok(())
    }

    async fn sync(&mut self) -> Result<()> {
        let tenant = self.tenants.choose(&mut self.random).context("no tenant")?;
        let (user, shop) = (tenant.user, tenant.shops.choose(&mut self.random).context("no shop")?.open_id.clone());
        let strategy = if self.one_in(3) { "FULL" } else { "INCREMENTAL" };
        let body = json!({ "douyinUserId": shop, "syncStrategy": strategy });
        let key = format!("soak-sync-{}", self.of("syncs asked for"));
        let event = Event::sample("douyin-fans-sync")?.header("idempotency-key", &key).json(&body);
        self.count("syncs asked for");
        let answer = self.send(user, event).await?;
        self.count(match answer.as_ref().map(|answer| answer.status) {
            Some(202) => "syncs accepted",
            Some(200) => "syncs that ran already",
            Some(_) => "syncs refused",
            None => "syncs given up",
        });
        Ok(())
    }

    /// A note to a lead, which has to be there in the end if its writer was told that it is stored.
    async fn edit(&mut self) -> Result<()> {
        let user = self.tenants.choose(&mut self.random).context("no tenant")?.user;
        let total = self.world.leads(user, &[]).await?.data()["total"].as_u64().unwrap_or_default();
        if total == 0 {
            return Ok(());
        }
        let lead = self.random.random_range(1..=total);
        let note = format!("第{}次联系", self.of("notes written"));
        let event = Event::sample("douyin-lead-update")?.path("leadId", &lead.to_string());
        // Sent until it is answered, so the last note that was sent is the one that stays.
        let answer = self.send(user, event.json(&json!({ "notes": note }))).await?;
        match answer.map(|answer| answer.status) {
            Some(200) => {
                self.count("notes written");
                self.notes.insert((user, lead), note);
            }
            Some(_) => {}
            // Whether it was stored is not known.
            None => drop(self.notes.remove(&(user, lead))),
        }
        Ok(())
    }

    /// Somebody thinks better of one of the newest posts.
    async fn withdraw(&mut self) -> Result<()> {
        let user = self.tenants.choose(&mut self.random).context("no tenant")?.user;
        let listed = self.world.call_as(user, Event::sample("moment-tasks")?.query(&[("size", "5")])).await?;
        let tasks: Vec<u64> = listed.data()["records"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|task| ["PENDING", "PROCESSING"].contains(&task["status"].as_str().unwrap_or_default()))
            .filter_map(|task| task["syncTaskId"].as_u64())
            .collect();
        let Some(task) = tasks.choose(&mut self.random) else { return Ok(()) };
        let function = if self.one_in(2) { "moment-task-cancel" } else { "moment-task-stop" };
        let event = Event::sample(function)?.path("taskId", &task.to_string());
        if self.send(user, event).await?.is_some_and(|answer| answer.status == 200) {
            self.count("posts withdrawn");
        }
        Ok(())
    }
}
