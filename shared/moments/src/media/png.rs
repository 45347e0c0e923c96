//! What a PNG's header says, and whether the file is there to its end and undamaged.

use std::io::Cursor;

use png::{DecodeOptions, Decoder};

use super::decoding::{Frame, MAX_EXTRA_BYTES};
use super::problem::{Fault, MediaProblem};

const SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n'];

const CUT_OFF: MediaProblem = MediaProblem::Corrupt(Fault::CutOff);
const STRUCTURE: MediaProblem = MediaProblem::Corrupt(Fault::Structure);

/// The frame of a PNG whose chunks are all there.
pub(super) fn frame(bytes: &[u8]) -> Result<Frame, MediaProblem> {
    let (kind, header, mut rest) = split_chunk(bytes.strip_prefix(&SIGNATURE).ok_or(STRUCTURE)?).ok_or(CUT_OFF)?;
    let [w3, w2, w1, w0, h3, h2, h1, h0, depth, colour, _compression, _filter, _interlace] = *header else {
        return Err(STRUCTURE);
    };
    let (width, height) = (u32::from_be_bytes([w3, w2, w1, w0]), u32::from_be_bytes([h3, h2, h1, h0]));
    if kind != b"IHDR" || width == 0 || height == 0 {
        return Err(STRUCTURE);
    }
    let (mut has_data, mut has_transparency) = (false, false);
    loop {
        let (kind, _, after) = split_chunk(rest).ok_or(CUT_OFF)?;
        rest = after;
        match kind {
            b"IDAT" => has_data = true,
            b"tRNS" => has_transparency = true,
            b"IEND" if has_data => break,
            b"IEND" => return Err(STRUCTURE),
            _ => {}
        }
    }
    let (channels, has_alpha) = channels(colour, has_transparency).ok_or(STRUCTURE)?;
    let bytes_per_channel = if depth == 16 { 2 } else { 1 };
    Ok(Frame {
        width,
        height,
        decoded_bytes_per_pixel: channels * bytes_per_channel,
        has_alpha,
        is_converted: depth == 16 || channels != if has_alpha { 4 } else { 3 },
        coefficient_bytes: 0,
    })
}

/// Whether every row of the picture is there and every checksum of its data right. Row by row, so that two rows are all
/// that is held. Of an animation only the picture is read that programs show which do not know animations.
pub(super) fn check(bytes: &[u8]) -> Result<(), MediaProblem> {
    let mut options = DecodeOptions::default();
    options.set_ignore_adler32(false);
    // What these hold is of no interest here, and is where files of kilobytes hold gigabytes.
    options.set_ignore_text_chunk(true);
    options.set_ignore_iccp_chunk(true);
    let mut decoder = Decoder::new_with_options(Cursor::new(bytes), options);
    decoder.set_limits(png::Limits { bytes: MAX_EXTRA_BYTES as usize });
    let mut rows = decoder.read_info().map_err(damaged)?;
    while rows.next_row().map_err(damaged)?.is_some() {}
    Ok(())
}

fn damaged(error: png::DecodingError) -> MediaProblem {
    tracing::debug!("png not read: {error}");
    MediaProblem::Corrupt(Fault::ImageData)
}

/// Channels of the decoded image, by the colour types of PNG (third edition, 11.2.1). The decoder replaces palettes by
/// their colours and a transparent colour by a channel.
const fn channels(colour: u8, has_transparency: bool) -> Option<(u64, bool)> {
    Some(match (colour, has_transparency) {
        (0, false) => (1, false),
        (0, true) | (4, _) => (2, true),
        (2 | 3, false) => (3, false),
        (2 | 3, true) | (6, _) => (4, true),
        _ => return None,
    })
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
    use crate::media::samples::{png, png_header};

    fn size(bytes: &[u8]) -> Result<(u32, u32), MediaProblem> {
        frame(bytes).map(|frame| (frame.width, frame.height))
    }

    #[test]
    fn png_header_tells_what_the_decoder_writes() {
        let coded = |depth: u8, colour: u8, transparent: bool| {
            let mut bytes = png(640, 480);
            (bytes[24], bytes[25]) = (depth, colour);
            if transparent {
                let after_header = 8 + 25;
                bytes.splice(after_header..after_header, *b"\0\0\0\x01tRNS\0crc!");
            }
            frame(&bytes).map(|frame| (frame.decoded_bytes_per_pixel, frame.has_alpha))
        };
        for (depth, colour, transparent, expected) in [
            (8, 0, false, (1, false)),
            (1, 0, false, (1, false)),
            (16, 0, false, (2, false)),
            (16, 0, true, (4, true)),
            (8, 2, false, (3, false)),
            (16, 2, false, (6, false)),
            (8, 3, false, (3, false)),
            (4, 3, true, (4, true)),
            (8, 4, false, (2, true)),
            (8, 6, false, (4, true)),
            (16, 6, false, (8, true)),
        ] {
            assert_eq!(coded(depth, colour, transparent), Ok(expected), "depth {depth}, colour type {colour}");
        }
        assert_eq!(coded(8, 5, false), Err(STRUCTURE), "there is no colour type 5");
    }

    #[test]
    fn png_header_has_the_size_and_truncation_is_noticed() {
        let whole = png(640, 480);
        assert_eq!(size(&whole), Ok((640, 480)));
        assert_eq!(size(&[&whole[..], b"trailer"].concat()), Ok((640, 480)));
        for end in 0..whole.len() {
            let fault = if end < SIGNATURE.len() { STRUCTURE } else { CUT_OFF };
            assert_eq!(size(&whole[..end]), Err(fault), "cut at {end}");
        }
        assert_eq!(size(&png_header(640, 0)), Err(STRUCTURE));
        let mut other = whole.clone();
        other[12..16].copy_from_slice(b"CgBI");
        assert_eq!(size(&other), Err(STRUCTURE), "the first chunk must be the header");
        let mut hollow = whole;
        let data = hollow.windows(4).position(|name| name == b"IDAT").unwrap();
        hollow[data..data + 4].copy_from_slice(b"tEXt");
        assert_eq!(size(&hollow), Err(STRUCTURE), "no image data");
    }

    proptest! {
        #[test]
        fn png_of_any_bytes_does_not_panic(bytes: Vec<u8>, at in 0..80_usize, byte: u8) {
            let _ = size(&[&SIGNATURE, &bytes[..]].concat());
            let mut damaged = png(640, 480);
            if let Some(place) = damaged.get_mut(at) {
                *place = byte;
            }
            let _ = size(&damaged);
        }
    }
}
