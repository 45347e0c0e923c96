//! The size of a PNG, and whether it is there to its end.

use super::problem::MediaProblem;

const SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n'];

/// Width and height of a complete PNG. Checksums are not verified: a transport that flips bits and keeps the length is
/// not what happens.
pub(super) fn size(bytes: &[u8]) -> Result<(u32, u32), MediaProblem> {
    walk(bytes).ok_or(MediaProblem::Corrupt)
}

fn walk(bytes: &[u8]) -> Option<(u32, u32)> {
    let (kind, header, mut rest) = split_chunk(bytes.strip_prefix(&SIGNATURE)?)?;
    let [w3, w2, w1, w0, h3, h2, h1, h0, _depth, _colour, _compression, _filter, _interlace] = *header else {
        return None;
    };
    let (width, height) = (u32::from_be_bytes([w3, w2, w1, w0]), u32::from_be_bytes([h3, h2, h1, h0]));
    if kind != b"IHDR" || width == 0 || height == 0 {
        return None;
    }
    let mut has_data = false;
    loop {
        let (kind, _, after) = split_chunk(rest)?;
        rest = after;
        match kind {
            b"IDAT" => has_data = true,
            b"IEND" => return has_data.then_some((width, height)),
            _ => {}
        }
    }
}

/// Type and content of the first chunk, and what follows its checksum.
fn split_chunk(bytes: &[u8]) -> Option<(&[u8; 4], &[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (kind, rest) = rest.split_first_chunk()?;
    let (content, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    let (_checksum, rest) = rest.split_first_chunk::<4>()?;
    Some((kind, content, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::media::samples::png;

    #[test]
    fn the_header_tells_the_size_and_every_truncation_is_noticed() {
        let whole = png(640, 480);
        assert_eq!(size(&whole), Ok((640, 480)));
        assert_eq!(size(&[&whole[..], b"trailer"].concat()), Ok((640, 480)));
        for end in 0..whole.len() {
            assert_eq!(size(&whole[..end]), Err(MediaProblem::Corrupt), "cut at {end}");
        }
        assert_eq!(size(&png(640, 0)), Err(MediaProblem::Corrupt));
        let mut other = whole.clone();
        other[12..16].copy_from_slice(b"CgBI");
        assert_eq!(size(&other), Err(MediaProblem::Corrupt), "the first chunk must be the header");
        let mut hollow = whole;
        let data = hollow.windows(4).position(|name| name == b"IDAT").unwrap();
        hollow[data..data + 4].copy_from_slice(b"tEXt");
        assert_eq!(size(&hollow), Err(MediaProblem::Corrupt), "no image data");
    }

    proptest! {
        #[test]
        fn no_input_makes_it_panic(bytes: Vec<u8>, at in 0..80_usize, byte: u8) {
            let _ = size(&[&SIGNATURE, &bytes[..]].concat());
            let mut damaged = png(640, 480);
            if let Some(place) = damaged.get_mut(at) {
                *place = byte;
            }
            let _ = size(&damaged);
        }
    }
}
