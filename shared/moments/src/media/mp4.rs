//! The length of an MP4 video, and whether it is there to its end: a walk over its boxes.
//!
//! Written here because the published parsers read the whole sample tables, for which we have no use and which are
//! where malformed files hurt. Time is linear in the file and nothing of it is copied.

mod boxes;
mod fragments;
mod track;

use std::time::Duration;

use boxes::Boxes;
use fragments::Fragments;
use track::Movie;

use super::problem::{Fault, MediaProblem};

/// The presented length of a complete video: what its header says, or else its tracks' headers, or else its fragments.
/// Where fragments are measured to play longer than the headers say, they are believed: some programs write the
/// length of the first fragment there.
///
/// # Errors
/// [`MediaProblem::Corrupt`] when boxes reach beyond the file (an interrupted upload) or there is no film in it;
/// [`MediaProblem::WrongType`] for sound without pictures; [`MediaProblem::UnknownLength`] when nothing tells the length.
pub(super) fn duration(bytes: &[u8]) -> Result<Duration, MediaProblem> {
    let (mut movie, mut has_data) = (None, false);
    for next in Boxes::of(bytes) {
        match next? {
            (b"moov", content) => movie = movie.or(Some(content)),
            (b"mdat", content) => has_data |= !content.is_empty(),
            _ => {}
        }
    }
    let movie = Movie::read(movie.ok_or(MediaProblem::Corrupt(Fault::NoMovie))?)?;
    if !has_data {
        return Err(MediaProblem::Corrupt(Fault::CutOff));
    }
    if !movie.tracks.iter().any(|track| track.is_video) {
        return Err(MediaProblem::WrongType { found: Some("audio/mp4") });
    }
    let mut fragments = Fragments::of(&movie.tracks);
    for (kind, content) in Boxes::of(bytes).flatten() {
        match kind {
            b"moof" => fragments.add(content),
            b"sidx" => fragments.add_index(content),
            _ => {}
        }
    }
    let stated = movie.length.or_else(|| movie.tracks.iter().filter_map(|track| track.length).max());
    stated
        .max(fragments.measured())
        .or(movie.fragmented_length)
        .or_else(|| fragments.indexed())
        .ok_or(MediaProblem::UnknownLength)
}

#[cfg(test)]
mod tests;
