//! In which order events are numbered. Pure.
//!
//! Items are read in the order of the times that their writers had, and clocks differ. So among items that change the same
//! thing the version decides. A change is made from the one before it, so whoever sees an item that was committed would see, by
//! a read that begins afterwards, all items that come before it. That is why an item is moved only by the read after the one
//! that has found it.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::outbox::{Waiting, Window};

/// Events of one transaction of the sequencer, unless one item alone has more.
const MOST_EVENTS: usize = 40;

/// The items to be moved now, in their order: those that the read before this one has `seen`, with all that come before them.
pub(super) fn ready(window: Window, seen: &HashSet<String>) -> Vec<Waiting> {
    let Window { items, whole_until } = window;
    let is_whole = |item: &Waiting| whole_until.is_none_or(|until| item.written_at <= until);
    let (mut chosen, mut others): (Vec<Waiting>, Vec<Waiting>) =
        items.into_iter().partition(|item| seen.contains(&item.entry) && is_whole(item));
    let mut highest: HashMap<String, u64> = HashMap::new();
    let mut added = chosen.iter().collect::<Vec<_>>();
    while !added.is_empty() {
        for place in added.iter().flat_map(|item| item.places()) {
            let version = highest.entry(place.0.clone()).or_default();
            *version = place.1.max(*version);
        }
        let precedes =
            |item: &Waiting| item.places().any(|place| highest.get(&place.0).is_some_and(|version| place.1 < *version));
        let before = chosen.len();
        let (preceding, rest): (Vec<_>, Vec<_>) = others.into_iter().partition(precedes);
        others = rest;
        chosen.extend(preceding);
        added = chosen.iter().skip(before).collect();
    }
    chosen.sort_unstable_by(|one, other| one.entry.cmp(&other.entry));
    by_version(chosen)
}

/// The items in the order of their keys, but none before another one that changes the same thing to a lower version.
fn by_version(items: Vec<Waiting>) -> Vec<Waiting> {
    let mut left: HashMap<String, BTreeMap<u64, usize>> = HashMap::new();
    for place in items.iter().flat_map(Waiting::places) {
        *left.entry(place.0.clone()).or_default().entry(place.1).or_default() += 1;
    }
    let mut ordered = Vec::with_capacity(items.len());
    let mut waiting: std::collections::VecDeque<Waiting> = items.into();
    while !waiting.is_empty() {
        let is_next = |item: &Waiting| {
            let lowest = |place: &super::Place| left.get(&place.0).and_then(|versions| versions.keys().next().copied());
            // An item that changes one thing twice waits for nobody but others.
            item.places().all(|place| {
                let own = item.places().filter(|own| own.0 == place.0).map(|own| own.1).min();
                lowest(place) >= own
            })
        };
        // Versions grow with time, so there always is one; if rows were damaged the first goes on.
        let position = waiting.iter().position(is_next).unwrap_or_default();
        let Some(item) = waiting.remove(position) else { break };
        for place in item.places() {
            if let Some(versions) = left.get_mut(&place.0)
                && let Some(number) = versions.get_mut(&place.1)
            {
                *number -= 1;
                if *number == 0 {
                    versions.remove(&place.1);
                }
            }
        }
        ordered.push(item);
    }
    ordered
}

/// The items in parts of which each fits one transaction.
pub(super) fn parts(items: Vec<Waiting>) -> Vec<Vec<Waiting>> {
    let mut parts: Vec<Vec<Waiting>> = Vec::new();
    let mut events = 0;
    for item in items {
        events += item.events.len();
        match parts.last_mut() {
            Some(part) if events <= MOST_EVENTS => part.push(item),
            _ => {
                events = item.events.len();
                parts.push(vec![item]);
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::Value;

    use super::super::{Event, Place};
    use super::*;

    /// An item of one event that makes these versions.
    fn item(entry: &str, places: &[(&str, u64)]) -> Waiting {
        let places = places.iter().map(|(of, version)| Place((*of).to_owned(), *version)).collect();
        let event = Event { kind: "changed".to_owned(), places, data: Value::Null };
        let written_at = Timestamp::from_second(entry.bytes().next().unwrap().into()).unwrap();
        Waiting { entry: entry.to_owned(), written_at, events: vec![event] }
    }

    fn moved(items: Vec<Waiting>, seen: &[&str], whole_until: Option<Timestamp>) -> Vec<String> {
        let seen = seen.iter().map(|entry| (*entry).to_owned()).collect();
        ready(Window { items, whole_until }, &seen).into_iter().map(|item| item.entry).collect()
    }

    #[test]
    fn events_of_one_thing_go_by_version_whatever_their_writers_clocks_say() {
        let items =
            || vec![item("a", &[("x", 3)]), item("b", &[("y", 1)]), item("c", &[("x", 2)]), item("d", &[("x", 1)])];
        assert_eq!(moved(items(), &["a", "b", "c", "d"], None), ["b", "d", "c", "a"]);
        let linked = vec![item("a", &[("x", 2)]), item("b", &[("y", 2), ("x", 1)]), item("c", &[("y", 1)])];
        assert_eq!(moved(linked, &["a", "b", "c"], None), ["c", "b", "a"]);
        let alike = vec![item("a", &[("x", 1)]), item("b", &[("x", 1)])];
        assert_eq!(moved(alike, &["a", "b"], None), ["a", "b"]);
    }

    #[test]
    fn event_is_moved_by_the_read_after_the_one_that_found_it_with_all_before_it() {
        let items = || {
            vec![
                item("a", &[("x", 3)]),
                item("b", &[("z", 1)]),
                item("c", &[("x", 2), ("y", 2)]),
                item("d", &[("y", 1)]),
            ]
        };
        assert!(moved(items(), &[], None).is_empty());
        assert_eq!(moved(items(), &["a"], None), ["d", "c", "a"], "b was not seen before");
        assert_eq!(moved(items(), &["b"], None), ["b"]);
    }

    #[test]
    fn events_are_moved_only_up_to_the_time_of_which_everything_was_read() {
        let items = vec![item("a", &[("x", 2)]), item("b", &[("x", 1)]), item("c", &[("y", 1)])];
        let until = items[1].written_at;
        assert_eq!(moved(items, &["a", "b", "c"], Some(until)), ["b", "a"]);
    }

    #[test]
    fn events_fit_transactions_of_forty_and_no_item_is_split() {
        let of = |events: usize| {
            let mut item = item("a", &[("x", 1)]);
            item.events = vec![item.events[0].clone(); events];
            item
        };
        let sizes = |sizes: &[usize]| -> Vec<usize> {
            let parts = parts(sizes.iter().map(|size| of(*size)).collect());
            parts.iter().map(|part| part.iter().map(|item| item.events.len()).sum()).collect()
        };
        assert_eq!(sizes(&[1; 81]), [40, 40, 1]);
        assert_eq!(sizes(&[30, 20, 20, 98, 1]), [30, 40, 98, 1]);
        assert!(sizes(&[]).is_empty());
    }
}
