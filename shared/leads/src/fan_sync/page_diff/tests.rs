mod rows;

use jiff::SignedDuration;

use rows::*;

use super::*;
use crate::store::sync_task::SyncStrategy;

#[test]
fn page_diff_makes_unknown_fans_leads_with_the_next_ids() {
    for strategy in [SyncStrategy::Incremental, SyncStrategy::Full] {
        let progress = progress(strategy);
        let page = page(&[fan("a", "Ａ", "https://a"), fan("b", "", "")]);
        let (changes, position) = whole(&progress, &page, &[], &counter(5)).unwrap();

        let created: Vec<_> = changes
            .created
            .iter()
            .map(|lead| {
                (lead.lead_id.get(), lead.fan_open_id.as_str(), &*lead.nickname, lead.avatar_url, lead.source.as_str())
            })
            .collect();
        assert_eq!(created, [(6, "a", "Ａ", "https://a", ACCOUNT), (7, "b", "", "", ACCOUNT)]);
        assert!(changes.created.iter().all(|lead| lead.acquire_time == NOW));
        let entry = |nickname: &str| NameEntry { accounts: vec![(0, true)], nickname: nickname.to_owned() };
        assert_eq!(changes.names, [(LeadId::new(6), entry("a")), (LeadId::new(7), entry(""))]);
        assert_eq!((changes.counter.lead_count, changes.counter.last_acquire_time), (7, NOW));
        assert_eq!(changes.counter.version, 7, "the store moves the version on");
        assert!(changes.refreshed.is_empty());
        let counters =
            Counters { pages: 2, seen: 22, created: 12, updated: 4, unchanged: 6, skipped: 0, unfollowed: 2 };
        assert_eq!(position.counters, counters);
        assert_eq!((position.walk.cursor, position.walk.fully_listed, position.total), (40, false, Some(40)));
        assert_eq!(position.seen_leads.iter().collect::<Vec<_>>(), [6, 7]);
    }
}

#[test]
fn acquire_time_never_decreases_with_the_lead_id() {
    let progress = progress(SyncStrategy::Incremental);
    let page = page(&[fan("a", "", "")]);
    let ahead = Counter { last_acquire_time: NOW + SignedDuration::from_secs(5), ..counter(5) };
    let (changes, _) = whole(&progress, &page, &[], &ahead).unwrap();
    assert_eq!(changes.created[0].acquire_time, NOW + SignedDuration::from_secs(5));
    assert_eq!(changes.counter.last_acquire_time, NOW + SignedDuration::from_secs(5));
}

#[test]
fn page_diff_of_a_known_lead_keeps_its_name_in_incremental_and_updates_it_in_full() {
    let known = [lead(3, "a", &[ACCOUNT], &[])];
    for (strategy, nickname, avatar, expected) in [
        (SyncStrategy::Incremental, "new", "https://new", None),
        (SyncStrategy::Full, "new", "https://new", Some(("new", "https://new"))),
        (SyncStrategy::Full, "new", "https://old", Some(("new", "https://old"))),
        (SyncStrategy::Full, "old", "https://new", Some(("old", "https://new"))),
        (SyncStrategy::Full, "old", "https://old", None),
        // An absent one says nothing.
        (SyncStrategy::Full, "", "https://new", Some(("old", "https://new"))),
        (SyncStrategy::Full, "new", "", Some(("new", "https://old"))),
        (SyncStrategy::Full, "", "", None),
    ] {
        let progress = progress(strategy);
        let page = page(&[fan("a", nickname, avatar)]);
        let (changes, position) = whole(&progress, &page, &known, &counter(5)).unwrap();
        let refreshed: Vec<_> = changes
            .refreshed
            .iter()
            .map(|(lead, refresh)| {
                assert_eq!((lead.lead_id.get(), refresh.source.as_str()), (3, ACCOUNT));
                assert!(refresh.follows_source && refresh.follows_any);
                (refresh.nickname.as_str(), refresh.avatar_url.as_str())
            })
            .collect();
        assert_eq!(refreshed, expected.into_iter().collect::<Vec<_>>(), "{strategy:?} {nickname:?} {avatar:?}");
        let updated = refreshed.len() as u64;
        assert_eq!((position.counters.updated, position.counters.unchanged), (4 + updated, 7 - updated));
        assert_eq!(position.counters.created, 10);
        // A segment is written only for what a search sees of it.
        assert_eq!(changes.names.len(), usize::from(expected.is_some_and(|(nickname, _)| nickname != "old")));
        assert!(changes.created.is_empty() && position.seen_leads.contains(3));
        assert_eq!(changes.counter.lead_count, 5);
    }
}

