//! The size of a JPEG, and whether it is there to its end. Nothing is decoded: that is the provider's business, and a
//! decoder is what image bombs are made for.

use super::problem::MediaProblem;

const END_OF_IMAGE: u8 = 0xd9;
const START_OF_SCAN: u8 = 0xda;

/// Width and height of a complete JPEG. What follows the end of the image (phones append previews and notes) is of no
/// interest.
pub(super) fn size(bytes: &[u8]) -> Result<(u32, u32), MediaProblem> {
    let mut rest = bytes.strip_prefix(&[0xff, 0xd8]).ok_or(MediaProblem::Corrupt)?;
    let (mut size, mut scanned) = (None, false);
    loop {
        let (marker, after) = next_marker(rest).ok_or(MediaProblem::Corrupt)?;
        rest = after;
        match marker {
            END_OF_IMAGE => return size.filter(|_| scanned).ok_or(MediaProblem::Corrupt),
            // Markers without a segment: restarts within a scan, a stray start of image, "temporary".
            0x01 | 0xd0..=0xd8 => continue,
            _ => {}
        }
        let (segment, after) = split_segment(rest).ok_or(MediaProblem::Corrupt)?;
        rest = after;
        match marker {
            START_OF_SCAN => scanned = true,
            _ if is_frame(marker) => size = size.or_else(|| frame_size(segment)),
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

/// Width and height of a frame header. A height of zero ("told after the first scan") is legal and unheard of.
fn frame_size(segment: &[u8]) -> Option<(u32, u32)> {
    let [_precision, h1, h0, w1, w0, ..] = *segment else { return None };
    let (width, height) = (u16::from_be_bytes([w1, w0]), u16::from_be_bytes([h1, h0]));
    (width > 0 && height > 0).then(|| (width.into(), height.into()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::media::samples::jpeg;

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
