//! The header of a JPEG's frame (ITU T.81, B.2.2).

use crate::media::decoding::Frame;
use crate::media::problem::{Fault, JpegCoding, MediaProblem};

/// What a frame is made of.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) width: u16,
    pub(super) height: u16,
    /// Whether the image is complete only after several scans, so that the decoder keeps all coefficients.
    pub(super) is_progressive: bool,
    pub(super) components: Vec<Component>,
}

/// A colour of the frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Component {
    pub(super) id: u8,
    /// How often it is sampled across and down.
    pub(super) across: u32,
    pub(super) down: u32,
    /// The number of its table of quantisers.
    pub(super) quantisers: u8,
}

/// Start-of-frame markers, of every coding; the three left out of the range define tables and extensions.
pub(super) fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc)
}

impl Header {
    /// Reads a frame's segment. A height of zero ("told after the first scan") is legal and unheard of.
    pub(super) fn read(marker: u8, segment: &[u8]) -> Result<Self, MediaProblem> {
        let damaged = MediaProblem::Corrupt(Fault::Structure);
        let Some(([precision, h1, h0, w1, w0, count], components)) = segment.split_first_chunk() else {
            return Err(damaged);
        };
        match (marker, *precision) {
            (0xc0..=0xc2, 8) => {}
            (0xc0..=0xc2, 9..) => return Err(MediaProblem::UnsupportedJpeg(JpegCoding::DeepColour)),
            (0xc9 | 0xca, _) => return Err(MediaProblem::UnsupportedJpeg(JpegCoding::Arithmetic)),
            (0xc0..=0xc2, _) => return Err(damaged),
            _ => return Err(MediaProblem::UnsupportedJpeg(JpegCoding::LosslessOrHierarchical)),
        }
        let components: Vec<_> = components.as_chunks().0.iter().map(Component::read).collect();
        let sampled = components.iter().all(|part| (1..=4).contains(&part.across) && (1..=4).contains(&part.down));
        let (width, height) = (u16::from_be_bytes([*w1, *w0]), u16::from_be_bytes([*h1, *h0]));
        if width == 0
            || height == 0
            || !matches!(count, 1 | 3 | 4)
            || components.len() != usize::from(*count)
            || !sampled
        {
            return Err(damaged);
        }
        Ok(Self { width, height, is_progressive: marker == 0xc2, components })
    }

    /// What decoding takes, if the first scan is of so many components: when not of all of them, the decoder keeps all
    /// coefficients until the last scan.
    pub(super) fn frame(&self, in_first_scan: usize) -> Frame {
        let is_grey = self.components.len() == 1;
        let mut frame = Frame {
            width: self.width.into(),
            height: self.height.into(),
            // One component is grey; of more the decoder makes red, green and blue.
            decoded_bytes_per_pixel: if is_grey { 1 } else { 3 },
            has_alpha: false,
            is_converted: is_grey,
            coefficient_bytes: 0,
        };
        let full = u64::from(self.most_across() * self.most_down());
        let all: u64 = self.components.iter().map(|part| u64::from(part.across * part.down)).sum();
        // A coefficient has two bytes.
        if self.is_progressive {
            frame.coefficient_bytes = 2 * frame.pixels() * all / full;
        }
        if in_first_scan < self.components.len() {
            // At full size, whatever the sampling.
            frame.coefficient_bytes = frame.coefficient_bytes.max(2 * frame.pixels() * self.components.len() as u64);
        }
        frame
    }

    pub(super) fn most_across(&self) -> u32 {
        self.components.iter().map(|part| part.across).max().unwrap_or(1)
    }

    pub(super) fn most_down(&self) -> u32 {
        self.components.iter().map(|part| part.down).max().unwrap_or(1)
    }
}

impl Component {
    fn read([id, factors, quantisers]: &[u8; 3]) -> Self {
        Self { id: *id, across: u32::from(factors >> 4), down: u32::from(factors & 15), quantisers: *quantisers }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jpeg_frame_tells_what_the_decoder_holds() {
        let coded = |marker: u8, components: &[u8]| {
            let count = components.len() as u8 / 3;
            let segment = [&[8, 0, 100, 0, 200, count], components].concat();
            let frame = Header::read(marker, &segment).unwrap().frame(count.into());
            (frame.decoded_bytes_per_pixel, frame.coefficient_bytes)
        };
        let grey = [1, 0x11, 0];
        let colour = |luminance| [1, luminance, 0, 2, 0x11, 1, 3, 0x11, 1];
        assert_eq!(coded(0xc0, &grey), (1, 0));
        assert_eq!(coded(0xc0, &colour(0x22)), (3, 0));
        assert_eq!(coded(0xc2, &grey), (1, 40_000));
        assert_eq!(coded(0xc2, &colour(0x11)), (3, 120_000));
        assert_eq!(coded(0xc2, &colour(0x22)), (3, 60_000));
    }

    #[test]
    fn jpeg_coding_that_nobody_shows_is_named() {
        let read = |marker, precision| Header::read(marker, &[precision, 0, 1, 0, 1, 1, 1, 0x11, 0]).map(|_| ());
        let unsupported = |coding| Err(MediaProblem::UnsupportedJpeg(coding));
        assert_eq!(read(0xc1, 8), Ok(()));
        assert_eq!(read(0xc1, 12), unsupported(JpegCoding::DeepColour));
        assert_eq!(read(0xca, 8), unsupported(JpegCoding::Arithmetic));
        assert_eq!(read(0xc3, 8), unsupported(JpegCoding::LosslessOrHierarchical));
        assert_eq!(read(0xc5, 8), unsupported(JpegCoding::LosslessOrHierarchical));
        assert_eq!(read(0xc0, 7), Err(MediaProblem::Corrupt(Fault::Structure)));
    }
}
