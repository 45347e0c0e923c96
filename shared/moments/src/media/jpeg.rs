//! What a JPEG's header says, and whether the file is there to its end. Nothing is decoded: that is the provider's
//! business, and a decoder is what image bombs are made for.

use super::decoding::Frame;
use super::problem::MediaProblem;

const END_OF_IMAGE: u8 = 0xd9;
const START_OF_SCAN: u8 = 0xda;

/// The frame of a complete JPEG. What follows the end of the image (phones append previews and notes) is of no interest.
pub(super) fn frame(bytes: &[u8]) -> Result<Frame, MediaProblem> {
    let mut rest = bytes.strip_prefix(&[0xff, 0xd8]).ok_or(MediaProblem::Corrupt)?;
    let (mut frame, mut components, mut scanned) = (None::<Frame>, 0, false);
    loop {
        let (marker, after) = next_marker(rest).ok_or(MediaProblem::Corrupt)?;
        rest = after;
        match marker {
            END_OF_IMAGE => return frame.filter(|_| scanned).ok_or(MediaProblem::Corrupt),
            // Markers without a segment: restarts within a scan, a stray start of image, "temporary".
            0x01 | 0xd0..=0xd8 => continue,
            _ => {}
        }
        let (segment, after) = split_segment(rest).ok_or(MediaProblem::Corrupt)?;
        rest = after;
        match marker {
            START_OF_SCAN => {
                // The first byte is how many components the scan holds. If not all of them, the decoder keeps all
                // coefficients until the last scan, at full size.
                if let (Some(frame), false, Some(count)) = (&mut frame, scanned, segment.first())
                    && u64::from(*count) < components
                {
                    frame.coefficient_bytes = frame.coefficient_bytes.max(2 * frame.pixels() * components);
                }
                scanned = true;
            }
            _ if is_frame(marker) && frame.is_none() => {
                frame = read_frame(marker, segment);
                components = segment.get(5).copied().unwrap_or_default().into();
            }
            _ => {}
        }
    }
}

/// The next marker and what follows it. In scan data `FF` is only ever followed by a stuffed zero or a restart, so this
/// also finds the end of a scan; before a marker any number of `FF` may stand.
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

/// Start-of-frame markers, of every coding; the three left out of the range define tables and extensions.
fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc)
}

/// A frame header (ITU T.81, B.2.2). A height of zero ("told after the first scan") is legal and unheard of.
fn read_frame(marker: u8, segment: &[u8]) -> Option<Frame> {
    let ([_precision, h1, h0, w1, w0, _components], components) = segment.split_first_chunk()?;
    let (width, height) = (u16::from_be_bytes([*w1, *w0]), u16::from_be_bytes([*h1, *h0]));
    if width == 0 || height == 0 {
        return None;
    }
    let mut frame = Frame {
        width: width.into(),
        height: height.into(),
        // One component is grey; of more the decoder makes red, green and blue.
        decoded_bytes_per_pixel: if components.len() < 6 { 1 } else { 3 },
        has_alpha: false,
        is_converted: components.len() < 6,
        coefficient_bytes: 0,
    };
    if is_progressive(marker) {
        // The second byte of a component holds how often it is sampled across and down.
        let samples = components.chunks_exact(3).filter_map(|component| component.get(1));
        let samples: Vec<_> = samples.map(|factors| (u64::from(factors >> 4), u64::from(factors & 15))).collect();
        let most = |side: fn(&(u64, u64)) -> u64| samples.iter().map(side).max().unwrap_or(1).max(1);
        let full = most(|factors| factors.0) * most(|factors| factors.1);
        let all: u64 = samples.iter().map(|(across, down)| across * down).sum();
        // A coefficient has two bytes.
        frame.coefficient_bytes = 2 * frame.pixels() * all / full;
    }
    Some(frame)
}

/// Codings whose image is complete only after several scans, so that the decoder keeps all coefficients.
const fn is_progressive(marker: u8) -> bool {
    matches!(marker, 0xc2 | 0xc6 | 0xca | 0xce)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::media::samples::jpeg;

    fn size(bytes: &[u8]) -> Result<(u32, u32), MediaProblem> {
        frame(bytes).map(|frame| (frame.width, frame.height))
    }

    #[test]
    fn jpeg_frame_tells_what_the_decoder_holds() {
        let coded = |marker: u8, components: &[u8]| {
            let segment = [&[8, 0, 100, 0, 200, components.len() as u8 / 3], components].concat();
            let frame = read_frame(marker, &segment).unwrap();
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
    fn jpeg_whose_scans_hold_single_components_keeps_all_coefficients() {
        let components = [1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1];
        let coefficients = |scanned: u8| {
            let frame_header = [&[0xff, 0xc0, 0, 17, 8, 0, 100, 0, 200, 3], &components[..]].concat();
            let tables: Vec<u8> = (1..=scanned).flat_map(|id| [id, 0]).collect();
            let scan = [&[0xff, 0xda, 0, 6 + 2 * scanned, scanned], &tables[..], &[0, 63, 0, 0x12]].concat();
            frame(&[&[0xff, 0xd8], &frame_header[..], &scan, &[0xff, 0xd9]].concat()).unwrap().coefficient_bytes
        };
        assert_eq!((coefficients(3), coefficients(1)), (0, 120_000));
    }

    #[test]
    fn the_frame_tells_the_size() {
        assert_eq!(size(&jpeg(640, 480)), Ok((640, 480)));
        // Fill bytes before a marker, and something after the end.
        let mut padded = jpeg(3, 2);
        padded.splice(2..2, [0xff, 0xff, 0xff]);
        padded.extend_from_slice(b"trailer");
        assert_eq!(size(&padded), Ok((3, 2)));
    }

    #[test]
    fn a_preview_inside_a_segment_is_not_the_image() {
        let preview = jpeg(160, 120);
        let mut application = vec![0xff, 0xe1];
        application.extend_from_slice(&u16::try_from(preview.len() + 2).unwrap().to_be_bytes());
        application.extend_from_slice(&preview);
        let mut image = jpeg(640, 480);
        image.splice(2..2, application);
        assert_eq!(size(&image), Ok((640, 480)));
    }

    #[test]
    fn every_truncation_is_noticed() {
        let whole = jpeg(640, 480);
        for end in 0..whole.len() {
            assert_eq!(size(&whole[..end]), Err(MediaProblem::Corrupt), "cut at {end}");
        }
        assert_eq!(size(&jpeg(0, 480)), Err(MediaProblem::Corrupt));
        assert_eq!(size(&[0xff, 0xd8, 0xff, 0xd9]), Err(MediaProblem::Corrupt), "no frame");
    }

    proptest! {
        #[test]
        fn no_input_makes_it_panic(bytes: Vec<u8>, at in 0..40_usize, byte: u8) {
            let _ = size(&[&[0xff, 0xd8], &bytes[..]].concat());
            let mut damaged = jpeg(640, 480);
            if let Some(place) = damaged.get_mut(at) {
                *place = byte;
            }
            let _ = size(&damaged);
        }
    }
}
