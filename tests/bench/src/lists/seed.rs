//! Leads to list: twenty accounts of one tenant or more, each synced by the real worker from the sandbox, an hour apart. So the
//! rows, segments and marks are those of production, and the nicknames are the sandbox's.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use it::World;
use it::world::EndpointOverrides;

use crate::report::progress;
use crate::story;

/// A Douyin account shows at most so many fans.
const MOST_FANS: u32 = 5_000;
/// Parts of a tenant's leads that are told apart by time, of as many accounts each.
const PARTS: u32 = 20;

/// A tenant with leads.
pub struct Tenant {
    pub world: World,
    /// How many leads it has.
    pub leads: u32,
    /// From when until when the leads of each account were acquired, RFC 3339. A pause of the sync moves the clock.
    times: Vec<[String; 2]>,
}

impl Tenant {
    /// A tenant with this many leads, a multiple of twenty; beyond a hundred thousand of that.
    pub async fn with(leads: u32) -> Result<Self> {
        let world = story::world().await?;
        let worker = story::worker(&world, &EndpointOverrides::default()).await?;
        let accounts = (leads / MOST_FANS).max(PARTS);
        let fans = leads / accounts;
        ensure!(accounts.is_multiple_of(PARTS) && fans * accounts == leads, "{leads} is no multiple of 100,000");
        let began = Instant::now();
        let mut times = Vec::new();
        for number in 1..=accounts {
            world.advance(Duration::from_secs(3_600));
            // Leads are dated to the second.
            let now = || world.clock.now().strftime("%FT%TZ").to_string();
            let from = now();
            let account = story::account(&world, &format!("shop-{number}"), fans).await?;
            let task = story::request_sync(&world, &EndpointOverrides::default(), &account, "INCREMENTAL").await?;
            story::run(&world, &worker, &task).await?;
            story::completed(&world, &task, fans).await?;
            times.push([from, now()]);
            let took = began.elapsed().as_secs();
            progress("lists", &format!("{} of {leads} leads synced, {took} s", number * fans));
        }
        Ok(Self { world, leads, times })
    }

    /// From when until when the syncs of one of the twenty parts ran.
    pub fn time(&self, part: usize) -> Result<[&str; 2]> {
        let of_part =
            self.times.chunks(self.times.len() / PARTS as usize).nth(part).context("there are twenty parts")?;
        let [from, _] = of_part.first().context("no sync")?;
        let [_, until] = of_part.last().context("no sync")?;
        Ok([from, until])
    }
}
