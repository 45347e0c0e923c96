//! Breadth first, so that the first thing found is the shortest story of it.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hash, Hasher};

use super::action::Action;
use super::step::Model;
use super::world::World;

/// What a search has seen.
#[derive(Debug)]
pub(super) struct Explored {
    pub states: usize,
    /// The longest of the shortest ways to a state.
    pub depth: usize,
    /// The pairs of stage and event that the machine was asked about.
    pub pairs: BTreeSet<(&'static str, &'static str)>,
    /// The way to a state that must not be, and what is wrong with it.
    pub wrong: Option<(Vec<Action>, String)>,
}

/// The states that were reached, by their fingerprints, with the step that led there first.
type Reached = HashMap<u64, Option<(u64, Action)>, BuildHasherDefault<Fingerprint>>;

/// Multiplies and rotates: the standard hasher takes half of the time of a search without optimisation.
#[derive(Default)]
struct Fingerprint(u64);

impl Fingerprint {
    const fn take(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(23) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Hasher for Fingerprint {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.take(u64::from(*byte)));
    }

    fn write_u8(&mut self, number: u8) {
        self.take(u64::from(number));
    }

    fn write_u32(&mut self, number: u32) {
        self.take(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.take(number);
    }

    fn write_usize(&mut self, number: usize) {
        self.take(number as u64);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }
}

fn fingerprint(world: &World) -> u64 {
    let mut fingerprint = Fingerprint::default();
    world.hash(&mut fingerprint);
    fingerprint.finish()
}

/// Looks at every state that can be reached, up to `most` of them.
pub(super) fn explore(model: &Model, most: usize) -> Explored {
    let start = World::new(&model.setting);
    let mut reached: Reached = std::iter::once((fingerprint(&start), None)).collect();
    let (mut pairs, mut depth, mut layer) = (BTreeSet::new(), 0, vec![start]);
    let mut wrong = None;
    'search: while !layer.is_empty() {
        let mut next_layer = Vec::new();
        for world in &layer {
            let (from, mut goes_on) = (fingerprint(world), world.is_over());
            for action in model.actions(world) {
                let (after, decided) = model.apply(world, action);
                pairs.extend(decided.iter().map(|decided| (decided.stage.as_str(), decided.event.name())));
                goes_on |= is_progress(action);
                let mark = fingerprint(&after);
                if let Entry::Vacant(entry) = reached.entry(mark) {
                    entry.insert(Some((from, action)));
                    if let Some(problem) = after.violation() {
                        wrong = Some((way(&reached, mark), problem));
                        break 'search;
                    }
                    next_layer.push(after);
                }
            }
            if !goes_on {
                wrong =
                    Some((way(&reached, from), "nothing will ever happen to a delivery that has not ended".to_owned()));
                break 'search;
            }
        }
        assert!(reached.len() <= most, "more than {most} states: {depth} deep, {} in the last layer", next_layer.len());
        depth += usize::from(!next_layer.is_empty());
        layer = next_layer;
    }
    Explored { states: reached.len(), depth, pairs, wrong }
}

/// Whether it happens by itself, and not by chance or somebody's wish.
const fn is_progress(action: Action) -> bool {
    matches!(action, Action::Receive(_) | Action::Decide(_) | Action::Answer(..) | Action::Sweep(_) | Action::Time)
}

fn way(reached: &Reached, to: u64) -> Vec<Action> {
    let steps = std::iter::successors(reached[&to], |(from, _)| reached[from]);
    let mut way: Vec<Action> = steps.map(|(_, action)| action).collect();
    way.reverse();
    way
}
