//! Both jobs for as long as one likes while everything goes wrong: `cargo budgets --only soak --minutes 30`. Processes die
//! at any of their waits, messages come twice or never, platforms refuse, break off and lose their answers, the emulated AWS
//! refuses and lags, time jumps. Afterwards the disturbances end, and what is told is compared with what the platforms did.
#![expect(
    clippy::indexing_slicing,
    reason = "an answer or a row of another shape than expected should stop the run there"
)]

mod death;
mod disturbances;
mod requests;
mod tenants;
mod verdict;
mod workers;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use it::World;
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::Options;
use crate::report::{Figure, progress};
use tenants::Tenant;

/// A round in so many is followed by hours in which nothing runs.
const JUMP: u32 = 20;
/// Rounds without disturbances until everything has to have ended: members have 48 hours, a round takes half of one.
const LAST_ROUNDS: u32 = 160;
const QUIET_ROUND: Duration = Duration::from_secs(2_000);

/// A run on its way.
struct Soak {
    world: World,
    tenants: Vec<Tenant>,
    random: StdRng,
    /// What was done or suffered how often.
    counts: BTreeMap<&'static str, u64>,
    /// Notes that people were told are stored, by tenant and lead.
    notes: BTreeMap<(u64, u64), String>,
    begun: Timestamp,
    /// Whether nothing disturbs any more.
    is_calm: bool,
}

pub async fn measure(options: &Options) -> Result<Vec<Figure>> {
    let seed = options.seed.unwrap_or_else(rand::random);
    progress("soak", &format!("{} minutes; to begin the same again: --seed {seed}", options.minutes));
    let mut soak = Soak::begin(seed).await?;
    let (began, lasts) = (Instant::now(), Duration::from_secs(60 * options.minutes));
    let mut told = Instant::now();
    while began.elapsed() < lasts {
        soak.round().await.with_context(|| format!("in round {} of --seed {seed}", soak.of("rounds")))?;
        if told.elapsed() > Duration::from_secs(60) {
            progress("soak", &soak.line());
            told = Instant::now();
        }
    }
    progress("soak", &soak.line());
    soak.end().await.with_context(|| format!("after the last round of --seed {seed}"))
}

impl Soak {
    async fn begin(seed: u64) -> Result<Self> {
        let world = tenants::world().await?;
        let tenants = tenants::connect(&world).await?;
        let begun = world.clock.now();
        let random = StdRng::seed_from_u64(seed);
        Ok(Self { world, tenants, random, counts: BTreeMap::new(), notes: BTreeMap::new(), begun, is_calm: false })
    }

    /// Something for everybody to do, and something in their way.
    async fn round(&mut self) -> Result<()> {
        self.disturb();
        self.ask().await?;
        self.work().await?;
        self.confirm_some();
        let seconds = self.random.random_range(30..900);
        self.world.advance(Duration::from_secs(seconds));
        if self.one_in(JUMP) {
            self.count("jumps of the clock, by hours");
            let hours = self.random.random_range(2..12);
            self.world.advance(Duration::from_secs(3_600 * hours));
        }
        self.keep().await?;
        self.count("rounds");
        Ok(())
    }

    /// Whatever is left is done without disturbances; then everything is compared.
    async fn end(&mut self) -> Result<Vec<Figure>> {
        progress("soak", "no more disturbances");
        self.calm();
        let mut rounds = 0;
        while rounds < LAST_ROUNDS && !(rounds > 0 && self.has_ended().await?) {
            self.work().await?;
            self.confirm_all();
            self.world.advance(QUIET_ROUND);
            self.keep().await?;
            rounds += 1;
        }
        progress("soak", &format!("{rounds} rounds later"));
        self.verdict().await
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    fn of(&self, what: &str) -> u64 {
        self.counts.get(what).copied().unwrap_or_default()
    }

    fn one_in(&mut self, chances: u32) -> bool {
        self.random.random_range(0..chances) == 0
    }

    fn line(&self) -> String {
        let counts: Vec<String> = self.counts.iter().map(|(what, count)| format!("{count} {what}")).collect();
        counts.join(", ")
    }
}