#[test]
fn page_diff_of_a_lead_of_another_account_adds_this_source() {
    for strategy in [SyncStrategy::Incremental, SyncStrategy::Full] {
        let known = [lead(3, "a", &[OTHER], &[OTHER])];
        let progress = progress(strategy);
        let page = page(&[fan("a", "old", "https://old")]);
        let read = Counter { accounts: vec![id(OTHER)], ..counter(5) };
        let (changes, _) = whole(&progress, &page, &known, &read).unwrap();
        assert!(changes.refreshed[0].1.follows_source);
        let entry = NameEntry { accounts: vec![(0, false), (1, true)], nickname: "old".to_owned() };
        assert_eq!(changes.names, [(LeadId::new(3), entry)]);
        assert_eq!(changes.counter.accounts, [id(OTHER), id(ACCOUNT)], "the account takes the next place");
    }
}

#[test]
fn page_diff_of_an_unfollowed_lead_that_is_seen_has_it_follow_again() {
    let known = [lead(3, "a", &[ACCOUNT], &[ACCOUNT])];
    let page = page(&[fan("a", "old", "https://old")]);
    for strategy in [SyncStrategy::Incremental, SyncStrategy::Full] {
        let progress = progress(strategy);
        let (changes, position) = whole(&progress, &page, &known, &counter(5)).unwrap();
        assert!(changes.refreshed[0].1.follows_source, "{strategy:?}");
        assert_eq!(changes.names[0].1.accounts, [(0, true)]);
        assert_eq!((position.counters.updated, position.counters.unchanged), (5, 6));
    }
}

#[test]
fn page_diff_of_another_address_of_the_same_avatar_is_no_change_alone() {
    const OLD: &str = "https://p3.example.com/a/7.jpeg?x-expires=1";
    const NEW: &str = "https://p26.example.com/a/7.jpeg?x-expires=2";
    let known = [Lead { avatar_url: OLD.to_owned(), ..lead(3, "a", &[ACCOUNT], &[]) }];
    let progress = progress(SyncStrategy::Full);
    let same = page(&[fan("a", "old", NEW)]);
    let (changes, position) = whole(&progress, &same, &known, &counter(5)).unwrap();
    assert!(changes.is_empty() && changes.names.is_empty());
    assert_eq!(position.counters.unchanged, 7);
    let renamed = page(&[fan("a", "new", NEW)]);
    let (changes, _) = whole(&progress, &renamed, &known, &counter(5)).unwrap();
    assert_eq!((changes.refreshed[0].1.avatar_url.as_str(), changes.names.len()), (NEW, 1));
}

#[test]
fn page_diff_larger_than_a_transaction_is_made_in_parts() {
    let mut progress = progress(SyncStrategy::Incremental);
    let mut fans: Vec<Fan> = (0..200).map(|number| fan(&format!("fan-{number}"), "n", "")).collect();
    fans.push(fans[0].clone());
    let page = FanPage { skipped: 3, ..page(&fans) };
    let mut open = OpenPage::new(&page, &progress.task, 5_000);
    let (mut read, mut parts) = (counter(5), Vec::new());
    while !open.is_done() {
        let Part { changes, position, fans } =
            progress.page_changes(&open, open.next(0, 97), &KnownFans::default(), &read, NOW).unwrap();
        read = changes.counter.clone();
        parts.push(fans);
        open.advance(fans);
        let counters = position.counters;
        assert_eq!(position.page_taken.is_empty(), open.is_done());
        assert_eq!(position.walk.cursor, if open.is_done() { 40 } else { 20 }, "the cursor stays until all is done");
        assert_eq!(counters.pages, 1 + u64::from(open.is_done()));
        assert_eq!(counters.seen, counters.created + counters.updated + counters.unchanged);
        drop(changes);
        progress.advance(position);
    }
    assert_eq!(parts, [47, 46, 47, 47, 13]);
    let expected = Counters { pages: 2, seen: 221, created: 210, updated: 4, unchanged: 7, skipped: 3, unfollowed: 2 };
    assert_eq!((progress.task.counters, read.lead_count), (expected, 205));
}

