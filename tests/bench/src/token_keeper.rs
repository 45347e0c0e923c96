//! What keeping accounts costs: AWS calls and time per account of a run that refreshes 2,000, what that is for 100,000,
//! and half a year of fifty accounts with incidents.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use functions::workers::douyin_token_keeper;
use futures::{StreamExt, TryStreamExt, stream};
use it::World;
use it::world::EndpointOverrides;
use kernel::due::shard_of_text;
use kernel::dynamo::{n, s};
use kernel::ids::UserId;
use kernel::vault::{EncryptionContext, Vault};
use secrecy::SecretString;

use crate::meter::{self, Meter};
use crate::report::{Figure, progress};
use crate::{Options, story};

const TABLE: &str = "t_douyin_auth";
const DAY: i64 = 86_400;
/// A token set is refreshed every 12 days, and renewed every 23.
const LOOKS_PER_DAY: f64 = 1.0 / 12.0 + 1.0 / 23.0;
const MANY: f64 = 100_000.0;
/// What an answer of Douyin takes.
const LATENCY: Duration = Duration::from_millis(50);

pub async fn measure(options: &Options) -> Result<Vec<Figure>> {
    let accounts = if options.quick { 200 } else { 2_000 };
    let (days, many) = if options.quick { (60, 10) } else { (180, 50) };
    let mut figures = calls(accounts.min(200)).await?;
    figures.extend(time(accounts).await?);
    figures.extend(months(days, many).await?);
    Ok(figures)
}

/// A world with so many accounts, all of them due for a refresh.
async fn due(accounts: u32) -> Result<World> {
    progress("token-keeper", &format!("{accounts} accounts are made"));
    let world = story::world().await?;
    let vault = Vault::new(
        world.aws.kms.clone(),
        world.stack.environment().get("TOKEN_KEY_ID").context("no TOKEN_KEY_ID")?.clone(),
    );
    let rows = (0..accounts).map(|number| authorised(&world, &vault, number));
    stream::iter(rows).buffer_unordered(16).try_collect::<()>().await?;
    world.advance(Duration::from_secs(13 * 86_400));
    Ok(world)
}

/// An account as the callback leaves it, without the way through the browser.
async fn authorised(world: &World, vault: &Vault, number: u32) -> Result<()> {
    let name = format!("shop-{number}");
    world.douyin_account(&name, 0);
    let grant = world.sandbox.douyin().authorize(&name, &["user_info", "fans.list"]).context("no account")?;
    let user_id = UserId::new(story::USER).context("no user id")?;
    let place = EncryptionContext { table: TABLE, user_id, account_id: &grant.open_id };
    let tokens = [SecretString::from(grant.access_token), SecretString::from(grant.refresh_token)];
    let (access, refresh) = futures::try_join!(vault.encrypt(place, &tokens[0]), vault.encrypt(place, &tokens[1]))?;
    let expire_time = grant.access_expires_at.as_second();
    let put = world.aws.dynamodb.put_item().table_name(world.table(TABLE));
    put.item("douyin_user_id", s(&grant.open_id))
        .item("id", n(number + 1))
        .item("user_id", n(user_id))
        .item("nickname", s("shop"))
        .item("avatar_url", s(""))
        .item("scope", s(&grant.scope))
        .item("status", s("ACTIVE"))
        .item("access_token", s(access))
        .item("refresh_token", s(refresh))
        .item("expire_time", n(expire_time))
        .item("refresh_expire_time", n(grant.refresh_expires_at.as_second()))
        .item("renew_count", n(0))
        .item("token_version", n(1))
        .item("access_version", n(1))
        .item("refresh_shard", s(shard_of_text(&grant.open_id)))
        .item("refresh_due", n(expire_time - 3 * DAY))
        .item("create_time", n(world.clock.now().as_second()))
        .item("update_time", n(world.clock.now().as_second()))
        .send()
        .await?;
    Ok(())
}

