//! Who takes part: tenants with Douyin accounts, phones and a company each.

use anyhow::{Context, Result};
use it::World;
use sandbox::wecom::TimeForm;

const TENANTS: u64 = 4;
const SHOPS: u64 = 2;
const FANS: u32 = 30;
const PHONES: u64 = 3;
const MEMBERS: [&str; 3] = ["lily", "tom", "mei"];

pub struct Tenant {
    pub user: u64,
    pub shops: Vec<Shop>,
    /// Accounts that publish, by their ids, and what the sandbox calls them: a phone, or `company/member`.
    pub outlets: Vec<Outlet>,
}

pub struct Shop {
    pub name: String,
    pub open_id: String,
}

#[derive(Debug, Clone)]
pub struct Outlet {
    pub account: String,
    pub name: String,
}

/// A world in which people publish at any hour and as often as they like: what is looked at here is not their pace.
pub async fn world() -> Result<World> {
    let mut world = World::start().await?;
    world.sandbox.wecom().configure(|settings| settings.create_time = TimeForm::Mixed);
    world.pause_by_hand();
    for (name, value) in [
        ("PERSONAL_HOURS", "0-24"),
        ("PERSONAL_POSTS_PER_DAY", "1000"),
        ("PERSONAL_REST_SECONDS", "0"),
        ("FAN_SYNC_TENANT_CALLS", "1000000"),
        ("DOUYIN_FAN_PAGE_SIZE", "20"),
    ] {
        world.set(name, value);
    }
    Ok(world)
}

pub async fn connect(world: &World) -> Result<Vec<Tenant>> {
    let mut tenants = Vec::new();
    for number in 1..=TENANTS {
        let user = 8_000 + number;
        let mut shops = Vec::new();
        for shop in 1..=SHOPS {
            let name = format!("shop-{number}-{shop}");
            world.douyin_account(&name, FANS);
            let open_id = world.authorize(user, &name).await?;
            shops.push(Shop { name, open_id });
        }
        let mut outlets = Vec::new();
        for phone in 1..=PHONES {
            let name = format!("phone-{number}-{phone}");
            outlets.push(Outlet { account: world.connect_device(user, &name).await?, name });
        }
        let company = format!("company-{number}");
        let members = world.connect_corp(user, &company, &MEMBERS).await?;
        let rows = world.rows("t_wechat_account").await?;
        for account in members {
            let row = rows.iter().find(|row| row.get("account_id") == Some(&account)).context("no row of a member")?;
            let name = MEMBERS.iter().find(|member| row.values().any(|value| value == &format!("成员{member}")));
            outlets.push(Outlet { name: format!("{company}/{}", name.context("no member")?), account });
        }
        tenants.push(Tenant { user, shops, outlets });
    }
    Ok(tenants)
}
