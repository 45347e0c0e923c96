//! Bits into bytes, in the two orders the formats want, and the checksum of PNG.

/// Most significant bit first: JPEG and H.264.
#[derive(Default)]
pub(super) struct Bits {
    bytes: Vec<u8>,
    current: u8,
    used: u8,
}

impl Bits {
    /// The lowest `count` bits of `value`.
    pub(super) fn put(&mut self, value: u32, count: u32) {
        for place in (0..count).rev() {
            self.current = self.current << 1 | u8::from(value >> place & 1 == 1);
            self.used += 1;
            if self.used == 8 {
                self.bytes.push(self.current);
                (self.current, self.used) = (0, 0);
            }
        }
    }

    /// Exponential Golomb code of H.264.
    pub(super) fn golomb(&mut self, value: u32) {
        let code = value.saturating_add(1);
        let length = code.ilog2();
        self.put(0, length);
        self.put(code, length + 1);
    }

    /// Many zero bits at once: a picture of one colour is little else.
    pub(super) fn zeros(&mut self, mut count: u64) {
        while count > 0 && self.used != 0 {
            self.put(0, 1);
            count -= 1;
        }
        let whole = usize::try_from(count / 8).unwrap_or_default();
        self.bytes.resize(self.bytes.len() + whole, 0);
        self.put(0, (count % 8) as u32);
    }

    /// The bytes, the last one filled up with ones or zeros.
    pub(super) fn finish(mut self, fill: bool) -> Vec<u8> {
        while self.used != 0 {
            self.put(u32::from(fill), 1);
        }
        self.bytes
    }
}

/// Deflate: bytes fill from their least significant bit, codes go in from their most significant one.
#[derive(Default)]
pub(super) struct DeflateBits {
    bytes: Vec<u8>,
    current: u8,
    used: u8,
}

impl DeflateBits {
    pub(super) fn code(&mut self, value: u32, count: u32) {
        for place in (0..count).rev() {
            self.current |= u8::from(value >> place & 1 == 1) << self.used;
            self.used += 1;
            if self.used == 8 {
                self.bytes.push(self.current);
                (self.current, self.used) = (0, 0);
            }
        }
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.used != 0 {
            self.bytes.push(self.current);
        }
        self.bytes
    }
}

/// The CRC-32 of PNG chunks (polynomial 0xedb88320).
pub(super) fn crc32(parts: [&[u8]; 2]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        let place = usize::from(crc as u8 ^ byte);
        CRC.get(place).copied().unwrap_or_default() ^ crc >> 8
    };
    !parts.into_iter().flatten().fold(u32::MAX, step)
}

static CRC: [u32; 256] = crc_table();

#[expect(clippy::indexing_slicing, reason = "a constant's loop below its own length, checked when compiled")]
const fn crc_table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut place = 0;
    while place < table.len() {
        let mut value = place as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { 0xedb8_8320 ^ value >> 1 } else { value >> 1 };
            bit += 1;
        }
        table[place] = value;
        place += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_file_codes_and_checksums_are_as_in_the_standards() {
        assert_eq!(crc32([b"1234", b"56789"]), 0xcbf4_3926, "the check value of CRC-32");
        let golomb = |value| {
            let mut bits = Bits::default();
            bits.golomb(value);
            bits.finish(false)
        };
        assert_eq!([0, 1, 2, 3, 7].map(golomb), [[0x80], [0x40], [0x60], [0x20], [0x10]]);
        let mut bits = Bits::default();
        bits.put(0b101, 3);
        bits.zeros(18);
        assert_eq!(bits.finish(true), [0xa0, 0, 0b111]);
    }
}
