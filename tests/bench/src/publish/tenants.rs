//! Who publishes, and what: tenants with three phones and a company of two members each, and their posts, ordered as a
//! user orders them.

use anyhow::{Result, ensure};
use functions::http::dispatch;
use functions::routes::moment_sync::{self, App};
use futures::{StreamExt, TryStreamExt, stream};
use it::world::EndpointOverrides;
use it::{Event, World};
use jiff::Timestamp;
use serde_json::json;

use crate::real_time;

/// Tenants; a thousand posts are ten of each.
const TENANTS: usize = 100;
/// Phones of each tenant: personal accounts, one provider call each.
const PHONES: usize = 3;
/// Members of each tenant's company: they share one provider call.
const MEMBERS: [&str; 2] = ["lily", "rose"];
/// Accounts a post goes to.
pub const ACCOUNTS: usize = PHONES + MEMBERS.len();
/// Users at work at the same time.
const PARALLEL: usize = 8;

/// A tenant and its accounts.
pub struct Tenant {
    user: u64,
    ids: Vec<String>,
    company: String,
    /// By the names the platforms' journal knows them by.
    publishers: Vec<String>,
}

/// A post that was ordered.
pub struct Order {
    /// Different from that of every other.
    pub text: String,
    /// The company that has to ask its members, by the journal's name.
    pub company: String,
    /// The accounts that have to publish it, by the journal's names.
    pub publishers: Vec<String>,
}

/// The tenants of this many posts.
pub async fn connect(world: &World, posts: usize) -> Result<Vec<Tenant>> {
    let tenants = (1..=posts.min(TENANTS)).map(|number| tenant(world, number));
    stream::iter(tenants).buffered(PARALLEL).try_collect().await
}

async fn tenant(world: &World, number: usize) -> Result<Tenant> {
    let user = number as u64;
    let company = format!("company-{number}");
    let mut ids = world.connect_corp(user, &company, &MEMBERS).await?;
    let mut publishers: Vec<String> = MEMBERS.iter().map(|member| format!("{company}/{member}")).collect();
    for phone in 1..=PHONES {
        let name = format!("phone-of-{number}-{phone}");
        ids.push(world.connect_device(user, &name).await?);
        publishers.push(name);
    }
    ensure!(ids.len() == ACCOUNTS, "tenant {number} has {} accounts", ids.len());
    Ok(Tenant { user, ids, company, publishers })
}

/// Orders this many posts of these tenants in turn, all for one instant, by the function behind `POST …/moments/sync`.
pub async fn order(world: &World, tenants: &[Tenant], posts: usize, due: Timestamp) -> Result<Vec<Order>> {
    let app = App::new(&real_time::context(world, "moment-sync", &EndpointOverrides::default()).await?).await?;
    let app = &app;
    let orders = (0..posts).zip(tenants.iter().cycle()).map(|(number, tenant)| async move {
        let text = format!("Post {number}, on time");
        let body = json!({ "text": text, "accountIds": tenant.ids, "scheduledTime": due.to_string() });
        let event = Event::sample("moment-sync")?.without_header("idempotency-key").json(&body);
        let event = event.bearer(&world.token(tenant.user, &["*"])?);
        let answer = dispatch(app, moment_sync::handle, event.request()?).await;
        ensure!(answer.status().as_u16() == 202, "the post was answered with {}", answer.status());
        Ok(Order { text, company: tenant.company.clone(), publishers: tenant.publishers.clone() })
    });
    stream::iter(orders).buffered(PARALLEL).try_collect().await
}