#[test]
fn page_diff_of_a_page_half_committed_by_a_dead_worker_counts_once() {
    let mut first = progress(SyncStrategy::Incremental);
    let fans: Vec<Fan> = (0..90).map(|number| fan(&format!("fan-{number}"), "old", "")).collect();
    let before = page(&fans);
    let open = OpenPage::new(&before, &first.task, 5_000);
    let part = first.page_changes(&open, open.next(0, 97), &KnownFans::default(), &counter(0), NOW).unwrap();
    let (taken, position) = (part.fans as u64, part.position);
    drop(part.changes);
    first.advance(position);

    // The same fans in another order, as a new pass brings them.
    let known: Vec<Lead> = (1..)
        .zip(fans.iter().take(taken as usize))
        .map(|(id, fan)| lead(id, fan.open_id.as_str(), &[ACCOUNT], &[]))
        .collect();
    let again = page(&fans.iter().rev().cloned().collect::<Vec<_>>());
    let (changes, position) = whole(&first, &again, &known, &counter(taken)).unwrap();
    assert_eq!(changes.created.len() as u64, 90 - taken);
    assert_eq!((position.counters.seen, position.counters.created, position.counters.pages), (110, 100, 2));
    assert_eq!((position.counters.unchanged, position.page_taken.len()), (6, 0));
}

#[test]
fn page_diff_of_fifty_scattered_renames_takes_two_transactions() {
    let progress = progress(SyncStrategy::Full);
    let fans: Vec<Fan> = (0..50).map(|number| fan(&format!("fan-{number}"), "new", "")).collect();
    let known: Vec<Lead> =
        (0..50).map(|number| lead(number * 32 + 1, &format!("fan-{number}"), &[ACCOUNT], &[])).collect();
    let page = page(&fans);
    let open = OpenPage::new(&page, &progress.task, 5_000);
    let part = progress.page_changes(&open, open.next(0, 97), &known_as(&known), &counter(2_000), NOW).unwrap();
    assert_eq!((part.fans, part.changes.refreshed.len(), part.changes.names.len()), (48, 48, 48));
}

#[test]
fn page_diff_of_a_list_that_misses_most_marks_nobody_unfollowed() {
    let progress = progress(SyncStrategy::Full);
    let page = page(&[fan("a", "", ""), fan("b", "", "")]);
    let known = [lead(1, "a", &[ACCOUNT], &[]), lead(2, "b", &[ACCOUNT], &[])];
    let (_, position) = whole(&progress, &page, &known, &counter(5)).unwrap();
    let mut seen_leads = self::progress(SyncStrategy::Full);
    seen_leads.task.counters.created = 0;
    let unseen_leads = |count: u64| (3..3 + count).map(LeadId::new).collect::<Vec<_>>();
    assert!(seen_leads.proves_missing(&[]) && !seen_leads.proves_missing(&unseen_leads(1)), "an empty list");
    seen_leads.advance(Position { counters: Counters { created: 0, ..position.counters }, ..position });
    assert!(seen_leads.proves_missing(&unseen_leads(2)) && !seen_leads.proves_missing(&unseen_leads(3)));
    seen_leads.task.counters.created = 1;
    assert!(!seen_leads.proves_missing(&unseen_leads(2)), "a new fan shows nothing of the known ones");
}

