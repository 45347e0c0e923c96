//! A sync with one disturbance, and what came of it.
//!
//! A walk that begins anew is a new pass with another order of the fans, as at the real platform. So a disturbed run is
//! compared with the undisturbed one over the pass that was finished.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use sandbox::douyin::{Effect, Endpoint, FanChange, Fault as PlatformFault};
use tokio::sync::OnceCell;

use super::audit::Ledger;
use super::aws::ExpectedError;
use super::{ABANDONED, PAGE_SIZE, PLENTY, SHOP, USER, begin, deliver_again, live, live_through, recover, shop};
use crate::World;
use crate::proxy::{Fault, Proxy, Step, When};

/// Less than what a worker needs left for another page.
pub(crate) const ONE_PAGE: Duration = Duration::from_secs(20);
/// Passes a walk may begin: its own, and another one when it is disturbed before its first commit.
const PASSES: u32 = 2;

/// How a sync goes when nobody disturbs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Story {
    /// All of it in one invocation.
    Straight,
    /// Every page in an invocation of its own.
    Continued,
    /// FULL, with fans that took other names, left, and came since the sync before.
    Full,
    /// The access token expires before the second page.
    Expired,
    /// Pages of more fans than one transaction holds. Every pass has one order, so that what a walk that was disturbed
    /// in mid-page leaves can be compared in every detail.
    Large,
}

/// What happens at one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disturbance {
    /// The process dies; SQS delivers its messages again while its lease still runs.
    DiesBefore,
    /// The process dies; SQS delivers its messages again after the sweeper has sent one of its own.
    DiesAfter,
    /// The answer is lost once.
    LosesAnswer,
    /// So many requests in a row are refused.
    Refused(ExpectedError, u32),
    /// The process stands still until another one has finished its work, then goes on.
    Freezes,
}

/// A story as it went.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) ledger: Ledger,
    pub(crate) steps: Vec<Step>,
    /// Walks begun up to the end of the sync.
    pub(crate) passes: u32,
    pub(crate) sweeps: u32,
}

