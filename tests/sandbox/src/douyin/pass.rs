//! One walk through an account's fans, from cursor 0 to `has_more: false`.
//!
//! Each pass has its own order. Within a pass a cursor always brings the same page, as long as the fans and the settings
//! stay the same: the cursor itself says which pass it belongs to, so nothing about a pass has to be remembered and any
//! number of them can interleave. When fans change in mid-pass, the others keep their order, as with a real list.

use std::collections::VecDeque;
use std::sync::Arc;

use super::fan::FanSet;
use super::lists::ListEnd;
use super::settings::Disorder;
use crate::seed::Seed;

/// Orders kept ready. Sorting 5,000 fans for every page would cost more than the page.
const KEPT_ORDERS: usize = 4;

/// How far back a duplicate may reach: across one page boundary at the usual page sizes.
const DUPLICATE_REACH: u64 = 30;

const POSITION_BITS: u32 = 14;
const PAGE_BITS: u32 = 14;
const CHECK_BITS: u32 = 14;
const PASS_BITS: u32 = 20;

/// The highest bit is always set, which keeps every cursor above 2^53: a client that keeps it in a float loses it.
/// Half a million passes over one account remain; then old orders come round again.
const FIRST_PASS: u64 = 1 << (PASS_BITS - 1);

/// Where a page begins; to callers an opaque number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pass: u64,
    /// Counted from 1.
    pub(crate) page: u32,
    position: u64,
}

impl Cursor {
    fn encode(self, key: Seed) -> i64 {
        let packed = (((self.pass << PAGE_BITS) | u64::from(self.page)) << POSITION_BITS) | self.position;
        let value = (packed << CHECK_BITS) | check(key, packed);
        // 62 bits are used, so the value is never negative.
        i64::try_from(value).unwrap_or_default()
    }

    /// What a last page of `taken` fans says comes next.
    pub(crate) fn after_the_last(self, end: ListEnd, taken: usize, key: Seed) -> Option<i64> {
        let next = match end {
            ListEnd::Honest => return None,
            ListEnd::RepeatsCursor => self,
            ListEnd::GoesRound => Self { page: 1, position: 0, ..self },
            ListEnd::NeverEnds => Self { page: self.page + 1, position: self.position + taken as u64, ..self },
        };
        Some(next.encode(key))
    }

    /// Nothing for a number that this account never handed out.
    pub(crate) fn decode(value: i64, key: Seed) -> Option<Self> {
        let value = u64::try_from(value).ok()?;
        let packed = value >> CHECK_BITS;
        let cursor = Self {
            pass: packed >> (POSITION_BITS + PAGE_BITS),
            page: u32::try_from(low(packed >> POSITION_BITS, PAGE_BITS)).ok()?,
            position: low(packed, POSITION_BITS),
        };
        (low(value, CHECK_BITS) == check(key, packed) && cursor.pass >= FIRST_PASS).then_some(cursor)
    }
}

const fn low(value: u64, bits: u32) -> u64 {
    value & ((1 << bits) - 1)
}

const fn check(key: Seed, packed: u64) -> u64 {
    low(key.with(packed).value(), CHECK_BITS)
}

/// A page, as places in the fan set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) number: u32,
    pub(crate) places: Vec<usize>,
    /// The cursor of the next page; nothing after the last.
    pub(crate) next: Option<i64>,
}

/// The passes over one account's fans.
#[derive(Clone, Debug, Default)]
pub(crate) struct Passes {
    begun: u64,
    orders: VecDeque<Order>,
}

#[derive(Clone, Debug)]
struct Order {
    pass: u64,
    generation: u64,
    duplicates_per_mille: u16,
    places: Arc<[usize]>,
}

impl Passes {
    /// The first page of a new pass.
    pub(crate) fn begin(&mut self) -> Cursor {
        self.begun += 1;
        Cursor { pass: FIRST_PASS | low(self.begun, PASS_BITS - 1), page: 1, position: 0 }
    }

    /// The first page of the pass that is the same every time.
    pub(crate) const fn begin_the_first(&self) -> Cursor {
        Cursor { pass: FIRST_PASS | 1, page: 1, position: 0 }
    }

    pub(crate) fn page(&mut self, fans: &FanSet, disorder: Disorder, cursor: Cursor, count: u64) -> Page {
        let order = self.order(fans, cursor.pass, disorder.duplicates_per_mille);
        let key = fans.seed();
        let chance = key.with(cursor.pass).with(cursor.position);
        let remaining = (order.len() as u64).saturating_sub(cursor.position);
        let is_short = one_in(chance.with_text("short"), disorder.short_page_one_in) && remaining > count;
        let wanted = if is_short { (count / 2).max(1) } else { count };
        let taken = wanted.min(remaining);
        let overlaps = one_in(chance.with_text("overlap"), disorder.overlap_one_in);
        let overlap = if overlaps { u64::from(disorder.overlap_fans).min(taken.saturating_sub(1)) } else { 0 };
        let next = (taken < remaining).then(|| {
            Cursor { page: cursor.page + 1, position: cursor.position + taken - overlap, ..cursor }.encode(key)
        });
        let skip = usize::try_from(cursor.position).unwrap_or(usize::MAX);
        let take = usize::try_from(taken).unwrap_or_default();
        Page { number: cursor.page, places: order.iter().skip(skip).take(take).copied().collect(), next }
    }

    fn order(&mut self, fans: &FanSet, pass: u64, duplicates_per_mille: u16) -> Arc<[usize]> {
        let fits = |order: &Order| {
            (order.pass, order.generation, order.duplicates_per_mille) == (pass, fans.generation, duplicates_per_mille)
        };
        if let Some(order) = self.orders.iter().find(|order| fits(order)) {
            return Arc::clone(&order.places);
        }
        let places: Arc<[usize]> = arrange(fans, pass, duplicates_per_mille).into();
        if self.orders.len() == KEPT_ORDERS {
            self.orders.pop_front();
        }
        self.orders.push_back(Order {
            pass,
            generation: fans.generation,
            duplicates_per_mille,
            places: Arc::clone(&places),
        });
        places
    }
}

/// The retrievable fans in the order of a pass, with its duplicates.
fn arrange(fans: &FanSet, pass: u64, duplicates_per_mille: u16) -> Vec<usize> {
    let seed = fans.seed().with_text("pass").with(pass);
    // Sorted by a value of each fan's own, so that one fan more or less moves the others by one place at most.
    let mut keyed: Vec<(u64, usize)> = fans
        .retrievable()
        .filter_map(|place| Some((seed.with(u64::from(fans.index_at(place)?)).value(), place)))
        .collect();
    keyed.sort_unstable();
    let mut draw = seed.with_text("duplicates").stream();
    let mut order = Vec::with_capacity(keyed.len() + keyed.len() / 8);
    for (step, (_, place)) in keyed.iter().enumerate() {
        order.push(*place);
        if draw.per_mille(u64::from(duplicates_per_mille)) {
            let back = usize::try_from(draw.below(DUPLICATE_REACH)).unwrap_or_default();
            order.extend(keyed.get(step.saturating_sub(back)).map(|(_, earlier)| *earlier));
        }
    }
    order
}

fn one_in(chance: Seed, n: u16) -> bool {
    chance.value().checked_rem(u64::from(n)) == Some(0)
}

#[cfg(test)]
#[path = "pass_tests.rs"]
mod tests;