#[test]
fn page_diff_of_a_repeated_fan_takes_it_once_and_counts_it_unchanged() {
    let progress = progress(SyncStrategy::Incremental);
    let page = page(&[fan("a", "", ""), fan("a", "later", ""), fan("b", "", "")]);
    let (changes, position) = whole(&progress, &page, &[], &counter(0)).unwrap();
    assert_eq!(changes.created.iter().map(|lead| lead.lead_id.get()).collect::<Vec<_>>(), [1, 2]);
    let counters = Counters { pages: 2, seen: 23, created: 12, updated: 4, unchanged: 7, skipped: 0, unfollowed: 2 };
    assert_eq!(position.counters, counters);
}

#[test]
fn page_diff_of_the_last_page_ends_the_walk_and_keeps_the_highest_total() {
    let progress = progress(SyncStrategy::Full);
    for (total, expected) in [(Some(30), Some(40)), (Some(41), Some(41)), (None, Some(40))] {
        let page = FanPage { total, has_more: false, ..page(&[]) };
        let (changes, position) = whole(&progress, &page, &[], &counter(5)).unwrap();
        assert_eq!((position.walk.fully_listed, position.total), (true, expected));
        assert!(changes.names.is_empty() && changes.counter == counter(5));
    }
}

#[test]
fn page_diff_of_an_overlong_nickname_cuts_it() {
    let progress = progress(SyncStrategy::Full);
    let (long, cut) = ("字".repeat(201), "字".repeat(200));
    let page = page(&[fan("a", &long, ""), fan("b", &long, "")]);
    let known = [lead(3, "b", &[ACCOUNT], &[])];
    let (changes, _) = whole(&progress, &page, &known, &counter(5)).unwrap();
    assert_eq!((&changes.created[0].nickname, &changes.refreshed[0].1.nickname), (&cut, &cut));
}

#[test]
fn page_diff_of_a_lead_id_beyond_the_bitmap_is_refused() {
    let progress = progress(SyncStrategy::Full);
    let page = page(&[fan("a", "", "")]);
    let full = counter(u64::from(u32::MAX));
    assert!(whole(&progress, &page, &[], &full).is_err());
}

#[test]
fn unfollowed_marking_keeps_everything_else_of_the_lead() {
    let progress = progress(SyncStrategy::Full);
    let unseen_leads = [
        lead(3, "a", &[ACCOUNT], &[]),
        lead(4, "b", &[ACCOUNT, OTHER], &[]),
        lead(5, "c", &[ACCOUNT, OTHER], &[OTHER]),
        // Marked already, by an attempt whose answer was lost.
        lead(6, "d", &[ACCOUNT], &[ACCOUNT]),
    ];
    let mut progress = progress;
    let ids: Vec<LeadId> = (3..8).map(LeadId::new).collect();
    progress.set_missing(&ids).unwrap();
    assert_eq!(progress.next_missing(2).unwrap(), ids[..2]);
    let read = Counter { accounts: vec![id(ACCOUNT), id(OTHER)], ..counter(5) };
    let (changes, position) = progress.unfollowed_changes(&unseen_leads, &ids[..4], &read).unwrap();
    assert_eq!(changes.counter, read, "no account is new to the tenant");
    let marked: Vec<_> = changes
        .refreshed
        .iter()
        .map(|(lead, refresh)| {
            (lead.lead_id.get(), refresh.follows_source, refresh.follows_any, refresh.nickname.as_str())
        })
        .collect();
    assert_eq!(marked, [(3, false, false, "old"), (4, false, true, "old"), (5, false, false, "old")]);
    let accounts: Vec<_> = changes.names.iter().map(|(_, entry)| entry.accounts.clone()).collect();
    assert_eq!(accounts, [vec![(0, false)], vec![(0, false), (1, true)], vec![(0, false), (1, false)]]);
    assert_eq!(position.counters, Counters { unfollowed: 5, ..progress.task.counters });
    assert_eq!((position.walk.cursor, position.walk.fully_listed, position.total), (20, false, Some(40)));
    assert_eq!(position.unseen_leads.unwrap().iter().collect::<Vec<_>>(), [7], "one is left to be marked");
}

