//! What the index of a tenant must be by the rows of its leads and the log of merges.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use leads::store::lead_index::segment::{NameEntry, normalize};

use crate::rows::Row;

/// How many ids share a block of a set.
pub(super) const BLOCK: u64 = 4_096;

/// A tenant's leads by id, the counter, and the index by entry.
#[derive(Debug)]
pub(super) struct Tenant<'a> {
    pub leads: BTreeMap<u64, &'a Row>,
    pub counter: &'a Row,
    /// How many ids were handed out.
    pub last: u64,
    pub entries: BTreeMap<&'a str, &'a Row>,
}

impl<'a> Tenant<'a> {
    pub fn of(leads: &'a [Row], index: &'a [Row]) -> Result<Self> {
        let entries: BTreeMap<_, _> = index.iter().map(|row| (row["entry"].as_str(), row)).collect();
        let counter = *entries.get("counter").context("no counter")?;
        let leads = leads.iter().map(|lead| Ok((lead["lead_id"].parse()?, lead))).collect::<Result<_>>()?;
        Ok(Self { leads, counter, last: counter["lead_count"].parse()?, entries })
    }

    /// The ids that stand for nobody: all that were handed out and are no lead's.
    pub fn gone(&self) -> BTreeSet<u64> {
        (1..=self.last).filter(|id| !self.leads.contains_key(id)).collect()
    }

    /// How many ids of each block are gone, as the counter says it.
    pub fn holes(&self) -> Vec<u64> {
        let gone = self.gone();
        let mut by_block = vec![0_u64; gone.last().map_or(0, |id| (id / BLOCK) as usize + 1)];
        for id in &gone {
            by_block[(id / BLOCK) as usize] += 1;
        }
        by_block
    }

    /// The ids of each block of each set, by entry.
    pub fn blocks(&self) -> BTreeMap<String, BTreeSet<u64>> {
        let mut blocks: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
        let mut put = |entry: String, id: u64| blocks.entry(entry).or_default().insert(id);
        for id in self.gone() {
            put(format!("set#{:07}#GONE", id / BLOCK), id);
        }
        for (id, lead) in &self.leads {
            if lead["status"] != "NEW" {
                put(format!("set#{:07}#{}", id / BLOCK, lead["status"]), *id);
            }
            if let Some(owner) = lead.get("owner_id") {
                put(format!("owner#{owner}#{:07}", id / BLOCK), *id);
            }
        }
        blocks
    }

    /// How many leads have this status.
    pub fn with_status(&self, status: &str) -> usize {
        self.leads.values().filter(|lead| lead["status"] == status).count()
    }

    /// The lead of each identity of a fan, and which lead the fan was first, if it was merged since.
    pub fn identities(&self, tenant: &str) -> BTreeMap<String, (u64, Option<u64>)> {
        let mut merged: BTreeMap<String, u64> = BTreeMap::new();
        for (entry, log) in self.entries.range("merge#".."merge#~") {
            // The row within it is told as a map is printed.
            let fan = log["row"].split("\"douyin_user_id\": \"").nth(1).and_then(|rest| rest.split('"').next());
            let own = entry["merge#".len()..].parse().ok();
            merged.extend(fan.map(str::to_owned).zip(own));
        }
        let mut identities = BTreeMap::new();
        for (id, lead) in &self.leads {
            let others = members(lead, "other_fans");
            for fan in others.into_iter().chain([lead["douyin_user_id"].as_str()]) {
                let own = merged.get(fan).copied().filter(|own| own != id);
                identities.insert(format!("{tenant}#DOUYIN_FAN#{fan}"), (*id, own));
            }
        }
        identities
    }

    /// The accounts met, as their row has them.
    pub fn met(&self) -> Vec<&'a str> {
        let row = self.entries.get("accounts").and_then(|row| row.get("accounts"));
        row.into_iter().flat_map(|accounts| accounts.split(',')).filter(|account| !account.is_empty()).collect()
    }

    /// All accounts of leads, those first that are known to be met.
    pub fn accounts(&self) -> Vec<&'a str> {
        let mut accounts = self.met();
        for lead in self.leads.values().copied() {
            for source in members(lead, "sources") {
                if !accounts.contains(&source) {
                    accounts.push(source);
                }
            }
        }
        accounts
    }

    /// What a search sees of a lead.
    pub fn name(&self, lead: &Row, accounts: &[&str]) -> String {
        let unfollowed = members(lead, "unfollowed");
        let sources = members(lead, "sources");
        let place = |source: &str| accounts.iter().position(|account| *account == source);
        let mut followed: Vec<(usize, bool)> =
            sources.into_iter().filter_map(|source| Some((place(source)?, !unfollowed.contains(source)))).collect();
        followed.sort_unstable();
        NameEntry::new(followed, &lead["nickname"]).encode()
    }

    /// The notes that a search finds, by entry.
    pub fn notes(&self) -> BTreeMap<String, (u64, String)> {
        let folded = self.leads.iter().map(|(id, lead)| (*id, normalize(&lead["notes"])));
        folded.filter(|(_, text)| !text.is_empty()).map(|(id, text)| (format!("note#{id:014}"), (id, text))).collect()
    }
}

/// The members of a set of texts.
pub(super) fn members<'a>(row: &'a Row, name: &str) -> BTreeSet<&'a str> {
    row.get(name).into_iter().flat_map(|set| set.split(',')).filter(|one| !one.is_empty()).collect()
}

/// The ids of a block of a set.
pub(super) fn ids_of(entry: &str, block: &str, row: &Row) -> Result<Vec<u64>> {
    let block: u64 = block.parse()?;
    let bits = hex::decode(&row["ids"])?;
    anyhow::ensure!(bits.len() as u64 <= BLOCK / 8, "{entry} has {} bytes", bits.len());
    let is_set = |place: &u64| bits.get(*place as usize / 8).is_some_and(|byte| byte & (1 << (place % 8)) != 0);
    Ok((0..BLOCK).filter(is_set).map(|place| block * BLOCK + place).collect())
}
