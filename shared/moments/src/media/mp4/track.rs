//! What a film and each of its tracks say about themselves and how long they play.

use std::time::Duration;

use super::boxes::{Boxes, child, full_box, number, wide_number};
use crate::media::problem::{Fault, MediaProblem};

/// Films have a track of pictures, a few of sound and some of subtitles. More than these are not looked at, so that what
/// looking up a fragment's track takes does not grow with the file.
const MOST_TRACKS: usize = 16;

/// What the box `moov` says.
pub(super) struct Movie {
    /// The length by its own header.
    pub(super) length: Option<Duration>,
    /// The length of a fragmented film by the box that sums it up.
    pub(super) fragmented_length: Option<Duration>,
    pub(super) tracks: Vec<Track>,
}

/// A track of a film.
pub(super) struct Track {
    pub(super) id: u32,
    pub(super) is_video: bool,
    /// Ticks of its own clock in a second.
    pub(super) scale: u32,
    /// The length of what is described in `moov`, in ticks.
    pub(super) units: Option<u64>,
    /// The length by the track's headers.
    pub(super) length: Option<Duration>,
    /// Ticks of a sample of a fragment that does not say otherwise.
    pub(super) sample_units: u32,
}

impl Movie {
    pub(super) fn read(movie: &[u8]) -> Result<Self, MediaProblem> {
        let (mut header, mut tracks, mut extension) = (None, Vec::new(), None);
        for next in Boxes::of(movie) {
            match next.map_err(|_| MediaProblem::Corrupt(Fault::Structure))? {
                (b"mvhd", content) => header = header.or_else(|| clock(content)),
                (b"trak", content) if tracks.len() < MOST_TRACKS => tracks.push(content),
                (b"mvex", content) => extension = extension.or(Some(content)),
                _ => {}
            }
        }
        let (scale, units) = header.unwrap_or_default();
        let extension = extension.unwrap_or_default();
        let tracks = tracks.into_iter().map(|track| Track::read(track, scale, extension)).collect();
        let summed_up = child(extension, b"mehd").and_then(full_box);
        let fragmented_length = summed_up
            .and_then(|(version, _, rest)| known(version, wide_number(version, rest)?.0))
            .and_then(|units| seconds(units, scale));
        Ok(Self { length: units.and_then(|units| seconds(units, scale)), fragmented_length, tracks })
    }
}

impl Track {
    fn read(track: &[u8], movie_scale: u32, extension: &[u8]) -> Self {
        let (id, presented) = child(track, b"tkhd").and_then(track_header).unwrap_or_default();
        let media = child(track, b"mdia").unwrap_or_default();
        let (scale, units) = child(media, b"mdhd").and_then(clock).unwrap_or_default();
        let handler = child(media, b"hdlr").and_then(full_box);
        let defaults = Boxes::of_kind(extension, b"trex").take(MOST_TRACKS);
        let own_defaults = defaults.filter_map(|defaults| defaults.get(4..)?.as_chunks().0.first_chunk::<4>());
        let sample_units = own_defaults
            .map(|numbers| numbers.map(u32::from_be_bytes))
            .find_map(|[track, _description, duration, _size]| (track == id).then_some(duration));
        let length = presented.and_then(|units| seconds(units, movie_scale));
        Self {
            id,
            is_video: handler.is_some_and(|(_, _, rest)| rest.get(4..8) == Some(b"vide")),
            scale,
            units,
            // The track's header counts what an edit list cuts off; the media's own header does not.
            length: length.or_else(|| seconds(units?, scale)),
            sample_units: sample_units.unwrap_or_default(),
        }
    }
}

/// Scale and length of a header of a movie or a medium.
fn clock(content: &[u8]) -> Option<(u32, Option<u64>)> {
    let (version, _, header) = full_box(content)?;
    // Two times of creation stand before the scale, and are as wide as the length.
    let (_, rest) = wide_number(version, header)?;
    let (_, rest) = wide_number(version, rest)?;
    let (scale, rest) = number(rest)?;
    Some((scale, wide_number(version, rest).and_then(|(units, _)| known(version, units))))
}

/// Id and length of a track's header.
fn track_header(content: &[u8]) -> Option<(u32, Option<u64>)> {
    let (version, _, header) = full_box(content)?;
    let (_, rest) = wide_number(version, header)?;
    let (_, rest) = wide_number(version, rest)?;
    let (id, rest) = number(rest)?;
    let (_reserved, rest) = number(rest)?;
    Some((id, wide_number(version, rest).and_then(|(units, _)| known(version, units))))
}

/// Zero and all ones mean "not known".
fn known(version: u8, units: u64) -> Option<u64> {
    let unknown = if version == 0 { u32::MAX.into() } else { u64::MAX };
    (units > 0 && units != unknown).then_some(units)
}

/// So many ticks of a clock; `None` for a clock that stands still.
pub(super) fn seconds(units: u64, scale: u32) -> Option<Duration> {
    let scale = u64::from(scale);
    let nanoseconds = units.checked_rem(scale)? * 1_000_000_000 / scale;
    Some(Duration::new(units / scale, u32::try_from(nanoseconds).ok()?))
}
