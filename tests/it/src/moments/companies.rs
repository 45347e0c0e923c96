//! Row 14b: the companies of a tenant, their health, and what is changed once for all their members.

mod bad_input;
mod contract;
mod proxies;

use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Context, Result, ensure};
use sandbox::ForwardProxy;
use serde_json::{Value, json};

use super::contract::USER;
use crate::{Answer, Event, World};

/// From where the proxies of these tests reach WeCom.
const LEAVES_FROM: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const LOGIN: (&str, &str) = ("flowers", "a-password-of-the-proxy");

/// A proxy that a company may have, although it is on this machine.
async fn proxy(world: &mut World) -> Result<ForwardProxy> {
    let proxy = ForwardProxy::start(LEAVES_FROM, Some(LOGIN)).await?;
    world.set("TRUSTED_PROXY_ORIGINS", &proxy.origin());
    Ok(proxy)
}

/// The key of a company of the sandbox.
fn key(world: &World, name: &str) -> Result<String> {
    let corp = world.sandbox.wecom().corp(name).context("no such company")?;
    Ok(format!("{}#{}", corp.corp_id, corp.agent_id()))
}

/// The company's console lists these addresses.
fn trust(world: &World, name: &str, addresses: &[IpAddr]) {
    world.sandbox.wecom().change_app(name, |app| app.trusted_ips = Some(addresses.iter().copied().collect()));
}

async fn change(world: &World, name: &str, body: &Value) -> Result<Answer> {
    world.call_as(USER, Event::sample("wechat-corp-update")?.path("corpKey", &key(world, name)?).json(body)).await
}

/// The only company there is.
async fn company(world: &World) -> Result<Value> {
    let listed = world.call_as(USER, Event::sample("wechat-corps")?).await?;
    ensure!(listed.status == 200, "{listed:?}");
    let [company] = listed.data().as_array().context("no list")?.as_slice() else { anyhow::bail!("{listed:?}") };
    Ok(company.clone())
}

fn health(status: &str) -> Value {
    json!({ "status": status })
}
