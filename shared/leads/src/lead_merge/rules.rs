//! What a merge makes of two leads, and what is left of it when it is undone. Pure.
//!
//! What people wrote goes before what platforms say: the further status counts, both notes stay, an owner is not lost.
//! Nickname, avatar and the unified module's id are the surviving lead's own, as long as it has any.

use std::collections::BTreeSet;

use jiff::Timestamp;
use kernel::instant::CHINA;

use crate::error::{Error, Result};
use crate::ids::{LeadId, OpenId};
use crate::lead_edit::MAX_NOTES;
use crate::store::lead::Lead;
use crate::store::lead_index::segment::normalize;
use crate::store::lead_index::{MergeLog, MergedFields};

/// How many leads one may stand for, itself not counted: with all that is known of them one transaction still erases them.
const MOST_MERGED: usize = 20;
/// Characters of joined notes: with their history, three merges of the longest.
const MOST_NOTES: usize = 4 * MAX_NOTES;

/// The lead that stands for both from `now` on; `note` is [what is added](note_of) to the notes.
///
/// # Errors
/// [`Error::MergeTooLarge`].
pub(super) fn joined(survivor: &Lead, other: &Lead, note: &str, now: Timestamp) -> Result<Lead> {
    let mut lead = with(survivor, join(&MergedFields::of(survivor), &MergedFields::of(other)), now);
    if !note.is_empty() {
        lead.notes = if survivor.notes.is_empty() { note.to_owned() } else { format!("{}\n{note}", survivor.notes) };
    }
    lead.merged = &(&survivor.merged | &other.merged) | &BTreeSet::from([other.lead_id]);
    lead.other_fans = &(&survivor.other_fans | &other.other_fans) | &BTreeSet::from([other.fan_open_id.clone()]);
    if lead.merged.len() > MOST_MERGED || lead.notes.chars().count() > MOST_NOTES {
        return Err(Error::MergeTooLarge);
    }
    Ok(lead)
}

/// A surviving lead without one that was merged into it.
#[derive(Debug)]
pub(super) struct Parted {
    pub lead: Lead,
    /// The later merges into it, by the merged lead, as they are without the one that is undone.
    pub rebased: Vec<(LeadId, MergeLog)>,
}

/// The surviving lead as it would be if the merge that `log` tells of had never been, where `later` are all that came after
/// it. What people and syncs have changed since stays.
pub(super) fn parted(survivor: &Lead, log: &MergeLog, mut later: Vec<MergeLog>, now: Timestamp) -> Result<Parted> {
    later.sort_unstable_by_key(|log| log.made_version);
    let other = log.lead()?;
    // As it was after each merge, and as it would have been.
    let (mut was, mut would_be) = (join(&log.before, &MergedFields::of(&other)), log.before.clone());
    let mut rebased = Vec::new();
    for log in later {
        let merged = log.lead()?;
        let fields = MergedFields::of(&merged);
        let before = carried(&log.before, &was, &would_be);
        (was, would_be) = (join(&log.before, &fields), join(&before, &fields));
        rebased.push((merged.lead_id, MergeLog { before, ..log }));
    }
    let mut lead = with(survivor, carried(&MergedFields::of(survivor), &was, &would_be), now);
    lead.notes = without(&survivor.notes, &log.note);
    let gone: BTreeSet<LeadId> = other.merged.iter().copied().chain([other.lead_id]).collect();
    lead.merged = &survivor.merged - &gone;
    let fans: BTreeSet<OpenId> = other.other_fans.iter().cloned().chain([other.fan_open_id.clone()]).collect();
    lead.other_fans = &survivor.other_fans - &fans;
    Ok(Parted { lead, rebased })
}

/// What is added to the surviving lead's notes: the other's, with where they come from and from when they are.
pub(super) fn note_of(other: &Lead, written: Timestamp) -> String {
    if normalize(&other.notes).is_empty() {
        return String::new();
    }
    let date = CHINA.to_datetime(written).date();
    format!("（来自线索 {}，{date}）{}", other.lead_id, other.notes)
}