async fn keeper(world: &World, endpoints: &EndpointOverrides) -> Result<douyin_token_keeper::App> {
    Ok(douyin_token_keeper::App::new(&world.context("douyin-token-keeper", endpoints).await?).await?)
}

async fn calls(accounts: u32) -> Result<Vec<Figure>> {
    let world = due(accounts).await?;
    let meter = Meter::counting(&world).await?;
    let app = keeper(&world, &meter.endpoints()).await?;
    // The first run counts the accounts, once a day.
    world.rules.settle();
    meter.take()?;
    let reports = douyin_token_keeper::handle(&app, world.deadline()).await?;
    ensure!(reports.iter().all(|report| report.failed + report.unreached == 0), "{reports:?}");
    let calls = meter.take()?;
    let per = f64::from(accounts);
    let note = format!("{:?}", meter::by_operation(&calls));
    let asked = world.sandbox.journal().of("oauth/refresh_token").len();
    let idle = {
        douyin_token_keeper::handle(&app, world.deadline()).await?;
        meter.take()?
    };
    Ok(vec![
        Figure::count("keeper: AWS calls per account refreshed", "calls", [calls.len() as f64 / per])
            .at_most(8.0)
            .note(note),
        Figure::count("keeper: calls of Douyin per account refreshed", "calls", [asked as f64 / per]).at_most(1.0),
        Figure::count("keeper: AWS calls of a run that finds nothing", "calls", [idle.len() as f64]).at_most(10.0),
    ])
}

async fn time(accounts: u32) -> Result<Vec<Figure>> {
    let world = due(accounts).await?;
    story::latency(&world, LATENCY);
    let app = keeper(&world, &EndpointOverrides::default()).await?;
    progress("token-keeper", "all of them are refreshed");
    let began = Instant::now();
    let reports = douyin_token_keeper::handle(&app, world.deadline()).await?;
    let took = began.elapsed();
    let kept: usize = reports.iter().map(|report| report.done).sum();
    ensure!(kept == accounts as usize, "not all were kept: {reports:?}");
    let per = took.as_secs_f64() * 1_000.0 / f64::from(accounts);
    let a_day = MANY * LOOKS_PER_DAY;
    Ok(vec![
        Figure::time(format!("keeper: one run refreshes {accounts} accounts"), "s", [took.as_secs_f64()])
            .note("Eight at once, 50 ms per answer of Douyin, AWS emulated on this machine. One run, no pause."),
        Figure::time("keeper: time per account", "ms", [per]).at_most(100.0),
        Figure::time("keeper: accounts that one run of 270 s keeps", "accounts", [270_000.0 / per]),
        Figure::time("keeper, 100,000 accounts: looks a day", "looks", [a_day])
            .note("A refresh every 12 days and a renewal every 23."),
        Figure::time("keeper, 100,000 accounts: minutes of work a day", "min", [a_day * per / 60_000.0]),
        Figure::time("keeper, all of 100,000 due at once: time until the last", "min", [MANY * per / 60_000.0])
            .note("After a run of 270 s the next one begins within 30 s and goes on."),
    ])
}

async fn months(days: u32, accounts: usize) -> Result<Vec<Figure>> {
    progress("token-keeper", &format!("{days} days of {accounts} accounts"));
    let began = Instant::now();
    let run = it::long_run::live(days, accounts, 7).await?;
    let took = began.elapsed().as_secs_f64();
    let what = format!("{days} days of {accounts} accounts with incidents");
    let calls: usize = run.calls.values().sum();
    let per = calls as f64 / (f64::from(days) * accounts as f64);
    Ok(vec![
        Figure::count(format!("{what}: accounts lost"), "accounts", [run.lost.len() as f64])
            .at_most(0.0)
            .note(format!("{run:?}")),
        Figure::count(format!("{what}: dates not kept"), "dates", [run.broken_dates.len() as f64]).at_most(0.0),
        Figure::count(format!("{what}: calls of Douyin per account and day"), "calls", [per]).at_most(0.5),
        Figure::time(format!("{what}: time"), "s", [took]),
    ])
}
