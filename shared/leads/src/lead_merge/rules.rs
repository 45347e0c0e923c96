//! What a merge makes of two leads, and what is left of it when it is undone. Pure.
//!
//! What people wrote goes before what platforms say: the further status counts, both notes stay, an owner is not lost.
//! Nickname and avatar are the surviving lead's own, as long as it has any.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::Offset;

use crate::error::{Error, Result};
use crate::ids::{LeadId, OpenId};
use crate::lead_edit::MAX_NOTES;
use crate::store::lead::Lead;
use crate::store::lead_index::{MergeLog, Work};

/// How many leads one may stand for, itself not counted: with all that is known of them one transaction still erases them.
const MOST_MERGED: usize = 20;
/// Characters of joined notes: with their history, three merges of the longest.
const MOST_NOTES: usize = 4 * MAX_NOTES;
/// Notes are dated as people in China read them.
const CHINA: Offset = Offset::constant(8);

/// The lead that stands for both from `now` on.
///
/// # Errors
/// [`Error::MergeTooLarge`].
pub(super) fn joined(survivor: &Lead, other: &Lead, now: Timestamp) -> Result<Lead> {
    let mut lead = survivor.clone();
    lead.status = survivor.status.max(other.status);
    lead.notes = notes(survivor, other);
    lead.owner = survivor.owner.clone().or_else(|| other.owner.clone());
    let filled = |own: &String, others: &String| if own.is_empty() { others.clone() } else { own.clone() };
    lead.nickname = filled(&survivor.nickname, &other.nickname);
    lead.avatar_url = filled(&survivor.avatar_url, &other.avatar_url);
    lead.sources = &survivor.sources | &other.sources;
    let follows = |account: &OpenId| is_following(survivor, account) || is_following(other, account);
    lead.unfollowed = lead.sources.iter().filter(|account| !follows(account)).cloned().collect();
    lead.merged = &(&survivor.merged | &other.merged) | &BTreeSet::from([other.lead_id]);
    lead.other_fans = &(&survivor.other_fans | &other.other_fans) | &BTreeSet::from([other.fan_open_id.clone()]);
    lead.version += 1;
    lead.update_time = now;
    if lead.merged.len() > MOST_MERGED || lead.notes.chars().count() > MOST_NOTES {
        return Err(Error::MergeTooLarge);
    }
    Ok(lead)
}

/// The surviving lead without the one that `log` says was merged into it. What people have changed of it since stays.
pub(super) fn parted(survivor: &Lead, log: &MergeLog, other: &Lead, now: Timestamp) -> Lead {
    let mut lead = survivor.clone();
    let is = Work::of(survivor);
    if is.status == log.after.status {
        lead.status = log.before.status;
    }
    if is.notes == log.after.notes {
        lead.notes.clone_from(&log.before.notes);
    }
    if is.owner == log.after.owner {
        lead.owner.clone_from(&log.before.owner);
    }
    lead.sources = &survivor.sources - &(&other.sources - &log.sources);
    let left_before = log.unfollowed.iter().filter(|account| is_following(other, account));
    lead.unfollowed = survivor.unfollowed.iter().chain(left_before).cloned().collect();
    lead.unfollowed.retain(|account| lead.sources.contains(account));
    let gone: BTreeSet<LeadId> = other.merged.iter().copied().chain([other.lead_id]).collect();
    lead.merged = &survivor.merged - &gone;
    let fans: BTreeSet<OpenId> = other.other_fans.iter().cloned().chain([other.fan_open_id.clone()]).collect();
    lead.other_fans = &survivor.other_fans - &fans;
    lead.version += 1;
    lead.update_time = now;
    lead
}

fn is_following(lead: &Lead, account: &OpenId) -> bool {
    lead.sources.contains(account) && !lead.unfollowed.contains(account)
}

/// The notes of both, the other's with where they come from and from when they are.
fn notes(survivor: &Lead, other: &Lead) -> String {
    if other.notes.is_empty() {
        return survivor.notes.clone();
    }
    let date = CHINA.to_datetime(other.update_time).date();
    let theirs = format!("（来自线索 {}，{date}）{}", other.lead_id, other.notes);
    if survivor.notes.is_empty() { theirs } else { format!("{}\n{theirs}", survivor.notes) }
}

