//! Media for tests: the least that is well-formed.

use image::codecs::png::PngEncoder;

/// A JPEG of this size, black: its one code, a zero bit, stands for "as before" and for "nothing more".
pub(super) fn jpeg(width: u16, height: u16) -> Vec<u8> {
    let [[h1, h0], [w1, w0]] = [height.to_be_bytes(), width.to_be_bytes()];
    let frame = [0xff, 0xc0, 0, 11, 8, h1, h0, w1, w0, 1, 1, 0x11, 0];
    let table = |class| [&[0xff, 0xc4, 0, 20, class, 1], &[0; 16][..]].concat();
    let scan = [0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0];
    let blocks = usize::from(width.div_ceil(8)) * usize::from(height.div_ceil(8));
    let data = vec![0; (2 * blocks).div_ceil(8)];
    let quantisers = [&[0xff, 0xdb, 0, 67, 0], &[8; 64][..]].concat();
    [&[0xff, 0xd8], &quantisers[..], &frame, &table(0x00), &table(0x10), &scan, &data, &[0xff, 0xd9]].concat()
}

/// A PNG of this size, black.
pub(super) fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    image::DynamicImage::new_rgb8(width, height).write_with_encoder(PngEncoder::new(&mut bytes)).unwrap();
    bytes
}

/// A PNG that says it is of this size, whatever is in it.
pub(super) fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = png(8, 8);
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    bytes
}

/// An MP4, as different as the tests need it.
#[derive(Debug, Clone)]
pub(super) struct Mp4 {
    pub(super) version: u8,
    pub(super) scale: u32,
    pub(super) units: u64,
    pub(super) handlers: &'static [&'static [u8; 4]],
    /// Version and length of the extension of a fragmented file.
    pub(super) fragments: Option<(u8, u64)>,
}

impl Default for Mp4 {
    /// Ten seconds.
    fn default() -> Self {
        Self { version: 0, scale: 600, units: 6_000, handlers: &[b"vide", b"soun"], fragments: None }
    }
}

impl Mp4 {
    pub(super) fn bytes(&self) -> Vec<u8> {
        [&boxed(b"ftyp", b"isom\0\0\x02\0isomiso2avc1mp41")[..], &self.movie(), &boxed(b"mdat", &[7; 64])].concat()
    }

    pub(super) fn movie(&self) -> Vec<u8> {
        let times = vec![0; if self.version == 0 { 8 } else { 16 }];
        let scale = self.scale.to_be_bytes();
        let header =
            [&[self.version, 0, 0, 0], &times[..], &scale, &units(self.version, self.units), &[0; 80]].concat();
        let mut content = boxed(b"mvhd", &header);
        for handler in self.handlers {
            let handler = boxed(b"hdlr", &[&[0; 8], &handler[..], &[0; 13]].concat());
            content.extend(boxed(b"trak", &boxed(b"mdia", &handler)));
        }
        if let Some((version, length)) = self.fragments {
            let extension = [&[version, 0, 0, 0], &units(version, length)[..]].concat();
            content.extend(boxed(b"mvex", &boxed(b"mehd", &extension)));
        }
        boxed(b"moov", &content)
    }
}

/// A box with this content.
pub(super) fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    [&u32::try_from(content.len() + 8).unwrap().to_be_bytes()[..], kind, content].concat()
}

fn units(version: u8, units: u64) -> Vec<u8> {
    if version == 0 { (units as u32).to_be_bytes().to_vec() } else { units.to_be_bytes().to_vec() }
}