fn with(lead: &Lead, fields: MergedFields, now: Timestamp) -> Lead {
    let MergedFields { status, owner, unified_lead_id, nickname, avatar_url, sources, unfollowed } = fields;
    let (version, update_time) = (lead.version + 1, now);
    let same = lead.clone();
    Lead { status, owner, unified_lead_id, nickname, avatar_url, sources, unfollowed, version, update_time, ..same }
}

fn join(survivor: &MergedFields, other: &MergedFields) -> MergedFields {
    let filled = |own: &String, others: &String| if own.is_empty() { others.clone() } else { own.clone() };
    let sources = &survivor.sources | &other.sources;
    let follows = |account: &&OpenId| is_following(survivor, account) || is_following(other, account);
    MergedFields {
        status: survivor.status.max(other.status),
        owner: survivor.owner.clone().or_else(|| other.owner.clone()),
        unified_lead_id: survivor.unified_lead_id.or(other.unified_lead_id),
        nickname: filled(&survivor.nickname, &other.nickname),
        avatar_url: filled(&survivor.avatar_url, &other.avatar_url),
        unfollowed: sources.iter().filter(|account| !follows(account)).cloned().collect(),
        sources,
    }
}

fn is_following(lead: &MergedFields, account: &OpenId) -> bool {
    lead.sources.contains(account) && !lead.unfollowed.contains(account)
}

/// What a lead that was `was` and now is `is` would be if it had been `would_be`: what has changed since has changed there too.
fn carried(is: &MergedFields, was: &MergedFields, would_be: &MergedFields) -> MergedFields {
    fn kept<T: Clone + PartialEq>(is: &T, was: &T, would_be: &T) -> T {
        if is == was { would_be.clone() } else { is.clone() }
    }
    let moved = |is: &BTreeSet<OpenId>, was: &BTreeSet<OpenId>, would_be: &BTreeSet<OpenId>| {
        &(would_be | &(is - was)) - &(was - is)
    };
    let sources = moved(&is.sources, &was.sources, &would_be.sources);
    MergedFields {
        status: kept(&is.status, &was.status, &would_be.status),
        owner: kept(&is.owner, &was.owner, &would_be.owner),
        unified_lead_id: kept(&is.unified_lead_id, &was.unified_lead_id, &would_be.unified_lead_id),
        nickname: kept(&is.nickname, &was.nickname, &would_be.nickname),
        avatar_url: kept(&is.avatar_url, &was.avatar_url, &would_be.avatar_url),
        unfollowed: &moved(&is.unfollowed, &was.unfollowed, &would_be.unfollowed) & &sources,
        sources,
    }
}

