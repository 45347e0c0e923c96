//! Properties of fan passes: whatever the fans, the page size and the untidiness, nobody is left out and a cursor is
//! a promise.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::fan::{FanChange, RETRIEVABLE};
use super::*;

fn fans(count: u32) -> FanSet {
    FanSet::new(Seed::new(u64::from(count) + 1), count)
}

/// All pages of a new pass, each with the cursor that brought it.
fn walk(passes: &mut Passes, fans: &FanSet, disorder: Disorder, count: u64) -> Vec<(Cursor, Page)> {
    let mut pages = Vec::new();
    let mut cursor = Some(passes.begin());
    while let Some(at) = cursor {
        let page = passes.page(fans, disorder, at, count);
        cursor = page.next.map(|next| Cursor::decode(next, fans.seed()).expect("a cursor just handed out"));
        pages.push((at, page));
    }
    pages
}

fn disorder() -> impl Strategy<Value = Disorder> {
    (0..30_u16, 0..4_u16, 0..=1000_u16, 0..4_u16).prop_map(|(overlap_fans, overlap_one_in, duplicates, short)| {
        Disorder { overlap_fans, overlap_one_in, duplicates_per_mille: duplicates, short_page_one_in: short }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn fan_list_pass_has_every_retrievable_fan_and_no_other(n in 0..400_u32, count in 1..=50_u64, disorder in disorder()) {
        let fans = fans(n);
        let pages = walk(&mut Passes::default(), &fans, disorder, count);
        let seen: BTreeSet<usize> = pages.iter().flat_map(|(_, page)| page.places.clone()).collect();
        prop_assert_eq!(seen, fans.retrievable().collect::<BTreeSet<_>>());
        prop_assert!(pages.iter().all(|(_, page)| page.places.len() as u64 <= count));
        prop_assert!(pages.iter().all(|(_, page)| page.next.is_none() || !page.places.is_empty()));
        prop_assert!(pages.iter().zip(1..).all(|((_, page), number)| page.number == number));
    }

    #[test]
    fn fan_list_cursor_always_gives_the_same_page(n in 1..400_u32, count in 1..=50_u64, disorder in disorder()) {
        let fans = fans(n);
        let mut passes = Passes::default();
        let pages = walk(&mut passes, &fans, disorder, count);
        // Enough other passes that the order of the first has to be computed anew.
        for _ in 0..=KEPT_ORDERS {
            walk(&mut passes, &fans, disorder, count);
        }
        for (cursor, page) in pages {
            prop_assert_eq!(passes.page(&fans, disorder, cursor, count), page);
        }
    }
}

#[test]
fn fan_list_cap_is_on_the_newest_distinct_fans() {
    let fans = fans(12_000);
    let pages = walk(&mut Passes::default(), &fans, Disorder::default(), 20);
    let seen: BTreeSet<usize> = pages.iter().flat_map(|(_, page)| page.places.clone()).collect();
    assert_eq!(seen.len(), RETRIEVABLE);
    assert_eq!(seen.first(), Some(&7_000));
    let listed: usize = pages.iter().map(|(_, page)| page.places.len()).sum();
    assert!(listed > RETRIEVABLE, "the default pass repeats some fans");
    let overlapping = pages.windows(2).filter(|pair| pair[0].1.places.iter().any(|fan| pair[1].1.places.contains(fan)));
    assert!(overlapping.count() > 20, "neighbouring pages overlap here and there");
    assert!(pages.iter().rev().skip(1).any(|(_, page)| page.places.len() < 20), "a short page is not the last page");
}

#[test]
fn fan_list_of_five_thousand_without_disorder_is_250_pages() {
    let pages = walk(&mut Passes::default(), &fans(5_000), Disorder::NONE, 20);
    assert_eq!(pages.len(), 250);
    assert!(pages.iter().all(|(_, page)| page.places.len() == 20));
}

#[test]
fn fan_list_of_no_fans_is_one_empty_page() {
    let pages = walk(&mut Passes::default(), &fans(0), Disorder::default(), 20);
    assert_eq!(pages.len(), 1);
    assert_eq!(pages[0].1, Page { number: 1, places: vec![], next: None });
}

#[test]
fn fan_list_pass_has_its_own_order() {
    let (fans, mut passes) = (fans(500), Passes::default());
    let first = walk(&mut passes, &fans, Disorder::NONE, 50);
    let second = walk(&mut passes, &fans, Disorder::NONE, 50);
    assert_ne!(first[0].1.places, second[0].1.places);
}

#[test]
fn fan_list_newcomer_during_a_pass_moves_others_by_one_at_most() {
    let (mut fans, mut passes) = (fans(500), Passes::default());
    let begin = passes.begin();
    let before = passes.page(&fans, Disorder::NONE, begin, 500).places;
    fans.change(FanChange { add: 1, ..FanChange::default() });
    let mut after = passes.page(&fans, Disorder::NONE, begin, 501).places;
    after.retain(|place| *place != 500);
    assert_eq!(after, before);
}

#[test]
fn fan_list_cursor_of_another_account_is_refused() {
    let (ours, theirs) = (Seed::new(1), Seed::new(2));
    let cursor = Cursor { pass: FIRST_PASS | 3, page: 2, position: 20 };
    assert_eq!(Cursor::decode(cursor.encode(ours), ours), Some(cursor));
    assert_eq!(Cursor::decode(cursor.encode(ours), theirs), None);
    for forged in [0, 1, -1, 20, i64::MAX, cursor.encode(ours) + 1] {
        assert_eq!(Cursor::decode(forged, ours), None, "{forged}");
    }
}
