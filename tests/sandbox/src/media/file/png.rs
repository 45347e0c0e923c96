//! PNG of one colour, any size: one bit per pixel, all of them zero, deflated by hand into runs.

use super::bits::{DeflateBits, crc32};

/// Bytes a chunk costs without any content.
const CHUNK: usize = 12;
/// The longest run deflate can name.
const RUN: u64 = 258;

/// `colour` is red, green, blue. At least `bytes` long; exactly, unless that is within 12 bytes of the smallest possible.
pub(super) fn encode(width: u32, height: u32, colour: [u8; 3], bytes: usize) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    // One bit per pixel, palette, no interlacing.
    header.extend([1, 3, 0, 0, 0]);
    chunk(&mut file, b"IHDR", &header);
    chunk(&mut file, b"PLTE", &colour);
    // Each row begins with its filter, also a zero.
    chunk(&mut file, b"IDAT", &zlib_of_zeros(u64::from(height) * (1 + u64::from(width.div_ceil(8)))));
    let missing = bytes.saturating_sub(file.len() + CHUNK);
    if missing > 0 {
        // Ancillary, private, safe to copy: decoders skip it.
        chunk(&mut file, b"paDd", &vec![b' '; missing.saturating_sub(CHUNK)]);
    }
    chunk(&mut file, b"IEND", &[]);
    file
}

fn chunk(file: &mut Vec<u8>, kind: &[u8; 4], content: &[u8]) {
    file.extend(u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes());
    file.extend(kind);
    file.extend(content);
    file.extend(crc32([kind, content]).to_be_bytes());
}

fn zlib_of_zeros(count: u64) -> Vec<u8> {
    let mut bits = DeflateBits::default();
    // The last block, with the fixed codes.
    bits.code(0b110, 3);
    let literal = |bits: &mut DeflateBits| bits.code(0b0011_0000, 8);
    let mut left = count;
    if left > 0 {
        literal(&mut bits);
        left -= 1;
    }
    while left >= RUN {
        // Length 258, then distance 1.
        bits.code(0b1100_0101, 8);
        bits.code(0, 5);
        left -= RUN;
    }
    (0..left).for_each(|_| literal(&mut bits));
    bits.code(0, 7);
    let mut stream = vec![0x78, 0x01];
    stream.extend(bits.finish());
    // Adler-32 of so many zeros.
    stream.extend((((count % 65_521) as u32) << 16 | 1).to_be_bytes());
    stream
}