/// The notes without what a merge has added, if it is still in them.
fn without(notes: &str, added: &str) -> String {
    let Some((before, after)) = notes.split_once(added).filter(|_| !added.is_empty()) else { return notes.to_owned() };
    match (before.strip_suffix('\n'), after.strip_prefix('\n')) {
        (Some(before), _) => format!("{before}{after}"),
        (None, Some(after)) if before.is_empty() => after.to_owned(),
        _ => format!("{before}{after}"),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;
    use kernel::dynamo::{Item, n, s, seconds};
    use kernel::ids::UserId;

    use super::*;
    use crate::ids::{OwnerId, UnifiedLeadId};
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
            unified_lead_id: None,
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

    /// The row of a lead.
    fn row(lead: &Lead) -> Item {
        let set = |ids: &BTreeSet<OpenId>| AttributeValue::Ss(ids.iter().map(ToString::to_string).collect());
        let mut row: Item = [
            ("user_id", n(lead.user_id)),
            ("douyin_user_id", s(lead.fan_open_id.as_str())),
            ("lead_id", n(lead.lead_id)),
            ("nickname", s(&lead.nickname)),
            ("notes", s(&lead.notes)),
            ("acquire_time", seconds(lead.acquire_time)),
            ("update_time", seconds(lead.update_time)),
            ("status", s(lead.status.as_str())),
            ("sources", set(&lead.sources)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        row.extend(lead.owner.iter().map(|owner| ("owner_id".to_owned(), s(owner.as_str()))));
        row.extend(lead.unified_lead_id.map(|id| ("unified_lead_id".to_owned(), n(id))));
        if !lead.unfollowed.is_empty() {
            row.insert("unfollowed".to_owned(), set(&lead.unfollowed));
        }
        row
    }

    /// The lead that stands for both, and what is written down of the merge.
    fn merge(survivor: &Lead, other: &Lead) -> (Lead, MergeLog) {
        let note = note_of(other, NOW);
        let both = joined(survivor, other, &note, NOW).unwrap();
        let (into, made_version) = (survivor.lead_id, both.version);
        let log = MergeLog { into, made_version, row: row(other), before: MergedFields::of(survivor), note };
        (both, log)
    }

    fn split(lead: &Lead, log: &MergeLog, later: &[MergeLog]) -> Parted {
        parted(lead, log, later.to_vec(), NOW).unwrap()
    }

    #[test]
    fn merged_lead_has_the_further_status_both_notes_and_every_account_that_either_follows() {
        let survivor = lead(5, Contacted, "先来的", &["a", "b"], &["b"]);
        let mut other = lead(9, Converted, "后来的", &["b", "c"], &["c"]);
        other.owner = owner("staff-7");
        let (both, _) = merge(&survivor, &other);
        assert_eq!((both.status, both.owner), (Converted, owner("staff-7")));
        assert_eq!(both.notes, "先来的\n（来自线索 9，2026-11-18）后来的");
        assert_eq!((both.sources, both.unfollowed), (set(&["a", "b", "c"]), set(&["c"])));
        assert_eq!((both.nickname.as_str(), both.version), ("name-5", 4));
        assert_eq!((both.merged, both.other_fans), ([LeadId::new(9)].into(), set(&["fan-9"])));
        let (none, _) = merge(&lead(1, New, "", &["a"], &[]), &lead(2, New, "", &["a"], &[]));
        assert_eq!((none.status, none.notes.as_str()), (New, ""));
    }

    #[test]
    fn split_lead_gets_back_what_nobody_has_changed_since() {
        let mut survivor = lead(5, New, "", &["a", "b"], &["b"]);
        survivor.owner = owner("staff-1");
        survivor.nickname = String::new();
        let other = lead(9, Contacted, "话", &["b", "c"], &[]);
        let (both, log) = merge(&survivor, &other);
        assert_eq!(both.nickname, "name-9");
        let apart = split(&both, &log, &[]).lead;
        assert_eq!(MergedFields::of(&apart), MergedFields::of(&survivor), "and nothing of the other one");
        assert_eq!(apart.notes, survivor.notes);
        assert!(apart.merged.is_empty() && apart.other_fans.is_empty() && apart.version == both.version + 1);

        let mut worked =
            Lead { status: Converted, notes: "新的话".to_owned(), nickname: "新名".to_owned(), ..both };
        worked.sources.extend(set(&["d"]));
        let apart = split(&worked, &log, &[]).lead;
        assert_eq!((apart.status, apart.notes.as_str(), &apart.owner), (Converted, "新的话", &survivor.owner));
        assert_eq!(apart.sources, set(&["a", "b", "d"]), "what was found since stays");
        assert_eq!(apart.nickname, "新名");
    }

    #[test]
    fn merged_lead_keeps_its_own_link_and_split_gives_back_one_that_it_took_over() {
        let linked =
            |id, unified| Lead { unified_lead_id: UnifiedLeadId::new(unified), ..lead(id, New, "", &["a"], &[]) };
        let link = |lead: &Lead| lead.unified_lead_id.map(|id| id.to_string());
        for (own, others, both_have, apart_has) in
            [(705, 709, "705", Some("705")), (0, 709, "709", None), (705, 0, "705", Some("705"))]
        {
            let (both, log) = merge(&linked(5, own), &linked(9, others));
            assert_eq!(link(&both).as_deref(), Some(both_have));
            assert_eq!(link(&split(&both, &log, &[]).lead).as_deref(), apart_has, "{own} {others}");
            let relinked = Lead { unified_lead_id: UnifiedLeadId::new(800), ..both };
            assert_eq!(link(&split(&relinked, &log, &[]).lead).as_deref(), Some("800"), "it was linked anew since");
        }
    }

    #[test]
    fn split_takes_the_joined_note_out_of_whatever_was_written_around_it() {
        let other = lead(9, New, "话", &["a"], &[]);
        for (own, written, left) in [
            ("", "{}", ""),
            ("甲", "甲\n{}", "甲"),
            ("甲", "乙\n{}", "乙"),
            ("", "{}\n乙", "乙"),
            ("甲", "甲\n{}\n乙", "甲\n乙"),
            ("甲", "", ""),
        ] {
            let (both, log) = merge(&lead(5, New, own, &["a"], &[]), &other);
            let notes = written.replace("{}", "（来自线索 9，2026-11-18）话");
            assert_eq!(split(&Lead { notes, ..both }, &log, &[]).lead.notes, left, "{written:?}");
        }
    }

    #[test]
    fn splits_in_any_order_leave_what_was_before_the_merges() {
        let mut survivor = lead(5, New, "甲", &["a", "b"], &["a"]);
        survivor.nickname = String::new();
        let mut one = lead(9, Contacted, "乙", &["a", "c"], &[]);
        (one.owner, one.unified_lead_id) = (owner("staff-9"), UnifiedLeadId::new(709));
        let mut two = lead(12, Contacted, "丙", &["c", "d"], &["d"]);
        (two.owner, two.unified_lead_id) = (owner("staff-12"), UnifiedLeadId::new(712));
        let three = lead(14, Converted, "", &["a", "b"], &["b"]);
        let merges = [&one, &two, &three];
        let (mut all, mut logs) = (survivor.clone(), Vec::new());
        for other in merges {
            let (both, log) = merge(&all, other);
            all = both;
            logs.push(log);
        }
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let (mut is, mut logs) = (all.clone(), logs.clone());
            for (number, place) in order.into_iter().enumerate() {
                let id = merges[place].lead_id;
                let at = logs.iter().position(|log| log.lead().unwrap().lead_id == id).unwrap();
                let log = logs.remove(at);
                let Parted { lead, rebased } = split(&is, &log, &logs[at..]);
                is = lead;
                for (id, rebased) in rebased {
                    *logs.iter_mut().find(|log| log.lead().unwrap().lead_id == id).unwrap() = rebased;
                }
                // As if only those had been merged that still are.
                let rest = merges
                    .iter()
                    .filter(|other| order[number + 1..].iter().any(|at| merges[*at].lead_id == other.lead_id));
                let expected = rest.fold(survivor.clone(), |lead, other| merge(&lead, other).0);
                assert_eq!(MergedFields::of(&is), MergedFields::of(&expected), "{order:?}, {number}");
                assert_eq!(
                    (&is.notes, &is.merged, &is.other_fans),
                    (&expected.notes, &expected.merged, &expected.other_fans)
                );
            }
        }
    }

    #[test]
    fn split_of_an_earlier_merge_keeps_what_people_and_syncs_changed_between_and_since() {
        let (both, first) = merge(&lead(5, New, "", &["a"], &[]), &lead(9, Contacted, "", &["b"], &[]));
        let mut worked = Lead { status: Converted, ..both };
        worked.sources.extend(set(&["d"]));
        let (mut all, second) = merge(&worked, &lead(12, New, "", &["b"], &[]));
        all.unfollowed.extend(set(&["a"]));
        let Parted { lead, rebased } = split(&all, &first, &[second]);
        assert_eq!((lead.status, &lead.sources, &lead.unfollowed), (Converted, &set(&["a", "b", "d"]), &set(&["a"])));
        let lead = split(&lead, &rebased[0].1, &[]).lead;
        assert_eq!((lead.status, lead.sources, lead.unfollowed), (Converted, set(&["a", "d"]), set(&["a"])));
    }

    #[test]
    fn merge_that_could_not_be_erased_in_one_transaction_is_refused() {
        let mut survivor = lead(1, New, "", &["a"], &[]);
        for number in 2..22 {
            survivor = joined(&survivor, &lead(number, New, "", &["a"], &[]), "", NOW).unwrap();
        }
        let one_more = lead(22, New, "", &["a"], &[]);
        assert!(matches!(joined(&survivor, &one_more, "", NOW), Err(Error::MergeTooLarge)));
        let long = "长".repeat(2_000);
        let [one, other] = [1, 2].map(|id| lead(id, New, &long, &["a"], &[]));
        assert!(matches!(joined(&one, &other, &note_of(&other, NOW), NOW), Err(Error::MergeTooLarge)));
    }
}
