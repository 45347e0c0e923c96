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
    /// When somebody last changed it; 0 if nobody has.
    pub worked: i64,
    /// All ids that lead to it.
    pub merged: BTreeSet<u64>,
}

#[derive(Debug, Clone)]
struct Merge {
    into: u64,
    /// Which of all merges it was.
    number: usize,
    lead: Lead,
    /// The surviving lead before it.
    before: Work,
}

/// The work on a lead that stands for both, but for the notes.
fn joined(own: &Work, other: &Work) -> Work {
    Work {
        status: own.status.max(other.status),
        notes: own.notes.clone(),
        owner: if own.owner.is_empty() { other.owner.clone() } else { own.owner.clone() },
    }
}

/// What somebody would have made of a lead that was `would_be`, who made this of one that was `was`.
fn redone(is: &Work, was: &Work, would_be: &Work) -> Work {
    Work {
        status: if is.status == was.status { would_be.status } else { is.status },
        notes: is.notes.clone(),
        owner: if is.owner == was.owner { would_be.owner.clone() } else { is.owner.clone() },
    }
}

/// The notes of a merged lead, as the other one has them.
fn joined_note(other: u64, notes: &str) -> String {
    if notes.is_empty() { String::new() } else { format!("（来自线索 {other}）{notes}") }
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
    merged_ever: usize,
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
        self.leads.insert(id, Lead { fans: [fan].into(), work, acquired, worked: 0, merged: BTreeSet::new() });
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

    /// What somebody does to a lead at `now`.
    pub fn edit(&mut self, id: u64, work: Work, now: i64) {
        let lead = self.leads.get_mut(&id).unwrap();
        if lead.work != work {
            (lead.work, lead.worked) = (work, now);
        }
    }

    pub fn merge(&mut self, survivor: u64, other: u64, now: i64) {
        let lead = self.leads.remove(&other).unwrap();
        let into = self.leads.get_mut(&survivor).unwrap();
        let before = into.work.clone();
        into.worked = now;
        into.work = joined(&before, &lead.work);
        into.work.notes = match (before.notes.as_str(), joined_note(other, &lead.work.notes)) {
            (own, theirs) if theirs.is_empty() => own.to_owned(),
            ("", theirs) => theirs,
            (own, theirs) => format!("{own}\n{theirs}"),
        };
        into.fans.extend(lead.fans.iter().cloned());
        into.merged.extend(lead.merged.iter().chain([&other]));
        self.merged_ever += 1;
        self.merges.insert(other, Merge { into: survivor, number: self.merged_ever, lead, before });
    }

    /// Those that were merged, and whether each can be split now.
    pub fn merged(&self) -> Vec<(u64, bool)> {
        self.merges.iter().map(|(id, merge)| (*id, self.leads.contains_key(&merge.into))).collect()
    }

    /// As if it had never been merged.
    pub fn split(&mut self, id: u64, now: i64) {
        let Merge { into, number, lead, before } = self.merges.remove(&id).unwrap();
        let (mut was, mut would_be) = (joined(&before, &lead.work), before);
        let mut later: Vec<&mut Merge> =
            self.merges.values_mut().filter(|merge| merge.into == into && merge.number > number).collect();
        later.sort_by_key(|merge| merge.number);
        for merge in later {
            let before = redone(&merge.before, &was, &would_be);
            (was, would_be) = (joined(&merge.before, &merge.lead.work), joined(&before, &merge.lead.work));
            merge.before = before;
        }
        let survivor = self.leads.get_mut(&into).unwrap();
        survivor.worked = now;
        survivor.work = redone(&survivor.work, &was, &would_be);
        let added = joined_note(id, &lead.work.notes);
        if !added.is_empty() {
            // What was around it moves together.
            let notes = format!("\n{}\n", survivor.work.notes).replacen(&format!("\n{added}\n"), "\n", 1);
            survivor.work.notes = notes.trim_matches('\n').to_owned();
        }
        survivor.fans.retain(|fan| !lead.fans.contains(fan));
        survivor.merged.retain(|one| *one != id && !lead.merged.contains(one));
        self.leads.insert(id, lead);
    }

    pub fn erase(&mut self, id: u64) {
        if let Stands::For(lead) = self.stands(id) {
            self.forget(lead, true);
        }
    }

    /// Those go whom nobody has worked since `cutoff` and who are no customers; of them those stay away who are among
    /// `followers`. How many went.
    pub fn expire(&mut self, cutoff: i64, followers: &BTreeSet<u64>) -> usize {
        let is_over =
            |lead: &Lead| STATUSES[lead.work.status] != "CONVERTED" && lead.acquired.max(lead.worked) <= cutoff;
        let over: Vec<u64> = self.leads.iter().filter(|(_, lead)| is_over(lead)).map(|(id, _)| *id).collect();
        over.iter().for_each(|id| self.forget(*id, followers.contains(id)));
        over.len()
    }

    /// A lead goes, with all that was merged into it; whether its fans stay away.
    fn forget(&mut self, lead: u64, for_good: bool) {
        let gone = self.leads.remove(&lead).unwrap();
        if for_good {
            self.erased_fans.extend(gone.fans);
        }
        self.merges.retain(|id, _| !gone.merged.contains(id));
    }
}