impl Story {
    const fn strategy(self) -> &'static str {
        if matches!(self, Self::Full) { "FULL" } else { "INCREMENTAL" }
    }

    /// The world in which its sync is about to be asked for.
    pub(crate) async fn scene(self) -> Result<(World, String)> {
        // Three pages, or two where every page makes many more steps.
        let fans = match self {
            Self::Straight => 53,
            Self::Large => 140,
            _ => 33,
        };
        let (mut world, account) = shop(self as u64 + 1, fans).await?;
        match self {
            Self::Straight | Self::Continued => {}
            Self::Large => world.sandbox.douyin().configure(|settings| {
                settings.lists.page_size = Some(120);
                settings.lists.one_order = true;
            }),
            Self::Full => {
                world.set(PAGE_SIZE, "45");
                world.sync(USER, &account, "INCREMENTAL").await?;
                world.set(PAGE_SIZE, "20");
                let change = FanChange { add: 3, unfollow: 4, rename: 5, refollow: 0 };
                world.sandbox.douyin().change_fans(SHOP, change).context("no shop")?;
            }
            Self::Expired => {
                let fault = PlatformFault::new(Endpoint::FansList, Effect::ExpireToken).on_page(2);
                world.sandbox.douyin().arm(fault);
            }
        }
        Ok((world, account))
    }

    /// What it leaves when nobody disturbs it, by the passes begun.
    pub(crate) async fn undisturbed(self) -> Result<&'static BTreeMap<u32, Told>> {
        static TOLD: [OnceCell<BTreeMap<u32, Told>>; 5] = [const { OnceCell::const_new() }; 5];
        let tell = async || {
            let mut told = BTreeMap::new();
            for passes in 1..=PASSES {
                let one = self.tell(passes - 1, None).boxed_local().await?;
                ensure!((one.passes, one.sweeps) == (passes, 0), "{} passes, {} sweeps", one.passes, one.sweeps);
                ensure!(one.ledger.of_task("status") == "COMPLETED", "{:?}", one.ledger);
                told.insert(passes, one);
            }
            Ok(told)
        };
        TOLD[self as usize].get_or_try_init(tell).await
    }

    /// Tells it with a disturbance.
    pub(crate) fn disturbed(self, step: &Step, disturbance: Disturbance) -> LocalBoxFuture<'_, Result<Told>> {
        self.tell(0, Some((step, disturbance))).boxed_local()
    }

    /// Passes on what was told if it left what an undisturbed run leaves.
    pub(crate) async fn expect_undisturbed(self, told: Result<Told>) -> Result<Told> {
        let told = told?;
        let expected =
            self.undisturbed().await?.get(&told.passes).with_context(|| format!("{} passes", told.passes))?;
        told.ledger.expect(&expected.ledger)?;
        Ok(told)
    }

    /// Tells it after `given_up` walks that somebody else began and gave up.
    async fn tell(self, given_up: u32, disturbed: Option<(&Step, Disturbance)>) -> Result<Told> {
        let (world, account) = self.scene().await?;
        let before = begun(&world);
        for _ in 0..given_up {
            begin_a_pass(&world, &account).await?;
        }
        let task = begin(&world, &account, self.strategy()).await?;
        let proxy = Proxy::start(&world).await?;
        let time = if self == Self::Continued { ONE_PAGE } else { PLENTY };
        let mut sweeps = 0;
        let mut passes = None;
        match disturbed {
            None => ensure!(live(&world, &proxy, time).await?.is_empty(), "the worker died"),
            Some((step, Disturbance::DiesBefore)) => {
                proxy.arm(&step.name, step.nth, Fault::Kill(When::Before));
                let held = live(&world, &proxy, time).await?;
                ensure!(!held.is_empty(), "the step never came");
                deliver_again(&world, held).await?;
            }
            Some((step, Disturbance::DiesAfter)) => {
                proxy.arm(&step.name, step.nth, Fault::Kill(When::After));
                let held = live(&world, &proxy, time).await?;
                ensure!(!held.is_empty(), "the step never came");
                world.advance(ABANDONED);
                world.sweep().await?;
                sweeps += 1;
                deliver_again(&world, held).await?;
            }
            Some((step, Disturbance::LosesAnswer)) => {
                proxy.arm(&step.name, step.nth, Fault::Lose(When::After));
                ensure!(live(&world, &proxy, time).await?.is_empty(), "the worker died");
            }
            Some((step, Disturbance::Refused(refusal, times))) => {
                proxy.arm_times(&step.name, step.nth, times, refusal.fault());
                ensure!(live(&world, &proxy, time).await?.is_empty(), "the worker died");
            }
            Some((step, Disturbance::Freezes)) => {
                let rescue = async {
                    let sweeps = recover(&world, &task).await?;
                    Ok((sweeps, begun(&world) - before))
                };
                let (swept, begun) = live_through(&world, &proxy, time, (&step.name, step.nth), rescue).await?;
                sweeps += swept;
                passes = Some(begun);
            }
        }
        sweeps += recover(&world, &task).await?;
        let ledger = Ledger::read(&world).await?;
        ensure!(world.sandbox.journal().violations().is_empty(), "the platform frowned upon a request");
        Ok(Told { ledger, steps: proxy.steps(), passes: passes.unwrap_or_else(|| begun(&world) - before), sweeps })
    }
}

/// How many walks were begun at the platform.
fn begun(world: &World) -> u32 {
    let calls = world.sandbox.journal().of_account("fans/list", SHOP);
    calls.iter().filter(|call| call.cursor == Some(0) && call.code == Some(0)).count() as u32
}

/// Begins a walk over the account's fans that nobody goes on with.
async fn begin_a_pass(world: &World, account: &str) -> Result<()> {
    let douyin = world.sandbox.douyin();
    let token = douyin.authorize(SHOP, &["fans.list"]).context("no shop")?.access_token;
    let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
    let page = http.get(format!("{}/fans/list/", douyin.base_url())).header("access-token", token);
    let page = page.header("content-type", "application/json");
    page.query(&[("open_id", account), ("cursor", "0"), ("count", "20")]).send().await?.error_for_status()?;
    Ok(())
}
