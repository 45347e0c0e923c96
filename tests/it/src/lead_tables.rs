//! Whether the tables of leads agree with each other: what a lead's row says is what the list, the search and the next sync
//! find of it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use leads::store::lead_index::segment::{NameEntry, normalize};

use crate::World;
use crate::tables::Row;

/// Fails with the first thing on which rows, identities and index of any tenant do not agree.
///
/// # Errors
/// See above.
pub async fn check(world: &World) -> Result<()> {
    let mut tables = Vec::new();
    for table in ["t_douyin_lead", "t_lead_identity", "t_douyin_lead_index"] {
        tables.push(world.rows(table).await?);
    }
    let tenants: BTreeSet<&String> = tables.iter().flatten().map(|row| &row["user_id"]).collect();
    for tenant in tenants {
        let of_tenant = |table: &Vec<Row>| table.iter().filter(|row| row["user_id"] == *tenant).cloned().collect();
        let tables: Vec<Vec<Row>> = tables.iter().map(of_tenant).collect();
        let tables = [&*tables[0], &*tables[1], &*tables[2]];
        check_tenant(tenant, tables).with_context(|| format!("the leads of tenant {tenant}"))?;
    }
    Ok(())
}

/// A tenant's leads by id, how many ids were handed out, and the index by entry.
struct Tenant<'a> {
    leads: BTreeMap<u64, &'a Row>,
    last: u64,
    entries: BTreeMap<&'a str, &'a Row>,
}

/// How many ids share a block of a set.
const BLOCK: u64 = 4_096;

fn check_tenant(tenant: &str, [leads, identities, index]: [&[Row]; 3]) -> Result<()> {
    let entries: BTreeMap<_, _> = index.iter().map(|row| (row["entry"].as_str(), row)).collect();
    let counter = entries.get("counter").context("no counter")?;
    let of = Tenant {
        leads: leads.iter().map(|lead| Ok((lead["lead_id"].parse()?, lead))).collect::<Result<_>>()?,
        last: counter["lead_count"].parse()?,
        entries: entries.clone(),
    };
    of.check_holes(counter)?;
    of.check_identities(tenant, identities, counter)?;
    of.check_merges(counter)?;
    of.check_segments(&counter["accounts"].split(',').collect::<Vec<_>>())?;
    of.check_marks(&counter["last_acquire_time"])?;
    of.check_statuses()?;
    of.check_owners()?;
    of.check_work()
}

/// The ids of a block of a set.
fn ids_of(entry: &str, block: &str, row: &Row) -> Result<Vec<u64>> {
    let block: u64 = block.parse()?;
    let bits = hex::decode(&row["ids"])?;
    ensure!(bits.len() as u64 <= BLOCK / 8, "{entry} has {} bytes", bits.len());
    let is_set = |place: &u64| bits.get(*place as usize / 8).is_some_and(|byte| byte & (1 << (place % 8)) != 0);
    Ok((0..BLOCK).filter(is_set).map(|place| block * BLOCK + place).collect())
}

