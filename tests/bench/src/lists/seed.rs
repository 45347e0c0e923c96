//! Leads to list: twenty accounts of one tenant, each synced by the real worker from the sandbox, an hour apart. So the
//! rows, segments and marks are those of production, and the nicknames are the sandbox's.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use it::World;
use it::world::EndpointOverrides;

use crate::report::progress;
use crate::story;

/// A Douyin account shows at most 5,000 fans, so a hundred thousand leads come from at least twenty.
const ACCOUNTS: u32 = 20;

/// A tenant with leads.
pub struct Tenant {
    pub world: World,
    /// How many leads it has.
    pub leads: u32,
    /// From when until when the leads of each account were acquired, RFC 3339. A pause of the sync moves the clock.
    times: Vec<[String; 2]>,
}

impl Tenant {
    /// A tenant with this many leads, a multiple of twenty.
    pub async fn with(leads: u32) -> Result<Self> {
        let world = story::world().await?;
        let worker = story::worker(&world, &EndpointOverrides::default()).await?;
        let fans = leads / ACCOUNTS;
        let began = Instant::now();
        let mut times = Vec::new();
        for number in 1..=ACCOUNTS {
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

    /// From when until when one of the twenty syncs ran.
    pub fn time(&self, number: usize) -> Result<&[String; 2]> {
        self.times.get(number).context("there are only twenty syncs")
    }
}