#[cfg(test)]
mod tests {
    use kernel::dynamo::Item;
    use kernel::ids::UserId;

    use super::*;
    use crate::ids::OwnerId;
    use crate::store::lead::LeadStatus::{self, Contacted, Converted, New};

    const NOW: Timestamp = Timestamp::constant(1_795_000_000, 0);

    fn set(texts: &[&str]) -> BTreeSet<OpenId> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn lead(id: u64, status: LeadStatus, notes: &str, sources: &[&str], unfollowed: &[&str]) -> Lead {
        Lead {
            user_id: UserId::new(1).unwrap(),
            fan_open_id: format!("fan-{id}").parse().unwrap(),
            lead_id: LeadId::new(id),
            nickname: format!("name-{id}"),
            avatar_url: String::new(),
            acquire_time: NOW,
            status,
            notes: notes.to_owned(),
            owner: None,
            sources: set(sources),
            unfollowed: set(unfollowed),
            merged: BTreeSet::new(),
            other_fans: BTreeSet::new(),
            version: 3,
            update_time: NOW,
        }
    }

    fn owner(text: &str) -> Option<OwnerId> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn merged_lead_has_the_further_status_both_notes_and_every_account_that_either_follows() {
        let survivor = lead(5, Contacted, "先来的", &["a", "b"], &["b"]);
        let mut other = lead(9, Converted, "后来的", &["b", "c"], &["c"]);
        other.owner = owner("staff-7");
        let both = joined(&survivor, &other, NOW).unwrap();
        assert_eq!((both.status, both.owner), (Converted, owner("staff-7")));
        assert_eq!(both.notes, "先来的\n（来自线索 9，2026-11-18）后来的");
        assert_eq!((both.sources, both.unfollowed), (set(&["a", "b", "c"]), set(&["c"])));
        assert_eq!((both.nickname.as_str(), both.version), ("name-5", 4));
        assert_eq!((both.merged, both.other_fans), ([LeadId::new(9)].into(), set(&["fan-9"])));
        let none = joined(&lead(1, New, "", &["a"], &[]), &lead(2, New, "", &["a"], &[]), NOW).unwrap();
        assert_eq!((none.status, none.notes.as_str()), (New, ""));
    }

    #[test]
    fn split_lead_gets_back_what_nobody_has_changed_since() {
        let mut survivor = lead(5, New, "", &["a", "b"], &["b"]);
        survivor.owner = owner("staff-1");
        let other = lead(9, Contacted, "话", &["b", "c"], &[]);
        let both = joined(&survivor, &other, NOW).unwrap();
        let log = MergeLog {
            into: survivor.lead_id,
            row: Item::new(),
            before: Work::of(&survivor),
            after: Work::of(&both),
            sources: survivor.sources.clone(),
            unfollowed: survivor.unfollowed.clone(),
        };
        let apart = parted(&both, &log, &other, NOW);
        assert_eq!(Work::of(&apart), Work::of(&survivor));
        assert_eq!((&apart.sources, &apart.unfollowed), (&survivor.sources, &survivor.unfollowed));
        assert!(apart.merged.is_empty() && apart.other_fans.is_empty() && apart.version == both.version + 1);

        let mut worked = Lead { status: Converted, notes: "新的话".to_owned(), ..both };
        worked.sources.extend(set(&["d"]));
        let apart = parted(&worked, &log, &other, NOW);
        assert_eq!((apart.status, apart.notes.as_str(), &apart.owner), (Converted, "新的话", &survivor.owner));
        assert_eq!(apart.sources, set(&["a", "b", "d"]), "what was found since stays");
    }

    #[test]
    fn merge_that_could_not_be_erased_in_one_transaction_is_refused() {
        let mut survivor = lead(1, New, "", &["a"], &[]);
        for number in 2..22 {
            survivor = joined(&survivor, &lead(number, New, "", &["a"], &[]), NOW).unwrap();
        }
        assert!(matches!(joined(&survivor, &lead(22, New, "", &["a"], &[]), NOW), Err(Error::MergeTooLarge)));
        let long = "长".repeat(2_000);
        let [one, other] = [1, 2].map(|id| lead(id, New, &long, &["a"], &[]));
        assert!(matches!(joined(&one, &other, NOW), Err(Error::MergeTooLarge)));
    }
}
