//! The boxes of ISO/IEC 14496-12, which are nothing but a length, a type and a content.

use crate::media::problem::{Fault, MediaProblem};

/// The boxes that lie side by side in these bytes; the last item may be the news that one reaches beyond them.
pub(super) struct Boxes<'a> {
    rest: &'a [u8],
}

type Found<'a> = (&'a [u8; 4], &'a [u8]);

impl<'a> Boxes<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The contents of the boxes of this kind.
    pub(super) fn of_kind(bytes: &'a [u8], kind: &'static [u8; 4]) -> impl Iterator<Item = &'a [u8]> {
        Self::of(bytes).flatten().filter(move |(found, _)| *found == kind).map(|(_, content)| content)
    }

    fn split(bytes: &'a [u8]) -> Result<(Found<'a>, &'a [u8]), Fault> {
        let (size, after) = bytes.split_first_chunk().ok_or(Fault::CutOff)?;
        let (kind, after) = after.split_first_chunk().ok_or(Fault::CutOff)?;
        let (content, rest) = match u32::from_be_bytes(*size) {
            // To the end of the file.
            0 => (after, &[][..]),
            // The size did not fit and follows; it counts these 16 bytes.
            1 => {
                let (size, after) = after.split_first_chunk().ok_or(Fault::CutOff)?;
                let size = u64::from_be_bytes(*size).checked_sub(16).ok_or(Fault::Structure)?;
                usize::try_from(size).ok().and_then(|size| after.split_at_checked(size)).ok_or(Fault::CutOff)?
            }
            size => {
                let size = size.checked_sub(8).ok_or(Fault::Structure)?;
                usize::try_from(size).ok().and_then(|size| after.split_at_checked(size)).ok_or(Fault::CutOff)?
            }
        };
        Ok(((kind, content), rest))
    }
}

impl<'a> Iterator for Boxes<'a> {
    type Item = Result<Found<'a>, MediaProblem>;

    fn next(&mut self) -> Option<Self::Item> {
        // Less than a header is padding, as QuickTime writes it after its notes.
        if self.rest.len() < 8 {
            return None;
        }
        let (found, rest) = match Self::split(self.rest) {
            Ok((found, rest)) => (Ok(found), rest),
            Err(fault) => (Err(MediaProblem::Corrupt(fault)), &[][..]),
        };
        self.rest = rest;
        Some(found)
    }
}

/// The content of the first box of this kind.
pub(super) fn child<'a>(content: &'a [u8], kind: &'static [u8; 4]) -> Option<&'a [u8]> {
    Boxes::of_kind(content, kind).next()
}

/// Version, flags and content of a box that starts with them.
pub(super) fn full_box(content: &[u8]) -> Option<(u8, u32, &[u8])> {
    let (start, rest) = content.split_first_chunk::<4>()?;
    let [version, ..] = *start;
    Some((version, u32::from_be_bytes(*start) & 0x00ff_ffff, rest))
}

/// The number that the bytes begin with, and what follows it.
pub(super) fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u32::from_be_bytes(*number), rest))
}

/// The same for one that has eight bytes in a version other than 0.
pub(super) fn wide_number(version: u8, bytes: &[u8]) -> Option<(u64, &[u8])> {
    if version == 0 {
        let (number, rest) = number(bytes)?;
        return Some((number.into(), rest));
    }
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u64::from_be_bytes(*number), rest))
}
