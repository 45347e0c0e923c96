//! The witness: the platforms' own journal of what really went out, whatever was answered.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use reqwest::Method;
use sandbox::text_hash;
use serde::Deserialize;

use super::{Account, Accounts};
use crate::console::Step;
use crate::demo::scenario::Scenario;

/// Something that went out.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Publication {
    pub(super) at: Timestamp,
    account: String,
    text_hash: String,
    media: u64,
}

/// Everything that went out with this text, oldest first.
pub(super) async fn published(stage: &Scenario<'_>, text: &str) -> Result<Vec<Publication>> {
    let all = stage.sandbox(Method::GET, "publications", None).await?;
    let mut all: Vec<Publication> = serde_json::from_value(all).context("the journal is not readable")?;
    let hash = text_hash(text);
    all.retain(|publication| publication.text_hash == hash);
    Ok(all)
}

/// Nothing has gone out with this text.
pub(super) async fn nothing(stage: &Scenario<'_>, text: &str) -> Result<()> {
    let found = published(stage, text).await?;
    ensure!(found.is_empty(), "nothing may have been published: {found:?}");
    Ok(())
}

/// Exactly these have published this text with so many pictures, each of them once.
pub(super) async fn once(stage: &Scenario<'_>, text: &str, pictures: u64, accounts: &[&str]) -> Result<()> {
    let found = published(stage, text).await?;
    let mut who: Vec<&str> = found.iter().map(|publication| publication.account.as_str()).collect();
    let mut promised = accounts.to_vec();
    who.sort_unstable();
    promised.sort_unstable();
    ensure!(who == promised, "each of {promised:?} must have published once, not {who:?}");
    let whole = found.iter().all(|publication| publication.media == pictures);
    ensure!(whole, "each must have published {pictures} pictures: {found:?}");
    Ok(())
}

/// A post to the company's member and a phone: the company's moment, the member's post of it, and the phone's own.
pub(super) fn both<'a>(cast: &'a Accounts, phone: &'a Account) -> [&'a str; 3] {
    [cast.corp.as_str(), cast.member.name.as_str(), phone.name.as_str()]
}

/// An entry of the journal, as far as it is looked at here.
#[derive(Deserialize)]
struct Entry {
    seq: u64,
    endpoint: String,
    #[serde(default)]
    violations: Vec<String>,
}

/// How far the journal has got.
pub(super) async fn mark(stage: &Scenario<'_>) -> Result<u64> {
    Ok(journal(stage, 0).await?.last().map_or(0, |entry| entry.seq))
}

/// Since then the platforms were asked nothing that they let pass and would frown upon.
pub(super) async fn no_objections(stage: &Scenario<'_>, since: u64) -> Result<usize> {
    let entries = journal(stage, since).await?;
    for Entry { endpoint, violations, .. } in &entries {
        ensure!(violations.is_empty(), "{endpoint} objects: {violations:?}");
    }
    Ok(entries.len())
}

async fn journal(stage: &Scenario<'_>, since: u64) -> Result<Vec<Entry>> {
    let entries = stage.sandbox(Method::GET, &format!("journal?since={since}"), None).await?;
    serde_json::from_value(entries).context("the journal is not readable")
}

/// Waits until so many have gone out.
pub(super) async fn count(stage: &Scenario<'_>, text: &str, count: usize, until: Duration) -> Result<Vec<Publication>> {
    let _shown = Step::start("waiting: what was planned goes out");
    let started = Instant::now();
    loop {
        let found = published(stage, text).await?;
        if found.len() >= count {
            return Ok(found);
        }
        ensure!(started.elapsed() < until, "{count} publications are due, and there are only {found:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
