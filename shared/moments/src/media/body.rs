//! The bytes of an answer as they come in: counted, looked at as soon as there are enough to tell what they are, and
//! kept once.

use super::format::{ENOUGH_TO_TELL, Format};
use super::limits::Limits;
use super::problem::MediaProblem;

/// A body in the making.
pub(super) struct Body<'a> {
    limits: &'a Limits,
    bytes: Vec<u8>,
    /// The most this body may have: what any medium may until its type is known.
    max_bytes: usize,
    is_kind_checked: bool,
}

impl<'a> Body<'a> {
    /// A body announced to have `announced` bytes, which is believed only if it is too many.
    pub(super) fn new(limits: &'a Limits, announced: Option<u64>) -> Result<Self, MediaProblem> {
        let max_bytes = limits.largest();
        let announced = announced.map(|length| usize::try_from(length).unwrap_or(usize::MAX)).unwrap_or_default();
        if announced > max_bytes {
            return Err(MediaProblem::TooLarge { limit: max_bytes });
        }
        // Memory that is reserved and not written to costs nothing but addresses; growing costs a second copy.
        Ok(Self { limits, bytes: Vec::with_capacity(announced), max_bytes, is_kind_checked: false })
    }

    /// Takes the next piece. A web page or a film ends the download here and not after ten megabytes.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<(), MediaProblem> {
        let length = self.bytes.len().saturating_add(piece.len());
        self.check(length)?;
        if length > self.bytes.capacity() {
            // Doubling, as usual, but never past the limit.
            let capacity = length.max(self.bytes.capacity() * 2).min(self.max_bytes);
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        self.bytes.extend_from_slice(piece);
        if !self.is_kind_checked && self.bytes.len() >= ENOUGH_TO_TELL {
            self.max_bytes = Format::of(&self.bytes)?.max_bytes(self.limits);
            self.is_kind_checked = true;
            self.check(length)?;
        }
        Ok(())
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn check(&self, length: usize) -> Result<(), MediaProblem> {
        if length > self.max_bytes { Err(MediaProblem::TooLarge { limit: self.max_bytes }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::media::samples::{Mp4, jpeg};

    const LIMITS: Limits = Limits { image_bytes: 1_000, video_bytes: 2_000, ..Limits::WECOM };

    fn collect(pieces: &[&[u8]]) -> Result<Vec<u8>, MediaProblem> {
        let mut body = Body::new(&LIMITS, None)?;
        pieces.iter().try_for_each(|piece| body.push(piece))?;
        Ok(body.into_bytes())
    }

    fn padded(mut medium: Vec<u8>, length: usize) -> Vec<u8> {
        medium.resize(length, 0);
        medium
    }

    #[test]
    fn media_body_limit_is_that_of_its_kind() {
        for (medium, length, verdict) in [
            (jpeg(1, 1), 1_000, Ok(1_000)),
            (jpeg(1, 1), 1_001, Err(MediaProblem::TooLarge { limit: 1_000 })),
            (Mp4::default().bytes(), 2_000, Ok(2_000)),
            (Mp4::default().bytes(), 2_001, Err(MediaProblem::TooLarge { limit: 2_000 })),
            (b"<html>".to_vec(), 600, Err(MediaProblem::WrongType { found: Some("text/html") })),
            (vec![0; 600], 600, Err(MediaProblem::WrongType { found: None })),
        ] {
            let bytes = padded(medium, length);
            for size in [1, 7, 512, 4_096] {
                let pieces: Vec<_> = bytes.chunks(size).collect();
                let outcome = collect(&pieces).map(|bytes| bytes.len());
                // In one piece the limit of any kind is met before the kind is known, and is the one named.
                let one_piece = matches!(outcome, Err(MediaProblem::TooLarge { limit: 2_000 }));
                assert!(outcome == verdict || (size == 4_096 && one_piece), "{length} by {size}: {outcome:?}");
            }
        }
    }

    #[test]
    fn media_body_with_an_announced_length_too_large_is_refused() {
        assert_eq!(Body::new(&LIMITS, Some(2_001)).err(), Some(MediaProblem::TooLarge { limit: 2_000 }));
        assert_eq!(Body::new(&LIMITS, Some(u64::MAX)).err(), Some(MediaProblem::TooLarge { limit: 2_000 }));
        let mut body = Body::new(&LIMITS, Some(3)).unwrap();
        body.push(&jpeg(1, 1)).unwrap();
        assert_eq!(body.into_bytes(), jpeg(1, 1));
    }

    proptest! {
        #[test]
        fn media_body_in_pieces_takes_no_more_memory_than_the_limit(
            cuts in prop::collection::vec(1..400_usize, 1..12),
        ) {
            let bytes = padded(Mp4::default().bytes(), 2_000);
            let (mut body, mut rest) = (Body::new(&LIMITS, None).unwrap(), &bytes[..]);
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                body.push(piece).unwrap();
                prop_assert!(body.bytes.capacity() <= 2_000);
                rest = after;
            }
            body.push(rest).unwrap();
            prop_assert_eq!(body.into_bytes(), bytes);
        }
    }
}