#[test]
fn page_diff_of_a_page_committed_in_part_goes_on_with_the_fans_after_those_that_are_skipped() {
    let progress = progress(SyncStrategy::Incremental);
    let page = page(&["a", "b", "c", "d", "e"].map(|open_id| fan(open_id, "", "")));
    let mut open = OpenPage::new(&page, &progress.task, 5_000);
    open.advance(2);
    let names = |fans: &[&Fan]| fans.iter().map(|fan| fan.open_id.to_string()).collect::<Vec<_>>();
    assert_eq!(names(open.next(1, 10)), ["d", "e"]);
    assert_eq!(names(open.next(0, 2)), ["c", "d"]);
    assert!(open.next(4, 1).is_empty());
}

#[test]
fn leads_to_be_marked_are_unknown_before_they_were_looked_for() {
    assert_eq!(progress(SyncStrategy::Full).next_missing(2), None);
}

#[test]
fn sync_progress_takes_over_what_was_committed() {
    let mut progress = progress(SyncStrategy::Full);
    let page = page(&[fan("a", "", ""), fan("b", "", "")]);
    let (_, position) = whole(&progress, &page, &[], &counter(5)).unwrap();
    assert_eq!(progress.seen_leads(), 0);
    progress.advance(position);
    assert_eq!(progress.seen_leads(), 2);
    let has_seen = |number| progress.has_seen(LeadId::new(number));
    assert!(has_seen(6) && has_seen(7) && !has_seen(5));
    assert!(!has_seen(u64::MAX));
    let SyncTask { walk, total, counters, attempts, .. } = progress.task;
    assert_eq!((walk.cursor, walk.fully_listed, total, counters.pages, attempts), (40, false, Some(40), 2, 0));
}

#[test]
fn page_diff_of_an_erased_fan_writes_nothing_and_counts_it_unchanged() {
    let page = page(&[fan("a", "new", "https://new"), fan("b", "", "")]);
    for strategy in [SyncStrategy::Incremental, SyncStrategy::Full] {
        let progress = progress(strategy);
        let open = OpenPage::new(&page, &progress.task, 5_000);
        let erased = HashMap::from([(id("a"), LeadId::new(3))]);
        let known = KnownFans { erased, ..KnownFans::default() };
        let Part { changes, position, fans } =
            progress.page_changes(&open, open.next(0, 97), &known, &counter(5), NOW).unwrap();
        assert_eq!(changes.created.iter().map(|lead| lead.fan_open_id.as_str()).collect::<Vec<_>>(), ["b"]);
        assert!(changes.refreshed.is_empty() && fans == 2);
        let counters =
            Counters { pages: 2, seen: 22, created: 11, updated: 4, unchanged: 7, skipped: 0, unfollowed: 2 };
        assert_eq!(position.counters, counters, "{strategy:?}");
        // So that a FULL sync knows that it has met as many as the platform says there are.
        assert_eq!(position.seen_leads.iter().collect::<Vec<_>>(), [3, 6]);
    }
}

#[test]
fn page_diff_of_two_fans_who_are_one_lead_by_now_writes_it_once_and_counts_both() {
    let progress = progress(SyncStrategy::Full);
    let page = page(&[fan("b", "theirs", "https://theirs"), fan("a", "new", "https://new"), fan("c", "", "")]);
    let merged = lead(3, "a", &[OTHER], &[]);
    let known = KnownFans {
        leads: HashMap::from([(id("a"), (&merged, LeadId::new(3))), (id("b"), (&merged, LeadId::new(9)))]),
        ..KnownFans::default()
    };
    let open = OpenPage::new(&page, &progress.task, 5_000);
    let part = progress.page_changes(&open, open.next(0, 97), &known, &counter(9), NOW).unwrap();
    // The first of them has the lead follow this account too; the second one's name comes with the next part.
    assert_eq!((part.fans, part.changes.refreshed.len(), part.changes.created.len()), (1, 1, 0));
    assert_eq!(part.changes.refreshed[0].1.nickname, "old", "another fan than the lead's own does not name it");
    assert_eq!(part.position.seen_leads.iter().collect::<Vec<_>>(), [9]);
    assert_eq!(part.position.page_taken.iter().collect::<Vec<_>>(), [9]);
}
