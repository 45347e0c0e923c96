//! Leads as a reader would keep them: in memory, by the rules that users are told.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};

pub const STATUSES: [&str; 3] = ["NEW", "CONTACTED", "CONVERTED"];

/// What people have made of a lead; the status by its place among [`STATUSES`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    pub status: usize,
    pub notes: String,
    pub owner: String,
}

#[derive(Debug, Clone)]
pub struct Lead {
    /// All fans it stands for.
    pub fans: BTreeSet<String>,
    pub work: Work,
    pub acquired: i64,
    /// All ids that lead to it.
    pub merged: BTreeSet<u64>,
}

#[derive(Debug, Clone)]
struct Merge {
    into: u64,
    lead: Lead,
    before: Work,
    after: Work,
}

/// What an id stands for.
#[derive(Debug, PartialEq, Eq)]
pub enum Stands {
    For(u64),
    Erased,
    Nobody,
}

#[derive(Debug, Default)]
pub struct Model {
    pub last: u64,
    pub leads: BTreeMap<u64, Lead>,
    merges: BTreeMap<u64, Merge>,
    pub erased_fans: BTreeSet<String>,
}

impl Model {
    /// The fans of whom a sync would make leads.
    pub fn strangers(&self, listed: &[String]) -> BTreeSet<String> {
        let known: BTreeSet<&String> = self.leads.values().flat_map(|lead| &lead.fans).collect();
        listed.iter().filter(|fan| !known.contains(fan) && !self.erased_fans.contains(*fan)).cloned().collect()
    }

    pub fn add(&mut self, id: u64, fan: String, acquired: i64) -> Result<()> {
        self.last += 1;
        ensure!(id == self.last, "lead {id} follows {}", self.last - 1);
        let work = Work { status: 0, notes: String::new(), owner: String::new() };
        self.leads.insert(id, Lead { fans: [fan].into(), work, acquired, merged: BTreeSet::new() });
        Ok(())
    }

    pub fn stands(&self, id: u64) -> Stands {
        let mut asked = id;
        while let Some(merge) = self.merges.get(&asked) {
            asked = merge.into;
        }
        match self.leads.contains_key(&asked) {
            true => Stands::For(asked),
            false if (1..=self.last).contains(&id) => Stands::Erased,
            false => Stands::Nobody,
        }
    }

    pub fn merge(&mut self, survivor: u64, other: u64) {
        let lead = self.leads.remove(&other).unwrap();
        let into = self.leads.get_mut(&survivor).unwrap();
        let before = into.work.clone();
        let after = Work {
            status: before.status.max(lead.work.status),
            notes: match (before.notes.as_str(), lead.work.notes.as_str()) {
                (own, "") => own.to_owned(),
                ("", theirs) => format!("（来自线索 {other}）{theirs}"),
                (own, theirs) => format!("{own}\n（来自线索 {other}）{theirs}"),
            },
            owner: if before.owner.is_empty() { lead.work.owner.clone() } else { before.owner.clone() },
        };
        into.work = after.clone();
        into.fans.extend(lead.fans.iter().cloned());
        into.merged.extend(lead.merged.iter().chain([&other]));
        self.merges.insert(other, Merge { into: survivor, lead, before, after });
    }

    /// Those that were merged, and whether each can be split now.
    pub fn merged(&self) -> Vec<(u64, bool)> {
        self.merges.iter().map(|(id, merge)| (*id, self.leads.contains_key(&merge.into))).collect()
    }

    pub fn split(&mut self, id: u64) {
        let Merge { into, lead, before, after } = self.merges.remove(&id).unwrap();
        let survivor = self.leads.get_mut(&into).unwrap();
        let work = &mut survivor.work;
        if work.status == after.status {
            work.status = before.status;
        }
        if work.notes == after.notes {
            work.notes = before.notes;
        }
        if work.owner == after.owner {
            work.owner = before.owner;
        }
        survivor.fans.retain(|fan| !lead.fans.contains(fan));
        survivor.merged.retain(|one| *one != id && !lead.merged.contains(one));
        self.leads.insert(id, lead);
    }

    pub fn erase(&mut self, id: u64) {
        if let Stands::For(lead) = self.stands(id) {
            let gone = self.leads.remove(&lead).unwrap();
            self.erased_fans.extend(gone.fans);
            self.merges.retain(|id, _| !gone.merged.contains(id));
        }
    }
}
