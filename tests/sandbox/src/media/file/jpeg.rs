//! Baseline JPEG of one colour, any size: after the first block every other one costs two bits per component, so a
//! picture of 12 megapixels takes 140 KB before padding.

use super::bits::Bits;

/// Quantiser of every coefficient. With 8 the DC coefficient of a block of one level is that level minus 128.
const QUANTISER: u8 = 8;
/// A comment segment holds at most this much, marker and length included.
const LARGEST_SEGMENT: usize = 65_537;
const SMALLEST_SEGMENT: usize = 4;

/// `colour` is Y, Cb, Cr. At least `bytes` long, and exactly that long if a smaller file is possible at all.
pub(super) fn encode(width: u16, height: u16, colour: [u8; 3], bytes: usize) -> Vec<u8> {
    let pixels = entropy(width, height, colour);
    let tables = tables(width, height);
    let bare = 2 + tables.len() + pixels.len() + 2;
    let mut file = Vec::with_capacity(bytes.max(bare));
    file.extend([0xff, 0xd8]);
    file.extend(&tables);
    // Comments stand between the tables and the scan: what sniffs the head of a file finds its size first.
    let scan = file.split_off(file.len() - SCAN.len());
    pad(&mut file, bytes.saturating_sub(bare));
    file.extend(scan);
    file.extend(pixels);
    file.extend([0xff, 0xd9]);
    file
}

const SCAN: [u8; 14] = [0xff, 0xda, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 63, 0];

fn tables(width: u16, height: u16) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend([0xff, 0xe0, 0, 16]);
    out.extend(b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
    out.extend([0xff, 0xdb, 0, 67, 0]);
    out.extend([QUANTISER; 64]);
    out.extend([0xff, 0xc0, 0, 17, 8]);
    out.extend(height.to_be_bytes());
    out.extend(width.to_be_bytes());
    out.extend([3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0]);
    // DC: category 0 as `0`, 1–7 as `1000`–`1110`, 8 as `11110`.
    out.extend([0xff, 0xc4, 0, 28, 0x00]);
    out.extend([1, 0, 0, 7, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    out.extend([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    // AC: nothing but "end of block", as `0`.
    out.extend([0xff, 0xc4, 0, 20, 0x10]);
    out.extend([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    out.push(0);
    out.extend(SCAN);
    out
}

fn entropy(width: u16, height: u16, colour: [u8; 3]) -> Vec<u8> {
    let mut bits = Bits::default();
    for level in colour {
        let difference = i32::from(level) - 128;
        let category = if difference == 0 { 0 } else { difference.unsigned_abs().ilog2() + 1 };
        match category {
            0 => bits.put(0, 1),
            1..=7 => bits.put(0b0111 + category, 4),
            _ => bits.put(0b11110, 5),
        }
        // A negative difference is written as its value minus one, of which only the lowest bits count.
        bits.put(if difference < 0 { difference - 1 } else { difference }.cast_unsigned(), category);
        bits.put(0, 1);
    }
    let blocks = u64::from(width.div_ceil(8)) * u64::from(height.div_ceil(8));
    bits.zeros(blocks.saturating_sub(1) * 6);
    let raw = bits.finish(true);
    // A byte 0xff among the pixels is followed by a zero, lest it be taken for a marker.
    let stuffed = raw.iter().flat_map(|byte| if *byte == 0xff { vec![0xff, 0] } else { vec![*byte] });
    if raw.contains(&0xff) { stuffed.collect() } else { raw }
}

fn pad(file: &mut Vec<u8>, mut bytes: usize) {
    while bytes >= SMALLEST_SEGMENT {
        let mut segment = bytes.min(LARGEST_SEGMENT);
        if (1..SMALLEST_SEGMENT).contains(&(bytes - segment)) {
            segment -= SMALLEST_SEGMENT;
        }
        file.extend([0xff, 0xfe]);
        file.extend(u16::try_from(segment - 2).unwrap_or(u16::MAX).to_be_bytes());
        file.resize(file.len() + segment - SMALLEST_SEGMENT, b' ');
        bytes -= segment;
    }
    // One to three bytes are too few for a segment; a marker may be preceded by fill bytes.
    file.resize(file.len() + bytes, 0xff);
}
