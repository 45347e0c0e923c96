//! Whether a tenant's tables agree.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use leads::store::lead_index::segment::normalize;

use super::expected::{Tenant, ids_of, members};
use crate::rows::Row;

pub(super) fn check_tenant(tenant: &str, [leads, identities, index]: [&[Row]; 3]) -> Result<()> {
    let of = Tenant::of(leads, index)?;
    of.check_holes()?;
    of.check_identities(tenant, identities)?;
    of.check_merges()?;
    of.check_segments()?;
    of.check_marks(&of.counter["last_acquire_time"])?;
    of.check_sets()?;
    of.check_work()?;
    of.check_retention()
}

impl Tenant<'_> {
    fn counted(&self, name: &str) -> Result<usize> {
        Ok(self.counter.get(name).map_or(Ok(0), |number| number.parse())?)
    }

    /// The ids of each block of each set that is not empty, by entry.
    fn found_blocks(&self) -> Result<BTreeMap<String, BTreeSet<u64>>> {
        let mut blocks = BTreeMap::new();
        let sets = self.entries.range("set#".."set#~").map(|(entry, row)| (entry, entry.split('#').nth(1), row));
        let owners = self.entries.range("owner#".."owner$").map(|(entry, row)| (entry, entry.rsplit('#').next(), row));
        for (entry, block, row) in sets.chain(owners) {
            let ids: BTreeSet<u64> = ids_of(entry, block.context("no block")?, row)?.into_iter().collect();
            if !ids.is_empty() {
                blocks.insert((*entry).to_owned(), ids);
            }
        }
        Ok(blocks)
    }

    /// Every id that was handed out is a lead's or is gone, and the counter knows how many of each block are.
    fn check_holes(&self) -> Result<()> {
        let above = self.leads.keys().next_back().is_none_or(|id| *id <= self.last);
        ensure!(above && !self.leads.contains_key(&0), "a lead has an id that was never handed out");
        let counted: Vec<u64> = match self.counter.get("holes").filter(|holes| !holes.is_empty()) {
            Some(holes) => holes.split(',').map(str::parse).collect::<Result<_, _>>()?,
            None => Vec::new(),
        };
        let mut holes = self.holes();
        if holes.iter().all(|count| *count == 0) {
            holes.clear();
        }
        ensure!(counted == holes, "the counter says {counted:?} are gone, there are {holes:?}");
        Ok(())
    }

    /// Every lead lies where its id says, and is found by its fan; nobody else is. Of who was erased there is a hash.
    fn check_identities(&self, tenant: &str, identities: &[Row]) -> Result<()> {
        let (erased, identities): (Vec<&Row>, Vec<&Row>) =
            identities.iter().partition(|row| row["identity"].starts_with(&format!("{tenant}#ERASED#")));
        let counted = self.counted("erased_fans")?;
        ensure!(erased.len() == counted, "{} people were erased, the counter says {counted}", erased.len());
        for row in erased {
            ensure!(!self.leads.contains_key(&row["lead_id"].parse()?), "{row:?} is of a lead that is there");
        }
        for (id, lead) in &self.leads {
            let bucket = &lead["lead_bucket"];
            ensure!(*bucket == format!("{tenant}#{}", id / 64), "lead {id} lies in {bucket}");
        }
        let found: BTreeMap<&str, &str> =
            identities.iter().map(|row| (row["identity"].as_str(), row["lead_id"].as_str())).collect();
        let expected = self.identities(tenant);
        for (identity, (id, _)) in &expected {
            ensure!(found.get(identity.as_str()) == Some(&&*id.to_string()), "lead {id} is not found by its fan");
        }
        ensure!(found.len() == expected.len(), "{} identities of {} fans", found.len(), expected.len());
        Ok(())
    }

    /// Each merge is told by the lead that stands for both, and by nobody else.
    fn check_merges(&self) -> Result<()> {
        let mut logged = BTreeSet::new();
        for (entry, log) in self.entries.range("merge#".."merge#~") {
            let id: u64 = entry["merge#".len()..].parse()?;
            let into: u64 = log["into"].parse()?;
            ensure!(!self.leads.contains_key(&id), "lead {id} was merged and is there");
            ensure!(
                self.leads.contains_key(&into) || self.entries.contains_key(&*format!("merge#{into:014}")),
                "lead {id} was merged into {into}, which is not there"
            );
            logged.insert(id);
        }
        let mut told = Vec::new();
        for lead in self.leads.values() {
            told.extend(members(lead, "merged").into_iter().map(str::parse).collect::<Result<Vec<u64>, _>>()?);
        }
        told.sort_unstable();
        ensure!(told.iter().copied().eq(logged.iter().copied()), "merged are {logged:?}, the leads tell of {told:?}");
        let counted = self.counted("merged_leads")?;
        ensure!(logged.len() == counted, "{} leads were merged, the counter says {counted}", logged.len());
        Ok(())
    }

    /// What a search sees of a lead is what its row says.
    fn check_segments(&self) -> Result<()> {
        let accounts = self.accounts();
        ensure!(accounts.len() == self.met().len(), "leads have accounts that are not among those met");
        let counted = self.counted("account_count")?;
        ensure!(accounts.len() == counted, "{} accounts were met, the counter says {counted}", accounts.len());
        let mut slots = 0;
        for (entry, row) in self.entries.range("name#".."name#~") {
            for (slot, text) in row.iter().filter(|(name, _)| name.bytes().all(|byte| byte.is_ascii_digit())) {
                slots += 1;
                let id = entry["name#".len()..].parse::<u64>()? * 32 + slot.parse::<u64>()? + 1;
                let lead =
                    self.leads.get(&id).with_context(|| format!("{entry} names a lead {id} that is not there"))?;
                let expected = self.name(lead, &accounts);
                ensure!(*text == expected, "lead {id} is {expected:?}, the index says {text:?}");
                let state =
                    if members(lead, "unfollowed") == members(lead, "sources") { "UNFOLLOWED" } else { "FOLLOWING" };
                ensure!(lead["follow_state"] == state, "lead {id} is {}, not {state}", lead["follow_state"]);
            }
        }
        ensure!(slots == self.leads.len(), "{slots} leads in the segments, there are {}", self.leads.len());
        Ok(())
    }

    /// The marks of times cover all leads, in order, at the times of their rows.
    fn check_marks(&self, last_acquire_time: &str) -> Result<()> {
        let (mut next, count) = (1, self.last);
        for (entry, mark) in self.entries.range("mark#".."mark#~") {
            let time: i64 = entry.trim_start_matches("mark#").parse()?;
            let (first, last): (u64, u64) = (mark["first_lead_id"].parse()?, mark["last_lead_id"].parse()?);
            ensure!(first == next && last >= first, "mark {first} to {last} does not follow {}", next - 1);
            for id in first..=last {
                let lead = self.leads.get(&id);
                let agrees = lead.is_none_or(|lead| lead["acquire_time"] == time.to_string());
                ensure!(agrees, "lead {id} is marked at another time");
            }
            next = last + 1;
            ensure!(next <= count || last_acquire_time == time.to_string(), "the counter has another time");
        }
        ensure!(next == count + 1, "the marks end at {}, {count} ids were handed out", next - 1);
        Ok(())
    }

    /// The sets of statuses, of owners and of ids that are gone, and the tally, say what the rows say.
    fn check_sets(&self) -> Result<()> {
        let (expected, found) = (self.blocks(), self.found_blocks()?);
        for entry in expected.keys().chain(found.keys()) {
            let (is, says) = (expected.get(entry), found.get(entry));
            ensure!(is == says, "of {entry} are {is:?}, the set says {says:?}");
        }
        for status in ["CONTACTED", "CONVERTED"] {
            let expected = self.with_status(status);
            let tally = self.entries.get("tally").and_then(|row| row.get(&status.to_lowercase()));
            let tally: usize = tally.map_or(Ok(0), |number| number.parse())?;
            ensure!(tally == expected, "{expected} are {status}, the tally says {tally}");
        }
        Ok(())
    }

    /// The notes that a search finds are those of the rows, and each change of a lead is in its history once.
    fn check_work(&self) -> Result<()> {
        let notes = self.notes().into_iter().map(|(entry, (_, text))| (entry, Some(text)));
        let mut work: BTreeMap<String, Option<String>> = notes.collect();
        for (id, lead) in &self.leads {
            let versions = 1..=lead["version"].parse::<u64>()?;
            work.extend(versions.map(|version| (format!("edit#{id:014}#{version:010}"), None)));
        }
        // The history of a merged lead waits for it to be split.
        for (entry, log) in self.entries.range("merge#".."merge#~") {
            let id: u64 = entry["merge#".len()..].parse()?;
            let versions = 1..=log["lead_version"].parse::<u64>()?;
            work.extend(versions.map(|version| (format!("edit#{id:014}#{version:010}"), None)));
        }
        let kinds = self.entries.iter().filter(|(entry, _)| entry.starts_with("note#") || entry.starts_with("edit#"));
        let found: BTreeMap<_, _> = kinds.map(|(entry, row)| ((*entry).to_owned(), row.get("text").cloned())).collect();
        ensure!(found == work, "notes and changes in the index\n{found:?}\nof the rows\n{work:?}");
        self.check_follow_ups()
    }

    /// A tenant with leads has the row by which its old ones are found.
    fn check_retention(&self) -> Result<()> {
        ensure!(self.last == 0 || self.entries.contains_key("retention"), "old leads are not found: no row retention");
        Ok(())
    }

    /// Each written note is of a change that says so, and the newest is the one of the row, unless that was cleared.
    fn check_follow_ups(&self) -> Result<()> {
        let mut newest = BTreeMap::new();
        for (entry, note) in self.entries.range("followup#".."followup#~") {
            let (id, version) = entry["followup#".len()..].split_once('#').context("no version")?;
            let edit = self.entries.get(&*format!("edit#{id}#{version}")).context("a note of no change")?;
            ensure!(edit["notes_changed"] == "true", "{entry} is of a change that wrote none");
            newest.insert(id.parse::<u64>()?, note["text"].as_str());
        }
        for (id, lead) in &self.leads {
            let (shown, newest) = (lead["notes"].as_str(), newest.get(id).copied().unwrap_or_default());
            ensure!(shown == newest || normalize(shown).is_empty(), "lead {id} shows {shown:?}, not {newest:?}");
        }
        Ok(())
    }
}
