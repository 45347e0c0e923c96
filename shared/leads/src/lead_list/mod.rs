//! The lead list: any page, of any range of time, with any filter, newest first and with exact totals.

mod query;

pub use query::{LeadQuery, RawLeadQuery};

use futures::try_join;
use kernel::ids::UserId;
use kernel::page::{Page, PageRequest};
use roaring::RoaringBitmap;

use crate::error::Result;
use crate::ids::LeadId;
use crate::search::find;
use crate::store::Stores;
use crate::store::bitmap::bitmap_id;
use crate::store::lead::{Lead, buckets_between};
use crate::store::lead_index::{Bounds, Counter, Place, StatusCounts, StatusSets};

/// A page of the list, and how its leads are spread over the statuses.
#[derive(Debug)]
pub struct LeadPage {
    pub page: Page<Lead>,
    /// Of the leads that fit everything in the query except its status.
    pub counts: StatusCounts,
}

/// A page. Ids are dense and times never decrease with them, so however many leads there are and whichever page it is,
/// without a filter it costs the totals and the one to three buckets that it lies in, with a status as many requests, and
/// with an owner one more. Ids that stand for nobody are left out by the sets of their blocks: with a filter or a range
/// these are read anyway, without either they are one request more.
pub async fn page(stores: &Stores, user_id: UserId, query: &LeadQuery) -> Result<LeadPage> {
    if query.filter.is_empty() && query.start_time.is_none() && query.end_time.is_none() {
        return newest_of_all(stores, user_id, query.page).await;
    }
    let (bounds, counter) = bounds_of(stores, user_id, query).await?;
    if bounds.count() == 0 {
        return Ok(LeadPage { page: query.page.answer(Vec::new(), 0), counts: StatusCounts::default() });
    }
    let (ids, sets) = present(stores, user_id, query, bounds, counter).await?;
    let counts = sets.counts(&ids);
    let ids = match query.filter.status {
        Some(status) => sets.with_status(ids, status),
        None => ids,
    };
    // Whoever asks for a range alone mostly gets neighbours, and few units are worth more than a request there.
    let queries = if query.filter.is_empty() { 3 } else { 1 };
    let records = records(stores, user_id, newest(&ids, query.page), queries).await?;
    Ok(LeadPage { page: query.page.answer(records, ids.len()), counts })
}

/// The ids of all leads that fit the query, whatever page it asks for.
pub(crate) async fn matching(stores: &Stores, user_id: UserId, query: &LeadQuery) -> Result<RoaringBitmap> {
    let (bounds, counter) = bounds_of(stores, user_id, query).await?;
    if bounds.count() == 0 {
        return Ok(RoaringBitmap::new());
    }
    if query.filter.status.is_none() && counter.as_ref().is_some_and(|counter| counter.holes.total() == 0) {
        return Box::pin(fitting(stores, user_id, query, bounds, counter)).await;
    }
    let (ids, sets) = present(stores, user_id, query, bounds, counter).await?;
    Ok(match query.filter.status {
        Some(status) => sets.with_status(ids, status),
        None => ids,
    })
}

/// The ids that fit everything in the query except its status, and the sets that they are in.
async fn present(
    stores: &Stores,
    user_id: UserId,
    query: &LeadQuery,
    bounds: Bounds,
    counter: Option<Counter>,
) -> Result<(RoaringBitmap, StatusSets)> {
    // Boxed: a search is most of a page's future, which every caller would carry otherwise.
    let fitting = Box::pin(fitting(stores, user_id, query, bounds, counter));
    let (ids, sets) = try_join!(fitting, async { Ok(stores.index.status_sets(user_id, bounds).await?) })?;
    Ok((sets.present(ids), sets))
}

async fn newest_of_all(stores: &Stores, user_id: UserId, page: PageRequest) -> Result<LeadPage> {
    let (counter, counts) = stores.index.totals(user_id).await?;
    let (total, offset) = (counter.present(), page.offset());
    let records = if offset >= total {
        Vec::new()
    } else if counter.holes.total() == 0 {
        let last = counter.lead_count - offset;
        let first = (last + 1).saturating_sub(page.size).max(1);
        stores.leads.range(user_id, LeadId::new(first), LeadId::new(last)).await?
    } else if let Some(Place { bounds, newer }) = counter.holes.place(counter.lead_count, offset, page.size) {
        let ids = stores.index.status_sets(user_id, bounds).await?.present(all_of(bounds)?);
        records(stores, user_id, newest_after(&ids, offset - newer, page.size), 1).await?
    } else {
        Vec::new()
    };
    Ok(LeadPage { page: page.answer(records, total), counts })
}

