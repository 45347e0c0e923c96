//! One grey picture in constrained-baseline H.264. Every macroblock says "predict from the neighbours, no difference",
//! which takes exactly one byte, and a picture without neighbours is predicted grey.

use super::bits::Bits;

/// An intra macroblock with DC prediction of luma and chroma, unchanged quantiser and no coefficients.
const MACROBLOCK: u32 = 0b0010_0111;
/// Large enough for 8K pictures.
const LEVEL: u32 = 62;
const PROFILE: u32 = 66;
const CONSTRAINTS: u32 = 0xc0;

pub(super) struct Picture {
    pub(super) width: u16,
    pub(super) height: u16,
}

impl Picture {
    /// Colour is stored for two by two pixels, so sizes are even.
    pub(super) fn grey(width: u16, height: u16) -> Self {
        Self { width: (width & !1).max(2), height: (height & !1).max(2) }
    }

    const fn macroblocks(&self) -> (u32, u32) {
        (self.width.div_ceil(16) as u32, self.height.div_ceil(16) as u32)
    }

    /// The picture as the file holds it: its length, then the coded slice.
    pub(super) fn sample(&self) -> Vec<u8> {
        let mut bits = Bits::default();
        // first_mb, slice_type I, pps, frame_num, idr_pic_id, no prior output, not long term, qp delta.
        bits.golomb(0);
        bits.golomb(7);
        bits.golomb(0);
        bits.put(0, 4);
        bits.golomb(0);
        bits.put(0, 2);
        bits.golomb(0);
        let (columns, rows) = self.macroblocks();
        (0..columns * rows).for_each(|_| bits.put(MACROBLOCK, 8));
        let slice = unit(0x65, bits);
        [u32::try_from(slice.len()).unwrap_or(u32::MAX).to_be_bytes().to_vec(), slice].concat()
    }

    fn sequence(&self) -> Vec<u8> {
        let mut bits = Bits::default();
        bits.put(PROFILE, 8);
        bits.put(CONSTRAINTS, 8);
        bits.put(LEVEL, 8);
        // id, log2_max_frame_num - 4, poc type 2, one reference frame, no gaps.
        [0, 0, 2, 1].into_iter().for_each(|value| bits.golomb(value));
        bits.put(0, 1);
        let (columns, rows) = self.macroblocks();
        bits.golomb(columns - 1);
        bits.golomb(rows - 1);
        // Frames only, direct 8x8, cropped.
        bits.put(0b111, 3);
        let (right, bottom) = (columns * 16 - u32::from(self.width), rows * 16 - u32::from(self.height));
        [0, right / 2, 0, bottom / 2].into_iter().for_each(|value| bits.golomb(value));
        bits.put(0, 1);
        unit(0x67, bits)
    }

    fn parameters() -> Vec<u8> {
        let mut bits = Bits::default();
        bits.golomb(0);
        bits.golomb(0);
        // CAVLC, no bottom field order.
        bits.put(0, 2);
        [0, 0, 0].into_iter().for_each(|value| bits.golomb(value));
        bits.put(0, 3);
        [0, 0, 0].into_iter().for_each(|value| bits.golomb(value));
        bits.put(0, 3);
        unit(0x68, bits)
    }

    /// The description of the stream that a file keeps beside its samples.
    pub(super) fn sample_entry(&self, mp4_box: fn(&[u8; 4], &[&[u8]]) -> Vec<u8>) -> Vec<u8> {
        let (sequence, parameters) = (self.sequence(), Self::parameters());
        let length = |unit: &[u8]| u16::try_from(unit.len()).unwrap_or(u16::MAX).to_be_bytes();
        let configuration = mp4_box(
            b"avcC",
            &[
                &[1, PROFILE as u8, CONSTRAINTS as u8, LEVEL as u8, 0xff, 0xe1],
                &length(&sequence),
                &sequence,
                &[1],
                &length(&parameters),
                &parameters,
            ],
        );
        let size = [self.width.to_be_bytes(), self.height.to_be_bytes()].concat();
        // 72 dpi, one frame per sample, no name, 24 bits, no colour table.
        let rest = [&[0, 0x48, 0, 0, 0, 0x48, 0, 0, 0, 0, 0, 0, 0, 1][..], &[0; 32], &[0, 24, 0xff, 0xff]].concat();
        mp4_box(b"avc1", &[&[0, 0, 0, 0, 0, 0, 0, 1], &[0; 16], &size, &rest, &configuration])
    }
}

/// A unit with its stop bit. Three bytes that would look like the start of another unit are broken up.
fn unit(kind: u8, mut bits: Bits) -> Vec<u8> {
    bits.put(1, 1);
    let mut out = vec![kind];
    let mut zeros = 0;
    for byte in bits.finish(false) {
        if zeros >= 2 && byte <= 3 {
            out.push(3);
            zeros = 0;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    out
}