impl Tenant<'_> {
    /// The ids in a set, which are those of its blocks.
    fn set(&self, name: &str) -> Result<BTreeSet<u64>> {
        let mut ids = BTreeSet::new();
        for (entry, row) in self.entries.range("set#".."set#~").filter(|(entry, _)| entry.ends_with(name)) {
            ids.extend(ids_of(entry, entry.split('#').nth(1).context("no block")?, row)?);
        }
        Ok(ids)
    }

    /// Every id that was handed out is a lead's or is gone, and the counter knows how many of each block are.
    fn check_holes(&self, counter: &Row) -> Result<()> {
        let gone = self.set("GONE")?;
        let expected: Vec<u64> = (1..=self.last).filter(|id| !gone.contains(id)).collect();
        ensure!(
            self.leads.keys().copied().eq(expected),
            "leads {:?}, gone {gone:?} of {}",
            self.leads.keys(),
            self.last
        );
        ensure!(
            gone.iter().all(|id| (1..=self.last).contains(id)),
            "ids are gone that were never handed out: {gone:?}"
        );
        let mut by_block = vec![0_u64; gone.last().map_or(0, |id| (id / BLOCK) as usize + 1)];
        for id in &gone {
            by_block[(id / BLOCK) as usize] += 1;
        }
        let counted: Vec<u64> = match counter.get("holes") {
            Some(holes) => holes.split(',').map(str::parse).collect::<Result<_, _>>()?,
            None => Vec::new(),
        };
        ensure!(counted == by_block, "the counter says {counted:?} are gone, there are {by_block:?}");
        Ok(())
    }

    /// Every lead lies where its id says, and is found by its fan; nobody else is. Of who was erased there is a hash.
    fn check_identities(&self, tenant: &str, identities: &[Row], counter: &Row) -> Result<()> {
        let (erased, identities): (Vec<&Row>, Vec<&Row>) =
            identities.iter().partition(|row| row["identity"].starts_with(&format!("{tenant}#ERASED#")));
        let counted = counter.get("erased_fans").map_or(Ok(0), |number| number.parse())?;
        ensure!(erased.len() == counted, "{} people were erased, the counter says {counted}", erased.len());
        let gone = self.set("GONE")?;
        for row in erased {
            ensure!(gone.contains(&row["lead_id"].parse()?), "{row:?} is of a lead that is there");
        }
        let known: BTreeMap<&str, &str> =
            identities.iter().map(|row| (row["identity"].as_str(), row["lead_id"].as_str())).collect();
        let mut fans = 0;
        for (id, lead) in &self.leads {
            ensure!(
                lead["lead_bucket"] == format!("{tenant}#{}", id / 64),
                "lead {id} lies in {}",
                lead["lead_bucket"]
            );
            let others = lead.get("other_fans").into_iter().flat_map(|fans| fans.split(','));
            for fan in others.chain([lead["douyin_user_id"].as_str()]) {
                fans += 1;
                let identity = format!("{tenant}#DOUYIN_FAN#{fan}");
                ensure!(known.get(&*identity) == Some(&&*lead["lead_id"]), "lead {id} is not found by its fan");
            }
        }
        ensure!(identities.len() == fans, "{} identities of {fans} fans", identities.len());
        Ok(())
    }

    /// Each merge is told by the lead that stands for both, and by nobody else.
    fn check_merges(&self, counter: &Row) -> Result<()> {
        let gone = self.set("GONE")?;
        let mut logged = BTreeSet::new();
        for (entry, log) in self.entries.range("merge#".."merge#~") {
            let id: u64 = entry["merge#".len()..].parse()?;
            let into: u64 = log["into"].parse()?;
            ensure!(gone.contains(&id), "lead {id} was merged and is there");
            ensure!(
                self.leads.contains_key(&into) || self.entries.contains_key(&*format!("merge#{into:014}")),
                "lead {id} was merged into {into}, which is not there"
            );
            logged.insert(id);
        }
        let mut told = Vec::new();
        for lead in self.leads.values() {
            let merged = lead.get("merged").into_iter().flat_map(|ids| ids.split(','));
            told.extend(merged.map(str::parse).collect::<Result<Vec<u64>, _>>()?);
        }
        told.sort_unstable();
        ensure!(told.iter().copied().eq(logged.iter().copied()), "merged are {logged:?}, the leads tell of {told:?}");
        let counted = counter.get("merged_leads").map_or(Ok(0), |number| number.parse())?;
        ensure!(logged.len() == counted, "{} leads were merged, the counter says {counted}", logged.len());
        Ok(())
    }

    /// What a search sees of a lead is what its row says.
    fn check_segments(&self, accounts: &[&str]) -> Result<()> {
        let mut slots = 0;
        for (entry, row) in &self.entries {
            let Some(segment) = entry.strip_prefix("name#") else { continue };
            for (slot, text) in row.iter().filter(|(name, _)| name.bytes().all(|byte| byte.is_ascii_digit())) {
                slots += 1;
                let id = segment.parse::<u64>()? * 32 + slot.parse::<u64>()? + 1;
                let lead =
                    self.leads.get(&id).with_context(|| format!("{entry} names a lead {id} that is not there"))?;
                let name = NameEntry::decode(text).context("unreadable name entry")?;
                ensure!(name.nickname == normalize(&lead["nickname"]), "lead {id} has another nickname in the index");
                let set = |name: &str| -> BTreeSet<&str> {
                    lead.get(name).into_iter().flat_map(|set| set.split(',')).filter(|one| !one.is_empty()).collect()
                };
                let (sources, unfollowed) = (set("sources"), set("unfollowed"));
                let expected: BTreeSet<(&str, bool)> =
                    sources.iter().map(|source| (*source, !unfollowed.contains(source))).collect();
                let found: BTreeSet<(&str, bool)> =
                    name.accounts.iter().map(|(ordinal, follows)| (accounts[*ordinal], *follows)).collect();
                ensure!(found == expected, "lead {id} follows {expected:?}, the index says {found:?}");
                let state = if unfollowed == sources { "UNFOLLOWED" } else { "FOLLOWING" };
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

    /// The sets of statuses and their tally say what the rows say.
    fn check_statuses(&self) -> Result<()> {
        for status in ["CONTACTED", "CONVERTED"] {
            let with_status = self.leads.iter().filter(|(_, lead)| lead["status"] == status);
            let expected: BTreeSet<u64> = with_status.map(|(id, _)| *id).collect();
            let found = self.set(status)?;
            ensure!(found == expected, "{status} are {expected:?}, the sets say {found:?}");
            let tally = self.entries.get("tally").and_then(|row| row.get(&status.to_lowercase()));
            let tally: usize = tally.map_or(Ok(0), |number| number.parse())?;
            ensure!(tally == expected.len(), "{} are {status}, the tally says {tally}", expected.len());
        }
        Ok(())
    }

    /// The sets of owners say what the rows say.
    fn check_owners(&self) -> Result<()> {
        let owned = self.leads.iter().filter_map(|(id, lead)| Some((lead.get("owner_id")?.clone(), *id)));
        let expected: BTreeSet<(String, u64)> = owned.collect();
        let mut found = BTreeSet::new();
        for (entry, row) in self.entries.range("owner#".."owner$") {
            let (owner, block) = entry["owner#".len()..].rsplit_once('#').context("no block")?;
            found.extend(ids_of(entry, block, row)?.into_iter().map(|id| (owner.to_owned(), id)));
        }
        ensure!(found == expected, "owners are {expected:?}, the sets say {found:?}");
        Ok(())
    }

    /// The notes that a search finds are those of the rows, and each change of a lead is in its history once.
    fn check_work(&self) -> Result<()> {
        let mut work = BTreeMap::new();
        for (id, lead) in &self.leads {
            let note = Some(normalize(&lead["notes"])).filter(|note| !note.is_empty());
            work.extend(note.map(|note| (format!("note#{id:014}"), Some(note))));
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
