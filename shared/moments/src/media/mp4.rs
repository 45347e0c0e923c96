//! The length of an MP4 video, and whether it is there to its end: a walk over the boxes of ISO/IEC 14496-12, which are
//! nothing but a length, a type and a content.
//!
//! Written here because the published parsers read the whole sample tables, for which we have no use and which are
//! where malformed files hurt.

use std::time::Duration;

use super::problem::MediaProblem;

/// The presented length of a complete video.
///
/// # Errors
/// [`MediaProblem::Corrupt`] when boxes reach beyond the file (an interrupted upload), or nothing tells the length;
/// [`MediaProblem::WrongType`] for sound without pictures.
pub(super) fn duration(bytes: &[u8]) -> Result<Duration, MediaProblem> {
    let (mut movie, mut has_data) = (None, false);
    for next in Boxes::of(bytes) {
        match next? {
            (b"moov", content) => movie = movie.or(Some(content)),
            (b"mdat", content) => has_data |= !content.is_empty(),
            _ => {}
        }
    }
    let movie = movie.filter(|_| has_data).ok_or(MediaProblem::Corrupt)?;
    if !has_pictures(movie) {
        return Err(MediaProblem::WrongType { found: Some("audio/mp4") });
    }
    movie_duration(movie).ok_or(MediaProblem::Corrupt)
}

/// What the movie header says, or for a fragmented file, whose header says nothing, the extension that sums it up.
fn movie_duration(movie: &[u8]) -> Option<Duration> {
    let (version, header) = full_box(child(movie, b"mvhd")?)?;
    // Two times of creation stand before the scale, and are as wide as the duration.
    let times = if version == 0 { 8 } else { 16 };
    let (scale, rest) = header.get(times..)?.split_first_chunk()?;
    let scale = u64::from(u32::from_be_bytes(*scale));
    let units = length(version, rest).or_else(|| {
        full_box(child(child(movie, b"mvex")?, b"mehd")?).and_then(|(version, rest)| length(version, rest))
    })?;
    let nanoseconds = (units.checked_rem(scale)?) * 1_000_000_000 / scale;
    Some(Duration::new(units / scale, u32::try_from(nanoseconds).ok()?))
}

/// A duration of the box's version; zero and all ones mean "not known".
fn length(version: u8, bytes: &[u8]) -> Option<u64> {
    let units = if version == 0 {
        Some(u32::from_be_bytes(*bytes.first_chunk()?)).filter(|units| *units != u32::MAX)?.into()
    } else {
        Some(u64::from_be_bytes(*bytes.first_chunk()?)).filter(|units| *units != u64::MAX)?
    };
    (units > 0).then_some(units)
}

fn has_pictures(movie: &[u8]) -> bool {
    let mut tracks = Boxes::of(movie).flatten().filter(|(kind, _)| *kind == b"trak");
    tracks.any(|(_, track)| {
        let handler = child(track, b"mdia").and_then(|media| child(media, b"hdlr"));
        handler.and_then(full_box).is_some_and(|(_, rest)| rest.get(4..8) == Some(b"vide"))
    })
}

/// Version and content of a box that starts with a version and flags.
fn full_box(content: &[u8]) -> Option<(u8, &[u8])> {
    let ([version, _flags @ ..], rest) = content.split_first_chunk::<4>()?;
    Some((*version, rest))
}

fn child<'a>(content: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    Boxes::of(content).flatten().find(|(found, _)| *found == kind).map(|(_, content)| content)
}

/// The boxes that lie side by side in these bytes; the last item may be the news that one reaches beyond them.
struct Boxes<'a> {
    rest: &'a [u8],
}

type Found<'a> = (&'a [u8; 4], &'a [u8]);

impl<'a> Boxes<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    fn split(bytes: &'a [u8]) -> Option<(Found<'a>, &'a [u8])> {
        let (size, after) = bytes.split_first_chunk()?;
        let (kind, after) = after.split_first_chunk()?;
        let (content, rest) = match u32::from_be_bytes(*size) {
            // To the end of the file.
            0 => (after, &[][..]),
            // The size did not fit and follows; it counts these 16 bytes.
            1 => {
                let (size, after) = after.split_first_chunk()?;
                after.split_at_checked(usize::try_from(u64::from_be_bytes(*size)).ok()?.checked_sub(16)?)?
            }
            size => after.split_at_checked(usize::try_from(size).ok()?.checked_sub(8)?)?,
        };
        Some(((kind, content), rest))
    }
}

impl<'a> Iterator for Boxes<'a> {
    type Item = Result<Found<'a>, MediaProblem>;

    fn next(&mut self) -> Option<Self::Item> {
        // Less than a header is padding, as QuickTime writes it after its notes.
        if self.rest.len() < 8 {
            return None;
        }
        let (found, rest) = Self::split(self.rest).map_or((Err(MediaProblem::Corrupt), &[][..]), |(f, r)| (Ok(f), r));
        self.rest = rest;
        Some(found)
    }
}

#[cfg(test)]
mod tests;
