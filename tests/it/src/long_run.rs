//! Accounts and the token keeper over virtual months, with incidents at Douyin drawn from a seed. The platform itself is
//! the referee: it knows which tokens it would still have honoured.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use functions::workers::douyin_token_keeper;
use jiff::{SignedDuration, Timestamp};
use sandbox::douyin::{Effect, Endpoint, Fault};
use serde_json::Value;

use crate::world::EndpointOverrides;
use crate::{Event, World};

const USER: u64 = 1001;
/// The keeper runs every ten minutes; a run that would find nothing is left out.
const ROUND: i64 = 600;
const DAY: i64 = 86_400;
/// After an incident an account comes back with its next trial, which is a day later at the latest.
const RECOVERED_AFTER: i64 = 26 * 3_600;

/// What came of it.
#[derive(Debug, Default)]
pub struct LongRun {
    /// Accounts that were given up, or did not come back, although Douyin would have honoured their tokens.
    pub lost: Vec<String>,
    /// Dates that were shown and not reached.
    pub broken_dates: Vec<String>,
    /// Calls of Douyin, by endpoint.
    pub calls: BTreeMap<&'static str, usize>,
    /// Incidents.
    pub incidents: usize,
    /// Accounts that became EXPIRED by an incident or at their end.
    pub expiries: usize,
    /// Accounts whose end had come and that their owner authorised anew.
    pub authorised_again: usize,
    /// Runs of the keeper.
    pub rounds: usize,
}

/// One account as the run follows it.
struct Followed {
    name: String,
    open_id: String,
    /// The latest date that was shown since it was authorised.
    promise: i64,
    was_active: bool,
}

/// Numbers that a seed decides (SplitMix64).
struct Draw(u64);

impl Draw {
    const fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// An incident of five minutes to six hours, at one account or at all: a refusal that is none, Douyin's own word on the
/// refresh token although it is good, an outage, or answers that are lost. The answer to a renewal is never lost here: that
/// kills the token at Douyin, and nobody could keep what was promised before.
fn incident(draw: &mut Draw, accounts: &[Followed], now: Timestamp) -> (Fault, i64) {
    let seconds = i64::try_from(300 + draw.below(6 * 3_600)).unwrap_or_default();
    let fault = match draw.below(7) {
        0 => Fault::code(Endpoint::RefreshToken, 2_190_008),
        1 => Fault::code(Endpoint::RefreshToken, 10_010),
        2 => Fault::code(Endpoint::RenewRefreshToken, 10_010),
        3 => Fault::code(Endpoint::RenewRefreshToken, 2_190_008),
        4 => Fault::new(Endpoint::RefreshToken, Effect::Http { status: 502 }),
        5 => Fault::new(Endpoint::RenewRefreshToken, Effect::Http { status: 502 }),
        _ => Fault::lost_answer(Endpoint::RefreshToken),
    };
    let end = now + SignedDuration::from_secs(seconds);
    let fault = fault.until(end);
    let place = usize::try_from(draw.below(2 * accounts.len() as u64)).unwrap_or_default();
    let fault = match accounts.get(place) {
        Some(account) => fault.for_account(&account.name),
        None => fault,
    };
    (fault, end.as_second())
}

/// Lives so many days with so many accounts.
///
/// # Errors
/// When a function fails as a whole.
pub async fn live(days: u32, accounts: usize, seed: u64) -> Result<LongRun> {
    let world = World::start().await?;
    world.keep_the_clock();
    let mut draw = Draw(seed);
    let mut followed = Vec::new();
    for number in 0..accounts {
        let name = format!("shop-{number}");
        world.douyin_account(&name, 0);
        let open_id = world.authorize(USER, &name).await?;
        followed.push(Followed { name, open_id, promise: 0, was_active: true });
        // Not all at the same time of day.
        world.advance(Duration::from_secs(60 * (1 + draw.below(90))));
    }
    let base = world.context("douyin-token-keeper", &EndpointOverrides::default()).await?;
    let keeper = douyin_token_keeper::App::new(&base).await?;
    let mut run = LongRun::default();
    let (begun, mut disturbed_until) = (world.clock.now().as_second(), 0);
    while world.clock.now().as_second() < begun + i64::from(days) * DAY {
        // Every other round meets an incident that has just begun, unless one goes on.
        if world.clock.now().as_second() > disturbed_until && draw.below(2) == 0 {
            let (fault, end) = incident(&mut draw, &followed, world.clock.now());
            world.sandbox.douyin().arm(fault);
            run.incidents += 1;
            disturbed_until = end;
        }
        world.rules.settle();
        douyin_token_keeper::handle(&keeper, world.deadline()).await?;
        run.rounds += 1;
        let now = world.clock.now().as_second();
        judge(&world, &mut followed, &mut run, now, disturbed_until).await?;
        // Until the next round that has something to do; at the latest in a day, to look at everything.
        let rows = world.rows("t_douyin_auth").await?;
        let due = rows.iter().filter_map(|row| row.get("refresh_due")?.parse::<i64>().ok()).min().unwrap_or(i64::MAX);
        let next = due.clamp(now + 1, now + DAY);
        let next = (next + ROUND - 1).div_euclid(ROUND) * ROUND;
        world.advance(Duration::from_secs(u64::try_from(next - now)?));
    }
    for endpoint in ["oauth/refresh_token", "oauth/renew_refresh_token"] {
        run.calls.insert(endpoint, world.sandbox.journal().of(endpoint).len());
    }
    Ok(run)
}

async fn judge(world: &World, all: &mut [Followed], run: &mut LongRun, now: i64, disturbed_until: i64) -> Result<()> {
    let seen = world.call_as(USER, Event::sample("douyin-accounts")?).await?.data().clone();
    let rows = world.rows("t_douyin_auth").await?;
    let is_quiet = now > disturbed_until + RECOVERED_AFTER;
    let day = |time: i64| time.div_euclid(DAY);
    for account in all {
        let shown =
            seen.as_array().into_iter().flatten().find(|shown| shown["douyinUserId"] == account.open_id.as_str());
        let row = rows.iter().find(|row| row["douyin_user_id"] == account.open_id).context("no row")?;
        let grants = world.sandbox.douyin().grants(&account.name);
        let grant = grants.last().context("no grant")?;
        let is_refreshable = !grant.revoked && grant.refresh_expires_at.as_second() > now;
        let is_usable = !grant.revoked && grant.access_expires_at.as_second() > now;
        let is_active = row["status"] == "ACTIVE";
        if account.was_active && !is_active {
            run.expiries += 1;
        }
        account.was_active = is_active;
        let date = shown.map_or(&Value::Null, |shown| &shown["reauthorizeBy"]);
        if let Some(date) = date.as_str() {
            account.promise = account.promise.max(date.parse::<Timestamp>()?.as_second());
        }
        let name = &account.name;
        if !is_active && is_refreshable && (is_quiet || !row.contains_key("refresh_token")) {
            run.lost.push(format!("{name} on day {}", day(now)));
        }
        if now < account.promise && !is_refreshable && !is_usable {
            run.broken_dates.push(format!("{name}: shown day {}, over on day {}", day(account.promise), day(now)));
        }
        if !is_active && !is_refreshable && !is_usable {
            world.authorize(USER, name).await?;
            run.authorised_again += 1;
            (account.promise, account.was_active) = (0, true);
        }
    }
    Ok(())
}
