//! How long a fragmented film plays, measured on its fragments: recorders that may be switched off at any moment, and
//! encoders of live streams, write films whose headers do not know their length.

use std::time::Duration;

use super::boxes::{Boxes, child, full_box, number, wide_number};
use super::track::{Track, seconds};

/// Measures fragments as they come.
pub(super) struct Fragments<'a> {
    tracks: Vec<(&'a Track, Extent)>,
    /// The longest length that an index of segments tells.
    indexed: Option<Duration>,
}

/// From where to where a track plays, in ticks.
struct Extent {
    /// Known with the first fragment: a recording of a live stream begins when its recorder was switched on.
    start: Option<u64>,
    end: u64,
}

impl<'a> Fragments<'a> {
    pub(super) fn of(tracks: &'a [Track]) -> Self {
        let extent = |track: &Track| Extent { start: None, end: track.units.unwrap_or_default() };
        Self { tracks: tracks.iter().map(|track| (track, extent(track))).collect(), indexed: None }
    }

    /// Takes the next box `moof`.
    pub(super) fn add(&mut self, fragment: &[u8]) {
        for part in Boxes::of_kind(fragment, b"traf") {
            self.add_part(part);
        }
    }

    /// Takes the next box `sidx`.
    pub(super) fn add_index(&mut self, index: &[u8]) {
        self.indexed = self.indexed.max(indexed(index));
    }

    /// The length of the longest track, if any fragment was measured.
    pub(super) fn measured(&self) -> Option<Duration> {
        let played = self.tracks.iter().filter_map(|(track, extent)| {
            let units = extent.end.saturating_sub(extent.start?);
            (units > 0).then(|| seconds(units, track.scale)).flatten()
        });
        played.max()
    }

    /// What an index of segments says.
    pub(super) const fn indexed(&self) -> Option<Duration> {
        self.indexed
    }

    fn add_part(&mut self, part: &[u8]) -> Option<()> {
        let (_, flags, rest) = full_box(child(part, b"tfhd")?)?;
        let (id, rest) = number(rest)?;
        let (track, extent) = self.tracks.iter_mut().find(|(track, _)| track.id == id)?;
        let mut sample_units = track.sample_units;
        if flags & 0x8 != 0 {
            // After the offset of the data and the number of the sample's description, where they are given.
            let before = if flags & 0x1 == 0 { 0 } else { 8 } + if flags & 0x2 == 0 { 0 } else { 4 };
            (sample_units, _) = number(rest.get(before..)?)?;
        }
        let stated = child(part, b"tfdt").and_then(full_box);
        let base =
            stated.and_then(|(version, _, rest)| wide_number(version, rest)).map_or(extent.end, |(base, _)| base);
        let played = Boxes::of_kind(part, b"trun").filter_map(|run| run_units(run, sample_units));
        let end = played.fold(base, u64::saturating_add);
        // What is described in `moov` plays before the fragments.
        extent.start.get_or_insert_with(|| if track.units.is_some() { 0 } else { base });
        extent.end = extent.end.max(end);
        Some(())
    }
}

/// The ticks of a run of samples.
fn run_units(run: &[u8], sample_units: u32) -> Option<u64> {
    let (_, flags, rest) = full_box(run)?;
    let (count, rest) = number(rest)?;
    if flags & 0x100 == 0 {
        return Some(u64::from(count) * u64::from(sample_units));
    }
    let before = if flags & 0x1 == 0 { 0 } else { 4 } + if flags & 0x4 == 0 { 0 } else { 4 };
    // Duration, size, flags and offset of each sample, as far as they are given; the duration comes first.
    let fields = (flags & 0xf00).count_ones() as usize;
    let samples = rest.get(before..)?.chunks_exact(4 * fields).take(usize::try_from(count).ok()?);
    Some(samples.filter_map(number).map(|(units, _)| u64::from(units)).sum())
}

/// The sum of the segments of an index.
fn indexed(index: &[u8]) -> Option<Duration> {
    let (version, _, rest) = full_box(index)?;
    let (_id, rest) = number(rest)?;
    let (scale, rest) = number(rest)?;
    let (_earliest, rest) = wide_number(version, rest)?;
    let (_offset, rest) = wide_number(version, rest)?;
    // Two reserved bytes, then the number of segments.
    let (count, rest) = number(rest)?;
    let segments = rest.chunks_exact(12).take(usize::try_from(count & 0xffff).ok()?);
    let units: u64 = segments.filter_map(|segment| number(segment.get(4..)?)).map(|(units, _)| u64::from(units)).sum();
    (units > 0).then(|| seconds(units, scale)).flatten()
}
