//! Where a page leaves a sync on the platform's list, and when the list has ended although the platform does not say so.
//! Pure.
//!
//! What the platform says of the end is not believed blindly: it may say that more follows for ever, with the same cursor,
//! with cursors that go round, or with pages that have nobody on them. Such a list counts as ended after what it brought
//! was taken over, and proves nothing about who was not on it.

use crate::douyin::FanPage;
use crate::store::sync_task::Walk;

/// A list that goes on after so many pages in a row without anybody has ended: each costs a call of the app's day.
const MOST_EMPTY_PAGES: u32 = 20;

/// The walk after `page`, which is its `number`th, counted from 1. A list of more than `most_pages` has no end.
///
/// Cycles are found as Brent does: the walk remembers one cursor and compares every next one with it. It remembers
/// another one after 1, 2, 4, 8 … pages, so a cycle of any length is noticed before it was walked three times.
pub(super) fn after(walk: &Walk, page: &FanPage, number: u64, most_pages: u64) -> Walk {
    let is_empty = page.fans.is_empty() && page.skipped == 0;
    let empty_pages = if is_empty { walk.empty_pages + 1 } else { 0 };
    // 0 asks for the first page, so it never is the cursor of a later one.
    let goes_round = [0, walk.cursor, walk.checkpoint].contains(&page.cursor);
    let endless = page.has_more && (goes_round || empty_pages >= MOST_EMPTY_PAGES || number >= most_pages);
    Walk {
        cursor: page.cursor,
        fully_listed: !page.has_more || endless,
        has_gaps: walk.has_gaps || page.skipped > 0,
        endless,
        checkpoint: if number.is_power_of_two() { page.cursor } else { walk.checkpoint },
        empty_pages,
        known_pages: walk.known_pages,
        left_early: false,
    }
}

/// The same once it is known whether the page brought anything. After `enough` pages in a row with nothing but fans who
/// are known the list is left: those who follow since are expected before them. Douyin does not promise that order, so
/// now and then a walk has to go to the end.
pub(super) fn settled(walk: Walk, page: PageNews, enough: Option<u32>) -> Walk {
    let known_pages = match page {
        PageNews::Some => 0,
        PageNews::OnlyKnown => walk.known_pages + 1,
        PageNews::Nobody => walk.known_pages,
    };
    let left_early = !walk.fully_listed && enough.is_some_and(|enough| known_pages >= enough);
    Walk { known_pages, left_early, fully_listed: walk.fully_listed || left_early, ..walk }
}

/// What a page brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PageNews {
    /// Somebody new, or somebody who follows again, or an entry that nobody can read.
    Some,
    /// Only fans who are known to follow.
    OnlyKnown,
    Nobody,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::douyin::Fan;

    const MOST_PAGES: u64 = 1_000;

    fn page(fans: usize, cursor: i64, has_more: bool) -> FanPage {
        let fan = |number| Fan {
            open_id: format!("fan-{number}").parse().unwrap(),
            union_id: None,
            nickname: String::new(),
            avatar_url: String::new(),
        };
        FanPage { fans: (0..fans).map(fan).collect(), skipped: 0, total: None, cursor, has_more, log_id: None }
    }

    /// Walks pages with these cursors until the list counts as ended; answers after how many, and the walk.
    fn walk(pages: impl Iterator<Item = FanPage>) -> (u64, Walk) {
        let mut walk = Walk::default();
        for (number, page) in (1..).zip(pages) {
            walk = after(&walk, &page, number, MOST_PAGES);
            if walk.fully_listed {
                return (number, walk);
            }
        }
        panic!("the list never ends");
    }

    #[test]
    fn walk_ends_where_the_platform_says() {
        let pages = [page(2, 40, true), page(0, 60, true), page(2, 0, false)];
        let (pages, walk) = walk(pages.into_iter());
        assert_eq!((pages, walk.has_gaps, walk.endless), (3, false, false));
    }

    #[test]
    fn walk_whose_last_page_repeats_its_own_cursor_ends() {
        let pages = [page(2, 40, true), page(2, 60, true), page(2, 60, true)];
        assert_eq!(walk(pages.into_iter()), (3, Walk { endless: true, ..walk_at(60, 60) }));
        let (number, at_once) = walk([page(2, 0, true)].into_iter());
        assert_eq!((number, at_once.endless), (1, true));
    }

    fn walk_at(cursor: i64, checkpoint: i64) -> Walk {
        Walk { cursor, fully_listed: true, checkpoint, ..Walk::default() }
    }

    #[test]
    fn walk_with_cursors_in_a_circle_is_noticed_before_the_third_time() {
        for tail in [0, 1, 5, 30] {
            for cycle in [1, 2, 3, 7, 64] {
                let cursors = (1..=tail).chain((0..).map(|step| 100 + step % cycle));
                let (pages, walk) = walk(cursors.map(|cursor| page(2, cursor, true)));
                assert!(walk.endless);
                assert!(pages <= 2 * tail.max(cycle) as u64 + 2 * cycle as u64 + 1, "{tail} {cycle}: {pages}");
            }
        }
    }

    #[test]
    fn walk_of_empty_pages_or_without_end_is_given_up() {
        let (pages, last) = walk((1..).map(|cursor| page(0, cursor, true)));
        assert_eq!((pages, last.endless), (u64::from(MOST_EMPTY_PAGES), true));
        let (pages, last) = walk((1..).map(|cursor| page(1, cursor, true)));
        assert_eq!((pages, last.endless), (MOST_PAGES, true));
        // Somebody in between begins the count anew.
        let some = (1..).map(|cursor| page(usize::from(cursor % 19 == 0), cursor, cursor < 60));
        assert_eq!(walk(some).0, 60);
    }

    #[test]
    fn list_is_left_after_enough_known_pages_in_a_row_and_only_then() {
        use PageNews::{Nobody, OnlyKnown, Some as New};
        let left_after = |pages: &[PageNews], enough| {
            let mut walk = Walk::default();
            pages.iter().position(|page| {
                walk = settled(walk, *page, enough);
                assert_eq!(walk.left_early, walk.fully_listed);
                walk.left_early
            })
        };
        let known = [OnlyKnown; 9];
        assert_eq!(left_after(&known, Some(3)), Some(2));
        assert_eq!(left_after(&known, None), None);
        let broken = [OnlyKnown, OnlyKnown, New, OnlyKnown, Nobody, OnlyKnown, OnlyKnown];
        assert_eq!(left_after(&broken, Some(3)), Some(6));
        let ended = Walk { fully_listed: true, known_pages: 2, ..Walk::default() };
        assert!(!settled(ended, OnlyKnown, Some(3)).left_early, "the platform has ended it");
    }

    #[test]
    fn walk_with_an_unreadable_entry_is_incomplete_for_good() {
        let spoiled = FanPage { skipped: 1, ..page(0, 40, true) };
        let (_, walk) = walk([spoiled, page(2, 0, false)].into_iter());
        assert_eq!((walk.has_gaps, walk.empty_pages), (true, 0));
    }
}