/// The ids that fit everything in the query except its status.
async fn fitting(
    stores: &Stores,
    user_id: UserId,
    query: &LeadQuery,
    bounds: Bounds,
    counter: Option<Counter>,
) -> Result<RoaringBitmap> {
    let found = async {
        if !query.filter.needs_search() {
            return Ok(all_of(bounds)?);
        }
        let counter = match counter {
            Some(counter) => counter,
            None if query.filter.source.is_some() => stores.index.counter(user_id).await?,
            None => Counter::default(),
        };
        find(&stores.index, user_id, bounds, &counter, &query.filter).await
    };
    let owned = async {
        match &query.filter.owner {
            Some(owner) => Ok(Some(stores.index.owned(user_id, owner, bounds).await?)),
            None => Ok(None),
        }
    };
    let (found, owned) = try_join!(found, owned)?;
    Ok(match owned {
        Some(owned) => found & owned,
        None => found,
    })
}

/// The ids the time range means, and the tenant's counter if it was read for them.
async fn bounds_of(stores: &Stores, user_id: UserId, query: &LeadQuery) -> Result<(Bounds, Option<Counter>)> {
    const NONE: Bounds = Bounds { first: 1, last: 0 };
    let first = async {
        match query.start_time {
            Some(time) => stores.index.first_since(user_id, time).await,
            None => Ok(Some(1)),
        }
    };
    let last = async {
        match query.end_time {
            Some(time) => stores.index.last_until(user_id, time).await.map(|last| (last, None)),
            None => {
                let counter = match query.filter.source {
                    Some(_) => stores.index.counter(user_id).await?,
                    None => stores.index.counter_alone(user_id).await?,
                };
                Ok((Some(counter.lead_count), Some(counter)))
            }
        }
    };
    let (first, (last, counter)) = try_join!(first, last)?;
    Ok(match (first, last) {
        (Some(first), Some(last)) => (Bounds { first, last }, counter),
        _ => (NONE, counter),
    })
}

fn all_of(bounds: Bounds) -> kernel::Result<RoaringBitmap> {
    let mut ids = RoaringBitmap::new();
    ids.insert_range(bitmap_id(LeadId::new(bounds.first))?..=bitmap_id(LeadId::new(bounds.last))?);
    Ok(ids)
}

/// The ids of a page, newest first.
fn newest(ids: &RoaringBitmap, page: PageRequest) -> Vec<LeadId> {
    newest_after(ids, page.offset(), page.size)
}

/// The `size` ids after the `offset` newest, newest first.
fn newest_after(ids: &RoaringBitmap, offset: u64, size: u64) -> Vec<LeadId> {
    let end = ids.len().saturating_sub(offset);
    let places = (end.saturating_sub(size)..end).rev();
    places.filter_map(|place| ids.select(u32::try_from(place).ok()?)).map(|id| LeadId::new(id.into())).collect()
}

/// The leads of these ids, newest first and read consistently: neighbours by a query for each bucket, if they lie in at
/// most so many, and any others by one batch, which costs a unit for each.
pub(crate) async fn records(
    stores: &Stores,
    user_id: UserId,
    ids: impl AsRef<[LeadId]>,
    queries: u64,
) -> Result<Vec<Lead>> {
    let ids = ids.as_ref();
    let (Some(last), Some(first)) = (ids.first().copied(), ids.last().copied()) else { return Ok(Vec::new()) };
    let mut rows = if may_query(first, last, ids.len() as u64, queries) {
        stores.leads.range(user_id, first, last).await?
    } else {
        stores.leads.by_ids(user_id, ids.iter().copied()).await?
    };
    rows.retain(|lead| ids.contains(&lead.lead_id));
    rows.sort_unstable_by_key(|lead| std::cmp::Reverse(lead.lead_id));
    Ok(rows)
}

/// Whether `count` ids from `first` to `last` are read by that many queries at most, which then bring hardly anybody else.
fn may_query(first: LeadId, last: LeadId, count: u64, queries: u64) -> bool {
    let all = last.get() + 1 - first.get();
    buckets_between(first, last) <= queries && all <= 2 * count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lead_page_of_scattered_ids_is_the_newest_of_them_and_empty_past_the_end() {
        let ids: RoaringBitmap = [1, 5, 9, 70_000, 70_001].into_iter().collect();
        for (page, size, expected) in [
            (1, 2, &[70_001, 70_000][..]),
            (2, 2, &[9, 5]),
            (3, 2, &[1]),
            (4, 2, &[]),
            (1, 100, &[70_001, 70_000, 9, 5, 1]),
            (u64::MAX, 100, &[]),
        ] {
            let expected: Vec<LeadId> = expected.iter().copied().map(LeadId::new).collect();
            assert_eq!(newest(&ids, PageRequest { page, size }), expected, "page {page} of {size}");
        }
    }

    #[test]
    fn lead_page_is_queried_where_its_ids_are_neighbours_in_few_buckets() {
        let may = |first, last, count, queries| may_query(LeadId::new(first), LeadId::new(last), count, queries);
        assert!(may(64, 73, 10, 1) && may(64, 83, 10, 1), "half of them are others");
        assert!(!may(64, 84, 10, 1), "more than half are");
        assert!(!may(60, 69, 10, 1) && may(60, 69, 10, 3), "two buckets");
        assert!(may(60, 159, 100, 3) && may(127, 128, 2, 2));
    }
}
