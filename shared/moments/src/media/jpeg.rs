//! What a JPEG's header says, and whether the picture is there to its end. No picture is made of it: decoders are lenient
//! with what is damaged, and they are what image bombs are made for.

mod bits;
mod header;
mod scan;

use header::{Header, is_frame};
use scan::{Image, Tables};

use super::decoding::Frame;
use super::problem::{Fault, MediaProblem};

const END_OF_IMAGE: u8 = 0xd9;
const START_OF_SCAN: u8 = 0xda;
const HUFFMAN_TABLES: u8 = 0xc4;
const QUANTISERS: u8 = 0xdb;
const RESTART_INTERVAL: u8 = 0xdd;

/// What ends an image.
pub(super) const END_MARKER: [u8; 2] = [0xff, END_OF_IMAGE];

/// How a whole JPEG ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// With the end marker.
    Marked,
    /// With the last byte of the picture; some cameras and downloads do without the marker.
    Unmarked,
}

/// The frame of a JPEG, from everything before its first scan.
pub(super) fn frame(bytes: &[u8]) -> Result<Frame, MediaProblem> {
    let (mut segments, mut header) = (Segments::of(bytes)?, None::<Header>);
    while let Some((marker, segment)) = segments.next()? {
        match marker {
            END_OF_IMAGE => break,
            // The first byte is how many components the scan holds.
            START_OF_SCAN => {
                let count = segment.first().copied().unwrap_or_default();
                return header.map(|header| header.frame(count.into())).ok_or(MediaProblem::Corrupt(Fault::Structure));
            }
            _ if is_frame(marker) && header.is_none() => header = Some(Header::read(marker, segment)?),
            _ => {}
        }
    }
    Err(MediaProblem::Corrupt(if segments.rest.is_empty() { Fault::CutOff } else { Fault::Structure }))
}

/// Whether all of the picture is there. What follows the end of the image (phones append previews and notes) is of no
/// interest.
pub(super) fn check(bytes: &[u8]) -> Result<Ending, MediaProblem> {
    let (mut segments, mut tables, mut image) = (Segments::of(bytes)?, Tables::default(), None::<Image>);
    while let Some((marker, segment)) = segments.next()? {
        match (marker, &mut image) {
            (END_OF_IMAGE, Some(image)) if image.is_shown() => return Ok(Ending::Marked),
            (END_OF_IMAGE, _) => return Err(MediaProblem::Corrupt(Fault::ImageData)),
            (START_OF_SCAN, Some(image)) => segments.rest = image.read(segment, &tables, segments.rest)?,
            (HUFFMAN_TABLES, _) => tables.define(segment)?,
            (QUANTISERS, _) => tables.define_quantisers(segment)?,
            (RESTART_INTERVAL, _) => {
                let interval = segment.first_chunk().ok_or(MediaProblem::Corrupt(Fault::Structure))?;
                tables.restart_interval = u16::from_be_bytes(*interval).into();
            }
            (_, None) if is_frame(marker) => image = Some(Image::new(Header::read(marker, segment)?)),
            (_, Some(_)) if is_frame(marker) => return Err(MediaProblem::Corrupt(Fault::Structure)),
            _ => {}
        }
    }
    match image {
        Some(image) if image.is_whole() => Ok(Ending::Unmarked),
        _ => Err(MediaProblem::Corrupt(Fault::CutOff)),
    }
}

/// The segments of a file, one after the other.
struct Segments<'a> {
    rest: &'a [u8],
}

impl<'a> Segments<'a> {
    fn of(bytes: &'a [u8]) -> Result<Self, MediaProblem> {
        let rest = bytes.strip_prefix(&[0xff, 0xd8]).ok_or(MediaProblem::Corrupt(Fault::Structure))?;
        Ok(Self { rest })
    }

    /// The next marker with its content, which is empty for the end of the image.
    fn next(&mut self) -> Result<Option<(u8, &'a [u8])>, MediaProblem> {
        loop {
            let Some((marker, after)) = next_marker(self.rest) else {
                self.rest = &[];
                return Ok(None);
            };
            self.rest = after;
            match marker {
                END_OF_IMAGE => return Ok(Some((marker, &[]))),
                // Markers without a segment: restarts after a scan, a stray start of image, "temporary".
                0x01 | 0xd0..=0xd8 => {}
                _ => {
                    let (segment, after) = split_segment(after).ok_or(MediaProblem::Corrupt(Fault::CutOff))?;
                    self.rest = after;
                    return Ok(Some((marker, segment)));
                }
            }
        }
    }
}

/// The next marker and what follows it. Before a marker any number of `FF` may stand, and programs leave bytes between
/// segments.
fn next_marker(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let mut rest = bytes;
    loop {
        let start = rest.iter().position(|byte| *byte == 0xff)?;
        rest = rest.get(start + 1..)?;
        match rest.split_first()? {
            // The second `FF` may begin the marker itself.
            (0xff, _) => {}
            (0x00, after) => rest = after,
            (marker, after) => return Some((*marker, after)),
        }
    }
}

/// A segment without its length, which counts itself.
fn split_segment(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)).checked_sub(2)?)
}

#[cfg(test)]
mod tests;
